/// A piece of memory of a fixed size that is filled at its end and consumed from its start.
final class ByteBuffer {
    let capacity: Int
    private let memory: UnsafeMutableRawPointer
    private var start = 0
    private var end = 0

    init(capacity: Int) {
        self.capacity = capacity
        memory = .allocate(byteCount: capacity, alignment: 64)
    }

    deinit { memory.deallocate() }

    /// How many bytes are in it, not yet consumed.
    var count: Int { end - start }

    var isEmpty: Bool { start == end }

    var isFull: Bool { end == capacity }

    var first: UInt8? { isEmpty ? nil : memory.load(fromByteOffset: start, as: UInt8.self) }

    /// The bytes not yet consumed.
    /// - Warning: The pointer must not leave the closure.
    func withUnread<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: memory + start, count: count))
    }

    /// The memory behind the bytes, to be filled; ``commit(_:)`` says how much of it was.
    /// - Warning: The pointer must not leave the closure.
    func withFree<Result, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeMutableRawBufferPointer(start: memory + end, count: capacity - end))
    }

    /// Counts so many bytes as filled.
    func commit(_ count: Int) {
        precondition(count >= 0 && count <= capacity - end, "more bytes committed than there was room for")
        end += count
    }

    /// Drops so many bytes from the start; an empty buffer begins anew.
    func consume(_ count: Int) {
        precondition(count >= 0 && count <= self.count, "more bytes consumed than there were")
        start += count
        if start == end { removeAll() }
    }

    func removeAll() {
        start = 0
        end = 0
    }

    /// Appends as much as there is room for.
    /// - Returns: How many bytes that was.
    func append(_ bytes: UnsafeRawBufferPointer) -> Int {
        let count = min(bytes.count, capacity - end)
        if let source = bytes.baseAddress, count > 0 {
            (memory + end).copyMemory(from: source, byteCount: count)
            end += count
        }
        return count
    }
}
