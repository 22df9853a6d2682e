/// What was asked.
public struct HTTPRequest: Sendable {
    /// `GET`, `POST`, …
    public var method: String
    /// The path, percent-decoded, without the query.
    public var path: String
    /// The query's parameters, decoded, in their order; without a value: the empty text.
    public var query: [(name: String, value: String)]
    /// The headers in their order, as they were sent.
    public var headers: [(name: String, value: String)]
    /// The body; empty where there is none.
    public var body: [UInt8]

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
        /// It runs on a thread of the server, and an empty piece asks to be asked again.
        case stream(@Sendable () -> [UInt8]?)
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
