/// Why archive files cannot be found, read or written at all: what, where, and what to do.
///
/// Damage inside files is no such error; the reader reports it (``ArchiveReport``) and goes on.
public struct ArchiveError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was wrong.
    public enum Problem: Sendable, Equatable {
        /// There is nothing by that name.
        case missing
        /// The file or folder is there and cannot be read.
        case unreadable(SystemError)
        /// What is there is neither a file nor a folder nor a pipe.
        case notAFile
        /// A folder without a single event file.
        case noEventFile
        /// There are day folders, and none is within the days asked for.
        case noDayFolder(from: ArchiveDay?, to: ArchiveDay?, first: ArchiveDay, last: ArchiveDay)
        /// The first day asked for is after the last one.
        case daysReversed(from: ArchiveDay, to: ArchiveDay)
        /// Standard input was named more than once.
        case standardInputTwice
        /// A file to be written is there already.
        case exists
        /// A file or folder cannot be written.
        case unwritable(SystemError)
        /// The compression library could not do its work, e.g. for want of memory.
        case compression(String)
    }

    /// The file or folder.
    public let path: String
    /// What was wrong with it.
    public let problem: Problem

    /// An error at a place.
    public init(path: String, problem: Problem) {
        self.path = path
        self.problem = problem
    }

    /// What was wrong and what to do, in a sentence or two.
    public var description: String {
        switch problem {
        case .missing:
            "\(path): there is no such file or folder. Check the path."
        case .unreadable(let error):
            "\(path): cannot be read: \(error). Check who may read it."
        case .notAFile:
            "\(path): is neither a file nor a folder. Name a file, a folder, or - for standard input."
        case .noEventFile:
            "\(path): the folder holds no event file (names that start with . or _ do not count). "
                + "Check the path, or leave it out."
        case .noDayFolder(let from, let to, let first, let last):
            "\(path): no dt= folder \(Self.range(from: from, to: to)); "
                + "the folders there are from \(first) to \(last). Ask for other days."
        case .daysReversed(let from, let to):
            "The first day, \(from), is after the last one, \(to). Exchange them."
        case .standardInputTwice:
            "-: standard input can be read only once. Name it once."
        case .exists:
            "\(path): is there already. Remove it, or write under another name or into another folder."
        case .unwritable(let error):
            "\(path): cannot be written: \(error). Check the space on the disk and who may write there."
        case .compression(let detail):
            "\(path): the compression library failed: \(detail). Check the memory limit."
        }
    }

    private static func range(from: ArchiveDay?, to: ArchiveDay?) -> String {
        switch (from, to) {
        case (let from?, let to?): "from \(from) to \(to)"
        case (let from?, nil): "from \(from) on"
        case (nil, let to?): "up to \(to)"
        case (nil, nil): "at all"
        }
    }
}
