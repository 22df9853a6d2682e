/// Writes JSON as bytes, in the order it is told.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []
    private var needsComma = false

    init() { bytes.reserveCapacity(1 << 14) }

    /// `{ … }`, as a value or under a key.
    mutating func object(_ key: String? = nil, _ body: (inout JSONWriter) throws -> Void) rethrows {
        open(key, UInt8(ascii: "{"))
        try body(&self)
        close(UInt8(ascii: "}"))
    }

    /// `[ … ]`
    mutating func array(_ key: String? = nil, _ body: (inout JSONWriter) throws -> Void) rethrows {
        open(key, UInt8(ascii: "["))
        try body(&self)
        close(UInt8(ascii: "]"))
    }

    /// A list of texts.
    mutating func texts(_ key: String?, _ values: some Sequence<String>) {
        array(key) { out in for value in values { out.text(nil, value) } }
    }

    /// A text; nil is `null`.
    mutating func text(_ key: String?, _ value: String?) {
        begin(key)
        if let value { quote(value) } else { null() }
    }

    /// A whole number; nil is `null`.
    mutating func integer(_ key: String?, _ value: Int64?) {
        begin(key)
        if let value { bytes.append(contentsOf: String(value).utf8) } else { null() }
    }

    /// A whole number.
    mutating func integer(_ key: String?, _ value: Int) { integer(key, Int64(value)) }

    /// A number; nil and what is no number are `null`. Six decimals: microseconds, where it is of seconds.
    mutating func number(_ key: String?, _ value: Double?) {
        begin(key)
        guard let value, value.isFinite else { return null() }
        let rounded = (value * 1e6).rounded() / 1e6
        if let whole = Int64(exactly: rounded), abs(rounded) < 1e15 {
            bytes.append(contentsOf: String(whole).utf8)
        } else {
            bytes.append(contentsOf: "\(rounded)".utf8)
        }
    }

    /// `true` or `false`
    mutating func flag(_ key: String?, _ value: Bool) {
        begin(key)
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    /// An instant in microseconds, as RFC 3339; nil is `null`.
    mutating func instant(_ key: String?, _ value: Int64?) {
        begin(key)
        guard let value else { return null() }
        bytes.append(UInt8(ascii: "\""))
        InstantFormat.append(value, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    /// A text that is JSON already; nil is `null`.
    mutating func raw(_ key: String?, _ json: String?) {
        begin(key)
        if let json { bytes.append(contentsOf: json.utf8) } else { null() }
    }

    private mutating func null() { bytes.append(contentsOf: "null".utf8) }

    private mutating func begin(_ key: String?) {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
        if let key {
            quote(key)
            bytes.append(UInt8(ascii: ":"))
        }
    }

    private mutating func open(_ key: String?, _ bracket: UInt8) {
        begin(key)
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func quote(_ value: String) {
        bytes.append(UInt8(ascii: "\""))
        var value = value
        value.withUTF8 { text in
            var plainFrom = 0
            for (index, byte) in text.enumerated() {
                // What needs no escape, nearly all, goes in whole stretches.
                if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte != 0x7F {
                    continue
                }
                bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[plainFrom..<index]))
                plainFrom = index + 1
                switch byte {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
                case 10: bytes.append(contentsOf: "\\n".utf8)
                default:
                    bytes.append(contentsOf: "\\u00".utf8)
                    bytes += [Self.digits[Int(byte >> 4)], Self.digits[Int(byte & 15)]]
                }
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[plainFrom...]))
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static let digits = Array("0123456789abcdef".utf8)
}
