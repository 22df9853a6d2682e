/// Texts as JSON strings (RFC 8259, section 7).
public enum JSONString {
    /// What is escaped.
    public enum Escapes: Sendable {
        /// What the RFC demands.
        case demanded
        /// Also what ends a line in JavaScript (U+2028, U+2029), and DEL: for output that is pasted somewhere.
        case cautious
    }

    /// Appends a text in quotes.
    public static func append(_ value: String, to text: inout String, _ escapes: Escapes) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            default:
                if isEscaped(scalar, escapes) {
                    let hex = String(scalar.value, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
                } else {
                    text.unicodeScalars.append(scalar)
                }
            }
        }
        text += "\""
    }

    private static func isEscaped(_ scalar: Unicode.Scalar, _ escapes: Escapes) -> Bool {
        if scalar.value < 0x20 { return true }
        switch escapes {
        case .demanded: return false
        case .cautious: return scalar.value == 0x7F || scalar.value == 0x2028 || scalar.value == 0x2029
        }
    }
}
