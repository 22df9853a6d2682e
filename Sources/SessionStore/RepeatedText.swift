/// Texts of a column in which equal ones stand together: a text is made only where it is another one than before.
public struct RepeatedText {
    private var last = ""
    private var bytes: [UInt8]?

    /// Before the first.
    public init() {}

    /// The text of some bytes.
    public mutating func text(_ next: UnsafeRawBufferPointer) -> String {
        if let bytes, bytes.count == next.count, bytes.elementsEqual(next) { return last }
        bytes = [UInt8](next)
        last = String(decoding: next, as: UTF8.self)
        return last
    }
}
