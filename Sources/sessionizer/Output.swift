import Glibc

/// Standard output could not be written: a full disk, a closed pipe.
struct OutputError: Error, CustomStringConvertible {
    let reason: String
    var description: String { "the output cannot be written: \(reason)" }
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
                throw OutputError(reason: String(cString: strerror(errno)))
            }
        }
    }
}
