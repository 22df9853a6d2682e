/// A JSON value whose numbers keep the text they were written in.
enum JSONText: Equatable {
    case null
    case flag(Bool)
    case number(String)
    case string(String)
    case array([JSONText])
    case object([String: JSONText])

    /// Reads one whole document by the letter of RFC 8259; nil if it is not one.
    static func read(_ text: String) -> JSONText? {
        var reader = JSONTextReader(bytes: Array(text.utf8))
        return reader.document()
    }
}

/// A recursive-descent reader: every method returns nil where the grammar is broken.
struct JSONTextReader {
    static let deepest = 512

    let bytes: [UInt8]
    var position = 0
    var depth = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() -> JSONText? {
        guard let value = value() else { return nil }
        skipBlanks()
        return position == bytes.count ? value : nil
    }

    private var next: UInt8? {
        position < bytes.count ? bytes[position] : nil
    }

    private mutating func skipBlanks() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
    }

    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: byte) else { return false }
        position += 1
        return true
    }

    private mutating func take(word: String) -> Bool {
        let wanted = Array(word.utf8)
        guard position + wanted.count <= bytes.count,
            Array(bytes[position..<position + wanted.count]) == wanted
        else { return false }
        position += wanted.count
        return true
    }

    private mutating func value() -> JSONText? {
        skipBlanks()
        guard let byte = next else { return nil }
        switch Unicode.Scalar(byte) {
        case "{": return nested { $0.object() }
        case "[": return nested { $0.array() }
        case "\"": return string().map { .string($0) }
        case "t": return take(word: "true") ? .flag(true) : nil
        case "f": return take(word: "false") ? .flag(false) : nil
        case "n": return take(word: "null") ? .null : nil
        default: return number().map { .number($0) }
        }
    }

    private mutating func nested(_ read: (inout JSONTextReader) -> JSONText?) -> JSONText? {
        guard depth < Self.deepest else { return nil }
        depth += 1
        defer { depth -= 1 }
        position += 1
        return read(&self)
    }

    private mutating func object() -> JSONText? {
        var members: [String: JSONText] = [:]
        skipBlanks()
        if take("}") { return .object(members) }
        while true {
            skipBlanks()
            guard let key = string() else { return nil }
            skipBlanks()
            guard take(":"), let value = value() else { return nil }
            members[key] = value  // the last of several equal keys stands
            skipBlanks()
            if take("}") { return .object(members) }
            guard take(",") else { return nil }
        }
    }

    private mutating func array() -> JSONText? {
        var elements: [JSONText] = []
        skipBlanks()
        if take("]") { return .array(elements) }
        while true {
            guard let value = value() else { return nil }
            elements.append(value)
            skipBlanks()
            if take("]") { return .array(elements) }
            guard take(",") else { return nil }
        }
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = next, byte >= 0x30, byte <= 0x39 { position += 1 }
        return position - start
    }

    private mutating func number() -> String? {
        let start = position
        _ = take("-")
        if !take("0") {
            guard digits() > 0 else { return nil }
        }
        if take(".") {
            guard digits() > 0 else { return nil }
        }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            guard digits() > 0 else { return nil }
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func string() -> String? {
        guard take("\"") else { return nil }
        var content: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                return String(decoding: content, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let scalar = escape() else { return nil }
                content.append(contentsOf: Array(String(Character(scalar)).utf8))
            case 0..<0x20:
                return nil
            default:
                content.append(byte)
            }
        }
        return nil
    }

    private mutating func escape() -> Unicode.Scalar? {
        guard let byte = next else { return nil }
        position += 1
        switch Unicode.Scalar(byte) {
        case "\"": return "\""
        case "\\": return "\\"
        case "/": return "/"
        case "b": return "\u{08}"
        case "f": return "\u{0C}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "u": return unicodeEscape()
        default: return nil
        }
    }

    /// Four hex digits, or two times four for a surrogate pair; a surrogate alone is no text.
    private mutating func unicodeEscape() -> Unicode.Scalar? {
        guard let first = fourHexDigits() else { return nil }
        guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) }
        guard take("\\"), take("u"), let second = fourHexDigits(), (0xDC00..<0xE000).contains(second)
        else { return nil }
        return Unicode.Scalar(0x10000 + (first - 0xD800) * 0x400 + (second - 0xDC00))
    }

    private mutating func fourHexDigits() -> UInt32? {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue
            else { return nil }
            position += 1
            value = value * 16 + UInt32(digit)
        }
        return value
    }
}
