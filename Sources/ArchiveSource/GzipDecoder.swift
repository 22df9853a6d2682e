import CZlib

/// Inflates gzip members, one after another, through zlib, which also checks their checksums.
///
/// Zero bytes after a member are padding (tapes, object stores) and are passed over.
final class GzipDecoder {
    /// Whether a member has begun and not ended.
    private(set) var isInsideUnit = false

    private let stream: UnsafeMutablePointer<z_stream>
    private var hasEndedMember = false

    /// - Throws: What zlib says if it cannot start.
    init() throws(CompressionFailure) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 15 bits of window, and 16 for "gzip only": https://zlib.net/manual.html, inflateInit2.
        let code = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else {
            stream.deallocate()
            throw CompressionFailure(detail: "zlib could not start (code \(code))")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Inflates from one buffer into the other, as far as they reach.
    func decode(from input: ByteBuffer, into output: ByteBuffer) -> DecodingStep {
        if !isInsideUnit {
            if hasEndedMember { passOverPadding(input) }
            guard let first = input.first else { return .needsInput }
            guard first == 0x1f else { return .corrupt("what follows a member is not another one") }
            if hasEndedMember { inflateReset(stream) }
            isInsideUnit = true
        }
        let (consumed, produced, code) = input.withUnread { source in
            output.withFree { target in
                stream.pointee.next_in = UnsafeMutablePointer(
                    mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
                stream.pointee.avail_in = UInt32(source.count)
                stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(target.count)
                let code = inflate(stream, Z_NO_FLUSH)
                return (
                    source.count - Int(stream.pointee.avail_in),
                    target.count - Int(stream.pointee.avail_out), code
                )
            }
        }
        input.consume(consumed)
        output.commit(produced)
        switch code {
        case Z_OK: return .progress
        case Z_STREAM_END:
            isInsideUnit = false
            hasEndedMember = true
            return .progress
        case Z_BUF_ERROR: return consumed > 0 || produced > 0 ? .progress : .needsInput
        case Z_DATA_ERROR, Z_NEED_DICT: return .corrupt(message(code))
        default: return .failed(message(code))
        }
    }

    private func passOverPadding(_ input: ByteBuffer) {
        let zeros = input.withUnread { $0.prefix { $0 == 0 }.count }
        input.consume(zeros)
    }

    private func message(_ code: Int32) -> String {
        guard let text = stream.pointee.msg else { return "zlib code \(code)" }
        return String(cString: text)
    }
}
