/// RFC 4648: bytes as letters.
public enum Base64: Sendable {
    /// Section 4: `+`, `/`, and `=` up to a whole group.
    case standard
    /// Section 5, for URLs: `-`, `_`, and nothing behind.
    case url

    private static let common = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
    private static let standardLetters = common + Array("+/".utf8)
    private static let urlLetters = common + Array("-_".utf8)

    private var letters: [UInt8] {
        switch self {
        case .standard: Self.standardLetters
        case .url: Self.urlLetters
        }
    }

    private var isPadded: Bool {
        switch self {
        case .standard: true
        case .url: false
        }
    }

    /// Appends the letters of bytes: four for each three.
    public func append(_ bytes: some RandomAccessCollection<UInt8>, to text: inout [UInt8]) {
        let letters = letters
        var rest = bytes[...]
        while !rest.isEmpty {
            let group = rest.prefix(3)
            rest = rest.dropFirst(3)
            var bits = group.reduce(0) { $0 << 8 | Int($1) }
            bits <<= 8 * (3 - group.count)
            for place in 0...group.count { text.append(letters[bits >> (18 - 6 * place) & 63]) }
            if isPadded { text.append(contentsOf: repeatElement(UInt8(ascii: "="), count: 3 - group.count)) }
        }
    }

    /// The letters of bytes.
    public func encoded(_ bytes: some RandomAccessCollection<UInt8>) -> String {
        var text: [UInt8] = []
        append(bytes, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of letters, with or without what fills the last group; nil where one is none of the alphabet.
    public func decoded(_ text: String) -> [UInt8]? {
        let letters = letters
        var bytes: [UInt8] = []
        var (bits, count): (UInt32, Int) = (0, 0)
        var rest = text.utf8[...]
        while isPadded, rest.last == UInt8(ascii: "=") { rest = rest.dropLast() }
        for letter in rest {
            guard let value = letters.firstIndex(of: letter) else { return nil }
            bits = (bits << 6 | UInt32(value)) & 0xFFF_FFFF
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(bits >> UInt32(count) & 255))
            }
        }
        return bytes
    }
}
