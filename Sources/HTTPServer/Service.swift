internal import CMicroHTTPD
internal import Glibc
internal import Synchronization

/// What the library's callbacks work on: it lives as long as its server.
final class Service: Sendable {
    let limits: HTTPServer.Limits
    let workers: Workers
    private let handler: HTTPServer.Handler
    private let probes: [String: HTTPServer.Handler]
    /// What answers probes. Not nicer than what else the program does: a late answer would have it restarted.
    private let probing: Workers?
    private let stopping = Atomic<Bool>(false)
    private let suspended = Atomic<Int>(0)
    /// Requests that a worker was asked to answer, until the answer has left or nobody waits for it.
    private let unanswered = Atomic<Int>(0)

    init(
        limits: HTTPServer.Limits, probes: [String: HTTPServer.Handler], handler: @escaping HTTPServer.Handler
    ) {
        self.limits = limits
        self.handler = handler
        self.probes = probes
        workers = Workers(count: limits.workers, capacity: limits.waitingRequests)
        probing =
            probes.isEmpty ? nil : Workers(count: 1, capacity: limits.waitingRequests, niceness: 0)
    }

    var isStopping: Bool { stopping.load(ordering: .acquiring) }

    /// Takes no more requests, and refuses those that wait for a worker.
    func close() {
        stopping.store(true, ordering: .sequentiallyConsistent)
        workers.close()
        probing?.close()
    }

    /// Waits until every connection that a worker holds has been given back, and a moment longer for the answers to leave.
    /// - Returns: How many a worker holds still.
    func waitForAnswers(until end: ContinuousClock.Instant) -> Int {
        while suspended.load(ordering: .sequentiallyConsistent) > 0, .now < end { usleep(2000) }
        let held = suspended.load(ordering: .sequentiallyConsistent)
        // Nobody has to read what is sent to him.
        let end = min(end, .now + .seconds(1))
        while unanswered.load(ordering: .sequentiallyConsistent) > held, .now < end { usleep(2000) }
        return suspended.load(ordering: .sequentiallyConsistent)
    }

    /// Ends the workers; waits for what they are at.
    func end() {
        workers.end()
        probing?.end()
    }

    /// - Returns: Whether it is suspended; not while the server stops.
    func suspend(_ connection: OpaquePointer) -> Bool {
        // First counted, then looked: `waitForAnswers` looks the other way round, so one of both sees the other.
        suspended.add(1, ordering: .sequentiallyConsistent)
        if stopping.load(ordering: .sequentiallyConsistent) {
            suspended.subtract(1, ordering: .sequentiallyConsistent)
            return false
        }
        MHD_suspend_connection(connection)
        return true
    }

    func resume(_ connection: OpaquePointer) {
        MHD_resume_connection(connection)
        suspended.subtract(1, ordering: .sequentiallyConsistent)
    }

    private static let yes = cmhd_result(1)
    private static let no = cmhd_result(0)

    /// One request while its body comes in and its answer is made. It belongs to the thread of its connection, and
    /// while that is suspended to one worker.
    private final class Pending: @unchecked Sendable {
        let target: String
        var isHeadRead = false
        var body: [UInt8] = []
        var isTooLong = false
        var answer: HTTPResponse?
        /// Whether it counts among the unanswered.
        var isCounted = false

        init(target: String) { self.target = target }
    }

