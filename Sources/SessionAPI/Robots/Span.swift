internal import SessionStore

/// A stretch of time of a pilot or robot.
struct Span {
    var id: String
    var startedAt: Int64
    var endedAt: Int64?
    var expiresAt: Int64

    init(id: String, startedAt: Int64, endedAt: Int64?, expiresAt: Int64) {
        self.id = id
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.expiresAt = expiresAt
    }

    init(_ row: AnswerRow) {
        id = row.text("id") ?? ""
        startedAt = row.integer("started_at") ?? 0
        endedAt = row.integer("ended_at")
        expiresAt = row.integer("expires_at") ?? 0
    }

    func write(_ out: inout JSONWriter) {
        out.object { out in
            out.text("id", id)
            out.instant("started_at", startedAt)
            out.instant("ended_at", endedAt)
            out.instant("expires_at", expiresAt)
        }
    }

    static func merged(_ spans: [Span]) -> [Span] {
        var merged: [Span] = []
        for span in spans.sorted(by: { ($0.id, $0.startedAt) < ($1.id, $1.startedAt) }) {
            if let last = merged.last, last.id == span.id, span.startedAt <= last.endedAt ?? last.expiresAt {
                let place = merged.count - 1
                merged[place].expiresAt = max(last.expiresAt, span.expiresAt)
                if let end = last.endedAt { merged[place].endedAt = span.endedAt.map { max(end, $0) } }
            } else {
                merged.append(span)
            }
        }
        return merged.sorted { ($0.startedAt, $0.id) < ($1.startedAt, $1.id) }
    }
}
