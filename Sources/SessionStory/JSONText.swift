internal import TextForms

/// Writes small JSON documents, in the order they are told.
public struct JSONText {
    /// What was written so far.
    public private(set) var text = ""
    private var needsComma = false

    /// Nothing yet.
    public init() {}

    /// `{ … }`, as a value or under a key.
    public mutating func object(_ key: String? = nil, _ body: (inout JSONText) -> Void) {
        open(key, "{")
        body(&self)
        close("}")
    }

    /// `[ … ]`
    public mutating func array(_ key: String? = nil, _ body: (inout JSONText) -> Void) {
        open(key, "[")
        body(&self)
        close("]")
    }

    /// A string; nil is `null`.
    public mutating func string(_ key: String? = nil, _ value: String?) {
        begin(key)
        if let value { quote(value) } else { text += "null" }
    }

    /// A whole number; nil is `null`.
    public mutating func integer(_ key: String? = nil, _ value: Int64?) {
        begin(key)
        text += value.map(String.init) ?? "null"
    }

    /// A number; nil and what is no number are `null`.
    public mutating func number(_ key: String? = nil, _ value: Double?) {
        begin(key)
        if let value, value.isFinite { text += "\(value)" } else { text += "null" }
    }

    /// `true` or `false`
    public mutating func flag(_ key: String? = nil, _ value: Bool) {
        begin(key)
        text += value ? "true" : "false"
    }

    /// A text that is JSON already.
    public mutating func raw(_ key: String? = nil, _ json: String) {
        begin(key)
        text += json
    }

    private mutating func begin(_ key: String?) {
        if needsComma { text += "," }
        needsComma = true
        if let key {
            quote(key)
            text += ":"
        }
    }

    private mutating func open(_ key: String?, _ bracket: String) {
        begin(key)
        text += bracket
        needsComma = false
    }

    private mutating func close(_ bracket: String) {
        text += bracket
        needsComma = true
    }

    private mutating func quote(_ value: String) { JSONString.append(value, to: &text, .cautious) }
}
