internal import CZlib
internal import CZstd
internal import Glibc

/// What a stream of bytes is, by its first bytes and not by its name.
enum Format {
    case plain, gzip, zstd

    init(_ first: UnsafeRawBufferPointer) {
        if first.count >= 2, first[0] == 0x1F, first[1] == 0x8B {
            self = .gzip
        } else if first.count >= 4, first[0] == 0x28, first[1] == 0xB5, first[2] == 0x2F, first[3] == 0xFD {
            self = .zstd
        } else {
            self = .plain
        }
    }
}

/// Unpacks a stream piece by piece, members and frames one after another.
final class Inflater {
    /// What a step came to.
    enum Step: Equatable {
        /// So many bytes were taken and so many made.
        case progress(consumed: Int, produced: Int)
        /// The data is not what its format demands.
        case corrupt(String)
    }

    private let format: Format
    private var zlib: UnsafeMutablePointer<z_stream>?
    private var zstd: OpaquePointer?
    /// Between members: the stream may end here.
    private(set) var isAtBoundary = true

    init(_ format: Format) {
        self.format = format
        switch format {
        case .plain: break
        case .gzip:
            let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
            stream.initialize(to: z_stream())
            // 31: a gzip header and the largest window (zlib.h, inflateInit2).
            precondition(
                inflateInit2_(stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK, "zlib")
            zlib = stream
        case .zstd:
            zstd = ZSTD_createDStream()
            precondition(zstd != nil, "out of memory")
        }
    }

    deinit {
        if let zlib {
            inflateEnd(zlib)
            zlib.deinitialize(count: 1)
            zlib.deallocate()
        }
        ZSTD_freeDStream(zstd)
    }

    func step(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Step {
        switch format {
        case .plain:
            let count = min(input.count, output.count)
            output.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[..<count]))
            return .progress(consumed: count, produced: count)
        case .gzip: return stepGzip(input, output)
        case .zstd: return stepZstd(input, output)
        }
    }

    private func stepGzip(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) -> Step {
        guard let zlib else { return .corrupt("closed") }
        if isAtBoundary {
            // Appenders pad with zeros; a member begins with 1f 8b.
            var zeros = 0
            while zeros < input.count, input[zeros] == 0 { zeros += 1 }
            if zeros > 0 { return .progress(consumed: zeros, produced: 0) }
            if input.isEmpty { return .progress(consumed: 0, produced: 0) }
            isAtBoundary = false
        }
        zlib.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        zlib.pointee.avail_in = UInt32(input.count)
        zlib.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        zlib.pointee.avail_out = UInt32(output.count)
        let code = inflate(zlib, Z_NO_FLUSH)
        let consumed = input.count - Int(zlib.pointee.avail_in)
        let produced = output.count - Int(zlib.pointee.avail_out)
        switch code {
        case Z_OK, Z_BUF_ERROR: break
        case Z_STREAM_END:
            inflateReset(zlib)
            isAtBoundary = true
        default:
            if produced > 0 { return .progress(consumed: consumed, produced: produced) }
            return .corrupt(
                zlib.pointee.msg.map { "damaged gzip data: \(String(cString: $0))" } ?? "damaged gzip data")
        }
        return .progress(consumed: consumed, produced: produced)
    }

    private func stepZstd(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) -> Step {
        guard let zstd else { return .corrupt("closed") }
        var from = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var into = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let left = ZSTD_decompressStream(zstd, &into, &from)
        if ZSTD_isError(left) != 0 {
            return .corrupt("damaged zstd data: \(String(cString: ZSTD_getErrorName(left)))")
        }
        if from.pos > 0 || into.pos > 0 { isAtBoundary = left == 0 }
        return .progress(consumed: from.pos, produced: into.pos)
    }
}
