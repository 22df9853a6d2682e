import CZlib

/// Compresses into one gzip member through zlib. The same bytes in give the same bytes out: no time stamp.
final class GzipEncoder {
    private let stream: UnsafeMutablePointer<z_stream>

    init(level: Int32) throws(CompressionFailure) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 15 bits of window and 16 for a gzip header; 8 is zlib's usual memory level.
        let code = deflateInit2_(
            stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else {
            stream.deallocate()
            throw CompressionFailure(detail: "zlib could not start (code \(code))")
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Compresses bytes, all of which are consumed, into a buffer that is emptied whenever it is full.
    /// - Parameter ends: Whether these are the last ones.
    func encode(
        _ source: UnsafeRawBufferPointer, ends: Bool, into output: ByteBuffer,
        empty: () throws(SystemError) -> Void
    ) throws(SystemError) {
        var consumed = 0
        while true {
            if output.isFull { try empty() }
            let (taken, produced, code) = output.withFree { target in
                stream.pointee.next_in = UnsafeMutablePointer(
                    mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self).advanced(by: consumed))
                stream.pointee.avail_in = UInt32(source.count - consumed)
                stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(target.count)
                let code = deflate(stream, ends ? Z_FINISH : Z_NO_FLUSH)
                return (
                    source.count - consumed - Int(stream.pointee.avail_in),
                    target.count - Int(stream.pointee.avail_out), code
                )
            }
            precondition(code != Z_STREAM_ERROR, "deflate was called on a stream that is not open")
            output.commit(produced)
            consumed += taken
            if ends ? code == Z_STREAM_END : consumed == source.count && !output.isFull { return }
        }
    }
}
