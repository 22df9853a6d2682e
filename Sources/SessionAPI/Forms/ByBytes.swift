/// An id as the stores compare it: by its bytes. To Swift an é is an e with an accent, and two robots would be one.
struct ByBytes: Hashable, Comparable {
    let text: String

    static func == (one: ByBytes, other: ByBytes) -> Bool { one.text.utf8.elementsEqual(other.text.utf8) }

    static func < (one: ByBytes, other: ByBytes) -> Bool {
        one.text.utf8.lexicographicallyPrecedes(other.text.utf8)
    }

    func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
    }
}

extension String {
    /// To be compared by its bytes.
    var byBytes: ByBytes { ByBytes(text: self) }
}
