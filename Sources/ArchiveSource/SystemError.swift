import Glibc

/// What the operating system answered when it refused something.
public struct SystemError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The number, as in `errno`.
    public let code: Int32

    /// The error of such a number.
    public init(code: Int32) {
        self.code = code
    }

    /// The error of the call just made. To be read at once, before any other call.
    static var last: SystemError { SystemError(code: errno) }

    /// Its usual text, e.g. "No such file or directory".
    public var description: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { text in
            guard let start = text.baseAddress, strerror_r(code, start, text.count) == 0 else {
                return "system error \(code)"
            }
            return String(cString: start)
        }
    }
}

/// Repeats a system call for as long as a signal interrupts it.
/// - Returns: What the call returned; its error if that is negative.
func retryingInterrupted<Result: SignedInteger>(
    _ call: () -> Result
) throws(SystemError) -> Result {
    while true {
        let result = call()
        if result >= 0 { return result }
        let error = SystemError.last
        if error.code != EINTR { throw error }
    }
}
