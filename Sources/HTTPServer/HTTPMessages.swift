/// What was asked.
public struct HTTPRequest: Sendable {
    /// `GET`, `POST`, …
    public var method: String
    /// The path, percent-decoded, without the query.
    public var path: String
    /// The parts of the path between its slashes, each percent-decoded by itself: a slash in an id (`%2F`) stays in it.
    public var segments: [String]
    /// Path and query as they were sent.
    public var target: String
    /// The query's parameters, decoded, in their order; without a value: the empty text.
    public var query: [(name: String, value: String)]
    /// The headers in their order, as they were sent.
    public var headers: [(name: String, value: String)]
    /// The body; empty where there is none.
    public var body: [UInt8]
    /// The address of who asks, without a port.
    public var address: String

    /// From a target such as `/path?name=value`.
    public init(
        method: String, target: String, headers: [(name: String, value: String)] = [], body: [UInt8] = [],
        address: String = "127.0.0.1"
    ) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.address = address
        let parts = target.utf8.split(
            separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
        segments = (parts.first ?? "".utf8[...]).split(separator: UInt8(ascii: "/")).map {
            PercentCoding.decoded($0, plusIsBlank: false)
        }
        path = PercentCoding.decoded(parts.first ?? "".utf8[...], plusIsBlank: false)
        query =
            parts.count < 2
            ? []
            : parts[1].split(separator: UInt8(ascii: "&")).map { pair in
                let both = pair.split(
                    separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
                return (
                    PercentCoding.decoded(both[0], plusIsBlank: true),
                    both.count > 1 ? PercentCoding.decoded(both[1], plusIsBlank: true) : ""
                )
            }
    }

    /// The first parameter of a name.
    public func parameter(_ name: String) -> String? { query.first { $0.name == name }?.value }

    /// The first header of a name, whose case does not matter.
    public func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// What is answered.
public struct HTTPResponse: Sendable {
    /// What the answer consists of.
    public enum Body: Sendable {
        /// All of it, of known length.
        case bytes([UInt8])
        /// Piece by piece, of unknown length (chunked). Asked for the next piece whenever there is room; nil ends it.
        /// It runs on a worker of the server; an empty piece asks to be asked again a quarter of a second later.
        case stream(@Sendable () -> [UInt8]?)
        /// The same; where it throws, the connection is cut, so that nobody takes what came for the whole. `over` runs on a
        /// worker when the connection is done with it, whether all of it was sent or not.
        case fallibleStream(@Sendable () throws -> [UInt8]?, over: @Sendable () -> Void)
    }

    /// The status code.
    public var status: Int
    /// Headers, in their order.
    public var headers: [(name: String, value: String)]
    /// What it consists of.
    public var body: Body

    /// All parts.
    public init(status: Int, headers: [(name: String, value: String)], body: Body) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A text of a type.
    public static func text(
        _ text: String, status: Int = 200, type: String = "text/plain; charset=utf-8"
    ) -> HTTPResponse {
        HTTPResponse(status: status, headers: [("Content-Type", type)], body: .bytes(Array(text.utf8)))
    }
}

/// The server could not begin.
public struct HTTPServerError: Error, CustomStringConvertible, Sendable {
    /// Where it was to listen, why it does not, what to do.
    public let description: String
}

/// Percent-coding of addresses (RFC 3986).
public enum PercentCoding {
    /// A text without its `%XX`. What is no UTF-8 is replaced by U+FFFD; a `%` without two digits stays.
    public static func decoded(_ text: some Sequence<UInt8>, plusIsBlank: Bool) -> String {
        let bytes = Array(text)
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count, let high = digit(bytes[index + 1]),
                let low = digit(bytes[index + 2])
            {
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(
                    plusIsBlank && bytes[index] == UInt8(ascii: "+") ? UInt8(ascii: " ") : bytes[index])
                index += 1
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }

    /// A text as one part of a path or one value of a query: all but letters, digits, `-`, `.`, `_`, `~` is coded.
    public static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var coded: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, 45, 46, 95, 126: coded.append(byte)
            default: coded += [37, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: coded, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}
