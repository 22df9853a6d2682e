import AccessControl
import ConfigurationFile
import EventDecoding
import Glibc
import SessionCore
import SessionPipeline
import SessionStore
import Telemetry

/// The parts of a writing run, wired together.
struct WritingParts {
    let symbols = SymbolTable()
    let store: any SessionStoring
    let engine: Engine
    let ingestor: Ingestor

    init(settings: Settings, store location: StoreLocation, transport: String = "archive") throws {
        let rules = settings.rules
        let catalogue = try settings.catalogue()
        let meanings = EventMeanings(catalogue: catalogue, symbols: symbols)
        engine = Engine(rules: rules, meanings: meanings, symbols: symbols)
        let decoder = EventDecoder()
        let symbols = symbols
        // A replay drops nothing: what it reads may be older than what is kept.
        store = try location.retaining(days: transport == "archive" ? nil : settings.retentionDays).writer(
            symbols: symbols,
            reading: StoreReading(
                decode: { decoder.storedEvent(payload: $0, symbols: symbols) },
                identity: EventDecoder.identity(ofEventID:), fingerprintText: EventDecoder.fingerprintText,
                meanings: meanings),
            rules: rules, catalogue: Self.fingerprint(of: catalogue),
            upkeepFailed: Self.upkeepReport(transport, settings.live.logLevel))
        ingestor = Ingestor(
            engine: engine, symbols: symbols, store: store,
            settings: Ingestor.Settings(
                maxResidentEntities: settings.maxResidentEntities, transport: transport))
    }

    private static func upkeepReport(_ transport: String, _ level: LogLevel) -> (StoreError) -> Void {
        let what = "months of the store could not be made ahead or dropped"
        if transport == "archive" { return { complain("sessionizer: \(what): \($0)") } }
        let log = Log(level: level)
        return {
            log.write(
                .warning, "store_upkeep_failed", "\(what); the batch is stored; tried again in an hour",
                ["error": .text("\($0)")])
        }
    }

    /// Changes when a role does, not when a summary does.
    static func fingerprint(of catalogue: Catalogue) -> String {
        let text = catalogue.entries.sorted { $0.name < $1.name }.map {
            "\($0.name) \($0.window) \($0.milestone.map(\.column) ?? "-") \($0.state) \($0.shift) \($0.counter) "
                + "\($0.isError) \($0.tellsFailure)"
        }.joined(separator: "\n")
        var text8 = text
        let identity = text8.withUTF8 { EventDecoder.identity(ofEventID: UnsafeRawBufferPointer($0)) }
        return EventDecoder.fingerprintText(identity)
    }
}

/// Microseconds since the epoch, now.
func wallClock() -> Instant {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000
}
