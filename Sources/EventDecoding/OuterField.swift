internal import CSimdJSON

/// Reads one field of a message by a name that is only known at run time, as an option gives it: for tools; events are
/// read by ``EventDecoder``. One thread at a time.
public final class OuterField {
    private let reader: OpaquePointer?
    private let name: String

    /// - Parameter name: The outermost key.
    public init(_ name: String) {
        reader = csj_reader_create()
        self.name = name
    }

    deinit { csj_reader_destroy(reader) }

    /// Its text, or its number as JSON has it, in UTF-8.
    /// - Parameter limit: So many bytes of it at most.
    /// - Returns: Nothing where the message is no JSON object, or has no such field, or an empty one.
    public func value(in message: UnsafeRawBufferPointer, limit: Int) -> [UInt8] {
        guard let reader else { return [] }
        return [UInt8](unsafeUninitializedCapacity: limit) { out, count in
            count = csj_outer_field(
                reader, message.baseAddress?.assumingMemoryBound(to: UInt8.self), message.count, name,
                out.baseAddress, limit)
        }
    }
}
