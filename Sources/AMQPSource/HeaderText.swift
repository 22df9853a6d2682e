internal import CRabbitMQ
internal import TextForms

/// A message's headers as a JSON object, complete but for what is over the limit.
///
/// | field | JSON |
/// |---|---|
/// | text that is UTF-8 | a string |
/// | text that is not, bytes | `{"base64": "…"}` |
/// | boolean, integers, floating point | `true`, numbers; `"nan"`, `"inf"`, `"-inf"`, which JSON has no number for |
/// | decimal | a number with all its places |
/// | timestamp | a string, RFC 3339 in UTC, to the second |
/// | table, array | an object, an array |
/// | void | `null` |
///
/// A key that comes twice is written twice. What is left out is told by a last member ``cutMark``.
struct HeaderText {
    /// The object; nothing before a first member.
    private(set) var bytes: [UInt8] = []
    /// Whether something was left out.
    private(set) var isCut = false

    private let limit: Int

    /// In bytes of JSON, of all headers together. A frame, which has to hold them all, is 128 KiB as a rule.
    static let longest = 1 << 16
    /// Tables within tables. A hostile message may nest some ten thousand.
    static let deepest = 64
    /// The member that says that this is not all.
    static let cutMark = "sessionizer-cut"

    init(limit: Int = longest) { self.limit = limit }

    /// What the names of properties begin with. The broker has looked at one of them, the user's; at headers it never does.
    private static let propertyMark: StaticString = "amqp-"
    /// What stands before the name of a header that begins as those of properties do.
    private static let headerMark: StaticString = "header:"

    /// Adds a header. A publisher may call it what he likes: what would be taken for a property gets another name.
    mutating func add(key: UnsafeRawBufferPointer, _ field: crmq_field) {
        let isMarked = Self.propertyMark.withUTF8Buffer { key.starts(with: $0) }
        if !isMarked { return add(member: key, field) }
        let name = Self.headerMark.withUTF8Buffer { Array($0) } + key
        name.withUnsafeBytes { add(member: $0, field) }
    }

    private mutating func add(member key: UnsafeRawBufferPointer, _ field: crmq_field) {
        guard hasRoom(0, forKey: key.count) else { return }
        put(bytes.isEmpty ? "{" : ",")
        put(key: key)
        put(field, depth: 1)
    }

    /// Adds what the message's properties say of its body and of who sent it: a body that is packed, or no JSON at all, is told by
    /// nothing else. What every message of JSON says is left out.
    mutating func add(_ properties: UnsafePointer<amqp_basic_properties_t>) {
        let said = properties.pointee
        func has(_ flag: Int32) -> Bool { crmq_has(properties, UInt32(flag)) != 0 }
        if has(AMQP_BASIC_CONTENT_TYPE_FLAG),
            !UnsafeRawBufferPointer(said.content_type).elementsEqual("application/json".utf8)
        {
            add("amqp-content-type", said.content_type)
        }
        if has(AMQP_BASIC_CONTENT_ENCODING_FLAG) { add("amqp-content-encoding", said.content_encoding) }
        if has(AMQP_BASIC_MESSAGE_ID_FLAG) { add("amqp-message-id", said.message_id) }
        if has(AMQP_BASIC_TYPE_FLAG) { add("amqp-type", said.type) }
        if has(AMQP_BASIC_USER_ID_FLAG) { add("amqp-user-id", said.user_id) }
        if has(AMQP_BASIC_APP_ID_FLAG) { add("amqp-app-id", said.app_id) }
    }

    private mutating func add(_ key: StaticString, _ text: amqp_bytes_t) {
        guard text.len > 0 else { return }
        var field = crmq_field()
        field.what = CRMQ_FIELD_TEXT
        field.text = text
        key.withUTF8Buffer { add(member: UnsafeRawBufferPointer($0), field) }
    }

    /// Ends the object.
    mutating func end() {
        if isCut { put(bytes.isEmpty ? "{\"\(Self.cutMark)\":true" : ",\"\(Self.cutMark)\":true") }
        if !bytes.isEmpty { put("}") }
    }

    // MARK: Values

