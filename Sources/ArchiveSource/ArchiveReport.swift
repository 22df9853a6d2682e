/// Something about a file that whoever reads archives must know: data that is missing, and where.
public struct ArchiveReport: Sendable, Equatable, CustomStringConvertible {
    /// What was found.
    public enum Finding: Sendable, Equatable {
        /// The file could not be opened; nothing was read.
        case cannotOpen(SystemError)
        /// Reading failed in the middle; what came before was taken.
        case cannotRead(SystemError)
        /// The file ends in the middle of a gzip member or zstd frame; what came before was taken.
        case endsEarly(ArchiveFormat)
        /// The compressed data are not what they should be; what came before was taken.
        case corrupt(ArchiveFormat, detail: String)
        /// The last line has no newline. It was taken as a message like any other; should it turn out to
        /// be no JSON, then the file ends in the middle of a line.
        case lastLineUnterminated
    }

    /// The file, as it was found.
    public let path: String
    /// What was found.
    public let finding: Finding
    /// The last line that was read whole, from 1; 0 if there was none. Of ``Finding/lastLineUnterminated``:
    /// that last line.
    public let line: Int64
    /// How many bytes of the file, as it is stored, had been consumed.
    public let byteOffset: Int64
    /// How many bytes of a line that did not end had been read; they were not taken.
    public let bytesDropped: Int
    /// Of corrupt data: the lines that came out of the corrupt member or frame. No checksum confirms them,
    /// and what looks like an event among the last of them may be a wrong one.
    public let suspectLines: ClosedRange<Int64>?

    /// A finding at a place.
    public init(
        path: String, finding: Finding, line: Int64, byteOffset: Int64, bytesDropped: Int = 0,
        suspectLines: ClosedRange<Int64>? = nil
    ) {
        self.path = path
        self.finding = finding
        self.line = line
        self.byteOffset = byteOffset
        self.bytesDropped = bytesDropped
        self.suspectLines = suspectLines
    }

    /// Whether events are missing for certain.
    public var isDamage: Bool {
        switch finding {
        case .cannotOpen, .cannotRead, .endsEarly, .corrupt: true
        case .lastLineUnterminated: false
        }
    }

    /// What was found and where, in a sentence.
    public var description: String {
        let name = path == ArchiveFile.standardInputPath ? "standard input" : path
        let place = "after line \(line), at byte \(byteOffset)"
        let dropped = bytesDropped == 0 ? "" : "; \(bytesDropped) bytes of an unfinished line were left out"
        let suspects = suspectLines.map { lines in
            "; lines \(lines.lowerBound) to \(lines.upperBound) came out of it and may be wrong"
        }
        return switch finding {
        case .cannotOpen(let error): "\(name): cannot be opened: \(error)"
        case .cannotRead(let error): "\(name): reading failed \(place): \(error)\(dropped)"
        case .endsEarly(let format): "\(name): \(format.unit) ends early \(place)\(dropped)"
        case .corrupt(let format, let detail):
            "\(name): \(format.unit) is corrupt \(place): \(detail)\(dropped)\(suspects ?? "")"
        case .lastLineUnterminated: "\(name): line \(line), the last one, has no newline"
        }
    }
}
