import Glibc

/// Standard output could not be written: a full disk, a closed pipe.
struct OutputError: Error, CustomStringConvertible {
    /// `errno`
    let code: Int32
    var description: String { "the output cannot be written: \(String(cString: strerror(code)))" }

    /// Whoever read has enough (`| head`): nothing to complain of.
    var isEnough: Bool { code == EPIPE }

    /// What a shell tells of a program that a closed pipe ended.
    static let endedByPipe: Int32 = 128 + SIGPIPE
}

/// Writes a line to standard output, whole, or throws. Not `print`: that says nothing of a full disk.
func put(_ text: String, terminator: String = "\n") throws {
    var line = text + terminator
    try line.withUTF8 { bytes in
        var rest = UnsafeRawBufferPointer(bytes)
        while !rest.isEmpty {
            let count = write(STDOUT_FILENO, rest.baseAddress, rest.count)
            if count > 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            } else if count < 0, errno != EINTR {
                throw OutputError(code: errno)
            }
        }
    }
}
