internal import HTTPServer
internal import SessionStore

/// One question to the log, and what came of it.
struct QualityCheck {
    var name: String
    /// Nil: not measured.
    var count: Int64?
    var sentence: String
    var matters: String
    var href: String?
    /// What was asked; its column `n`, or the number of its rows, is the count.
    var question: SQLQuestion?
    /// What the program itself says of it.
    var command: String?
    /// Whether a count above nought is worth a look.
    var isFault = true
    /// Where it was not counted for want of time: how long it takes until asking again may help.
    var wait: Wait?

    enum Wait {
        /// It is being counted aside.
        case moment
        /// That took too long, too; later it is tried anew.
        case long
    }

    func write(_ flavour: SQLFlavour, _ out: inout JSONWriter) {
        out.object { out in
            out.text("check", name)
            out.text("status", count.map { $0 > 0 && isFault ? "look" : "ok" } ?? "not_measured")
            out.integer("count", count)
            out.text("sentence", sentence)
            out.text("matters", matters)
            out.text("href", href)
            out.text("sql", question?.text)
            out.text("command", command)
        }
    }
}

/// The checks of the page "Data quality". Each tells the SQL that it asked, with its values.
struct QualityChecks {
    let range: TimeRange
    let messages: [AnswerRow]
    let call: Call

    /// So many batches are added up, the latest: a live service makes as many in a working day.
    static let mostBatches: Int64 = 200_000
    static let batches =
        "(SELECT * FROM ingestion_batches ORDER BY batch_id DESC LIMIT \(mostBatches)) recent"
    /// Of a batch, the messages that are in no bin or in more than one: both are faults, which must not make up for each other.
    static let remainder = "abs(received - accepted - duplicates - rejected - skipped)"

    /// The rows, and when they were counted if that was before.
    func told(_ found: AskedAside.Found) -> (rows: [AnswerRow]?, words: String, wait: QualityCheck.Wait?) {
        switch found {
        case .rows(let rows, let at):
            (rows, at.map { " Counted at \(InstantFormat.words($0)) UTC." } ?? "", nil)
        case .pending:
            (nil, "Not counted yet: it takes longer than a page may. Ask again in a few seconds.", .moment)
        case .tooSlow(let seconds): (nil, "Not counted: it took longer than \(seconds) seconds.", .long)
        }
    }

    private var span: String {
        "from=\(PercentCoding.encoded(InstantFormat.text(range.from)))"
            + "&to=\(PercentCoding.encoded(InstantFormat.text(range.to)))"
    }
    var whole: TimeRange { range.wholeHours }

    /// All of them, in the order of the way of an event through the service.
    func all(_ clocks: Clocks) throws -> [QualityCheck] {
        [
            everyMessage, try rejected(), duplicates, try orphans(), try anomalous(), try conflicts(),
            try overLinked(), try noReason(), skew(clocks), try ahead(),
            try late(), try unknownEvents(),
        ]
    }

    private func sum(_ name: String) -> Int64 { messages.reduce(0) { $0 + ($1.integer(name) ?? 0) } }

    /// Which messages the sums are of: those of how many batches, since when, and whether there are none before.
    var counted: (batches: Int64, since: Int64?, isAll: Bool) {
        let batches = sum("batches")
        return (batches, messages.compactMap { $0.integer("since") }.min(), batches < Self.mostBatches)
    }

    func plural(_ count: Int64, _ one: String, _ many: String) -> String {
        "\(count) \(count == 1 ? one : many)"
    }

    private func sumOfBatches(_ sum: String) -> SQLQuestion {
        SQLQuestion("SELECT CAST(sum(\(sum)) AS BIGINT) AS n FROM \(Self.batches)")
    }

    // MARK: - Messages

    private var everyMessage: QualityCheck {
        let received = sum("received")
        let lost = sum("remainder")
        let (batches, since, isAll) = counted
        let told =
            plural(received, "message", "messages") + " in " + (isAll ? "" : "the latest ")
            + plural(batches, "batch", "batches")
            + (since.map { " since \(InstantFormat.words($0)) UTC" } ?? "")
        return QualityCheck(
            name: "every_message_counted", count: lost,
            sentence: lost == 0
                ? "Of \(told), each is in one bin: accepted, duplicate, rejected or skipped."
                : "Of \(told), \(lost) are in no bin or in more than one.",
            matters: "What is in no bin is missing everywhere; what is in two is counted twice.",
            question: sumOfBatches(Self.remainder),
            command: "sessionizer verify ARCHIVE… --store URL")
    }

