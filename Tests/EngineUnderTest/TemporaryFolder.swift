internal import Foundation

/// A folder that is gone when the test is.
public final class TemporaryFolder {
    private let url: URL

    /// A new one.
    public init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "sessionizer-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// The path of a file in it.
    public func file(_ name: String) -> String { url.appendingPathComponent(name).path }
}
