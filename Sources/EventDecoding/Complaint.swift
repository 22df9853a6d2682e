internal import CSimdJSON

/// What the detail of a rejection says: what was wrong, at which byte (from 1), and what was expected.
enum Complaint {
    static let noTimestamp = "no `timestamp`; expected RFC 3339, e.g. 2026-11-02T16:15:07.992Z"

    static func timestamp(_ found: String) -> String {
        "`timestamp` is \(found); expected RFC 3339 with an offset, e.g. 2026-11-02T16:15:07.992Z"
    }

    static func malformed(_ bytes: UnsafeRawBufferPointer, _ result: csj_result) -> String {
        let offset = Int(result.error_offset)
        let expected = result.expected.map { String(cString: $0) } ?? "JSON"
        let found = offset < bytes.count ? describe(bytes[offset]) : "the end"
        return "\(found) at byte \(offset + 1); expected \(expected)"
    }

    static func invalidUTF8(_ bytes: UnsafeRawBufferPointer) -> String {
        var at = 0
        while at < bytes.count {
            let length = lengthOfScalar(bytes, at)
            if length == 0 { return "\(describe(bytes[at])) at byte \(at + 1); expected UTF-8" }
            at += length
        }
        return "expected UTF-8"
    }

    /// A text's beginning in quotes, for a message to a human.
    static func quoted(_ text: UnsafeRawBufferPointer) -> String {
        let shown = String(decoding: text.prefix(60), as: UTF8.self)
        return "\"\(shown)\(text.count > 60 ? "…" : "")\""
    }

    private static func describe(_ byte: UInt8) -> String {
        byte > 0x20 && byte < 0x7F
            ? "'\(Character(UnicodeScalar(byte)))'"
            : "byte 0x\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))"
    }

    /// The bytes of the scalar that begins here; 0 where none does.
    private static func lengthOfScalar(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Int {
        let first = bytes[at]
        if first < 0x80 { return 1 }
        let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
        guard first >= 0xC2, first <= 0xF4, at + length <= bytes.count else { return 0 }
        let second = bytes[at + 1]
        for index in (at + 1)..<(at + length) where bytes[index] & 0xC0 != 0x80 { return 0 }
        if first == 0xE0 && second < 0xA0 || first == 0xED && second >= 0xA0 { return 0 }
        if first == 0xF0 && second < 0x90 || first == 0xF4 && second >= 0x90 { return 0 }
        return length
    }
}
