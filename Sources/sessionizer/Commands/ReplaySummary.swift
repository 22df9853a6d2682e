import EventDecoding
import Glibc
import SessionPipeline
import SessionStore
import SessionStory

/// What a replay came to: every message in one bin, and the sessions that are in the store now.
struct ReplaySummary {
    let totals: IngestTotals
    let problems: [String]
    let files: Int
    /// Rows that came to `rejected_events`.
    let newRejects: Int64
    let elapsed: Double
    let sessions: [TableRow]

    private var perSecond: Double { elapsed > 0 ? (Double(totals.received) / elapsed).rounded() : 0 }

    private var peakMemory: Int64 {
        // Not getrusage: its peak includes that of the process that started this one.
        guard let file = fopen("/proc/self/status", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let words = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
                .split(separator: " ", omittingEmptySubsequences: true)
                .flatMap { $0.split(separator: "\t") }
            if words.first == "VmHWM:", words.count > 1 { return (Int64(words[1]) ?? 0) * 1024 }
        }
        return 0
    }

    private var rejected: [(String, Int)] {
        RejectReason.allCases.compactMap { reason in totals.rejected[reason].map { (reason.rawValue, $0) } }
    }

    func text() -> String {
        func some(_ count: Int, _ one: String) -> String { "\(count) \(one)\(count == 1 ? "" : "s")" }
        var lines = ["received    \(some(totals.received, "message")) in \(some(files, "file"))"]
        lines.append("accepted    \(totals.accepted)")
        let twins =
            totals.unequalTwins > 0 ? " (\(totals.unequalTwins) say something else than the first)" : ""
        lines.append("duplicates  \(totals.duplicates)\(twins)")
        lines.append("skipped     \(totals.skipped)")
        let reasons = rejected.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
        let known = Int64(totals.rejectedCount) - newRejects
        let again = known > 0 ? "; \(known) of them were there" : ""
        lines.append("rejected    \(totals.rejectedCount)\(reasons.isEmpty ? "" : " (\(reasons)\(again))")")
        if totals.overLinkedIDs > 0 {
            lines.append(
                "over-linked \(some(totals.overLinkedIDs, "id")): too many deliveries name one demand, trip, quote or "
                    + "offer, which stands for itself now")
        }
        if totals.accepted == 0, totals.duplicates > 0 {
            lines.append("nothing changed: all events were there")
        }
        if totals.received == 0 { lines.append("nothing was read: the files hold no lines") }
        lines.append("sessions in the store:")
        for row in sessions {
            let name = "\(row.text("kind") ?? "?") \(row.text("outcome") ?? "?")"
            lines.append(
                "  \(name)" + String(repeating: " ", count: max(1, 24 - name.count))
                    + "\(row.integer("n") ?? 0)")
        }
        lines.append(
            "\(InstantText.length(elapsed)), \(Int(perSecond)) events/s, peak memory \(peakMemory >> 20) MB")
        if !problems.isEmpty {
            lines.append("\(some(problems.count, "problem")) with files, see standard error")
        }
        return lines.joined(separator: "\n")
    }

    func json() -> String {
        var out = JSONText()
        out.object { out in
            out.integer("files", Int64(files))
            out.integer("received", Int64(totals.received))
            out.integer("accepted", Int64(totals.accepted))
            out.integer("duplicates", Int64(totals.duplicates))
            out.integer("unequal_twins", Int64(totals.unequalTwins))
            out.integer("skipped", Int64(totals.skipped))
            out.integer("over_linked_ids", Int64(totals.overLinkedIDs))
            out.integer("new_rejects", newRejects)
            out.object("rejected") { out in
                for (reason, count) in rejected { out.integer(reason, Int64(count)) }
            }
            out.array("sessions") { out in
                for row in sessions {
                    out.object { out in
                        out.string("kind", row.text("kind"))
                        out.string("outcome", row.text("outcome"))
                        out.integer("count", row.integer("n"))
                    }
                }
            }
            out.number("elapsed_seconds", elapsed)
            out.number("events_per_second", perSecond)
            out.integer("peak_memory_bytes", peakMemory)
            out.array("problems") { out in for problem in problems { out.string(nil, problem) } }
        }
        return out.text
    }
}
