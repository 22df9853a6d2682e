internal import Glibc
internal import TextForms

/// How important a log line is.
public enum LogLevel: String, CaseIterable, Comparable, Sendable {
    case debug, info, warning, error

    /// By importance.
    public static func < (one: LogLevel, other: LogLevel) -> Bool { one.rank < other.rank }

    private var rank: Int {
        switch self {
        case .debug: 0
        case .info: 1
        case .warning: 2
        case .error: 3
        }
    }
}

/// A value in a log line.
public enum LogValue: Equatable, Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    case text(String)
    case integer(Int)
    case number(Double)
    case flag(Bool)

    /// A text.
    public init(stringLiteral value: String) { self = .text(value) }
    /// A whole number.
    public init(integerLiteral value: Int) { self = .integer(value) }

    fileprivate func write(to line: inout String) {
        switch self {
        case .text(let text): LogLine.quote(text, &line)
        case .integer(let value): line += String(value)
        case .number(let value): line += value.isFinite ? String(value) : "null"
        case .flag(let value): line += value ? "true" : "false"
        }
    }
}

/// Log lines: one JSON object each, written with one `write(2)` to standard error, so that lines of several threads
/// do not mix and none is lost in a buffer.
public struct Log: Sendable {
    /// Lines below it are not written.
    public let level: LogLevel
    private let descriptor: Int32
    private var context: [(key: String, value: LogValue)] = []

    /// To standard error, or another descriptor.
    public init(level: LogLevel = .info, descriptor: Int32 = 2) {
        self.level = level
        self.descriptor = descriptor
    }

    /// The same with a field that each of its lines begins with.
    public func adding(_ name: String, _ value: LogValue) -> Log {
        var log = self
        log.context.append((name, value))
        return log
    }

    /// Writes a line.
    /// - Parameters:
    ///   - event: A stable name, for searching.
    ///   - message: For people.
    ///   - fields: What else there is to know, in this order.
    public func write(
        _ level: LogLevel, _ event: String, _ message: String,
        _ fields: KeyValuePairs<String, LogValue> = [:]
    ) {
        guard level >= self.level else { return }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var line = LogLine.text(
            seconds: Int64(now.tv_sec), milliseconds: Int64(now.tv_nsec) / 1_000_000, level, event, message,
            context + fields.map { ($0.key, $0.value) })
        line += "\n"
        line.withUTF8 { bytes in
            guard let start = bytes.baseAddress else { return }
            var written = 0
            while written < bytes.count {
                let count = Glibc.write(descriptor, start + written, bytes.count - written)
                if count < 0, errno == EINTR { continue }
                // Nowhere is left to say that the log cannot be written.
                if count <= 0 { break }
                written += count
            }
        }
    }
}

/// How a line looks.
enum LogLine {
    static func text(
        seconds: Int64, milliseconds: Int64, _ level: LogLevel, _ event: String, _ message: String,
        _ fields: [(key: String, value: LogValue)]
    ) -> String {
        var line = "{\"time\":\"\(time(seconds, milliseconds))\",\"level\":\"\(level.rawValue)\",\"event\":"
        quote(event, &line)
        line += ",\"message\":"
        quote(message, &line)
        for (name, value) in fields {
            line += ","
            quote(name, &line)
            line += ":"
            value.write(to: &line)
        }
        return line + "}"
    }

    /// RFC 3339 in UTC.
    private static func time(_ seconds: Int64, _ milliseconds: Int64) -> String {
        var seconds = time_t(seconds)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func padded(_ number: some BinaryInteger, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(width - digits.count, 0)) + digits
        }
        return
            "\(padded(Int(parts.tm_year) + 1900, 4))-\(padded(parts.tm_mon + 1, 2))-\(padded(parts.tm_mday, 2))T"
            + "\(padded(parts.tm_hour, 2)):\(padded(parts.tm_min, 2)):\(padded(parts.tm_sec, 2))."
            + "\(padded(milliseconds, 3))Z"
    }

    static func quote(_ text: String, _ line: inout String) {
        JSONString.append(text, to: &line, .demanded)
    }
}
