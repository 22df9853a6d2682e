internal import Foundation

/// What a test waited for in vain.
public struct TooLate: Error, CustomStringConvertible {
    /// What it was, and for how long.
    public let description: String
}

/// Waits until something holds, looking every millisecond.
/// - Parameters:
///   - what: For people: what is waited for.
///   - seconds: How long at most; then it throws ``TooLate``.
public func waitUntil(
    _ what: String, within seconds: Double = 30, _ holds: () throws -> Bool
) throws {
    let end = Date().addingTimeInterval(seconds)
    while try !holds() {
        if Date() > end { throw TooLate(description: "not within \(seconds) s: \(what)") }
        usleep(1000)
    }
}
