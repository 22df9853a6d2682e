/// What the API tells of an event's payload beside its columns.
///
/// A payload was checked to be JSON when it was accepted; this reads its outermost keys and steps over the rest. What
/// "not there" means is the semantics' rule (section 1).
struct PayloadFields {
    var errorCode: String?
    var errorMessage: String?
    var hasError = false
    var fromState: String?
    var toState: String?
    var reason: String?

    init(event: String, payload: String) {
        var payload = payload
        payload.withUTF8 { bytes in
            var reader = JSONReader(bytes: bytes)
            var state: String?
            var rejection: String?
            reader.forEachKey { key, reader in
                switch key {
                case "error": readError(&reader)
                case "from_state": fromState = Self.given(reader.text())
                case "to_state": toState = Self.given(reader.text())
                case "state": state = Self.given(reader.text())
                case "reason": reason = Self.present(reader.text())
                case "rejection_reason": rejection = Self.present(reader.text())
                default: reader.skip()
                }
            }
            toState = toState ?? state
            reason = reason ?? rejection
        }
        hasError = errorCode != nil || errorMessage != nil || event == "robot.error"
    }

    private mutating func readError(_ reader: inout JSONReader) {
        (errorCode, errorMessage) = (nil, nil)
        guard reader.isObject else {
            errorCode = Self.given(reader.text())
            return
        }
        reader.forEachKey { key, reader in
            switch key {
            case "code": errorCode = Self.given(reader.text())
            case "message": errorMessage = Self.given(reader.text())
            default: reader.skip()
            }
        }
    }

    /// A code or a message is taken as it is, as in the tables: only of ids and reasons do `none` and its like mean nothing.
    private static func given(_ text: String?) -> String? { text.flatMap { $0.isEmpty ? nil : $0 } }

    private static let placeholders: Set<String> = ["null", "undefined", "unknown", "none", "n/a", ""]

    private static func present(_ text: String?) -> String? {
        guard let text else { return nil }
        if text.utf8.count > 12 { return text }
        let bare = text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed()
        return placeholders.contains(String(bare).lowercased()) ? nil : text
    }
}

extension PayloadFields {
    func write(_ out: inout JSONWriter) {
        out.flag("is_error", hasError)
        let texts = [
            ("error_code", errorCode), ("error_message", errorMessage), ("from_state", fromState),
            ("to_state", toState), ("reason", reason),
        ]
        for (name, text) in texts { out.text(name, text.map(Events.cut)) }
    }
}

/// Steps through JSON text that is known to be well formed.
struct JSONReader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var at = 0

    init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    var isObject: Bool {
        mutating get {
            skipBlanks()
            return at < bytes.count && bytes[at] == UInt8(ascii: "{")
        }
    }

    /// What a value is.
    enum Kind {
        case text, list, null
        /// A number, a flag or an object.
        case other
    }

    /// What the next value is.
    var kind: Kind {
        mutating get {
            skipBlanks()
            guard at < bytes.count else { return .null }
            switch bytes[at] {
            case UInt8(ascii: "\""): return .text
            case UInt8(ascii: "["): return .list
            case UInt8(ascii: "n"): return .null
            default: return .other
            }
        }
    }

    /// A value as it is written.
    mutating func raw() -> String {
        skipBlanks()
        let start = at
        skip()
        return String(decoding: bytes[min(start, at)..<at], as: UTF8.self)
    }

    /// Hands each key to `body`, which must read or skip its value. Anything but an object is stepped over.
    mutating func forEachKey(_ body: (String, inout JSONReader) -> Void) {
        guard isObject else { return skip() }
        at += 1
        while at < bytes.count {
            skipBlanks()
            guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { break }
            let key = string()
            skipBlanks()
            at += 1
            body(key, &self)
            skipBlanks()
            guard at < bytes.count, bytes[at] == UInt8(ascii: ",") else { break }
            at += 1
        }
        at += 1
    }

    /// Hands each element of an array to `body`, which must read or skip it. Anything else is stepped over.
    mutating func forEachElement(_ body: (inout JSONReader) -> Void) {
        skipBlanks()
        guard at < bytes.count, bytes[at] == UInt8(ascii: "[") else { return skip() }
        at += 1
        while at < bytes.count {
            skipBlanks()
            guard at < bytes.count, bytes[at] != UInt8(ascii: "]") else { break }
            body(&self)
            skipBlanks()
            guard at < bytes.count, bytes[at] == UInt8(ascii: ",") else { break }
            at += 1
        }
        at += 1
    }

    /// A string, or a number's text; nil for anything else, which is stepped over.
    mutating func text() -> String? {
        skipBlanks()
        guard at < bytes.count else { return nil }
        if bytes[at] == UInt8(ascii: "\"") { return string() }
        let start = at
        skip()
        let first = bytes[start]
        guard first == UInt8(ascii: "-") || (48...57).contains(first) else { return nil }
        return String(decoding: bytes[start..<at], as: UTF8.self)
    }

    /// Steps over a value.
    mutating func skip() {
        skipBlanks()
        var depth = 0
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "\""):
                skipString()
                if depth == 0 { return }
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return }
                depth -= 1
                if depth == 0 {
                    at += 1
                    return
                }
            case UInt8(ascii: ","): if depth == 0 { return }
            default: break
            }
            at += 1
        }
    }

    private mutating func skipBlanks() {
        while at < bytes.count, bytes[at] == 32 || (9...13).contains(bytes[at]) { at += 1 }
    }

    private mutating func skipString() {
        at += 1
        while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
            at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1
        }
        at = min(at + 1, bytes.count)
    }

    private mutating func string() -> String {
        let start = at + 1
        skipString()
        let raw = bytes[min(start, at)..<max(start, at - 1)]
        guard raw.contains(UInt8(ascii: "\\")) else { return String(decoding: raw, as: UTF8.self) }
        return Self.unescaped(Array(raw))
    }

    private static func unescaped(_ raw: [UInt8]) -> String {
        var units: [UInt16] = []
        var text = ""
        var plain: [UInt8] = []
        func flush() {
            text += String(decoding: units, as: UTF16.self)
            text += String(decoding: plain, as: UTF8.self)
            units = []
            plain = []
        }
        var index = 0
        while index < raw.count {
            guard raw[index] == UInt8(ascii: "\\"), index + 1 < raw.count else {
                if !units.isEmpty { flush() }
                plain.append(raw[index])
                index += 1
                continue
            }
            let letter = raw[index + 1]
            if letter == UInt8(ascii: "u"), index + 5 < raw.count,
                let unit = UInt16(String(decoding: raw[(index + 2)...(index + 5)], as: UTF8.self), radix: 16)
            {
                if !plain.isEmpty { flush() }
                units.append(unit)
                index += 6
                continue
            }
            if !units.isEmpty { flush() }
            let plainLetters: [UInt8: UInt8] = [110: 10, 114: 13, 116: 9, 98: 8, 102: 12]
            plain.append(plainLetters[letter] ?? letter)
            index += 2
        }
        flush()
        return text
    }
}
