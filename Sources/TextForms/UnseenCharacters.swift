/// Characters that one cannot see, or that reorder or steer what is around them: ids and messages come from outside.
public enum UnseenCharacters {
    /// C0 and C1 controls (a line feed and a tab too), zero-width and bidirectional ones, a byte order mark.
    public static func contains(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x2069, 0xFEFF: true
        default: false
        }
    }

    /// What is shown in its place: `\u202e`.
    public static func shown(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        return "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// A text with all of them shown.
    public static func shown(in text: String) -> String {
        if !text.unicodeScalars.contains(where: contains) { return text }
        var safe = ""
        for scalar in text.unicodeScalars {
            if contains(scalar) { safe += shown(scalar) } else { safe.unicodeScalars.append(scalar) }
        }
        return safe
    }
}
