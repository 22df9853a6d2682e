/// Tells who asks by what a request brings.
public protocol AccessChecking: Sendable {
    /// The reader that a bearer token proves.
    /// - Throws: ``AccessRefusal`` where it proves none.
    func reader(token: String, now: Int64) throws -> Reader
    /// A secret of so many random bytes, as text, for a cookie.
    func secret() -> String
}

/// Why a token proves nothing. The reason is for the log; who asked is told only that it does not.
public struct AccessRefusal: Error, Sendable {
    /// For the log.
    public let reason: String

    /// From a reason.
    public init(_ reason: String) { self.reason = reason }
}
