import ChildProcesses
import EngineUnderTest
import Foundation
import Synchronization
import Testing

@testable import HTTPServer

/// A certificate of its own making, for this machine.
enum TestCertificate {
    static func make(_ key: String = "key.pem", _ certificate: String = "cert.pem", in folder: Folder) throws
    {
        let made = try ChildProcess.run(
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", key, "-out", certificate, "-days", "2",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
            ], in: folder.url)
        #expect(made.status == 0, "\(made.complaints)")
    }
}

/// A certificate that is renewed while the server runs.
@Suite struct CertificateTests {
    private let folder: Folder
    private let server: HTTPServer
    private let current: Shared<HTTPServer.TLS?>
    private let told = Shared<[HTTPServer.Certificates.Change]>([])
    private let begun = DispatchSemaphore(value: 0)
    private let gate = DispatchSemaphore(value: 0)

    private final class Shared<Value: Sendable>: Sendable {
        private let kept: Mutex<Value>
        init(_ value: Value) { kept = Mutex(value) }
        var value: Value {
            get { kept.withLock { $0 } }
            set { kept.withLock { $0 = newValue } }
        }
    }

    init() throws {
        folder = try Folder()
        try TestCertificate.make("first-key.pem", "first.pem", in: folder)
        try TestCertificate.make("second-key.pem", "second.pem", in: folder)
        let first = try Self.pair("first", "first", folder)
        current = Shared(first)
        var limits = HTTPServer.Limits()
        limits.renewalSeconds = 0.01
        let (current, told, begun, gate) = (current, told, begun, gate)
        let certificates = HTTPServer.Certificates(first: first) {
            current.value
        } tell: {
            told.value += [$0]
        }
        server = try HTTPServer(listen: "127.0.0.1:0", limits: limits, tls: certificates) { request in
            if request.path == "/slow" {
                begun.signal()
                gate.wait()
            }
            return .text(request.path)
        }
    }

    private static func pair(
        _ certificate: String, _ key: String, _ folder: Folder
    ) throws -> HTTPServer.TLS {
        func text(_ name: String) throws -> String {
            try String(contentsOfFile: folder.path(name), encoding: .utf8)
        }
        return HTTPServer.TLS(certificate: try text("\(certificate).pem"), key: try text("\(key)-key.pem"))
    }

    private func ask(_ path: String, trusting name: String) -> [String] {
        ["curl", "-s", "--cacert", "\(name).pem", "https://127.0.0.1:\(server.port)\(path)"]
    }

    private func trusts(_ name: String) throws -> Bool {
        try ChildProcess.run(ask("/", trusting: name), in: folder.url).output == "/"
    }

    @Test func newConnectionsGetTheNewOne() throws {
        #expect(try trusts("first") && !trusts("second"))
        // An answer that is being made meanwhile comes to its end, under the certificate that it began with.
        let path = folder.path("slow")
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
        let slow = try ChildProcess(
            ask("/slow", trusting: "first"), in: folder.url,
            output: FileHandle(forWritingAtPath: path))
        #expect(begun.wait(timeout: .now() + 30) == .success)
        current.value = try Self.pair("second", "second", folder)
        try waitUntil("the second is used") { told.value == [.used] }
        #expect(try trusts("second") && !trusts("first"))
        #expect(slow.isRunning)
        gate.signal()
        slow.waitUntilExit()
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "/slow")
        try waitUntil("nobody is served under the first any more") { server.daemonCount == 1 }
        // And back.
        current.value = try Self.pair("first", "first", folder)
        try waitUntil("the first is used again") { told.value == [.used, .used] }
        #expect(try trusts("first") && !trusts("second"))
        #expect(server.stop(within: 5) == 0)
    }

    @Test func whatDoesNotBelongTogetherIsRefusedOnce() throws {
        current.value = try Self.pair("second", "first", folder)
        try waitUntil("it is refused") { told.value == [.refused] }
        #expect(try trusts("first"))
        current.value = nil
        #expect(try trusts("first"))
        // The key follows its certificate.
        current.value = try Self.pair("second", "second", folder)
        try waitUntil("the second is used") { told.value == [.refused, .used] }
        #expect(try trusts("second"))
        #expect(server.stop(within: 5) == 0)
    }
}
