/// A text that may be a secret: as it was given, or in a file. A file is read when its text is needed: what goes before it
/// leaves it alone.
enum GivenSecret {
    case text(String)
    /// The path of a file that holds it alone, and what named it.
    case file(String, namedBy: String)

    /// - Throws: ``UsageError`` where the file cannot be read or is empty, with what named it.
    func read() throws -> String {
        switch self {
        case .text(let text): return text
        case .file(let path, let name):
            do {
                return try Settings.secret(of: path)
            } catch let error as UsageError {
                throw UsageError(description: "\(name): \(error.description)")
            }
        }
    }
}
