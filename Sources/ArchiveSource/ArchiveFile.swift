internal import Glibc

/// A file of events to be read.
public struct ArchiveFile: Sendable, Equatable {
    /// The path by which standard input is named.
    public static let standardInputPath = "-"

    /// Its path, as given and as found below a folder that was given; `-` is standard input.
    public let path: String
    /// Its size in bytes as it is stored; unknown for standard input and pipes.
    public let size: Int64?

    /// A file to read. Whether it can be opened turns out when it is its turn.
    public init(path: String, size: Int64?) {
        self.path = path
        self.size = size
    }

    /// Standard input.
    public static let standardInput = ArchiveFile(path: standardInputPath, size: nil)

    /// What its messages' origin names: the absolute path with every link resolved, so that a file is the same however
    /// it was spelt; `-` for standard input. A file that was moved is another one.
    public var origin: String {
        guard !isStandardInput, let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Whether it lies in a folder named `dt=YYYY-MM-DD`: only then do days decide whether it is read.
    public var hasDay: Bool {
        path.split(separator: "/").dropLast().contains { ArchiveFiles.day(ofFolder: $0) != nil }
    }

    /// Whether it is standard input.
    public var isStandardInput: Bool { path == Self.standardInputPath }
}
