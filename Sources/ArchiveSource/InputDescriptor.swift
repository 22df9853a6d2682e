import Glibc

/// An open file, or standard input, to be read from its start to its end.
final class InputDescriptor {
    /// How many bytes were read from it.
    private(set) var bytesRead: Int64 = 0

    private let number: Int32
    private let closesAtEnd: Bool

    /// Opens a file.
    init(path: String) throws(SystemError) {
        number = try retryingInterrupted { open(path, O_RDONLY | O_CLOEXEC) }
        closesAtEnd = true
        // Only a hint to read ahead: a pipe refuses it, and nothing is lost.
        _ = posix_fadvise(number, 0, 0, Int32(POSIX_FADV_SEQUENTIAL))
    }

    /// Reads from a descriptor that belongs to someone else, e.g. standard input.
    init(borrowing number: Int32) {
        self.number = number
        closesAtEnd = false
    }

    deinit {
        if closesAtEnd { close(number) }
    }

    /// Reads what there is, waiting for at least one byte.
    /// - Returns: Whether there was any: not at the end.
    func read(into buffer: ByteBuffer) throws(SystemError) -> Bool {
        precondition(!buffer.isFull, "there must be room to read into")
        while true {
            do {
                let count = try buffer.withFree { free throws(SystemError) in
                    try retryingInterrupted { Glibc.read(number, free.baseAddress, free.count) }
                }
                buffer.commit(count)
                bytesRead += Int64(count)
                return count > 0
            } catch {
                // A terminal or pipe that another process made non-blocking.
                guard error.code == EAGAIN else { throw error }
                try waitUntilReadable()
            }
        }
    }

    private func waitUntilReadable() throws(SystemError) {
        var request = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        _ = try retryingInterrupted { poll(&request, 1, -1) }
    }
}
