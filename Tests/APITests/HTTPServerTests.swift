import Foundation
import HTTPServer
import Synchronization
import Testing

/// The face on libmicrohttpd, by itself.
@Suite struct HTTPServerTests {
    private func server(
        _ limits: HTTPServer.Limits = HTTPServer.Limits(), probes: [String: HTTPServer.Handler] = [:],
        _ handler: @escaping HTTPServer.Handler
    ) throws -> (HTTPServer, Client) {
        let server = try HTTPServer(listen: "127.0.0.1:0", limits: limits, probes: probes, handler: handler)
        return (server, Client(port: server.port))
    }

    @Test func tellsWhatWasAsked() throws {
        let (server, client) = try server { request in
            let query = request.query.map { "\($0.name)=\($0.value)" }.joined(separator: "|")
            return .text(
                "\(request.method) \(request.segments) \(query) \(String(decoding: request.body, as: UTF8.self))"
            )
        }
        defer { withExtendedLifetime(server) {} }
        #expect(
            try client.get("/a/b%2Fc%20d?x=1&y=%2B+z&flag").text == #"GET ["a", "b/c d"] x=1|y=+ z|flag= "#)
        #expect(try client.send("POST", "/", body: "hello").text == #"POST []  hello"#)
        let head = try client.send("HEAD", "/")
        #expect(head.status == 200 && head.body.isEmpty && head.header("Content-Length") == "9")
    }

    @Test func refusesWhatIsTooLong() throws {
        var limits = HTTPServer.Limits()
        limits.bodyBytes = 1000
        limits.headBytes = 8192
        let (server, client) = try server(limits) { _ in .text("well") }
        defer { withExtendedLifetime(server) {} }
        #expect(try client.send("POST", "/", body: String(repeating: "x", count: 2000)).status == 413)
        #expect(try client.get("/", ["X-Long": String(repeating: "x", count: 20_000)]).status == 431)
        let long = try client.get("/" + String(repeating: "x", count: 20_000))
        #expect(long.status == 414 || long.status == 431)
        #expect(try client.get("/").text == "well")
    }

