// swift-tools-version: 6.2
import PackageDescription

/// The same strict settings for every Swift target: Swift 6 mode, warnings are errors, only declared imports.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// What runs for every event: in release builds without the run-time check for overlapping accesses, which tests in
/// debug builds make (a tenth of the engine's time).
let hot = strict + [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

/// What `make build` says is checked out: for `--version` and `sessionizer_build_info`.
let commit = Context.environment["SESSIONIZER_COMMIT"] ?? "unknown"

let package = Package(
    name: "sessionizer",
    products: [.executable(name: "sessionizer", targets: ["sessionizer"])],
    targets: [
        // What events mean: pure rules, the standard library only.
        .target(name: "SessionCore", swiftSettings: hot),

        // Instants, days, JSON strings, Base64, fingerprints: for whoever reads and writes them.
        .target(name: "TextForms", swiftSettings: hot),

        // Bytes on their way in: messages and where each came from.
        .target(name: "MessageBatches", swiftSettings: hot),

        // Bytes to `Event`: JSON through simdjson, identity.
        .target(
            name: "CSimdJSON",
            cxxSettings: [.unsafeFlags(["-O3", "-DNDEBUG"], .when(configuration: .release))],
            linkerSettings: [.linkedLibrary("simdjson")]),
        // What simdjson alone takes for the same fields: the yardstick of benchmarks.
        .target(
            name: "CSimdJSONBaseline",
            cxxSettings: [.unsafeFlags(["-O3", "-DNDEBUG"], .when(configuration: .release))],
            linkerSettings: [.linkedLibrary("simdjson")]),
        .target(
            name: "EventDecoding", dependencies: ["SessionCore", "MessageBatches", "TextForms", "CSimdJSON"],
            swiftSettings: hot),

        // YAML files with line numbers: the event catalogue and the settings.
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .target(name: "ConfigurationFile", dependencies: ["SessionCore", "CYAML"], swiftSettings: strict),

        // What a store must do, and the embedded one.
        .target(
            name: "SessionStore", dependencies: ["SessionCore", "TextForms"], swiftSettings: strict),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .target(
            name: "SQLiteStore", dependencies: ["SessionCore", "SessionStore", "CSQLite"],
            swiftSettings: hot),

        // The store for a fleet: PostgreSQL.
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .target(
            name: "PostgresStore", dependencies: ["SessionCore", "SessionStore", "TextForms", "CLibPQ"],
            swiftSettings: hot),

        // Archived JSONL: files, day folders, standard input; plain, gzip, zstd.
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .target(
            name: "ArchiveSource", dependencies: ["MessageBatches", "TextForms", "CZlib", "CZstd"],
            swiftSettings: strict),

        // A seeded fleet for demos, benchmarks and tests, with the truth it knows.
        .target(name: "FleetSimulator", dependencies: ["TextForms"], swiftSettings: strict),

        // When: decode, engine, commit, batch by batch.
        .target(
            name: "SessionPipeline",
            dependencies: ["SessionCore", "MessageBatches", "EventDecoding", "SessionStore"],
            swiftSettings: strict),

        // Where live bytes come from: RabbitMQ over AMQP 0-9-1.
        .systemLibrary(
            name: "CRabbitMQ", pkgConfig: "librabbitmq", providers: [.apt(["librabbitmq-dev"])]),
        .target(
            name: "AMQPSource",
            dependencies: ["MessageBatches", "SessionPipeline", "TextForms", "CRabbitMQ"],
            swiftSettings: strict),

        // Log lines and Prometheus text.
        .target(name: "Telemetry", dependencies: ["TextForms"], swiftSettings: strict),

        // A thin face on libmicrohttpd.
        .systemLibrary(
            name: "CMicroHTTPD", pkgConfig: "libmicrohttpd", providers: [.apt(["libmicrohttpd-dev"])]),
        .target(name: "HTTPServer", dependencies: ["CMicroHTTPD"], swiftSettings: strict),

        // What can be asked of a store over HTTP, and the page that asks: request in, SQL, answer out.
        .target(
            name: "SessionAPI",
            dependencies: ["SessionCore", "SessionStore", "HTTPServer", "SessionStory", "TextForms"],
            resources: [.embedInCode("Page")], swiftSettings: strict),

        // Who may ask: hashed tokens, signed tokens (cjose, jansson, libcrypto).
        .systemLibrary(
            name: "CJOSE", pkgConfig: "cjose", providers: [.apt(["libcjose-dev", "libjansson-dev"])]),
        .target(
            name: "AccessControl", dependencies: ["SessionAPI", "TextForms", "CJOSE"], swiftSettings: strict),

        // The story of one delivery or robot, told from the store.
        .target(
            name: "SessionStory",
            dependencies: ["SessionCore", "SessionStore", "EventDecoding", "TextForms"],
            swiftSettings: strict),

        // Whether two stores say the same.
        .target(
            name: "StoreComparison", dependencies: ["SessionCore", "SessionStore"], swiftSettings: strict),

        // Which commit this is.
        .target(name: "CBuildInfo", cSettings: [.define("SESSIONIZER_COMMIT", to: "\"\(commit)\"")]),
        .executableTarget(
            name: "sessionizer",
            dependencies: [
                "SessionCore", "MessageBatches", "EventDecoding", "ConfigurationFile", "SessionStore",
                "SQLiteStore", "PostgresStore", "ArchiveSource", "FleetSimulator", "SessionPipeline",
                "SessionStory", "StoreComparison", "AMQPSource", "Telemetry", "HTTPServer", "SessionAPI",
                "AccessControl", "TextForms", "CBuildInfo",
            ],
            swiftSettings: strict),

        // How long each part takes by itself: `make bench`.
        .executableTarget(
            name: "sessionizer-bench",
            dependencies: [
                "SessionCore", "MessageBatches", "EventDecoding", "ConfigurationFile", "ArchiveSource",
                "CSimdJSONBaseline", "SessionPipeline", "AMQPSource",
            ], swiftSettings: strict),

        // A JSON reader that is slow and plain, to judge the decoder.
        .target(name: "PlainJSON", path: "Tests/PlainJSON", swiftSettings: strict),

        // A naive reading of the semantics, and the rules told as stories, held against it and the engine.
        .target(name: "ReferenceModel", path: "Tests/ReferenceModel", swiftSettings: strict),
        // The same as JSON, for the checks of the page in a browser.
        .executableTarget(
            name: "reference-tables", dependencies: ["ReferenceModel"], path: "Tests/ReferenceProgram",
            swiftSettings: strict),
        .target(
            name: "EngineUnderTest",
            dependencies: [
                "ReferenceModel", "PrivateServers", "SessionCore", "MessageBatches", "EventDecoding",
                "ConfigurationFile",
                "SessionStore", "SQLiteStore", "PostgresStore", "SessionPipeline",
            ], path: "Tests/EngineUnderTest", swiftSettings: strict),

        // Random numbers that a seed gives again.
        .target(name: "SeededRandomness", path: "Tests/SeededRandomness", swiftSettings: strict),

        // How the tests start whatever runs beside them.
        .target(name: "CSpawn", path: "Tests/CSpawn"),
        .target(
            name: "ChildProcesses", dependencies: ["CSpawn"], path: "Tests/ChildProcesses",
            swiftSettings: strict),

        // Servers that the tests start themselves.
        .target(
            name: "PrivateServers", dependencies: ["ChildProcesses"], path: "Tests/PrivateServers",
            swiftSettings: strict),

        // The built program as its tests run it, and what they compare.
        .target(
            name: "ProgramUnderTest", dependencies: ["ChildProcesses", "SessionStore", "SQLiteStore"],
            path: "Tests/ProgramUnderTest", swiftSettings: strict),
        .testTarget(
            name: "ArchiveSourceTests",
            dependencies: ["ArchiveSource", "MessageBatches", "SeededRandomness"],
            swiftSettings: strict),
        .testTarget(name: "TextFormsTests", dependencies: ["TextForms"], swiftSettings: strict),
        .testTarget(
            name: "AMQPSourceTests", dependencies: ["AMQPSource", "CRabbitMQ", "MessageBatches"],
            swiftSettings: strict),
        .testTarget(name: "TelemetryTests", dependencies: ["Telemetry"], swiftSettings: strict),
        .testTarget(
            name: "PipelineTests", dependencies: ["SeededRandomness", "SessionPipeline"],
            swiftSettings: strict),
        // The built program against a real broker.
        .testTarget(
            name: "LiveTests",
            dependencies: [
                "ChildProcesses", "PrivateServers", "ProgramUnderTest", "sessionizer", "SessionStore",
                "SQLiteStore",
                "PostgresStore",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "RuleTests",
            dependencies: [
                "ChildProcesses", "ReferenceModel", "EngineUnderTest", "SessionCore", "SessionPipeline",
                "SessionStore",
                "SQLiteStore",
            ],
            swiftSettings: strict),
        // What every store must do, asked of each.
        .testTarget(
            name: "StoreConformanceTests",
            dependencies: [
                "ReferenceModel", "SeededRandomness", "EngineUnderTest", "EventDecoding", "PrivateServers",
                "SessionCore",
                "SessionPipeline",
                "SessionStore", "SQLiteStore", "PostgresStore", "StoreComparison", "CSQLite",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "FleetSimulatorTests", dependencies: ["FleetSimulator"], swiftSettings: strict),
        .testTarget(
            name: "EventDecodingTests",
            dependencies: [
                "EventDecoding", "MessageBatches", "PlainJSON", "SeededRandomness", "SessionCore",
            ],
            swiftSettings: strict),
        // The service over real HTTP, on a port of its own.
        .testTarget(
            name: "APITests",
            dependencies: [
                "ChildProcesses", "sessionizer", "HTTPServer", "SessionAPI", "AccessControl", "SessionStore",
                "SQLiteStore",
                "PostgresStore", "PrivateServers", "ArchiveSource",
                "EngineUnderTest", "FleetSimulator", "ReferenceModel", "SeededRandomness",
            ], swiftSettings: strict),
        // The built program, run as a user runs it.
        .testTarget(
            name: "ProgramTests",
            dependencies: [
                "ChildProcesses", "ProgramUnderTest", "sessionizer", "SeededRandomness", "EngineUnderTest",
                "PrivateServers",
                "SessionStore",
                "SQLiteStore",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "SessionizerTests",
            dependencies: [
                "ChildProcesses", "ReferenceModel", "SeededRandomness", "EngineUnderTest", "SessionCore",
                "MessageBatches",
                "EventDecoding",
                "ConfigurationFile", "SessionStore", "SQLiteStore", "ArchiveSource", "FleetSimulator",
                "SessionPipeline", "SessionStory",
            ],
            swiftSettings: strict),
    ],
    cxxLanguageStandard: .cxx17
)

// libFuzzer brings a `main` of its own and needs flags that nothing else bears: `make fuzz` asks for it.
if Context.environment["SESSIONIZER_FUZZ"] == "1" {
    package.targets += [
        .target(name: "CFuzzMain", path: "Tests/CFuzzMain"),
        .executableTarget(
            name: "decoder-fuzz",
            dependencies: ["CFuzzMain", "EventDecoding", "MessageBatches", "PlainJSON", "SessionCore"],
            path: "Tests/DecoderFuzz", swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]),
    ]
}
