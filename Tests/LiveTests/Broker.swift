import ChildProcesses
import Foundation
import FoundationNetworking
import ProgramUnderTest

/// A RabbitMQ for all tests of this process: started with the project's own script when the first test asks, on free
/// ports and in a folder of its own. Each test has a virtual host of its own.
actor Broker {
    static let shared = Broker()

    private let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("sessionizer-broker-\(UUID().uuidString)")
    private var urls: (amqp: String, management: String)?
    /// For TLS; there when the broker was started.
    private(set) var certificates: Certificates?

    private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("deploy/scripts/private-rabbitmq.sh").path

    /// Makes a virtual host.
    func virtualHost(_ name: String = UUID().uuidString) async throws -> VirtualHost {
        let urls = try urls ?? begin()
        let host = VirtualHost(name: name, amqp: urls.amqp, management: urls.management)
        try await host.make()
        return host
    }

    private func begin() throws -> (amqp: String, management: String) {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let more = folder.appendingPathComponent("more.conf")
        let certificates = try Certificates(in: folder.path)
        self.certificates = certificates
        try Data(
            """
            listeners.ssl.1 = 127.0.0.1:\(certificates.port)
            ssl_options.cacertfile = \(certificates.authority)
            ssl_options.certfile = \(certificates.certificate)
            ssl_options.keyfile = \(certificates.key)
            channel_max = 2

            """.utf8
        ).write(to: more)
        setenv("RABBITMQ_CONF_EXTRA", more.path, 1)
        try watch()
        let begun = try start()
        urls = begun
        return begun
    }

    /// Starts it; after ``halt(killing:)`` on the same ports and with the same queues.
    @discardableResult
    func start() throws -> (amqp: String, management: String) {
        try Self.run(["start", folder.path])
        let lines = try String(contentsOf: folder.appendingPathComponent("urls"), encoding: .utf8)
            .split(separator: "\n").map(String.init)
        return (lines[0], lines[1])
    }

    /// Ends it for a while.
    func halt(killing: Bool = false) throws { try Self.run([killing ? "kill" : "stop", folder.path]) }

    /// Runs `rabbitmqctl` on it, for what may be asked twice: on a busy machine it does not always reach the node in time.
    @discardableResult
    func control(_ words: String...) throws -> String {
        let command = ["ctl", folder.path] + words
        for _ in 0..<2 { if let said = try? Self.run(command) { return said } }
        return try Self.run(command)
    }

    /// Something that ends the broker when this process is gone, however it went.
    private func watch() throws {
        _ = try ChildProcess([
            "/usr/bin/setsid", "/bin/sh", "-c",
            """
            while [ -r /proc/$1/stat ] && [ "$(sed 's/.*) //' /proc/$1/stat | cut -c1)" != Z ]; do sleep 0.5; done
            "$2" stop "$3"; rm -rf "$3"
            """, "watch", "\(getpid())", Self.script, folder.path,
        ])
    }

    @discardableResult
    private static func run(_ words: [String]) throws -> String {
        let outcome = try ChildProcess.run([script] + words)
        guard outcome.status == 0 else {
            throw Trouble("private-rabbitmq.sh \(words): \(outcome.complaints)")
        }
        return String(decoding: outcome.bytes, as: UTF8.self)
    }
}

/// Why a test could not go on.
struct Trouble: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A part of the broker with its own queues, asked and changed through RabbitMQ's management API.
struct VirtualHost {
    let name: String
    let amqp: String
    let management: String

    /// For the program.
    var url: String { "\(amqp)/\(name)" }

    func make() async throws { try await call("PUT", "/api/vhosts/\(name)", "{}") }

    /// Makes a user that may do anything here, or gives it another password.
    func makeUser(_ user: String, password: String) async throws {
        try await call("PUT", "/api/users/\(user)", #"{"password":"\#(password)","tags":""}"#)
        try await call(
            "PUT", "/api/permissions/\(name)/\(user)", #"{"configure":".*","write":".*","read":".*"}"#)
    }

    /// Makes a user that may only read what a pattern names.
    func makeReader(_ user: String, of pattern: String) async throws {
        try await call("PUT", "/api/users/\(user)", #"{"password":"p@ss","tags":""}"#)
        try await call(
            "PUT", "/api/permissions/\(name)/\(user)",
            #"{"configure":"^$","write":"^$","read":"\#(pattern)"}"#)
    }

    func queue(_ queue: String) async throws -> [String: Any] {
        try JSONSerialization.jsonObject(with: await call("GET", "/api/queues/\(name)/\(queue)"))
            as? [String: Any] ?? [:]
    }

    /// Messages of a queue, ready and unacknowledged, as the broker itself counts them.
    func depth(_ queue: String) async throws -> Int {
        let object = try await self.queue(queue)
        return object["messages"] as? Int ?? -1
    }

    func deleteQueue(_ queue: String) async throws {
        try await call("DELETE", "/api/queues/\(name)/\(queue)")
    }

    func declareQueue(_ queue: String, _ arguments: String = #"{"x-queue-type":"quorum"}"#) async throws {
        try await call(
            "PUT", "/api/queues/\(name)/\(queue)", #"{"durable":true,"arguments":\#(arguments)}"#)
    }

    /// Unbinds a queue from an exchange that hashes and binds it anew, with the weight 1: it is its last queue then, and
    /// those behind it have moved up by one, as when a node comes back and recovers its queues in another order.
    func bindAnew(_ queue: String, to exchange: String) async throws {
        let bindings = "/api/bindings/\(name)/e/\(exchange)/q/\(queue)"
        try await call("DELETE", "\(bindings)/1")
        try await call("POST", bindings, #"{"routing_key":"1"}"#)
    }

    /// Publishes one message with headers as JSON, which may be nested deeper than Foundation would write.
    func publish(headers: String, plain body: String, to queue: String) async throws {
        try await call(
            "POST", "/api/exchanges/\(name)/amq.default/publish",
            #"{"properties":{"headers":\#(headers)},"routing_key":"\#(queue)","payload":"\#(body)","payload_encoding":"string"}"#
        )
    }

    /// Publishes one message with headers, and properties beside them.
    func publish(
        _ body: Data, to queue: String, headers: [String: Any] = [:], properties: [String: String] = [:]
    ) async throws {
        var all: [String: Any] = properties
        all["headers"] = headers
        all["delivery_mode"] = 2
        let message: [String: Any] = [
            "properties": all, "routing_key": queue,
            "payload": body.base64EncodedString(), "payload_encoding": "base64",
        ]
        try await call(
            "POST", "/api/exchanges/\(name)/amq.default/publish",
            String(decoding: JSONSerialization.data(withJSONObject: message), as: UTF8.self))
    }

    @discardableResult
    private func call(_ method: String, _ path: String, _ body: String? = nil) async throws -> Data {
        guard var parts = URLComponents(string: management) else { throw Trouble("no URL: \(management)") }
        let credentials = Data("\(parts.user ?? ""):\(parts.password ?? "")".utf8).base64EncodedString()
        parts.user = nil
        parts.password = nil
        parts.path = path
        guard let url = parts.url else { throw Trouble("no URL: \(path)") }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.setValue("Basic \(credentials)", forHTTPHeaderField: "Authorization")
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.httpBody = body.map { Data($0.utf8) }
        let (data, response) = try await URLSession.shared.data(for: request)
        let status = (response as? HTTPURLResponse)?.statusCode ?? 0
        guard (200..<300).contains(status) else {
            throw Trouble("\(method) \(path): \(status) \(String(decoding: data, as: UTF8.self))")
        }
        return data
    }
}
