import ArchiveSource
import ConfigurationFile
import EventDecoding
import Glibc
import MessageBatches
import SessionCore

// sessionizer-bench PHASE PATH...: how long one part of a replay takes by itself, on one thread.
//
// Prints one line of JSON. Reading and decompressing are not in the time: every batch is read first, then the
// clock runs. `bench/run.py` calls this and puts the figures side by side.
//
// sessionizer-bench drain URL QUEUE COUNT PREFETCH [decode]: how fast the live service's consumer empties a queue when
// the store only counts (Drain.swift); for `bench/live.py`.

/// What is timed.
enum Phase: String, CaseIterable {
    /// simdjson alone: the same fields found in the same lines, nothing made of them.
    case simdjson
    /// Lines to events: everything checked, identity, symbols.
    case decode
    /// Decoding, then the engine, whose changes go nowhere.
    case engine
}

func fail(_ text: String) -> Never {
    var text = "sessionizer-bench: " + text + "\n"
    text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    exit(2)
}

if CommandLine.arguments.dropFirst().first == "drain" {
    do {
        guard let options = try DrainOptions(Array(CommandLine.arguments.dropFirst(2))) else {
            fail("drain: expected URL QUEUE COUNT PREFETCH [decode]")
        }
        let drained = drain(options)
        print(
            """
            {"phase":"drain","messages":\(drained.messages),"events":\(drained.events),\
            "seconds":\(drained.seconds)}
            """)
        exit(0)
    } catch {
        fail("drain: \(error)")
    }
}

guard CommandLine.arguments.count >= 3, let phase = Phase(rawValue: CommandLine.arguments[1]) else {
    fail("expected \(Phase.allCases.map(\.rawValue).joined(separator: ", ")), then files or folders")
}

func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

do {
    let reader = ArchiveReader(
        files: try ArchiveFiles.find(paths: Array(CommandLine.arguments.dropFirst(2)), from: nil, to: nil))
    let decoded = DecodedBatch(batch: MessageBatch(capacity: 1 << 23))
    let symbols = SymbolTable()
    let meanings = EventMeanings(catalogue: try CatalogueFile.builtIn(), symbols: symbols)
    let engine = Engine(rules: Rules(), meanings: meanings, symbols: symbols)
    let decoder = EventDecoder()
    var events: [Event] = []
    var (lines, seconds, rows) = (0, 0.0, 0)
    while try reader.fill(decoded.batch, maxMessages: 20_000, maxBytes: 1 << 25) {
        lines += decoded.batch.messages.count
        let start = now()
        switch phase {
        case .simdjson:
            rows += pullFields(of: decoded.batch)
        case .decode:
            decoder.scan(decoded)
            EventDecoder.events(of: decoded, symbols: symbols, into: &events)
            rows += events.count
            engine.evict(limit: 60_000)
        case .engine:
            decoder.scan(decoded)
            EventDecoder.events(of: decoded, symbols: symbols, into: &events)
            // What is evicted is gone, since there is no store: an event that comes too late for that makes a
            // session of its own here. So the rows are not right, but the work is that of a replay.
            let changes = try engine.apply(events, bytes: decoded.batch.bytes, source: EmptySource())
            rows += changes.sessions.count + changes.windows.count + changes.robotStates.count
            engine.evict(limit: 60_000)
        }
        seconds += now() - start
        decoded.removeAll()
    }
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    print(
        """
        {"phase":"\(phase.rawValue)","lines":\(lines),"seconds":\(seconds),"rows":\(rows),\
        "lines_per_second":\(Int(Double(lines) / max(seconds, 1e-9))),"peak_mb":\(usage.ru_maxrss / 1024)}
        """)
} catch {
    fail("\(error)")
}
