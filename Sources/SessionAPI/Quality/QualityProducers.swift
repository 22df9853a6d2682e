internal import SessionStore

/// How late events came, and whose clocks are ahead, by producer.
///
/// No field of an event names the program that wrote it (`source` is where an order came from). So producers are told apart
/// by what events do say: the first word of their name, which a program of its own writes, their `source`, and for what
/// robots tell of themselves the robot.
struct QualityProducers {
    /// Events that are looked at, the latest of the range.
    private static let most = 50_000
    private static let tenth: Int64 = 100_000

    /// How long after they happened events were received.
    private struct Lateness {
        /// By tenths of a second.
        private var counts: [Int64: Int64] = [:]
        private(set) var events: Int64 = 0
        private(set) var late: Int64 = 0
        private(set) var ahead: Int64 = 0

        mutating func add(_ tenths: Int64, _ count: Int64) {
            counts[tenths, default: 0] += count
            events += count
            if tenths > 6000 { late += count }
            if tenths < -10 { ahead += count }
        }

        /// The least that so great a share of them is not above.
        func seconds(_ share: Double) -> Double {
            let place = max(1, Int64((share * Double(events)).rounded(.up)))
            var seen: Int64 = 0
            for (tenths, count) in counts.sorted(by: { $0.key < $1.key }) {
                seen += count
                if seen >= place { return Double(tenths) / 10 }
            }
            return 0
        }

        var mostAhead: Double { max(0, -Double(counts.keys.min() ?? 0) / 10) }
        var longest: Double { Double(counts.keys.max() ?? 0) / 10 }

        func write(_ out: inout JSONWriter) {
            out.integer("events", events)
            out.integer("late", late)
            out.number("median_seconds", seconds(0.5))
            out.number("p95_seconds", seconds(0.95))
            out.number("max_seconds", longest)
            out.integer("ahead", ahead)
            out.number("most_ahead_seconds", ahead > 0 ? mostAhead : 0)
        }
    }

    private struct Producer: Hashable {
        var name: ByBytes
        var source: ByBytes
    }

    private var producers: [Producer: Lateness] = [:]
    private var robots: [ByBytes: Lateness] = [:]
    private let isMeasured: Bool
    /// Whether there was too little time for it, so that it may be told another time.
    private(set) var isTooSlow = false
    private let sentence: String

    /// - Throws: ``QuestionFailure`` where the store gives no answer.
    init(_ range: TimeRange, _ call: Call) throws {
        let scopes = Set(call.asOf.scopes.compactMap { $0.text("scope") })
        guard !scopes.subtracting(["all", "archive"]).isEmpty else {
            isMeasured = false
            sentence =
                scopes.isEmpty
                ? "Not measured: there is no event yet."
                : "Not measured: an archive does not tell when its events came to the log."
            return
        }
        guard
            let rows = try Self.question(range, hasArchive: scopes.contains("archive"), call)
                .rows(within: 0.4, call)
        else {
            isMeasured = false
            isTooSlow = true
            sentence = "Not measured: it took longer than 0.4 seconds."
            return
        }
        var producers: [Producer: Lateness] = [:]
        var robots: [ByBytes: Lateness] = [:]
        for row in rows {
            let (tenths, count) = (row.integer("tenths") ?? 0, row.integer("n") ?? 0)
            let producer = Producer(
                name: (row.text("producer") ?? "").byBytes, source: (row.text("source") ?? "").byBytes)
            producers[producer, default: Lateness()].add(tenths, count)
            if let robot = row.text("robot") { robots[robot.byBytes, default: Lateness()].add(tenths, count) }
        }
        self.producers = producers
        self.robots = robots
        isMeasured = true
        let events = producers.values.reduce(0) { $0 + $1.events }
        let worst = producers.filter { $0.value.late > 0 }.max {
            ($0.value.late, $1.key.name) < ($1.value.late, $0.key.name)
        }
        let ahead = robots.filter { $0.value.ahead > 0 }.max { $0.value.mostAhead < $1.value.mostAhead }
        sentence =
            "Of the latest \(events) events from a queue"
            + (worst.map { ", most of the late ones are \($0.key.name.text) events (\($0.value.late))" }
                ?? ", none is late")
            + (ahead.map {
                "; \($0.key)'s clock is \(InstantFormat.length($0.value.mostAhead)) ahead at the most."
            }
                ?? "; no robot's clock is ahead.")
    }

    /// Nothing but what an index leads to, and of that so much at most.
    private static func question(_ range: TimeRange, hasArchive: Bool, _ call: Call) -> SQLQuestion {
        let producer =
            switch call.flavour {
            case .sqlite: "substr(event, 1, instr(event || '.', '.') - 1)"
            case .postgres: "split_part(event, '.', 1)"
            }
        let queued =
            hasArchive
            ? " AND received_at NOT IN (SELECT started_at FROM ingestion_batches WHERE transport = 'archive')"
            : ""
        let whole = range.wholeHours
        // What is ahead of the clock belongs to what came lately.
        let end = range.to < call.asOf.now ? whole.to / InstantFormat.hour : Int64(Int32.max)
        return SQLQuestion(
            """
            SELECT \(producer) AS producer, coalesce(source, '') AS source,
              CASE WHEN event LIKE 'robot.%' THEN robot_id END AS robot,
              \(call.flavour.micros(from: "occurred_at", to: "received_at")) / \(tenth) AS tenths, count(*) AS n
            FROM (SELECT event, source, robot_id, occurred_at, received_at FROM events
              WHERE hour >= ?1 AND hour < ?2\(queued) ORDER BY hour DESC LIMIT \(most)) latest
            GROUP BY 1, 2, 3, 4
            """,
            [.integer(whole.from / InstantFormat.hour), .integer(end)])
    }

    func write(_ out: inout JSONWriter) {
        out.object("producers") { out in
            out.flag("measured", isMeasured)
            out.text("sentence", sentence)
            out.array("rows") { out in
                let rows = producers.sorted {
                    ($1.value.late, $0.key.name, $0.key.source) < ($0.value.late, $1.key.name, $1.key.source)
                }
                for (producer, lateness) in rows {
                    out.object { out in
                        out.text("producer", producer.name.text)
                        out.text("source", producer.source.text.isEmpty ? nil : producer.source.text)
                        lateness.write(&out)
                    }
                }
            }
            out.array("robots") { out in
                let rows = robots.filter { $0.value.late + $0.value.ahead > 0 }.sorted {
                    ($1.value.late + $1.value.ahead, $0.key) < ($0.value.late + $0.value.ahead, $1.key)
                }
                for (robot, lateness) in rows.prefix(20) {
                    out.object { out in
                        out.text("robot_id", robot.text)
                        lateness.write(&out)
                    }
                }
            }
        }
    }
}
