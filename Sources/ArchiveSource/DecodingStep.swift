/// What came of one call to a decoder.
enum DecodingStep: Equatable {
    /// It went on: it consumed or produced bytes, or both.
    case progress
    /// It can do nothing without more input.
    case needsInput
    /// The input is not what it should be. Nothing more will come.
    case corrupt(String)
    /// The library failed for a reason of its own, e.g. for want of memory.
    case failed(String)
}
