/// RFC 8259, read byte by byte: slow, plain, and independent of the decoder that it judges.
public struct PlainJSON {
    private let bytes: [UInt8]
    private var at = 0

    /// Whether the bytes are one JSON text nested at most 512 deep.
    public static func isValid(_ bytes: [UInt8]) -> Bool {
        guard String(validating: bytes, as: UTF8.self) != nil else { return false }
        var reader = PlainJSON(bytes: bytes)
        return reader.value(depth: 0) && reader.at == bytes.count
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private var next: UInt8? { at < bytes.count ? bytes[at] : nil }

    private mutating func take(_ character: Character) -> Bool {
        guard next == character.asciiValue else { return false }
        at += 1
        return true
    }

    private mutating func blanks() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { at += 1 }
    }

    private mutating func value(depth: Int) -> Bool {
        blanks()
        defer { blanks() }
        if take("{") { return depth < 512 && members("}", depth) { $0.string() && $0.colon() } }
        if take("[") { return depth < 512 && members("]", depth) { _ in true } }
        if next == Character("\"").asciiValue { return string() }
        for word in ["true", "false", "null"] where bytes[at...].starts(with: word.utf8) {
            at += word.utf8.count
            return true
        }
        return number()
    }

    private mutating func members(
        _ close: Character, _ depth: Int, _ key: (inout PlainJSON) -> Bool
    ) -> Bool {
        blanks()
        if take(close) { return true }
        while true {
            blanks()
            guard key(&self), value(depth: depth + 1) else { return false }
            if take(close) { return true }
            guard take(",") else { return false }
        }
    }

    private mutating func colon() -> Bool {
        blanks()
        return take(":")
    }

    private mutating func string() -> Bool {
        guard take("\"") else { return false }
        while let byte = next {
            at += 1
            if byte == Character("\"").asciiValue { return true }
            if byte < 0x20 { return false }
            if byte == Character("\\").asciiValue {
                guard let escape = next else { return false }
                at += 1
                if escape == Character("u").asciiValue {
                    guard at + 4 <= bytes.count else { return false }
                    let digits = bytes[at..<(at + 4)]
                    guard digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit && $0 < 0x80 }) else {
                        return false
                    }
                    at += 4
                } else if !#""\/bfnrt"#.utf8.contains(escape) {
                    return false
                }
            }
        }
        return false
    }

    private mutating func number() -> Bool {
        _ = take("-")
        if !take("0") { guard digits() else { return false } }
        if take(".") { guard digits() else { return false } }
        if take("e") || take("E") {
            _ = take("+") || take("-")
            return digits()
        }
        return true
    }

    private mutating func digits() -> Bool {
        let start = at
        while let byte = next, (0x30...0x39).contains(byte) { at += 1 }
        return at > start
    }
}
