internal import CZlib

/// Compresses small things that are in memory anyway, such as an answer over HTTP.
public enum GzipBytes {
    /// One gzip member of all the bytes.
    /// - Parameter level: 1 (quick) to 9 (small).
    public static func compressed(_ bytes: [UInt8], level: Int32 = 5) -> [UInt8] {
        var stream = z_stream()
        // 15 bits of window and 16 for a gzip header; 8 is zlib's usual memory level.
        let code = deflateInit2_(
            &stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        precondition(code == Z_OK, "zlib could not start (code \(code))")
        defer { deflateEnd(&stream) }
        // 32 more than zlib's bound: room for the header and the check sum.
        let room = Int(deflateBound(&stream, UInt(bytes.count))) + 32
        return [UInt8](unsafeUninitializedCapacity: room) { output, count in
            bytes.withUnsafeBytes { input in
                stream.next_in = UnsafeMutablePointer(
                    mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
                stream.avail_in = UInt32(bytes.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(room)
                let end = deflate(&stream, Z_FINISH)
                precondition(end == Z_STREAM_END, "zlib's bound was not enough (code \(end))")
            }
            count = room - Int(stream.avail_out)
        }
    }
}
