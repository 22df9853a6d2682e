/// A compression library that could not do its work.
struct CompressionFailure: Error {
    let detail: String
}