    private mutating func put(_ field: crmq_field, depth: Int) {
        switch field.what {
        case CRMQ_FIELD_FLAG: put(field.integer == 0 ? "false" : "true")
        case CRMQ_FIELD_INTEGER: put(String(field.integer))
        case CRMQ_FIELD_NATURAL: put(String(field.natural))
        case CRMQ_FIELD_SINGLE: put(number: Float(field.real))
        case CRMQ_FIELD_DOUBLE: put(number: field.real)
        case CRMQ_FIELD_DECIMAL: put(Self.decimal(field.integer, places: Int(field.places)))
        case CRMQ_FIELD_TEXT: put(text: UnsafeRawBufferPointer(field.text))
        case CRMQ_FIELD_BYTES: put(base64: UnsafeRawBufferPointer(field.text))
        case CRMQ_FIELD_TIMESTAMP: put(timestamp: field.natural)
        case CRMQ_FIELD_TABLE: put(field.table, depth: depth)
        case CRMQ_FIELD_ARRAY: put(field.array, depth: depth)
        default: put("null")
        }
    }

    private mutating func put(_ table: amqp_table_t, depth: Int) {
        put("{")
        for index in 0..<Int(table.num_entries) {
            guard let entry = table.entries?.advanced(by: index) else { break }
            let key = UnsafeRawBufferPointer(entry.pointee.key)
            guard hasRoom(depth, forKey: key.count) else { break }
            if index > 0 { put(",") }
            put(key: key)
            var field = crmq_field()
            crmq_read_field(crmq_entry_value(entry), &field)
            put(field, depth: depth + 1)
        }
        put("}")
    }

    private mutating func put(_ array: amqp_array_t, depth: Int) {
        put("[")
        for index in 0..<Int(array.num_entries) {
            guard hasRoom(depth), let value = array.entries?.advanced(by: index) else { break }
            if index > 0 { put(",") }
            var field = crmq_field()
            crmq_read_field(value, &field)
            put(field, depth: depth + 1)
        }
        put("]")
    }

    /// Whether another member may be begun; notes that something is left out where not.
    private mutating func hasRoom(_ depth: Int, forKey length: Int = 0) -> Bool {
        if bytes.count + length >= limit || depth >= Self.deepest { isCut = true }
        return !isCut
    }

    private mutating func put(key: UnsafeRawBufferPointer) {
        // A key is a short text by the specification; bytes in it that are none are replaced.
        if key.allSatisfy(Self.isPlain) {
            put(text: key)
        } else {
            var text = String(decoding: key, as: UTF8.self)
            text.withUTF8 { put(text: UnsafeRawBufferPointer($0)) }
        }
        put(":")
    }

    private mutating func put(number: some BinaryFloatingPoint & LosslessStringConvertible) {
        put(number.isFinite ? String(number) : "\"\(number)\"")
    }

    static func decimal(_ value: Int64, places: Int) -> String {
        let digits = String(value.magnitude)
        let sign = value < 0 ? "-" : ""
        if places == 0 { return sign + digits }
        let padded = String(repeating: "0", count: max(places + 1 - digits.count, 0)) + digits
        return "\(sign)\(padded.dropLast(places)).\(padded.suffix(places))"
    }

    private mutating func put(timestamp seconds: UInt64) {
        // The year 9999 is the last that RFC 3339 can write.
        guard seconds <= 253_402_300_799 else { return put(String(seconds)) }
        let day = CivilDay(daysSinceEpoch: Int(seconds / 86_400))
        let second = Int(seconds % 86_400)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let year = String(day.year)
        let date =
            "\(String(repeating: "0", count: max(4 - year.count, 0)))\(year)-\(two(day.month))-\(two(day.day))"
        put("\"\(date)T\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))Z\"")
    }

    // MARK: Texts

    private mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }

    /// A JSON string, as long as there is room.
    private mutating func put(text: UnsafeRawBufferPointer) {
        if text.count <= limit - bytes.count, text.allSatisfy(Self.isPlain) {
            bytes.append(UInt8(ascii: "\""))
            bytes.append(contentsOf: text)
            bytes.append(UInt8(ascii: "\""))
            return
        }
        guard let scalars = String(validating: text, as: UTF8.self)?.unicodeScalars else {
            return put(base64: text)
        }
        put("\"")
        for scalar in scalars {
            if bytes.count >= limit {
                isCut = true
                break
            }
            switch scalar {
            case "\"", "\\": put("\\\(scalar)")
            case "\n": put("\\n")
            case "\t": put("\\t")
            case "\r": put("\\r")
            case "\0"..<" ":
                put(scalar.value < 16 ? "\\u000" : "\\u00")
                put(String(scalar.value, radix: 16))
            default: bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
        put("\"")
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 32 && byte < 128 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private mutating func put(base64 data: UnsafeRawBufferPointer) {
        put("{\"base64\":\"")
        let fitting = data.prefix((max(limit - bytes.count, 0) + 3) / 4 * 3)
        if fitting.count < data.count { isCut = true }
        Base64.standard.append(fitting, to: &bytes)
        put("\"}")
    }
}