    private static let mostRejected: Int64 = 100_000

    /// Counted where they are kept and not by their batches, of which only the latest are added up: what the list of them
    /// holds is never nought here.
    private func rejected() throws -> QualityCheck {
        let question = SQLQuestion(
            "SELECT count(*) AS n FROM (SELECT 1 AS one FROM rejected_events LIMIT \(Self.mostRejected)) kept"
        )
        let count = try question.rows(call).first?.integer("n") ?? 0
        return QualityCheck(
            name: "rejected", count: count,
            sentence: plural(count, "message", "messages") + " could not be read, over all times"
                + (count == Self.mostRejected ? " (or more)." : "."),
            matters: "A rejected message is kept, but it is no event: it is missing in its delivery.",
            href: "/analytics/v1/rejected", question: question,
            command: "sessionizer rejected --store URL")
    }

    private var duplicates: QualityCheck {
        let (received, duplicates) = (sum("received"), sum("duplicates"))
        let share = received > 0 ? Double(duplicates) / Double(received) : 0
        return QualityCheck(
            name: "duplicates", count: duplicates,
            sentence: plural(duplicates, "message", "messages") + " told what another had told, "
                + "\((share * 1000).rounded() / 10)% of \(counted.isAll ? "all" : "those in the latest batches").",
            matters: "They count once and change nothing; many of them cost the broker.",
            question: sumOfBatches("duplicates"), isFault: share > 0.2)
    }

    /// How long after they happened events came. Only of those that came from a queue can that be known: an archive's
    /// events were all received when it was replayed, whenever they had been written.
    private func late() throws -> QualityCheck {
        var check = QualityCheck(
            name: "late_events", sentence: "",
            matters:
                "Until they came, what they tell was missing; afterwards every table is as if they had been in time. A "
                + "stream that is read again from its beginning counts as late, too.")
        let archive = call.asOf.scopes.first { $0.text("scope") == "archive" }
        let isMixed = call.asOf.scopes.contains { !["all", "archive"].contains($0.text("scope") ?? "") }
        let replayed =
            archive.flatMap { row in row.integer("last_committed_at").map { ($0, row.integer("events") ?? 0) }
            }
            .map { at, events in
                "\(events) events were replayed from an archive, the last at \(InstantFormat.words(at)) UTC: they were "
                    + "received then, whenever they had come to the log, and that the archive does not tell."
            }
        if let replayed, !isMixed {
            check.sentence = "Not measured: the \(replayed)"
            return check
        }
        // By the hour they happened in: the store counts them as they come.
        let question = SQLQuestion(
            """
            SELECT CAST(coalesce(sum(events), 0) AS BIGINT) AS events, CAST(coalesce(sum(late), 0) AS BIGINT) AS n
            FROM arrival_hours WHERE hour >= \(call.at(1)) AND hour < \(call.at(2)) AND transport <> 'archive'
            """, [.integer(whole.from), .integer(whole.to)])
        check.question = question
        let row = try question.rows(call).first
        check.count = row?.integer("n") ?? 0
        check.sentence =
            "\(check.count ?? 0) of \(row?.integer("events") ?? 0) events from a queue came more than ten minutes "
            + "after they happened."
        if let replayed { check.sentence += " \(replayed)" }
        return check
    }

    // MARK: - What they tell

    /// How many rows a question has that is asked for a thousand at most.
    private func counted(_ question: SQLQuestion) throws -> (count: Int64, orMore: String) {
        let count = try question.counted(call)
        return (count, count == 1000 ? " (or more)" : "")
    }

    private func orphans() throws -> QualityCheck {
        let question = Events.orphanList(in: range, call)
        let (count, orMore) = try counted(question)
        return QualityCheck(
            name: "orphan_errors", count: count,
            sentence: plural(count, "robot error belongs", "robot errors belong")
                + " to no session\(orMore).",
            matters:
                "A fault while nobody was served is normal; one seconds off a window is a late or lost "
                + "assignment.",
            href: "/analytics/v1/orphans?\(span)", question: question)
    }

    private func anomalous() throws -> QualityCheck {
        let question = SQLQuestion(
            """
            SELECT session_id, anomaly_count FROM sessions WHERE anomaly_count > 0
              AND first_event_at >= \(call.at(1)) AND first_event_at < \(call.at(2))
            ORDER BY first_event_at DESC, session_id DESC LIMIT 1000
            """, [.integer(range.from), .integer(range.to)])
        let (count, orMore) = try counted(question)
        return QualityCheck(
            name: "anomalous_sessions", count: count,
            sentence: plural(count, "session", "sessions")
                + " with contradictions\(orMore).",
            matters:
                "Somebody named a robot or pilot while another held the session, or milestones are the wrong "
                + "way round: windows and durations of these are doubtful.",
            href: "/analytics/v1/sessions?anomalous=true&\(span)", question: question)
    }

