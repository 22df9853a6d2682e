import ChildProcesses
import Foundation
import ProgramUnderTest
import Testing

/// Options, variables of the environment and keys of the configuration file say the same, and
/// `config/sessionizer.yaml` names all of them.
@Suite struct SettingNamesTests {
    let program: Program

    init() throws { program = Program(folder: try Folder()) }

    /// A key as the commented file tells it.
    private struct Documented {
        var options: Set<String> = []
        var variables: Set<String> = []
    }

    /// The keys of `config/sessionizer.yaml`, commented out or not, with what stands in brackets above each.
    private func documented() throws -> [String: Documented] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("config/sessionizer.yaml")
        var found: [String: Documented] = [:]
        var section = ""
        var above = Documented()
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            if let match = line.wholeMatch(of: /(\w+):/) {
                section = match.1 + "."
                above = Documented()
            } else if let match = line.wholeMatch(of: /( *)(?:# )?([a-z_]+): ?[^ ].*/) {
                let key = (match.1.isEmpty ? "" : section) + match.2
                #expect(found[key] == nil, "\(key) stands there twice")
                found[key] = above
                above = Documented()
            } else {
                for word in line.split(whereSeparator: { " [];,".contains($0) }) {
                    if word.hasPrefix("--"), line.contains("[") { above.options.insert(String(word)) }
                    if word.hasPrefix("SESSIONIZER_"), line.contains("[") {
                        above.variables.insert(String(word))
                    }
                }
            }
        }
        return found
    }

    /// What the program says it knows.
    private func known(_ words: [String], environment: [String: String] = [:]) throws -> Set<String> {
        let process = try program.start(words, environment: environment)
        process.waitUntilExit()
        let said = try program.folder.text("stderr")
        let list = try #require(said.firstMatch(of: /; known: (.*)/), "\(said)").1
        return Set(list.split(separator: ", ").map { $0.trimmingCharacters(in: .whitespacesAndNewlines) })
    }

    @Test func theFileNamesEveryOptionVariableAndKey() throws {
        let documented = try documented()
        try program.folder.write("wrong.yaml", "wrong: 1\n")
        #expect(try known(["fleet", "--config", "wrong.yaml"]) == Set(documented.keys))
        let options = try known(["serve", "--queue", "q", "--wrong"]).union(known(["serve", "--wrong"]))
        let told = documented.values.reduce(into: Set<String>()) { $0.formUnion($1.options) }
        #expect(told == options, "\(told.symmetricDifference(options))")
        // Where the file is; what only tests set.
        let others: Set = ["SESSIONIZER_CONFIG", "SESSIONIZER_SHARED", "SESSIONIZER_TEST_KILL_AT"]
        let variables = try known(["fleet"], environment: ["SESSIONIZER_WRONG": "1"]).subtracting(others)
        let toldVariables = documented.values.reduce(into: Set<String>()) { $0.formUnion($1.variables) }
        #expect(toldVariables == variables, "\(toldVariables.symmetricDifference(variables))")
        for (key, names) in documented where !key.hasPrefix("rules.") {
            #expect(names.variables.count == 1, "\(key): \(names.variables)")
        }
    }

    /// A value that cannot be is refused wherever it was given, so it was read there.
    @Test(arguments: [
        ("store.url_file", "gone", "gone"), ("store.retention_days", "5", "31"),
        ("memory.max_resident_entities", "0", "100000000"), ("batch.max_events", "0", "1000000"),
        ("batch.max_age_ms", "-1", "60000"), ("amqp.url_file", "gone", "gone"),
        ("amqp.queue_type", "ring", "quorum, classic"), ("amqp.prefetch", "1", "65535"),
        ("amqp.max_held_bytes", "1", "1099511627776"), ("amqp.declare", "maybe", "true"),
        ("amqp.exchange", "e", "--exchange is for --declare"),
        ("amqp.from_offset", "x", "first, last or next"),
        ("amqp.from_time", "noon", "RFC 3339"), ("amqp.partitions", "0", "1024"),
        ("amqp.partitions", "8", "expected --store postgres"), ("amqp.lease_seconds", "1", "600"),
        ("http.listen", "0.0.0.0:0", "probes and metrics only"), ("http.tokens", "gone", "gone"),
        ("http.jwks", "gone", "--jwt-issuer"), ("http.tls_certificate", "gone", "belong together"),
        ("http.tls_key", "gone", "belong together"), ("log.level", "loud", "debug, info"),
        ("shutdown.grace_seconds", "0", "3600"), ("catalogue", "gone", "gone"),
    ])
    func eachIsReadFromTheFileAndTheEnvironment(key: String, value: String, said: String) throws {
        let variable = try #require(documented()[key]?.variables.first, "\(key)")
        let parts = key.split(separator: ".")
        try program.folder.write(
            "s.yaml", parts.count == 2 ? "\(parts[0]): {\(parts[1]): \"\(value)\"}\n" : "\(key): \(value)\n")
        // A file with a secret is read where no option goes before it.
        var words = ["check-config", "--queue", "q"]
        if key != "amqp.url_file" { words += ["--amqp", "amqp://127.0.0.1:1"] }
        if key != "store.url_file" { words += ["--store", "sqlite:a.db"] }
        let cases: [([String], [String: String])] = [(["--config", "s.yaml"], [:]), ([], [variable: value])]
        for (more, environment) in cases {
            let process = try program.start(words + more, environment: environment)
            process.waitUntilExit()
            let text = try program.folder.text("stdout") + program.folder.text("stderr")
            #expect(process.terminationStatus != 0 && text.contains(said), "\(more) \(environment): \(text)")
        }
    }

    /// What only a reader of URLs, addresses or times can judge is told with its line as well, and no password is.
    @Test(arguments: [
        ("store", "url", "mysql://me:secret@host/x", "expected sqlite:PATH or postgres://"),
        ("store", "url", "postgres://me:secret@host/x?nothing=1", "the store's URL cannot be read"),
        ("amqp", "url", "http://me:secret@host", "begins with amqp:// or amqps://"),
        ("amqp", "url", "[amqp://a, 'amqp://me:secret@b:99999']", "expected a number from 1 to 65535"),
        ("amqp", "url", "amqps://me:secret@host?certfile=a", "certfile of the URL stands alone"),
        ("amqp", "certfile", "a", "`amqp.keyfile` is not set; expected both or none"),
        ("amqp", "keyfile", "a", "`amqp.certfile` is not set; expected both or none"),
        ("amqp", "from_offset", "secondly", "`secondly`: expected an offset, first, last or next"),
        ("amqp", "from_time", "noon", "`noon`: expected RFC 3339"),
        ("amqp", "from_time", "2026-11-02\n  from_offset: 1", "`amqp.from_offset` is set too"),
        ("http", "listen", "somewhere", "cannot listen on somewhere: expected ADDRESS:PORT"),
        ("http", "listen", "127.0.0.1:70000", "expected ADDRESS:PORT"),
    ])
    func whatAReaderRefusesIsToldWithItsLine(section: String, key: String, value: String, said: String) throws
    {
        try program.folder.write("s.yaml", "\n\(section):\n  # what is wrong\n  \(key): \(value)\n")
        for command in ["fleet", "check-config"] {
            let process = try program.start([command, "--store", "sqlite:a.db", "--config", "s.yaml"])
            process.waitUntilExit()
            let text = try program.folder.text("stderr")
            #expect(process.terminationStatus == 2)
            #expect(text.hasPrefix("sessionizer: s.yaml:4: `\(section).\(key)`: "), "\(text)")
            #expect(text.contains(said) && !text.contains("secret"), "\(text)")
        }
    }

    /// A client's certificate for the broker and its key: each may be told in another place, neither alone.
    @Test func aCertificateHasItsKey() throws {
        let (certificate, key) = ("SESSIONIZER_AMQP_CERTFILE", "SESSIONIZER_AMQP_KEYFILE")
        for (one, other) in [(certificate, key), (key, certificate)] {
            let outcome = try program.run("fleet", "--store", "sqlite:a.db", environment: [one: "a.pem"])
            #expect(outcome.status == 2)
            #expect(outcome.complaints.contains("\(one) is set without \(other)"), "\(outcome.complaints)")
        }
        try program.folder.write("s.yaml", "amqp:\n  certfile: a.pem\n")
        let both = try program.run(
            "fleet", "--store", "sqlite:a.db", "--config", "s.yaml", environment: [key: "a.key"])
        #expect(!both.complaints.contains("certfile"), "\(both.complaints)")
    }

    /// Nor is a password that was typed, or is in the environment, into a URL that cannot be.
    @Test func aWrongStoreIsToldWithoutItsPassword() throws {
        for (url, shown) in [
            ("mysql://me:secret@host/x", "--store mysql:…: expected"),
            ("fleet.db", "--store fleet.db: expected"),
        ] {
            let cases: [([String], [String: String])] = [
                (["fleet", "--store", url], [:]), (["fleet"], ["SESSIONIZER_STORE_URL": url]),
            ]
            for (words, environment) in cases {
                let process = try program.start(words, environment: environment)
                process.waitUntilExit()
                let text = try program.folder.text("stderr")
                #expect(process.terminationStatus == 2)
                #expect(text.contains(shown) && !text.contains("secret"), "\(text)")
            }
        }
    }

    /// The option wins over the environment, the environment over the file.
    @Test func theNearestWins() throws {
        try program.folder.write("s.yaml", "http: {tokens: from-file}\n")
        func tokens(_ words: [String], _ environment: [String: String]) throws -> String {
            let process = try program.start(
                ["check-config", "--config", "s.yaml", "--store", "sqlite:a.db"] + words,
                environment: environment)
            process.waitUntilExit()
            return try program.folder.text("stdout")
        }
        #expect(try tokens([], [:]).contains("from-file"))
        #expect(try tokens([], ["SESSIONIZER_HTTP_TOKENS": "from-variable"]).contains("from-variable"))
        #expect(
            try tokens(["--tokens", "from-option"], ["SESSIONIZER_HTTP_TOKENS": "from-variable"])
                .contains("from-option"))
    }
}
