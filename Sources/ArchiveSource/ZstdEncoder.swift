import CZstd

/// Compresses into one Zstandard frame with a checksum.
final class ZstdEncoder {
    private let context: OpaquePointer

    init(level: Int32) throws(CompressionFailure) {
        guard let context = ZSTD_createCCtx() else {
            throw CompressionFailure(detail: "zstd could not start")
        }
        self.context = context
        // Both settings are valid for every context, and a level out of range is clamped by the library.
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    }

    deinit { ZSTD_freeCCtx(context) }

    /// Compresses bytes, all of which are consumed, into a buffer that is emptied whenever it is full.
    /// - Parameter ends: Whether these are the last ones.
    func encode(
        _ source: UnsafeRawBufferPointer, ends: Bool, into output: ByteBuffer,
        empty: () throws(SystemError) -> Void
    ) throws(SystemError) {
        var consumed = 0
        while true {
            if output.isFull { try empty() }
            let (taken, produced, remaining) = output.withFree { target in
                var bytesIn = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: consumed)
                var bytesOut = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
                let remaining = ZSTD_compressStream2(
                    context, &bytesOut, &bytesIn, ends ? ZSTD_e_end : ZSTD_e_continue)
                return (bytesIn.pos - consumed, bytesOut.pos, remaining)
            }
            precondition(
                ZSTD_isError(remaining) == 0, "zstd: \(String(cString: ZSTD_getErrorName(remaining)))")
            output.commit(produced)
            consumed += taken
            if ends ? remaining == 0 : consumed == source.count { return }
        }
    }
}
