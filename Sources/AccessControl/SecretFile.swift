internal import Glibc

/// Files of secrets, as orchestrators mount them: tokens, keys, certificates, URLs.
public enum SecretFile {
    private static let largest = 1 << 20

    /// The bytes of a regular file of at most 1 MiB, or of one that a link leads to.
    /// - Throws: ``AccessFileError`` where it is none, cannot be read or is larger.
    public static func contents(of path: String) throws -> [UInt8] {
        // Secrets are read again and again: a pipe would wait for somebody who writes to it.
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0, let file = fdopen(descriptor, "r") else {
            throw AccessFileError(description: "\(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw AccessFileError(description: "\(path): no regular file; expected one, or a link to one")
        }
        // One more than it may hold: a file that was cut without a word could lose the end of a line.
        var bytes = [UInt8](repeating: 0, count: largest + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        if ferror(file) != 0 {
            throw AccessFileError(description: "\(path): \(String(cString: strerror(errno)))")
        }
        if count > largest {
            throw AccessFileError(
                description: "\(path): holds more than \(largest) bytes, which is the most that is read; "
                    + "take out what nobody needs any more")
        }
        return Array(bytes[..<count])
    }

    /// The same as text.
    public static func text(of path: String) throws -> String {
        String(decoding: try contents(of: path), as: UTF8.self)
    }
}
