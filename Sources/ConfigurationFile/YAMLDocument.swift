internal import CYAML

/// A YAML document as a tree that knows the line of everything in it.
public struct YAMLNode: Sendable {
    /// What stands there.
    public indirect enum Content: Sendable {
        case scalar(String)
        case list([YAMLNode])
        case map([(key: YAMLNode, value: YAMLNode)])
    }

    /// What stands there.
    public let content: Content
    /// The line, from 1.
    public let line: Int

    /// The text of a scalar.
    public var text: String? {
        if case .scalar(let text) = content { return text }
        return nil
    }
}

/// A configuration file that cannot be used: where, what was wrong, and what was expected.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible, Sendable {
    /// The file.
    public let file: String
    /// The line, from 1.
    public let line: Int
    /// What was wrong, and what was expected.
    public let problem: String

    /// All parts.
    public init(file: String, line: Int, problem: String) {
        self.file = file
        self.line = line
        self.problem = problem
    }

    /// `file:line: problem`
    public var description: String { "\(file):\(line): \(problem)" }
}

/// Reads YAML through libyaml.
public enum YAMLDocument {
    /// Parses a text; nil where nothing stands in it. A second document in it is refused: it would be read by nobody.
    public static func parse(_ text: String, file: String) throws(ConfigurationError) -> YAMLNode? {
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) == 1 else {
            throw ConfigurationError(file: file, line: 1, problem: "out of memory")
        }
        defer { yaml_parser_delete(&parser) }

        let bytes = Array(text.utf8)
        return try bytes.withUnsafeBufferPointer { buffer throws(ConfigurationError) in
            yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
            let first = try document(&parser, file)
            if first != nil, let second = try document(&parser, file) {
                throw ConfigurationError(
                    file: file, line: second.line,
                    problem: "a second document begins here (`---`); expected one")
            }
            return first
        }
    }

    /// The next document; nil after the last.
    private static func document(
        _ parser: inout yaml_parser_t, _ file: String
    ) throws(ConfigurationError) -> YAMLNode? {
        var document = yaml_document_t()
        guard yaml_parser_load(&parser, &document) == 1 else {
            let problem = parser.problem.map { String(cString: $0) } ?? "not YAML"
            throw ConfigurationError(file: file, line: Int(parser.problem_mark.line) + 1, problem: problem)
        }
        defer { yaml_document_delete(&document) }
        guard let root = yaml_document_get_root_node(&document) else { return nil }
        return try node(root, &document, file, depth: 0)
    }

    private static func node(
        _ raw: UnsafeMutablePointer<yaml_node_t>, _ document: inout yaml_document_t, _ file: String,
        depth: Int
    ) throws(ConfigurationError) -> YAMLNode {
        let line = Int(raw.pointee.start_mark.line) + 1
        // An alias may point to what holds it.
        guard depth < 32 else {
            throw ConfigurationError(file: file, line: line, problem: "nested deeper than 32 levels")
        }
        if raw.pointee.type == YAML_SCALAR_NODE {
            let scalar = raw.pointee.data.scalar
            let text = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            return YAMLNode(content: .scalar(String(decoding: text, as: UTF8.self)), line: line)
        }
        if raw.pointee.type == YAML_SEQUENCE_NODE {
            let items = raw.pointee.data.sequence.items
            var list: [YAMLNode] = []
            for item in UnsafeBufferPointer(start: items.start, count: items.top - items.start) {
                if let child = yaml_document_get_node(&document, item) {
                    list.append(try node(child, &document, file, depth: depth + 1))
                }
            }
            return YAMLNode(content: .list(list), line: line)
        }
        if raw.pointee.type == YAML_MAPPING_NODE {
            let pairs = raw.pointee.data.mapping.pairs
            var map: [(key: YAMLNode, value: YAMLNode)] = []
            for pair in UnsafeBufferPointer(start: pairs.start, count: pairs.top - pairs.start) {
                if let key = yaml_document_get_node(&document, pair.key),
                    let value = yaml_document_get_node(&document, pair.value)
                {
                    let name = try node(key, &document, file, depth: depth + 1)
                    if let text = name.text, let first = map.first(where: { $0.key.text == text }) {
                        throw ConfigurationError(
                            file: file, line: name.line,
                            problem: "`\(text)` stands here a second time (first in line \(first.key.line))")
                    }
                    map.append(
                        (
                            key: name,
                            value: try node(value, &document, file, depth: depth + 1)
                        ))
                }
            }
            return YAMLNode(content: .map(map), line: line)
        }
        throw ConfigurationError(
            file: file, line: line, problem: "a YAML node of a kind that is not used here")
    }
}
