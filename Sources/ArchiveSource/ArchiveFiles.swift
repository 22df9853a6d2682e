import Glibc

/// Finds the event files that paths stand for.
public enum ArchiveFiles {
    /// The files that paths stand for, in the order in which they are to be read.
    ///
    /// A path is a file, a folder or `-` for standard input. A folder is read with all folders in it, in the
    /// order of the names' bytes; what starts with `.` or `_` (unfinished files, `_SUCCESS`) is left out.
    /// The days pick folders named `dt=YYYY-MM-DD`; a file in no such folder is read whatever the days.
    /// - Parameters:
    ///   - paths: Files, folders, `-`.
    ///   - from: The first day, or nothing for the earliest there is.
    ///   - to: The last day (included), or nothing for the latest there is.
    public static func find(
        paths: [String], from: ArchiveDay? = nil, to: ArchiveDay? = nil
    ) throws(ArchiveError) -> [ArchiveFile] {
        if let from, let to, from > to {
            throw ArchiveError(path: paths.first ?? "", problem: .daysReversed(from: from, to: to))
        }
        var search = FileSearch(from: from, to: to)
        for path in paths { try search.addGiven(path) }
        if search.files.isEmpty, let first = search.leftOut.min(), let last = search.leftOut.max() {
            throw ArchiveError(
                path: paths.joined(separator: ", "),
                problem: .noDayFolder(from: from, to: to, first: first, last: last))
        }
        return search.files
    }

    /// The day of a folder named `dt=YYYY-MM-DD`; nothing for any other name.
    static func day(ofFolder name: some StringProtocol) -> ArchiveDay? {
        guard name.hasPrefix("dt=") else { return nil }
        return ArchiveDay(name.dropFirst(3))
    }
}

/// One search: what it asks for, and what it found so far.
private struct FileSearch {
    let from: ArchiveDay?
    let to: ArchiveDay?
    var files: [ArchiveFile] = []
    /// The days of folders that were not asked for.
    var leftOut: [ArchiveDay] = []

    /// Adds what a path on the command line stands for. It was named, so it must be there.
    mutating func addGiven(_ path: String) throws(ArchiveError) {
        if path == ArchiveFile.standardInputPath {
            if files.contains(where: \.isStandardInput) {
                throw ArchiveError(path: path, problem: .standardInputTwice)
            }
            files.append(.standardInput)
            return
        }
        let status: FileStatus
        do {
            status = try FileStatus.of(path)
        } catch {
            throw ArchiveError(path: path, problem: error.code == ENOENT ? .missing : .unreadable(error))
        }
        guard access(path, R_OK) == 0 else {
            throw ArchiveError(path: path, problem: .unreadable(.last))
        }
        for name in path.split(separator: "/") where !isWanted(folder: name) { return }
        switch status.kind {
        case .file: files.append(ArchiveFile(path: path, size: status.size))
        case .stream: files.append(ArchiveFile(path: path, size: nil))
        case .other: throw ArchiveError(path: path, problem: .notAFile)
        case .folder:
            let before = (files.count, leftOut.count)
            try addFolder(path, inside: [status.identity])
            if (files.count, leftOut.count) == before {
                throw ArchiveError(path: path, problem: .noEventFile)
            }
        }
    }

    /// Adds the files of a folder and of those in it.
    /// - Parameter inside: The folder and those it lies in: a link back to one of them is not followed.
    private mutating func addFolder(_ folder: String, inside: [FileStatus.Identity]) throws(ArchiveError) {
        let names: [String]
        do {
            names = try namesInFolder(folder)
        } catch {
            throw ArchiveError(path: folder, problem: .unreadable(error))
        }
        for name in names where !name.hasPrefix(".") && !name.hasPrefix("_") {
            let path = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
            guard let status = try? FileStatus.of(path) else {
                // Named here and not there, e.g. a link to nowhere: the reader will say so.
                files.append(ArchiveFile(path: path, size: 0))
                continue
            }
            switch status.kind {
            case .file: files.append(ArchiveFile(path: path, size: status.size))
            case .folder:
                if isWanted(folder: name), !inside.contains(status.identity) {
                    try addFolder(path, inside: inside + [status.identity])
                }
            case .stream, .other: break
            }
        }
    }

    /// Whether a folder of such a name is read: it is of no day, or of a day that was asked for.
    private mutating func isWanted(folder name: some StringProtocol) -> Bool {
        guard let day = ArchiveFiles.day(ofFolder: name) else { return true }
        if let from, day < from {
            leftOut.append(day)
            return false
        }
        if let to, day > to {
            leftOut.append(day)
            return false
        }
        return true
    }
}
