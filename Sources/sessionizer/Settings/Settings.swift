import AccessControl
import ConfigurationFile
import EventDecoding
import Glibc
import SessionCore
import SessionPipeline
import SessionStore
import Telemetry

/// What the configuration file and, over it, the environment set (contract, "Environment").
struct Settings {
    var storeURL = GivenSecret.text("sqlite:sessionizer.db")
    var maxResidentEntities = 60_000
    var batchMaxEvents = 20_000
    /// Days for which events are kept; nil for ever.
    var retentionDays: Int? = 730
    /// What `serve` and `publish` read.
    var live = LiveSettings()
    /// Where `serve` answers.
    var http = HTTPSettings()
    var catalogueFile: String?
    var rules = Rules()

    /// `SESSIONIZER_SHARED` is for tests only: it names the folder of their samples, and is in the environment of the programs
    /// that they start.
    static let known = LiveSettings.variables.union(HTTPSettings.variables).union([
        "SESSIONIZER_STORE_URL", "SESSIONIZER_STORE_URL_FILE", "SESSIONIZER_STORE_RETENTION_DAYS",
        "SESSIONIZER_MAX_RESIDENT_ENTITIES", "SESSIONIZER_BATCH_MAX_EVENTS", "SESSIONIZER_CATALOGUE",
        "SESSIONIZER_CONFIG", "SESSIONIZER_SHARED",
    ])

    /// - Parameter file: `--config`; without it the file that SESSIONIZER_CONFIG names, if any.
    init(environment: [String: String], file: String? = nil) throws {
        for name in environment.keys.sorted() where name.hasPrefix("SESSIONIZER_") {
            guard Self.known.contains(name) || Self.isServiceLink(name, environment[name] ?? "") else {
                throw UsageError(
                    description:
                        "unknown variable \(name); known: \(Self.known.sorted().joined(separator: ", "))")
            }
        }
        if let path = file ?? environment["SESSIONIZER_CONFIG"] {
            let settings = try SettingsFile.parse(Self.contents(of: path), file: path)
            try settings.expectUsable(path)
            func named(_ key: String) -> String {
                "\(path):\(settings.lines[key] ?? 1): `\(key)`"
            }
            try settings.expectBrokersPair(path, environment)
            rules = settings.rules
            if let url = settings.storeURL { storeURL = .text(url) }
            if let path = settings.storeURLFile {
                storeURL = .file(path, namedBy: named("store.url_file"))
            }
            switch settings.retentionDays {
            case .off: retentionDays = nil
            case .days(let days): retentionDays = days
            case nil: break
            }
            maxResidentEntities = settings.maxResidentEntities ?? maxResidentEntities
            batchMaxEvents = settings.batchMaxEvents ?? batchMaxEvents
            try live.take(settings, urlFileNamed: named("amqp.url_file"))
            http.take(settings)
            if let catalogue = settings.catalogue {
                let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
                catalogueFile = catalogue.hasPrefix("/") ? catalogue : folder + catalogue
            }
        }
        func number(_ name: String, _ value: inout Int, _ range: ClosedRange<Int>) throws {
            guard let text = environment[name] else { return }
            guard let number = Int(text), range.contains(number) else {
                throw UsageError(
                    description: "\(name)=\(text): expected a whole number from \(range.lowerBound) to "
                        + "\(range.upperBound)")
            }
            value = number
        }
        if let url = environment["SESSIONIZER_STORE_URL"] { storeURL = .text(url) }
        try number("SESSIONIZER_MAX_RESIDENT_ENTITIES", &maxResidentEntities, 1...100_000_000)
        try number("SESSIONIZER_BATCH_MAX_EVENTS", &batchMaxEvents, 1...1_000_000)
        catalogueFile = environment["SESSIONIZER_CATALOGUE"] ?? catalogueFile
        if let path = environment["SESSIONIZER_STORE_URL_FILE"] {
            storeURL = .file(path, namedBy: "SESSIONIZER_STORE_URL_FILE")
        }
        switch environment["SESSIONIZER_STORE_RETENTION_DAYS"] {
        case nil: break
        case "off"?: retentionDays = nil
        case let days?:
            guard let number = Int(days), (31...36_500).contains(number) else {
                throw UsageError(
                    description:
                        "SESSIONIZER_STORE_RETENTION_DAYS=\(days): expected a whole number from 31 to 36500, or off"
                )
            }
            retentionDays = number
        }
        try live.take(environment)
        try live.expectPair()
        try http.take(environment)
    }

    /// What Kubernetes tells every container of a service `sessionizer` or `sessionizer-…` beside it
    /// (`SESSIONIZER_SERVICE_HOST`, `SESSIONIZER_PORT_8080_TCP_ADDR`): no setting of anybody's.
    private static func isServiceLink(_ name: String, _ value: String) -> Bool {
        name.hasSuffix("_SERVICE_HOST") || name.contains("_SERVICE_PORT")
            || name.hasSuffix("_PORT") && value.contains("://")
            || ["_TCP", "_UDP", "_SCTP"].contains { name.contains("_PORT_") && name.contains($0) }
    }

    static func ofProcess(file: String? = nil) throws -> Settings {
        var environment: [String: String] = [:]
        var entry = environ
        while let variable = entry.pointee {
            let parts = String(cString: variable).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { environment[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return try Settings(environment: environment, file: file)
    }

    /// The store that an option, or else the environment, names.
    /// - Parameter warn: Told why the URL's file is not heeded any more.
    func store(
        _ option: String?, warn: @escaping @Sendable (String) -> Void = { complain("sessionizer: \($0)") }
    ) throws -> StoreLocation {
        guard option == nil, case .file(_, let name) = storeURL else {
            return try StoreLocation(url: option ?? storeURL.read())
        }
        return try StoreLocation(file: storeURL, namedBy: name, warn: warn)
    }

    func catalogue() throws -> Catalogue {
        guard let path = catalogueFile else { return try CatalogueFile.builtIn() }
        return try CatalogueFile.parse(Self.contents(of: path), file: path)
    }

    /// A secret that stands alone in a file, as orchestrators mount them; a last newline is not part of it.
    static func secret(of path: String) throws -> String {
        var text: String
        do {
            text = try SecretFile.text(of: path)
        } catch let error as AccessFileError {
            throw UsageError(description: error.description)
        }
        while text.hasSuffix("\n") || text.hasSuffix("\r\n") { text.removeLast() }
        if text.isEmpty { throw UsageError(description: "\(path): empty; expected a secret in it") }
        return text
    }

    static func contents(of path: String) throws -> String {
        guard let file = fopen(path, "r") else {
            throw UsageError(description: "\(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }

        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 {
                // A folder can be opened, but not read.
                if ferror(file) != 0 {
                    throw UsageError(
                        description:
                            "\(path): cannot be read: \(String(cString: strerror(errno))); expected a file")
                }
                break
            }
            bytes.append(contentsOf: buffer[..<count])
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
