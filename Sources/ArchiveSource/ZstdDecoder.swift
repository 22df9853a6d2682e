import CZstd

/// Decompresses Zstandard frames, one after another; their checksums are checked where they have one.
final class ZstdDecoder {
    /// Whether a frame has begun and not ended.
    private(set) var isInsideUnit = false

    private let context: OpaquePointer
    /// How many bytes the library would like next.
    private var wanted: Int

    init() throws(CompressionFailure) {
        guard let context = ZSTD_createDCtx() else {
            throw CompressionFailure(detail: "zstd could not start")
        }
        self.context = context
        wanted = Self.shortestFrameStart
    }

    deinit { ZSTD_freeDCtx(context) }

    /// Decompresses from one buffer into the other, one block at most.
    ///
    /// The library is fed no more than it asks for: where a block is corrupt, a call loses what it
    /// produced before that block, so no call is to hold two.
    func decode(from input: ByteBuffer, into output: ByteBuffer) -> DecodingStep {
        let (consumed, produced, result) = input.withUnread { source in
            output.withFree { target in
                var bytesIn = ZSTD_inBuffer(
                    src: source.baseAddress, size: min(source.count, max(wanted, 1)), pos: 0)
                var bytesOut = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
                let result = ZSTD_decompressStream(context, &bytesOut, &bytesIn)
                return (bytesIn.pos, bytesOut.pos, result)
            }
        }
        guard ZSTD_isError(result) == 0 else {
            return .corrupt(String(cString: ZSTD_getErrorName(result)))
        }
        input.consume(consumed)
        output.commit(produced)
        guard consumed > 0 || produced > 0 else {
            return input.isEmpty ? .needsInput : .failed("zstd stands still")
        }
        isInsideUnit = result != 0
        wanted = result == 0 ? Self.shortestFrameStart : Int(result)
        return .progress
    }

    /// What the shortest beginning of a frame takes: its magic number and the byte behind it.
    private static let shortestFrameStart = 5
}
