import Glibc

/// A file while it is written: under a hidden name, which readers pass over, until it is complete.
///
/// What is never completed is removed. It is not forced to the disk: it withstands the end of the process,
/// not that of the machine.
final class OutputFile {
    private enum Encoder {
        case plain
        case gzip(GzipEncoder)
        case zstd(ZstdEncoder)
    }

    let path: String
    private let unfinishedPath: String
    private let number: Int32
    private let encoder: Encoder
    /// Lines that wait to be compressed together.
    private let waiting = ByteBuffer(capacity: 1 << 18)
    private let encoded = ByteBuffer(capacity: 1 << 18)
    private var isComplete = false

    /// Starts a file in a folder, which is made if it is missing.
    init(folder: String, name: String, compression: ArchiveWriter.Compression) throws(ArchiveError) {
        path = "\(folder)/\(name)"
        unfinishedPath = "\(folder)/.\(name).unfinished"
        do {
            switch compression {
            case .plain: encoder = .plain
            case .gzip(let level): encoder = .gzip(try GzipEncoder(level: level))
            case .zstd(let level): encoder = .zstd(try ZstdEncoder(level: level))
            }
        } catch {
            throw ArchiveError(path: path, problem: .compression(error.detail))
        }
        if access(path, F_OK) == 0 { throw ArchiveError(path: path, problem: .exists) }
        do {
            try makeFolders(folder)
            let unfinished = unfinishedPath
            number = try retryingInterrupted {
                open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
            }
        } catch {
            throw ArchiveError(path: unfinishedPath, problem: .unwritable(error))
        }
    }

    deinit {
        if !isComplete {
            close(number)
            unlink(unfinishedPath)
        }
    }

    /// Appends bytes.
    func append(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) {
        var rest = bytes
        while true {
            let taken = waiting.append(rest)
            if taken == rest.count { return }
            rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
            try reportingPath { () throws(SystemError) in try encodeWaiting(ends: false) }
        }
    }

    /// Writes what is left, closes the file and gives it its name.
    func complete() throws(ArchiveError) {
        try reportingPath { () throws(SystemError) in
            try encodeWaiting(ends: true)
            try emptyEncoded()
            guard close(number) == 0 else {
                let error = SystemError.last
                unlink(unfinishedPath)
                isComplete = true
                throw error
            }
            isComplete = true
            guard rename(unfinishedPath, path) == 0 else {
                let error = SystemError.last
                unlink(unfinishedPath)
                throw error
            }
        }
    }

    private func encodeWaiting(ends: Bool) throws(SystemError) {
        try waiting.withUnread { bytes throws(SystemError) in
            switch encoder {
            case .plain: try write(bytes)
            case .gzip(let gzip):
                try gzip.encode(bytes, ends: ends, into: encoded) { () throws(SystemError) in
                    try emptyEncoded()
                }
            case .zstd(let zstd):
                try zstd.encode(bytes, ends: ends, into: encoded) { () throws(SystemError) in
                    try emptyEncoded()
                }
            }
        }
        waiting.removeAll()
    }

    private func emptyEncoded() throws(SystemError) {
        try encoded.withUnread { bytes throws(SystemError) in try write(bytes) }
        encoded.removeAll()
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
            written += try retryingInterrupted { Glibc.write(number, rest.baseAddress, rest.count) }
        }
    }

    private func reportingPath(_ body: () throws(SystemError) -> Void) throws(ArchiveError) {
        do {
            try body()
        } catch {
            throw ArchiveError(path: path, problem: .unwritable(error))
        }
    }
}
