/// The command line was wrong.
struct UsageError: Error, CustomStringConvertible {
    let description: String
}

/// Options and operands of one command.
struct Arguments {
    private(set) var operands: [String] = []
    private var options: [String: String] = [:]
    private var flagsSet: Set<String> = []

    /// - Parameters:
    ///   - allowed: The options that the command knows; each takes a value.
    ///   - flags: Those that take none.
    init(_ words: [String], allowed: Set<String>, flags: Set<String> = []) throws {
        var index = 0
        var onlyOperands = false
        while index < words.count {
            let word = words[index]
            index += 1
            if onlyOperands || word == "-" || !word.hasPrefix("--") {
                if !onlyOperands, word != "-", word.hasPrefix("-") {
                    throw UsageError(description: "unknown option \(word)")
                }
                operands.append(word)
                continue
            }
            if word == "--" {
                onlyOperands = true
                continue
            }
            if flags.contains(word) {
                flagsSet.insert(word)
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            guard allowed.contains(name) else {
                let known = allowed.union(flags).sorted().joined(separator: ", ")
                throw UsageError(description: "unknown option \(name); known: \(known)")
            }
            if parts.count == 2 {
                options[name] = String(parts[1])
            } else {
                guard index < words.count else { throw UsageError(description: "\(name) needs a value") }
                options[name] = words[index]
                index += 1
            }
        }
    }

    subscript(_ name: String) -> String? { options[name] }

    /// Refuses operands.
    func takeNoOperand(_ command: String) throws {
        if let first = operands.first {
            throw UsageError(description: "\(command) takes no operand; \(first) is one too many")
        }
    }

    /// Whether a flag was given.
    func has(_ flag: String) -> Bool { flagsSet.contains(flag) }

    /// `text` (the default) or `json`.
    func wantsJSON() throws -> Bool {
        switch options["--format"] ?? "text" {
        case "text": return false
        case "json": return true
        case let other: throw UsageError(description: "--format \(other): expected text or json")
        }
    }
}
