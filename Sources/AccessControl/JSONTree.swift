internal import CJOSE

/// A JSON document, read with jansson.
final class JSONTree {
    private let root: UnsafeMutablePointer<json_t>

    init?(_ bytes: [UInt8]) {
        var error = json_error_t()
        let made = bytes.withUnsafeBytes {
            json_loadb($0.baseAddress, $0.count, Int(JSON_REJECT_DUPLICATES), &error)
        }
        guard let made else { return nil }
        root = made
    }

    private init(owned: UnsafeMutablePointer<json_t>) { root = owned }

    deinit { cjose_shim_release(root) }

    func has(_ key: String) -> Bool { json_object_get(root, key) != nil }

    func text(_ key: String) -> String? {
        guard let value = json_object_get(root, key), cjose_shim_is_string(value) != 0 else { return nil }
        return String(cString: json_string_value(value))
    }

    /// A whole or broken number.
    func number(_ key: String) -> Double? {
        guard let value = json_object_get(root, key), cjose_shim_is_number(value) != 0 else { return nil }
        return json_number_value(value)
    }

    /// The texts of an array; a single text is one of them. Nil where it is neither.
    func texts(_ key: String) -> [String]? {
        if let one = text(key) { return [one] }
        guard let value = json_object_get(root, key), cjose_shim_is_array(value) != 0 else { return nil }
        var texts: [String] = []
        for index in 0..<json_array_size(value) {
            guard let item = json_array_get(value, index), cjose_shim_is_string(item) != 0 else { return nil }
            texts.append(String(cString: json_string_value(item)))
        }
        return texts
    }

    /// The elements of an array, each as a document of its own; nil where there is none.
    func elements(_ key: String) -> [JSONTree]? {
        guard let value = json_object_get(root, key), cjose_shim_is_array(value) != 0 else { return nil }
        return (0..<json_array_size(value)).compactMap { json_array_get(value, $0) }.map {
            JSONTree(owned: json_incref($0))
        }
    }

    /// As JSON text.
    var serialized: [UInt8] {
        guard let text = json_dumps(root, Int(JSON_COMPACT | JSON_ENCODE_ANY)) else { return [] }
        defer { free(text) }
        return Array(String(cString: text).utf8)
    }
}
