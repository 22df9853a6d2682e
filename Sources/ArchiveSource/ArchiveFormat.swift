/// How a file's bytes are stored. Recognised by its first bytes, never by its name.
public enum ArchiveFormat: String, Sendable, Equatable {
    /// Lines as they are.
    case plain
    /// One or several gzip members (RFC 1952).
    case gzip
    /// One or several Zstandard frames (RFC 8878).
    case zstd

    /// The most bytes that are needed to tell.
    static let magicLength = 4

    /// The format of a file that starts so.
    ///
    /// What is no more than the beginning of a magic number is taken for a compressed file that was cut
    /// there: neither it nor what it could be otherwise is an event.
    /// - Parameter start: At least ``magicLength`` bytes, unless the file is shorter.
    init(start: UnsafeRawBufferPointer) {
        if Self.begins(start, [0x1f, 0x8b]) {
            self = .gzip
        } else if Self.begins(start, [0x28, 0xb5, 0x2f, 0xfd]) {
            self = .zstd
        } else if start.count >= 4, start[0] & 0xf0 == 0x50, start[1] == 0x2a, start[2] == 0x4d,
            start[3] == 0x18
        {
            // A skippable frame, with which some parallel compressors start.
            self = .zstd
        } else {
            self = .plain
        }
    }

    private static func begins(_ start: UnsafeRawBufferPointer, _ magic: [UInt8]) -> Bool {
        !start.isEmpty && zip(start, magic).allSatisfy { $0 == $1 }
    }

    /// The compressed unit, for a sentence.
    var unit: String {
        switch self {
        case .plain: "line"
        case .gzip: "gzip member"
        case .zstd: "zstd frame"
        }
    }
}
