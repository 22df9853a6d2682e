import EngineUnderTest
import ReferenceModel
import SessionCore
import SessionStore
import Testing

/// Two partitions' writers of one store, each watched.
struct TwoPartitions {
    let fresh: FreshStore
    let writers: [StoreUnderTest]
    let spies: [FaultyStore]
    /// All lines that were taken in.
    var lines: [String] = []

    /// - Parameter before: What a writer that has the store for itself took in before.
    init(_ fresh: FreshStore, after before: [String] = [], retentionDays: Int? = nil) throws {
        self.fresh = fresh
        if !before.isEmpty {
            let alone = try StoreUnderTest(place: .postgres(url: fresh.url), maxResident: 1000)
            try alone.ingest(before)
            alone.close()
            lines = before
        }
        var spies: [FaultyStore] = []
        writers = try fresh.fences(2).map {
            try StoreUnderTest(
                place: .partition(url: fresh.url, $0, retentionDays: retentionDays), maxResident: 1000
            ) { store in
                let spy = FaultyStore(store)
                spies.append(spy)
                return spy
            }
        }
        self.spies = spies
    }

    mutating func ingest(_ partition: Int, _ lines: [(key: String, line: String)], at now: Instant = 0) throws
    {
        try writers[partition].ingest(keyed: lines, at: now)
        self.lines += lines.map(\.line)
    }

    /// How many batches each partition wrote alone.
    var batchesAlone: [Int] { spies.map(\.batchesAlone) }

    /// Whoever the last batch of a partition moved to another key.
    func moved(_ partition: Int) -> [String] {
        guard case .registered(_, let all) = spies[partition].registrations.last else { return ["alone"] }
        return all.map(\.entity).sorted()
    }

    func expectTables() throws {
        let differences = try writers[0].differences(from: referenceTables(lines: lines))
        #expect(differences.isEmpty, "\(differences.joined(separator: "\n"))")
        for writer in writers { writer.close() }
    }

    /// An event of so many minutes after ten past ten.
    static func line(_ minute: Int, _ event: String, _ fields: String) -> String {
        #"{"event":"\#(event)","timestamp":"2026-11-02T10:\#(minute + 10):00Z","event_id":"\#(minute)",\#(fields)}"#
    }
}
