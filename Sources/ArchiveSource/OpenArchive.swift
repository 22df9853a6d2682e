import MessageBatches

/// One file while it is read: its descriptor, its format once it is known, its lines.
final class OpenArchive {
    /// Whether the file has more, and what there was to say at its end.
    enum Reading {
        case goesOn
        case finished(ArchiveReport?)
    }

    private enum Decoder {
        case plain
        case gzip(GzipDecoder)
        case zstd(ZstdDecoder)
    }

    /// What came of asking for more bytes.
    private enum Supply {
        case bytes
        case end
        case broken(ArchiveReport.Finding)
    }

    private let path: String
    private let input: InputDescriptor
    private let stored: ByteBuffer
    private let decoded: ByteBuffer
    private var decoder: Decoder?
    private var lines: LineSplitter
    /// How many lines had ended when the current gzip member or zstd frame began.
    private var linesBeforeUnit: Int64 = 0
    /// What ends the file once the bytes before it are taken.
    private var breakage: ArchiveReport.Finding?

    /// - Parameters:
    ///   - stored: Memory for the file's bytes, empty, used by one open file at a time.
    ///   - decoded: Memory for decompressed bytes, likewise.
    init(
        path: String, input: InputDescriptor, limits: ArchiveLimits, stored: ByteBuffer, decoded: ByteBuffer
    ) {
        self.path = path
        self.input = input
        self.stored = stored
        self.decoded = decoded
        lines = LineSplitter(origin: ArchiveFile(path: path, size: nil).origin, limits: limits)
    }

    /// How many of the file's bytes were consumed.
    var bytesConsumed: Int64 { input.bytesRead - Int64(stored.count) }

    /// Takes lines until the batch has no more room or the file no more lines.
    func readLines(into batch: MessageBatch, room: inout BatchRoom) throws(CompressionFailure) -> Reading {
        while !room.isUsedUp {
            switch try supply() {
            case .bytes: lines.split(window, into: batch, room: &room)
            case .end: return .finished(endIntact(batch, &room))
            case .broken(let finding):
                return .finished(report(finding, bytesDropped: lines.unfinishedLength))
            }
        }
        return .goesOn
    }

    private func endIntact(_ batch: MessageBatch, _ room: inout BatchRoom) -> ArchiveReport? {
        lines.finish(into: batch, room: &room) ? report(.lastLineUnterminated) : nil
    }

    private func report(_ finding: ArchiveReport.Finding, bytesDropped: Int = 0) -> ArchiveReport {
        let suspectLines: ClosedRange<Int64>? =
            if case .corrupt = finding, linesBeforeUnit < lines.linesEnded {
                linesBeforeUnit + 1...lines.linesEnded
            } else {
                nil
            }
        return ArchiveReport(
            path: path, finding: finding, line: lines.linesEnded, byteOffset: bytesConsumed,
            bytesDropped: bytesDropped, suspectLines: suspectLines)
    }

    /// The buffer that lines are taken from.
    private var window: ByteBuffer {
        switch decoder {
        case .plain, nil: stored
        case .gzip, .zstd: decoded
        }
    }

    /// Sees to it that there are bytes to take lines from.
    private func supply() throws(CompressionFailure) -> Supply {
        let decoder: Decoder
        if let known = self.decoder {
            decoder = known
        } else {
            if let failure = readFirstBytes() { return .broken(failure) }
            decoder = try recognisedDecoder()
            self.decoder = decoder
        }
        switch decoder {
        case .plain: return stored.isEmpty ? readMore() : .bytes
        case .gzip(let gzip):
            return try decompress(.gzip, isInsideUnit: { gzip.isInsideUnit }) {
                gzip.decode(from: stored, into: decoded)
            }
        case .zstd(let zstd):
            return try decompress(.zstd, isInsideUnit: { zstd.isInsideUnit }) {
                zstd.decode(from: stored, into: decoded)
            }
        }
    }

    /// Decompresses until there are bytes, reading as needed.
    private func decompress(
        _ format: ArchiveFormat, isInsideUnit: () -> Bool, decode: () -> DecodingStep
    ) throws(CompressionFailure) -> Supply {
        while decoded.isEmpty {
            if let breakage { return .broken(breakage) }
            // All bytes of the unit before, if there was one, have become lines.
            if !isInsideUnit() { linesBeforeUnit = lines.linesEnded }
            switch decode() {
            case .progress: break
            case .corrupt(let detail): breakage = .corrupt(format, detail: detail)
            case .failed(let detail): throw CompressionFailure(detail: detail)
            case .needsInput:
                switch readMore() {
                case .bytes: break
                case .end: return isInsideUnit() ? .broken(.endsEarly(format)) : .end
                case .broken(let finding): return .broken(finding)
                }
            }
        }
        return .bytes
    }

    private func readMore() -> Supply {
        do {
            return try input.read(into: stored) ? .bytes : .end
        } catch {
            return .broken(.cannotRead(error))
        }
    }

    /// Reads enough to tell the format.
    /// - Returns: Why it could not.
    private func readFirstBytes() -> ArchiveReport.Finding? {
        while stored.count < ArchiveFormat.magicLength {
            switch readMore() {
            case .bytes: break
            case .end: return nil
            case .broken(let finding): return finding
            }
        }
        return nil
    }

    private func recognisedDecoder() throws(CompressionFailure) -> Decoder {
        switch stored.withUnread({ ArchiveFormat(start: $0) }) {
        case .plain: .plain
        case .gzip: .gzip(try GzipDecoder())
        case .zstd: .zstd(try ZstdDecoder())
        }
    }
}