    private func conflicts() throws -> QualityCheck {
        let question = SQLQuestion(
            "SELECT CAST(coalesce(sum(state_conflicts), 0) AS BIGINT) AS n FROM fleet_hours "
                + "WHERE hour >= \(call.at(1)) AND hour < \(call.at(2))",
            [.integer(whole.from), .integer(whole.to)])
        let count = try question.rows(call).first?.integer("n") ?? 0
        return QualityCheck(
            name: "state_conflicts", count: count,
            sentence: plural(count, "state change", "state changes")
                + " from a state that the robot was not in.",
            matters: "A change before it was lost or late: supply hours of these robots are doubtful.",
            question: question)
    }

    private func overLinked() throws -> QualityCheck {
        let question = SQLQuestion(
            "SELECT from_id, count(*) AS targets FROM links GROUP BY from_id HAVING count(*) > ?1 LIMIT 100",
            [.integer(call.rules.maxTargets)])
        let found = try told(call.api.aside.answer(to: question, call))
        let ids = found.rows?.compactMap { $0.text("from_id") }
        return QualityCheck(
            name: "over_linked", count: ids.map { Int64($0.count) },
            sentence: ids.map { ids in
                ids.isEmpty
                    ? "No id is linked to more than \(call.rules.maxTargets) others."
                    : "\(ids.count) ids are linked to more than \(call.rules.maxTargets) others: "
                        + "\(ids.prefix(5).joined(separator: ", "))."
            }.map { $0 + found.words } ?? found.words,
            matters:
                "Such an id is a broken producer's; it stands for itself, and its events join no delivery.",
            question: question, wait: found.wait)
    }

    private func noReason() throws -> QualityCheck {
        let states = call.rules.downtime.sorted()
        let list = states.isEmpty ? "NULL" : states.indices.map { "?\($0 + 3)" }.joined(separator: ", ")
        let place =
            "hour >= \(call.at(1)) AND hour < \(call.at(2)) AND reason = '' AND state IN (\(list))"
        let question = SQLQuestion(
            "SELECT CAST(coalesce(sum(micros), 0) AS BIGINT) / 1000000 AS n FROM (\n"
                + "SELECT micros FROM fleet_state_hours WHERE \(place)\nUNION ALL\n"
                + "SELECT micros FROM long_state_hours WHERE \(place)) told",
            [.integer(whole.from), .integer(whole.to)] + states.map { .text($0) })
        let seconds = try question.rows(call).first?.number("n") ?? 0
        return QualityCheck(
            name: "no_reason", count: Int64(seconds),
            sentence: seconds > 0
                ? "\(InstantFormat.length(seconds)) of downtime without a reason."
                : "All downtime has a reason.",
            matters: "It stands as \"none given\" in the Pareto of downtime.",
            href: "/analytics/v1/fleet/downtime/intervals?reason=&\(span)", question: question)
    }

    /// Names of stored events that the catalogue does not have; found by leaps through the key.
    private func unknownEvents() throws -> QualityCheck {
        let known = (call.api.knownEvents?.sorted()).map { $0.isEmpty ? [""] : $0 }
        let question = known.map { known in
            SQLQuestion(
                """
                WITH RECURSIVE names(name) AS (
                  SELECT min(event) FROM event_hourly
                  UNION ALL
                  SELECT (SELECT min(e.event) FROM event_hourly e WHERE e.event > names.name) FROM names
                    WHERE names.name IS NOT NULL)
                SELECT name FROM names WHERE name IS NOT NULL
                  AND name NOT IN (\(known.indices.map { "?\($0 + 1)" }.joined(separator: ", "))) LIMIT 10000
                """, known.map { .text($0) })
        }
        let names = try question?.rows(call).compactMap { $0.text("name") }
        return QualityCheck(
            name: "unknown_events", count: names.map { Int64($0.count) },
            sentence: names.map { names in
                names.isEmpty
                    ? "Every event's name is in the catalogue."
                    : "\(names.count) names are not in the catalogue: \(names.prefix(10).joined(separator: ", "))."
            } ?? "The catalogue is not known here.",
            matters:
                "Such events join by their ids and do nothing else; a mistyped name opens or closes nothing.",
            question: question, command: "sessionizer catalogue", isFault: false)
    }
}
