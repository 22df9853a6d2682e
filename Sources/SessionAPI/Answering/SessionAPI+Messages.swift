internal import HTTPServer

/// What requests bring and answers take along, whatever they are about.
extension SessionAPI {
    static func requestID(_ request: HTTPRequest) -> String {
        guard let given = request.header("X-Request-Id"), !given.isEmpty, given.utf8.count <= 64,
            given.utf8.allSatisfy({ byte in
                switch byte {
                case 48...57, 65...90, 97...122, 45, 95, 46: true
                default: false
                }
            })
        else { return freshID() }
        return given
    }

    static func freshID() -> String {
        let hex = String(UInt64.random(in: .min ... .max), radix: 16)
        return String(repeating: "0", count: 16 - hex.count) + hex
    }

    static func filters(of request: HTTPRequest) -> String {
        String((request.target.split(separator: "?", maxSplits: 1).dropFirst().first ?? "").prefix(1000))
    }

    /// With its body packed, where that is worth it, the reader takes it and it is not packed yet.
    func compressed(_ response: HTTPResponse, _ request: HTTPRequest) -> HTTPResponse {
        guard case .bytes(let bytes) = response.body, bytes.count > 1000, Self.takesGzip(request),
            !response.headers.contains(where: { $0.name == "Content-Encoding" })
        else { return response }
        var response = response
        response.body = .bytes(surroundings.compress(bytes))
        response.headers.append(("Content-Encoding", "gzip"))
        if !response.headers.contains(where: { $0.name == "Vary" && $0.value.contains("Accept-Encoding") }) {
            response.headers.append(("Vary", "Accept-Encoding"))
        }
        return response
    }

    /// Whether `Accept-Encoding` names it, and does not refuse it (`q=0`, RFC 9110, 12.5.3).
    static func takesGzip(_ request: HTTPRequest) -> Bool {
        wishes(request.header("Accept-Encoding") ?? "").contains { $0.name == "gzip" && $0.quality > 0 }
    }

    /// What an `Accept` or `Accept-Encoding` names, in small letters, each with its weight (RFC 9110, 12.4.2).
    static func wishes(_ header: String) -> [(name: String, quality: Double)] {
        header.lowercased().split(separator: ",").compactMap { range in
            let parts = range.split(separator: ";").map { part in part.filter { $0 != " " && $0 != "\t" } }
            guard let name = parts.first else { return nil }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }
            return (name, weight.map { Double($0.dropFirst(2)) ?? 0 } ?? 1)
        }
    }
}
