internal import CMicroHTTPD
internal import Glibc

/// What the library's callbacks work on: it lives as long as its server.
final class Service: Sendable {
    let limits: HTTPServer.Limits
    let handler: HTTPServer.Handler

    init(limits: HTTPServer.Limits, handler: @escaping HTTPServer.Handler) {
        self.limits = limits
        self.handler = handler
    }

    private static let yes = cmhd_result(1)
    private static let no = cmhd_result(0)

    /// One request while its body comes in. It belongs to the thread of its connection.
    private final class Pending {
        var body: [UInt8] = []
        var isTooLong = false
    }

    /// A streamed answer. It belongs to the thread of its connection.
    private final class Stream {
        let next: @Sendable () -> [UInt8]?
        var rest: ArraySlice<UInt8> = []

        init(_ next: @escaping @Sendable () -> [UInt8]?) { self.next = next }
    }

    /// Called several times for a request: first with its head, then with each piece of its body, then once more.
    static let accept: MHD_AccessHandlerCallback = {
        context, connection, url, method, _, upload, uploadSize, state in
        guard let context, let connection, let url, let method, let uploadSize, let state else { return no }
        let service = Unmanaged<Service>.fromOpaque(context).takeUnretainedValue()
        guard let known = state.pointee else {
            state.pointee = Unmanaged.passRetained(Pending()).toOpaque()
            return yes
        }
        let pending = Unmanaged<Pending>.fromOpaque(known).takeUnretainedValue()
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
        if pending.isTooLong {
            return send(
                .text("a body of more than \(service.limits.bodyBytes) bytes\n", status: 413), connection)
        }
        let (query, headers) = (Pairs(), Pairs())
        _ = cmhd_arguments(connection, collect, Unmanaged.passUnretained(query).toOpaque())
        _ = cmhd_headers(connection, collect, Unmanaged.passUnretained(headers).toOpaque())
        let request = HTTPRequest(
            method: String(cString: method), path: String(cString: url), query: query.all,
            headers: headers.all, body: pending.body)
        return send(service.handler(request), connection)
    }

    static let completed: MHD_RequestCompletedCallback = { _, _, state, _ in
        guard let known = state?.pointee else { return }
        Unmanaged<Pending>.fromOpaque(known).release()
        state?.pointee = nil
    }

    private final class Pairs { var all: [(name: String, value: String)] = [] }

    private static let collect: MHD_KeyValueIterator = { context, _, name, value in
        guard let context, let name else { return yes }
        let pairs = Unmanaged<Pairs>.fromOpaque(context).takeUnretainedValue()
        pairs.all.append((String(cString: name), value.map { String(cString: $0) } ?? ""))
        return yes
    }

    private static func send(_ answer: HTTPResponse, _ connection: OpaquePointer) -> MHD_Result {
        let response: OpaquePointer?
        switch answer.body {
        case .bytes(let bytes):
            response = bytes.withUnsafeBytes { cmhd_copied($0.baseAddress, $0.count) }
        case .stream(let next):
            // 2^64 - 1: a length that is not known (`MHD_SIZE_UNKNOWN`, a cast that Swift cannot see).
            response = MHD_create_response_from_callback(
                .max, 1 << 16, read, Unmanaged.passRetained(Stream(next)).toOpaque(),
                { context in
                    if let context { Unmanaged<Stream>.fromOpaque(context).release() }
                })
        }
        guard let response else { return no }
        for (name, value) in answer.headers { MHD_add_response_header(response, name, value) }
        let result = MHD_queue_response(connection, UInt32(answer.status), response)
        MHD_destroy_response(response)
        return result
    }

    /// Fills the library's buffer. Nothing to send yet: it asks again soon.
    private static let read: MHD_ContentReaderCallback = { context, _, buffer, room in
        guard let context, let buffer else { return -1 }
        let stream = Unmanaged<Stream>.fromOpaque(context).takeUnretainedValue()
        if stream.rest.isEmpty {
            // -1: the end (`MHD_CONTENT_READER_END_OF_STREAM`).
            guard let piece = stream.next() else { return -1 }
            stream.rest = piece[...]
        }
        let count = min(room, stream.rest.count)
        stream.rest.prefix(count).withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { memcpy(buffer, base, count) }
        }
        stream.rest.removeFirst(count)
        return count
    }
}
