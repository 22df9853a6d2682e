import EngineUnderTest
import ReferenceModel
import SeededRandomness
import SessionCore
import SessionPipeline
import SessionStore
import Testing

/// What comes of chosen sets of events, whichever the store.
@Suite struct OutcomeTests {
    private func expectTables(
        _ store: StoreUnderTest, of lines: [String], _ comment: Comment? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let differences = try store.differences(from: referenceTables(lines: lines))
        #expect(differences == [], comment, sourceLocation: sourceLocation)
    }

    @Test(arguments: StoreKind.allCases, [0, 1000])
    func whatComesTwiceCountsOnce(kind: StoreKind, maxResident: Int) throws {
        let fresh = try FreshStore(kind)
        let store = try StoreUnderTest(place: fresh.place, maxResident: maxResident)
        defer { store.close() }
        let all = Batches.first + Batches.second
        // In one batch, in the next, after a restart, and one by one.
        try store.ingest(Batches.first + Batches.first)
        try store.ingest(all)
        try store.restart()
        try store.ingest(all.reversed())
        for line in all { try store.ingest([line]) }
        try expectTables(store, of: all)
        #expect(try store.count("events") == 14)
        // Rejects have no identity but their place: it was the fifteenth line, and then the first.
        #expect(try store.count("rejected_events") == 2)
        #expect(
            try store.one("SELECT sum(accepted) AS a, sum(duplicates) AS d FROM ingestion_batches")
                .map { [$0.number("a"), $0.number("d")] } == [14, 6 + 6 + 14 + 14])
    }

    /// One `event_id` in two hours is two events, also where both hours are in the store and not in memory.
    @Test(arguments: StoreKind.allCases)
    func oneIDInTwoHoursIsTwoEvents(kind: StoreKind) throws {
        let fresh = try FreshStore(kind)
        let store = try StoreUnderTest(place: fresh.place, maxResident: 1000)
        defer { store.close() }
        func line(_ event: String, _ time: String, _ id: String) -> String {
            #"{"event":"\#(event)","timestamp":"2026-03-01T\#(time):00Z","event_id":"\#(id)","robot_id":"r1"}"#
        }
        let before = [line("telemetry", "10:00", "a"), line("telemetry", "11:00", "b")]
        let after = [
            line("robot.parked", "10:30", "X"), line("robot.deployed", "11:30", "X"),
            line("robot.parked", "10:30", "X"),
        ]
        try store.ingest(before)
        try store.restart()
        try store.ingest(after)
        #expect(store.totals.accepted == 2 && store.totals.unequalTwins == 0)
        try expectTables(store, of: before + after)
        try store.restart()
        try store.ingest(after)
        #expect(store.totals.accepted == 0 && store.totals.unequalTwins == 0)
        try expectTables(store, of: before + after)
    }

    /// An event without an id, exported with the name that the store gave it, is the same event: in one batch, in the next,
    /// after a restart, and among so many of its hour that the whole hour is brought back.
    @Test(arguments: StoreKind.allCases, [1, 600])
    func exportedEventsAreTheSame(kind: StoreKind, count: Int) throws {
        let fresh = try FreshStore(kind)
        let store = try StoreUnderTest(place: fresh.place, maxResident: 1000)
        defer { store.close() }
        let raw = (0..<count).map {
            #"{"event":"robot.parked","timestamp":"2026-03-05T10:00:00.\#(100_000 + $0)Z","robot_id":"r\#($0 % 7)"}"#
        }
        let other = try FreshStore(kind)
        let first = try StoreUnderTest(place: other.place, maxResident: 1000)
        defer { first.close() }
        try first.ingest(raw)
        let exported = try first.place.withReader { try $0.rows("SELECT event_id, payload FROM events", []) }
            .map { row in
                "\(row.text("payload")?.dropLast() ?? ""),\"event_id\":\"\(row.text("event_id") ?? "")\"}"
            }
        try store.ingest(exported + raw)
        try store.ingest(raw)
        try store.restart()
        try store.ingest(exported + raw)
        try store.restart()
        try store.ingest(raw)
        #expect(try store.count("events") == Int64(count))
        #expect(
            try store.one("SELECT sum(accepted) AS a, sum(duplicates) AS d FROM ingestion_batches")
                .map { [$0.number("a"), $0.number("d")] } == [Double(count), Double(5 * count)])
        try expectTables(store, of: raw)
    }

    /// Sessions that rest in the store, brought back by what comes a month later: an event that takes a window's end
    /// back, and one that reopens.
    @Test(arguments: StoreKind.allCases)
    func whatRestsIsBroughtBack(kind: StoreKind) throws {
        let fresh = try FreshStore(kind)
        let store = try StoreUnderTest(place: fresh.place, maxResident: 3)
        defer { store.close() }
        var all: [String] = []
        for number in 0..<40 {
            let day = 10 + number / 4
            let batch = lines(
                """
                2026-03-\(day)T09:00:\(10 + number)Z demand.created demand_id=M\(number) merchant_id=S\(number % 3) source=web
                2026-03-\(day)T09:01:00Z demand.assigned    demand_id=M\(number) delivery_id=D\(number) robot_id=R\(number % 5)
                2026-03-\(day)T09:04:00Z robot.error        robot_id=R\(number % 5) error=LID
                2026-03-\(day)T09:30:00Z delivery.dropoff_completed delivery_id=D\(number)
                """)
            all += batch
            try store.ingest(batch)
        }
        try store.restart()
        for late in [
            "2026-03-10T09:03:00Z demand.assigned demand_id=M0 robot_id=R9",
            "2026-03-11T09:03:30Z robot.error robot_id=R1 error=LATE",
            "2026-04-11T09:00:00Z demand.assigned delivery_id=D7 robot_id=R2",
            "2026-03-12T09:00:30Z trip.created trip_id=T1 demand_id=M9 delivery_id=D10",
        ] {
            all += lines(late)
            try store.ingest(lines(late))
        }
        try expectTables(store, of: all)
    }

    /// Of two events with one `event_id` the first accepted stands, in memory or in the store, and the other is told of.
    @Test(arguments: StoreKind.allCases)
    func unequalTwinsAreCounted(kind: StoreKind) throws {
        let fresh = try FreshStore(kind)
        let store = try StoreUnderTest(place: fresh.place, maxResident: 0)
        defer { store.close() }
        let long = String(repeating: "e", count: 900)
        for id in ["e1", long] {
            let one = lines("2026-03-10T09:00:00Z demand.created delivery_id=D1 event_id=\(id)")
            let other = lines("2026-03-10T09:00:00Z demand.created delivery_id=D2 event_id=\(id)")
            try store.restart()
            #expect(try store.ingest(one).accepted == 1)
            #expect(try store.ingest(one).unequalTwins == 0)
            #expect(try store.ingest(other).unequalTwins == 1)
            #expect(store.totals.duplicates == 2)
        }
        #expect(try store.count("events") == 2)
        #expect(
            try store.one("SELECT count(*) AS n FROM events WHERE event_id LIKE 'fp-%'")?.integer("n") == 1)
    }

    @Test(arguments: StoreKind.allCases)
    func whatIsNoEventIsKeptWithItsReason(kind: StoreKind) throws {
        let fresh = try FreshStore(kind)
        let store = try StoreUnderTest(place: fresh.place, maxResident: 0)
        defer { store.close() }
        let messages: [[UInt8]] = [
            Array("{\"event\":\"a\",\"timestamp\":".utf8), Array("[1]".utf8), [0x7B, 0xFF, 0x7D],
            [0x7B, 0, 0x7D],
            Array(#"{"event":"a","timestamp":"soon\u0000"}"#.utf8), Array(#"{"event":"a"}"#.utf8),
            Array(#"{"timestamp":"2026-03-10T09:00:00Z"}"#.utf8),
        ]
        for _ in 0..<2 {
            try store.ingest(bytes: messages)
            try store.restart()
        }
        let rows = try store.place.withReader {
            try $0.rows(
                "SELECT origin, reason, body FROM rejected_events ORDER BY \($0.flavour.arrival)", [])
        }
        #expect(
            rows.map { $0.text("reason") } == [
                "malformed_json", "not_an_object", "invalid_utf8", "malformed_json", "invalid_timestamp",
                "missing_timestamp",
            ])
        #expect(rows.map { $0.text("origin") } == (1...6).map { "test:\($0)" })
        #expect(rows[1].text("body") == "[1]")
        let sums = try store.one(
            "SELECT sum(received) AS a, sum(rejected) AS b, sum(skipped) AS c FROM ingestion_batches")
        #expect([sums?.number("a"), sums?.number("b"), sums?.number("c")] == [14, 12, 2])
    }

    /// States and shifts that last for months: their hours are shown, not stored, and a late fact cuts them.
    @Test(arguments: StoreKind.allCases, [0, 1000])
    func longIntervals(kind: StoreKind, maxResident: Int) throws {
        let fresh = try FreshStore(kind)
        let store = try StoreUnderTest(place: fresh.place, maxResident: maxResident)
        defer { store.close() }
        var all: [String] = []
        for batch in [
            "2025-11-01T10:30:00Z robot.grounded robot_id=R1 reason=LID\n2025-11-03T00:00:00Z pilot.shift_started pilot_id=P1",
            "2026-03-10T11:15:00Z robot.deployed robot_id=R1\n2026-01-02T03:04:05Z pilot.shift_ended pilot_id=P1",
            "2026-01-15T12:00:00Z robot.parked robot_id=R1",
            "2025-11-03T00:30:00Z pilot.shift_ended pilot_id=P1\n2025-11-01T12:00:00Z robot.deployed robot_id=R1",
        ] {
            all += lines(batch)
            try store.ingest(lines(batch))
            try expectTables(store, of: all)
        }
    }

    /// Clocks that say 1969, 1700 or 9998: no event is too late, or too early.
    @Test(arguments: StoreKind.allCases, [0, 1000])
    func farDates(kind: StoreKind, maxResident: Int) throws {
        let fresh = try FreshStore(kind)
        let store = try StoreUnderTest(place: fresh.place, maxResident: maxResident)
        defer { store.close() }
        var all: [String] = []
        for (number, day) in [
            "1969-12-31", "1970-01-01", "0001-01-01", "1700-02-28", "2000-02-29", "2026-03-10", "9998-12-31",
            "2100-02-28",
        ].enumerated() {
            let batch = lines(
                """
                \(day)T23:10:00.000001Z demand.created  demand_id=M\(number) merchant_id=S1
                \(day)T23:11:00Z demand.assigned        demand_id=M\(number) delivery_id=D\(number) robot_id=R\(number)
                \(day)T23:12:00Z robot.error            robot_id=R\(number) error=LID
                \(day)T23:13:00Z robot.state_changed    robot_id=R\(number) to_state=idle
                \(day)T23:58:00Z robot.state_changed    robot_id=R\(number) to_state=charging
                \(day)T23:59:00Z delivery.failed        delivery_id=D\(number) error=STALL
                """)
            all += batch
            try store.ingest(batch)
            if number == 3 { try store.restart() }
        }
        try store.ingest(all)
        #expect(store.totals.duplicates == all.count)
        try expectTables(store, of: all)
    }

    /// JSON that is right, and that a store might stumble over; texts that no index holds.
    @Test(arguments: StoreKind.allCases, [0, 1000])
    func oddPayloads(kind: StoreKind, maxResident: Int) throws {
        let fresh = try FreshStore(kind)
        let store = try StoreUnderTest(place: fresh.place, maxResident: maxResident)
        defer { store.close() }
        var random = Randomness(state: 7)
        // Long, and not to be compressed.
        let long = String(
            (0..<9000).map { _ in Character(UnicodeScalar(UInt8.random(in: 97...122, using: &random))) })
        let extras = [
            #""note":"\u0000\ud800 \udc00x""#, #""n":1e400,"m":-0.0,"k":123456789012345678901234567890"#,
            #""a":\#(String(repeating: "[", count: 400))\#(String(repeating: "]", count: 400))"#,
            #""note":"a\tb\\N\"\u001f","event":"robot.error""#, #""x":"\u00e9\ud83d\ude80 é🚀""#,
            #""robot_id":"R{\"},\\ ,NULL","merchant_id":"S \"1\"""#,
            #""robot_id":"\#(long)","delivery_id":"\#(long)","demand_id":"é\#(long)""#,
            #""merchant_id":"\#(long)","source":"\#(long)2","event":"\#(long)3""#,
            #""error":{"code":"\#(long)","message":"\#(long)"},"robot_id":"R8","to_state":"\#(long)","event":"robot.state_changed""#,
        ]
        let messages = extras.enumerated().map { number, extra in
            #"{"event":"demand.assigned","timestamp":"2026-03-10T09:0\#(number):00Z","robot_id":"R1","delivery_id":"D\#(number)",\#(extra)}"#
        }
        for message in messages { #expect(try store.ingest([message]).rejectedCount == 0, "\(message)") }
        #expect(store.totals.accepted == messages.count)
        try store.ingest(messages)
        #expect(store.totals.duplicates == messages.count)
        #expect(try store.count("events") == Int64(messages.count))
        let payloads = try store.place.withReader {
            try $0.rows("SELECT CAST(payload AS text) AS payload FROM events ORDER BY occurred_at", [])
                .map { $0.text("payload") }
        }
        #expect(payloads == messages)
        let longest = try store.one("SELECT max(length(session_id)) AS n FROM sessions")?.integer("n")
        #expect(longest == 809)
        #expect(
            try store.one(#"SELECT robot_ids FROM sessions WHERE session_id = 'delivery:D5'"#)?
                .text("robot_ids") == #"["R{\"},\\ ,NULL"]"#)
    }
}
