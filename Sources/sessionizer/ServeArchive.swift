import ArchiveSource
import Glibc
import HTTPServer
import SQLiteStore
import SessionAPI
import SessionCore
import SessionStore

/// `sessionizer serve --store URL`: an archive's tables over HTTP, with the page; no queue.
enum ServeArchive {
    static let options: Set<String> = ["--store", "--listen", "--host", "--audit"]

    static func run(_ words: [String], _ settings: Settings) throws -> Int32 {
        let arguments = try Arguments(words, allowed: options)
        if let operand = arguments.operands.first {
            throw UsageError(description: "serve takes no operand; unexpected \(operand)")
        }
        // Signals are waited for below, by this thread alone: blocked here, before any other begins.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGINT)
        sigaddset(&signals, SIGTERM)
        pthread_sigmask(SIG_BLOCK, &signals, nil)

        let listen = arguments["--listen"] ?? settings.httpListen
        let path = try settings.storePath(arguments["--store"])
        if let obstacle = try SQLiteStore.prepareForQuestions(path: path) {
            complain("sessionizer: \(obstacle); it is served as it is, which may be slow")
        }
        let store = try SQLiteReaders(path: path, connections: 8)
        guard isLoopback(listen) else {
            throw UsageError(
                description: "serve on \(listen) would show everything to everybody; listen on 127.0.0.1")
        }
        var surroundings = SessionAPI.Surroundings(
            version: CommandLineTool.version, clock: .lastEvent, wall: wallClock,
            compress: { GzipBytes.compressed($0) },
            observe: { observation in
                guard let fault = observation.fault else { return }
                complain(
                    "sessionizer: \(observation.route) \(observation.status) [\(observation.requestID)]: \(fault)"
                )
            })
        surroundings.knownEvents = Set(try settings.catalogue().entries.map(\.name))
        surroundings.hosts = Set((arguments["--host"] ?? "").split(separator: ",").map { $0.lowercased() })
        let api = try SessionAPI(store: store, surroundings: surroundings)

        var limits = HTTPServer.Limits()
        limits.refusal = { api.refusal($0) }
        let server = try HTTPServer(listen: listen, limits: limits) { request in
            api.answer(request) ?? api.refusal(404, path: request.path)
        }
        complain("sessionizer: authentication is off: whoever reaches \(listen) sees everything")
        complain("sessionizer: serving \(path) on http://\(address(listen, port: server.port))/")
        var signal: Int32 = 0
        sigwait(&signals, &signal)
        complain("sessionizer: stopping")
        withExtendedLifetime(server) {}
        return 0
    }

    static func isLoopback(_ listen: String) -> Bool {
        listen.hasPrefix("127.") || listen.hasPrefix("localhost:") || listen.hasPrefix("[::1]:")
    }

    /// Where it is, with the port that was chosen.
    static func address(_ listen: String, port: Int) -> String {
        let host = listen.lastIndex(of: ":").map { listen[..<$0] } ?? listen[...]
        return "\(host):\(port)"
    }
}