    /// Called first, with path and query as they were sent.
    static let begin:
        @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, OpaquePointer?) ->
            UnsafeMutableRawPointer? = { _, target, _ in
                let pending = Pending(target: target.map { String(cString: $0) } ?? "/")
                return Unmanaged.passRetained(pending).toOpaque()
            }

    /// Called several times for a request: with its head, then with each piece of its body, then without one, and
    /// once more when a worker has its answer.
    static let accept: MHD_AccessHandlerCallback = {
        context, connection, _, method, _, upload, uploadSize, state in
        guard let context, let connection, let method, let uploadSize, let known = state?.pointee else {
            return no
        }
        let service = Unmanaged<Service>.fromOpaque(context).takeUnretainedValue()
        let pending = Unmanaged<Pending>.fromOpaque(known).takeUnretainedValue()
        guard pending.isHeadRead else {
            pending.isHeadRead = true
            return yes
        }
        if uploadSize.pointee > 0 {
            if pending.body.count + uploadSize.pointee > service.limits.bodyBytes {
                pending.isTooLong = true
                pending.body = []
            } else if !pending.isTooLong {
                pending.body.append(
                    contentsOf: UnsafeRawBufferPointer(start: upload, count: uploadSize.pointee))
            }
            uploadSize.pointee = 0
            return yes
        }
        if let answer = pending.answer {
            pending.answer = nil
            return service.send(answer, connection)
        }
        if pending.isTooLong {
            return service.send(service.limits.refusal(413), connection)
        }
        let headers = Pairs()
        _ = cmhd_headers(connection, collect, Unmanaged.passUnretained(headers).toOpaque())
        let request = HTTPRequest(
            method: String(cString: method), target: pending.target, headers: headers.all, body: pending.body,
            address: address(of: connection))
        return service.answer(request, pending, connection)
    }

    private func answer(_ request: HTTPRequest, _ pending: Pending, _ connection: OpaquePointer) -> MHD_Result
    {
        // Counted before it is suspended: an answer that has left is not unanswered for a moment.
        pending.isCounted = true
        unanswered.add(1, ordering: .sequentiallyConsistent)
        guard suspend(connection) else { return send(limits.refusal(503), connection) }
        nonisolated(unsafe) let connection = connection
        var (workers, handler) = (self.workers, self.handler)
        if let probing, let probe = probes[request.path] { (workers, handler) = (probing, probe) }
        let refuse: @Sendable () -> Void = { [self] in
            pending.answer = limits.refusal(503)
            resume(connection)
        }
        let isTaken = workers.put(
            Workers.Job(
                run: { [self, handler] in
                    pending.answer = handler(request)
                    resume(connection)
                }, refuse: refuse))
        if !isTaken { refuse() }
        return Self.yes
    }

    static let completed: MHD_RequestCompletedCallback = { context, _, state, _ in
        guard let known = state?.pointee else { return }
        let pending = Unmanaged<Pending>.fromOpaque(known).takeRetainedValue()
        if pending.isCounted, let context {
            Unmanaged<Service>.fromOpaque(context).takeUnretainedValue().unanswered
                .subtract(1, ordering: .sequentiallyConsistent)
        }
        state?.pointee = nil
    }

    private final class Pairs { var all: [(name: String, value: String)] = [] }

    private static let collect: MHD_KeyValueIterator = { context, _, name, value in
        guard let context, let name else { return yes }
        let pairs = Unmanaged<Pairs>.fromOpaque(context).takeUnretainedValue()
        pairs.all.append((String(cString: name), value.map { String(cString: $0) } ?? ""))
        return yes
    }

    private static func address(of connection: OpaquePointer) -> String {
        guard let client = cmhd_client(connection) else { return "" }
        var text = [CChar](repeating: 0, count: 64)
        let length =
            Int32(client.pointee.sa_family) == AF_INET6
            ? MemoryLayout<sockaddr_in6>.size
            : MemoryLayout<sockaddr_in>.size
        let code = getnameinfo(
            client, socklen_t(length), &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
        return code == 0
            ? String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : ""
    }

    private func send(_ answer: HTTPResponse, _ connection: OpaquePointer) -> MHD_Result {
        let response: OpaquePointer?
        switch answer.body {
        case .bytes(let bytes):
            response = bytes.withUnsafeBytes { cmhd_copied($0.baseAddress, $0.count) }
        case .stream(let next): response = stream(connection, next, over: {})
        case .fallibleStream(let next, let over): response = stream(connection, next, over: over)
        }
        guard let response else { return Self.no }
        for (name, value) in answer.headers { MHD_add_response_header(response, name, value) }
        let result = MHD_queue_response(connection, UInt32(answer.status), response)
        MHD_destroy_response(response)
        return result
    }

    private func stream(
        _ connection: OpaquePointer, _ next: @escaping @Sendable () throws -> [UInt8]?,
        over: @escaping @Sendable () -> Void
    ) -> OpaquePointer? {
        // 2^64 - 1: a length that is not known (`MHD_SIZE_UNKNOWN`, a cast that Swift cannot see).
        MHD_create_response_from_callback(
            .max, 1 << 16, StreamedBody.read,
            Unmanaged.passRetained(StreamedBody(self, connection, next, over: over)).toOpaque(),
            { body in
                guard let body else { return }
                Unmanaged<StreamedBody>.fromOpaque(body).takeRetainedValue().end()
            })
    }
}