    @Test func aSlowAnswerKeepsNobodyWaiting() throws {
        let gate = DispatchSemaphore(value: 0)
        let begun = DispatchSemaphore(value: 0)
        let (server, client) = try server { request in
            if request.path == "/slow" {
                begun.signal()
                gate.wait()
            }
            return .text(request.path)
        }
        defer { withExtendedLifetime(server) {} }
        let slow = Mutex<[String]>([])
        let done = DispatchGroup()
        for _ in 0..<3 {
            DispatchQueue.global().async(group: done) {
                let text = (try? client.get("/slow").text) ?? "nothing"
                slow.withLock { $0.append(text) }
            }
        }
        for _ in 0..<3 { begun.wait() }
        for _ in 0..<20 { #expect(try client.get("/quick").text == "/quick") }
        for _ in 0..<3 { gate.signal() }
        done.wait()
        #expect(slow.withLock { $0 } == ["/slow", "/slow", "/slow"])
    }

    /// Those who send their question a byte at a time, and those who do not read their answer.
    @Test func slowClientsKeepNobodyWaiting() throws {
        let (server, client) = try server { request in
            request.path == "/much"
                ? HTTPResponse(
                    status: 200, headers: [], body: .stream { [UInt8](repeating: 120, count: 1 << 16) })
                : .text(request.path)
        }
        defer { withExtendedLifetime(server) {} }
        var slow: [Client.Connection] = []
        for number in 0..<200 {
            let connection = try Client.Connection(port: client.port)
            try connection.write(
                number < 150 ? "GET /slow HT" : "GET /much HTTP/1.1\r\nHost: localhost\r\n\r\n")
            slow.append(connection)
        }
        for connection in slow[150...] { _ = try connection.read(until: "xxx") }
        for number in 0..<50 { #expect(try client.get("/\(number)").text == "/\(number)") }
        // The slow ones are answered all the same.
        try slow[0].write("TP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        #expect(String(decoding: try slow[0].readAll(), as: UTF8.self).hasSuffix("/slow"))
    }

    @Test func nobodyTakesAllConnections() throws {
        var limits = HTTPServer.Limits()
        limits.connectionsOfAddress = 3
        let (server, client) = try server(limits) { _ in .text("well") }
        defer { withExtendedLifetime(server) {} }
        var kept: [Client.Connection] = []
        for _ in 0..<3 {
            let connection = try Client.Connection(port: client.port)
            try connection.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            _ = try connection.read(until: "well")
            kept.append(connection)
        }
        #expect(throws: (any Error).self) { _ = try client.get("/") }
        kept.removeAll()
        // Room again, once the server has seen that they are gone.
        let deadline = Date() + 20
        var text = ""
        while text != "well", Date() < deadline { text = (try? client.get("/").text) ?? "" }
        #expect(text == "well")
    }

    @Test func saysSoWhenTooManyWait() throws {
        let gate = DispatchSemaphore(value: 0)
        let begun = DispatchSemaphore(value: 0)
        var limits = HTTPServer.Limits()
        limits.workers = 1
        limits.waitingRequests = 1
        let (server, client) = try server(limits) { request in
            begun.signal()
            gate.wait()
            return .text("well")
        }
        let done = DispatchGroup()
        let statuses = Mutex<[Int]>([])
        let ask: @Sendable () -> Void = {
            let status = (try? client.get("/").status) ?? 0
            statuses.withLock { $0.append(status) }
        }
        DispatchQueue.global().async(group: done, execute: DispatchWorkItem(block: ask))
        begun.wait()
        // One is being answered; of the next ones one may wait.
        let refused = Mutex(0)
        for _ in 0..<6 {
            DispatchQueue.global().async(group: done) {
                let status = (try? client.get("/").status) ?? 0
                if status == 503 { refused.withLock { $0 += 1 } }
                statuses.withLock { $0.append(status) }
            }
        }
        let deadline = Date() + 20
        while refused.withLock({ $0 }) < 5, Date() < deadline { usleep(2000) }
        for _ in 0..<2 { gate.signal() }
        done.wait()
        #expect(statuses.withLock { $0.sorted() } == [200, 200, 503, 503, 503, 503, 503])
        withExtendedLifetime(server) {}
    }

    /// Requests to one worker, of which the first is in hand until the gate is opened. Each is asked from a thread of its own.
    private final class Crowd: Sendable {
        let gate = DispatchSemaphore(value: 0)
        let handled = Mutex(0)
        let statuses = Mutex<[Int]>([])
        private let done = DispatchGroup()

        var handler: HTTPServer.Handler {
            { _ in
                self.handled.withLock { $0 += 1 }
                self.gate.wait()
                return .text("well")
            }
        }

        func ask(_ count: Int, _ client: Client) {
            for _ in 0..<count {
                done.enter()
                Thread { [self] in
                    let status = (try? client.get("/").status) ?? 0
                    statuses.withLock { $0.append(status) }
                    done.leave()
                }.start()
            }
        }

        /// Waits until one is in hand and so many were refused.
        func wait(refused: Int) throws {
            let deadline = Date() + 20
            while handled.withLock({ $0 }) < 1 || statuses.withLock({ $0.count }) < refused {
                if Date() > deadline { throw Client.Failure(what: "\(statuses.withLock { $0 })") }
                usleep(2000)
            }
        }

        func end() -> [Int] {
            gate.signal()
            #expect(done.wait(timeout: .now() + 20) == .success)
            return statuses.withLock { $0.sorted() }
        }
    }

    @Test func aFloodKeepsNoProbeWaiting() throws {
        let crowd = Crowd()
        var limits = HTTPServer.Limits()
        limits.workers = 1
        limits.waitingRequests = 2
        let (server, client) = try server(limits, probes: ["/livez": { _ in .text("alive") }], crowd.handler)
        crowd.ask(1, client)
        try crowd.wait(refused: 0)
        crowd.ask(8, client)
        // Two wait, so the next ones are refused.
        try crowd.wait(refused: 6)
        for _ in 0..<20 { #expect(try client.get("/livez?verbose").text == "alive") }
        #expect(try client.get("/live").status == 503)
        for _ in 0..<2 { crowd.gate.signal() }
        #expect(crowd.end() == [200, 200, 200, 503, 503, 503, 503, 503, 503])
        #expect(server.stop(within: 20) == 0)
    }

    /// At the end what waits is refused without being begun with; what is in hand is waited for.
    @Test func whatWaitsAtTheEndIsRefused() throws {
        let crowd = Crowd()
        var limits = HTTPServer.Limits()
        limits.workers = 1
        let (server, client) = try server(limits, crowd.handler)
        crowd.ask(6, client)
        try crowd.wait(refused: 0)
        let left = Mutex<Int?>(nil)
        Thread { left.withLock { $0 = server.stop(within: 20) } }.start()
        try crowd.wait(refused: 5)
        #expect(crowd.statuses.withLock { $0 } == [503, 503, 503, 503, 503])
        #expect(crowd.end() == [200, 503, 503, 503, 503, 503])
        #expect(left.withLock { $0 } == 0)
        #expect(crowd.handled.withLock { $0 } == 1)
    }

    /// An answer that does not come to its end is not waited for without end.
    @Test func theEndHasALimit() throws {
        let crowd = Crowd()
        let (server, client) = try server(HTTPServer.Limits(), crowd.handler)
        crowd.ask(1, client)
        try crowd.wait(refused: 0)
        let begun = ContinuousClock.now
        #expect(server.stop(within: 0.3) == 1)
        #expect(begun.duration(to: .now) < .seconds(5))
        #expect(server.stop(within: 20) == 1)
        // Its thread goes on, and finds all that it needs.
        #expect(crowd.end() == [200])
    }

    /// Nor is what is done when a streamed answer is over.
    @Test func whatIsDoneAtTheEndOfAStreamHasALimitToo() throws {
        let gate = DispatchSemaphore(value: 0)
        let (server, client) = try server { _ in
            let isFirst = Atomic<Bool>(true)
            return HTTPResponse(
                status: 200, headers: [],
                body: .fallibleStream(
                    { isFirst.exchange(false, ordering: .relaxed) ? Array("open".utf8) : [] },
                    over: { gate.wait() }))
        }
        let connection = try Client.Connection(port: client.port)
        try connection.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        _ = try connection.read(until: "open")
        let begun = ContinuousClock.now
        #expect(server.stop(within: 1) == 1)
        #expect(begun.duration(to: .now) < .seconds(5))
        gate.signal()
    }

    @Test func streamsPieceByPiece() throws {
        let (server, client) = try server { _ in
            let count = Atomic<Int>(0)
            return HTTPResponse(
                status: 200, headers: [],
                body: .stream {
                    switch count.add(1, ordering: .relaxed).newValue {
                    case 1: return Array("one".utf8)
                    // Nothing yet: it is asked again.
                    case 2: return []
                    case 3: return [UInt8](repeating: 120, count: 200_000)
                    default: return nil
                    }
                })
        }
        defer { withExtendedLifetime(server) {} }
        let reply = try client.get("/")
        #expect(reply.isWhole && reply.body.count == 200_003)
    }

    @Test func cutsAStreamThatFails() throws {
        struct Broken: Error {}
        let (server, client) = try server { _ in
            let count = Atomic<Int>(0)
            return HTTPResponse(
                status: 200, headers: [],
                body: .fallibleStream(
                    {
                        if count.add(1, ordering: .relaxed).newValue == 1 { return Array("one".utf8) }
                        throw Broken()
                    }, over: {}))
        }
        defer { withExtendedLifetime(server) {} }
        let reply = try client.get("/")
        #expect(reply.text == "one" && !reply.isWhole)
    }

    @Test func stopsWhileStreamsAreOpen() throws {
        var connections: [Client.Connection] = []
        do {
            let (server, client) = try server { _ in
                let isFirst = Atomic<Bool>(true)
                return HTTPResponse(
                    status: 200, headers: [],
                    body: .stream {
                        isFirst.exchange(false, ordering: .relaxed) ? Array("open".utf8) : []
                    })
            }
            for _ in 0..<5 {
                let connection = try Client.Connection(port: client.port)
                try connection.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                _ = try connection.read(until: "open")
                connections.append(connection)
            }
            withExtendedLifetime(server) {}
        }
        for connection in connections { #expect(try connection.readAll().isEmpty) }
    }

    @Test func serves200AtOnce() throws {
        let (server, client) = try server { .text($0.path) }
        defer { withExtendedLifetime(server) {} }
        let wrong = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: 200) { index in
            let text = (try? client.get("/\(index)").text) ?? ""
            if text != "/\(index)" { wrong.withLock { $0 += 1 } }
        }
        #expect(wrong.withLock { $0 } == 0)
    }

    @Test func saysWhyItCannotListen() throws {
        let (server, client) = try server { _ in .text("well") }
        defer { withExtendedLifetime(server) {} }
        #expect(throws: HTTPServerError.self) {
            _ = try HTTPServer(listen: "nonsense") { _ in .text("") }
        }
        // Another one at the same port would take half of the first one's requests.
        #expect(throws: HTTPServerError.self) {
            _ = try HTTPServer(listen: "127.0.0.1:\(server.port)") { _ in .text("another") }
        }
        #expect(try client.get("/").text == "well")
    }
}
