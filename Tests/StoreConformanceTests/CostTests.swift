import EngineUnderTest
@testable import PostgresStore
import ReferenceModel
@testable import SessionCore
import SessionStore
import Testing

/// What a batch costs follows what it changes, not what is stored.
@Suite struct CostTests {
    /// A broken producer names one trip in every delivery: it stands for itself, and one delivery more asks the store
    /// for no more than the first.
    @Test(arguments: StoreKind.allCases)
    func oneIdInHundredsOfDeliveries(kind: StoreKind) throws {
        let fresh = try FreshStore(kind)
        var asked = 0
        let store = try StoreUnderTest(
            place: fresh.place, maxResident: 0,
            wrap: { store in
                let counting = FaultyStore(store)
                counting.beforeReading = { asked += 1 }
                return counting
            })
        defer { store.close() }
        var all: [String] = []
        func add(_ numbers: Range<Int>) throws -> Int {
            let batch = numbers.flatMap { number in
                lines(
                    """
                    2026-03-10T08:00:\(10 + number % 50)Z demand.created demand_id=M\(number) trip_id=T0
                    2026-03-10T09:00:\(10 + number % 50)Z demand.active delivery_id=D\(number) demand_id=M\(number) trip_id=T0
                    """)
            }
            all += batch
            asked = 0
            try store.ingest(batch)
            return asked
        }
        let first = try add(0..<1)
        _ = try add(1..<300)
        let last = try add(300..<301)
        // All that is known of the trip is on its own row.
        #expect(last <= first + 4, "\(last) questions, at first \(first)")
        let differences = try store.differences(from: referenceTables(lines: all))
        #expect(differences == [])
    }

    /// Too many demands of which no delivery is known are no broken producer for good: when they come to one delivery,
    /// the trip goes there.
    @Test(arguments: StoreKind.allCases, [0, 1000])
    func tooManyMayComeToFew(kind: StoreKind, maxResident: Int) throws {
        let fresh = try FreshStore(kind)
        let store = try StoreUnderTest(place: fresh.place, maxResident: maxResident)
        defer { store.close() }
        var all = lines("2026-03-10T07:00:00Z trip.created trip_id=T0 quote_id=Q0")
        try store.ingest(all)
        for number in 0..<40 {
            let batch = lines(
                "2026-03-10T08:00:\(10 + number)Z demand.created demand_id=M\(number) trip_id=T0")
            all += batch
            try store.ingest(batch)
        }
        #expect(
            try store.one("SELECT session_id AS id FROM sessions WHERE kind = 'trip'")?.text("id")
                == "trip:T0")
        for number in 0..<40 {
            let batch = lines(
                "2026-03-10T09:00:\(10 + number)Z demand.active delivery_id=D\(number % 2) demand_id=M\(number)"
            )
            all += batch
            try store.ingest(batch)
            if number % 13 == 0 { #expect(try store.differences(from: referenceTables(lines: all)) == []) }
        }
        #expect(try store.differences(from: referenceTables(lines: all)) == [])
        #expect(try store.one("SELECT session_id AS id FROM sessions WHERE kind = 'trip'") == nil)
    }

    /// Late events for many deliveries that were closed long ago, each of another hour and another robot: what is known of
    /// them comes back in as few statements as of a few. A way to the server and back for each thing asked is what a
    /// restart would wait for.
    @Test func lateEventsForManyClosedDeliveries() throws {
        let fresh = try FreshStore(.postgres)
        var postgres: PostgresStore?
        let store = try StoreUnderTest(
            place: fresh.place, maxResident: 1000,
            wrap: { store in
                postgres = store as? PostgresStore
                return store
            })
        defer { store.close() }
        func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
        let whole = (0..<200).flatMap { n in
            lines(
                """
                2026-03-\(two(10 + n / 20))T\(two(n % 20)):00:00Z demand.created demand_id=M\(n)
                2026-03-\(two(10 + n / 20))T\(two(n % 20)):01:00Z demand.assigned delivery_id=D\(n) demand_id=M\(n) robot_id=R\(n)
                2026-03-\(two(10 + n / 20))T\(two(n % 20)):10:00Z pilot.assigned robot_id=R\(n) pilot_id=P\(n % 7)
                2026-03-\(two(10 + n / 20))T\(two(n % 20)):40:00Z delivery.dropoff_completed delivery_id=D\(n)
                """)
        }
        try store.ingest(whole)
        func late(_ numbers: [Int]) -> [String] {
            numbers.flatMap { n in
                lines(
                    """
                    2026-03-\(two(10 + n / 20))T\(two(n % 20)):20:00Z delivery.pickup_completed delivery_id=D\(n)
                    """)
            }
        }
        let (few, many) = ((0..<10).map { $0 * 20 }, (0..<180).map { $0 + $0 / 19 + 1 })
        #expect(Set(few).isDisjoint(with: many) && Set(many).count == 180)
        func statements(_ numbers: [Int]) throws -> Int {
            try store.restart()
            let connection = try #require(postgres).connection
            let before = connection.statementCount
            try store.ingest(late(numbers))
            return connection.statementCount - before
        }
        let forFew = try statements(few)
        let forMany = try statements(many)
        #expect(forMany <= forFew + 3, "\(forMany) statements, of a few deliveries \(forFew)")
        // Known ones are asked for nothing but whether they are there.
        try store.restart()
        let connection = try #require(postgres).connection
        let before = connection.statementCount
        try store.ingest(late(many))
        #expect(connection.statementCount - before < forFew)
        #expect(try store.differences(from: referenceTables(lines: whole + late(few + many))) == [])
    }

    /// One pass over what a robot did since a late fact, not each row against each.
    @Test func rowsAreComparedOnce() {
        struct Row: Equatable {
            var start: Instant
            var text: String
            var compared: Counter
            static func == (a: Row, b: Row) -> Bool {
                a.compared.count += 1
                return a.start == b.start && a.text == b.text
            }
        }
        final class Counter { var count = 0 }
        let counter = Counter()
        func row(_ start: Instant, _ text: String) -> Row { Row(start: start, text: text, compared: counter) }
        let old = (0..<5000).map { row(Instant($0) * 2, $0 == 7 ? "before" : "same") }
        var new = (0..<5000).map { row(Instant($0) * 2, "same") }
        new.remove(at: 9)
        new.insert(row(3, "new"), at: 2)
        var told: [String] = []
        forEachDifference(old, new, start: \.start) { was, now in
            told.append("\(was?.text ?? "-") \(now?.text ?? "-") at \(was?.start ?? now?.start ?? -1)")
        }
        #expect(told == ["- new at 3", "before same at 14", "same - at 18"])
        #expect(counter.count <= 5001)
    }

    /// A fact before everything that a robot and a pilot did moves the first row of each, and no other.
    @Test func aLateFactBeforeThousands() throws {
        let fresh = try FreshStore(.sqlite)
        let store = try StoreUnderTest(place: fresh.place, maxResident: 1000)
        defer { store.close() }
        func time(_ number: Int) -> String {
            func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
            return "2026-03-10T\(two(number / 360 % 24)):\(two(number / 6 % 60)):\(number % 6)0Z"
        }
        let many = (0..<2000).flatMap { number in
            lines(
                """
                \(time(number)) robot.state_changed robot_id=R1 to_state=s\(number % 3)
                \(time(number)) \(number % 2 == 0 ? "pilot.shift_started" : "pilot.shift_ended") pilot_id=P1
                \(time(number)) pilot.assigned pilot_id=P\(number % 3) robot_id=R1
                """)
        }
        let late = lines(
            """
            2026-03-09T23:00:00Z robot.state_changed robot_id=R1 to_state=s9
            2026-03-09T23:00:00Z pilot.shift_started pilot_id=P1
            2026-03-09T23:00:00Z pilot.assigned      pilot_id=P9 robot_id=R1
            """)
        try store.ingest(many)
        try store.ingest(late)
        #expect(try store.count("robot_states") == 2001)
        #expect(try store.count("robot_pilot_windows") == 2001)
        #expect(try store.differences(from: referenceTables(lines: many + late)) == [])
    }

    /// A fact that comes weeks late brings back the robot's states up to the next one that is told, not all that it did
    /// since: of thousands. Then the robot goes on where it was.
    @Test(arguments: StoreKind.allCases) func weeksLateBeforeThousands(kind: StoreKind) throws {
        let fresh = try FreshStore(kind)
        var counting: FaultyStore?
        let store = try StoreUnderTest(
            place: fresh.place, maxResident: 1000,
            wrap: { store in
                let faulty = FaultyStore(store)
                counting = faulty
                return faulty
            })
        defer { store.close() }
        func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
        func line(_ day: String, _ number: Int, _ state: String) -> String {
            lines(
                "\(day)T\(two(number / 60)):\(two(number % 60)):00Z robot.state_changed robot_id=R1 to_state=\(state)"
            )[0]
        }
        var all = (0..<1440).map { line("2026-03-\(two(20 + $0 % 5))", $0, "s\($0 % 3)") }
        try store.ingest(all)
        func add(_ batch: [String]) throws -> Int {
            all += batch
            let before = try #require(counting).robotFactsRead
            try store.ingest(batch)
            return try #require(counting).robotFactsRead - before
        }
        // Forwards, as an archive comes: what was brought back serves the next batch too.
        for number in 0..<10 {
            let read = try add([
                line("2026-03-02", number * 7, "s\(number % 3)"), line("2026-03-02", number * 7 + 3, "s1"),
            ])
            #expect(read <= 48, "batch \(number): \(read)")
            #expect(try store.differences(from: referenceTables(lines: all)) == [], "batch \(number)")
        }
        // Backwards, in between, right before the next one, with a state that it has then, and at its very instant.
        for (day, number, state) in [
            ("2026-03-01", 100, "s0"), ("2026-03-10", 5, "idle"), ("2026-03-19", 1439, "s0"),
            ("2026-03-20", 0, "s9"), ("2026-03-22", 700, "s2"), ("2026-03-22", 702, "s1"),
        ] {
            let read = try add([line(day, number, state)])
            // Of the six hours before the fact at most, the six after it, and up to the next change.
            #expect(read <= 400, "\(day) \(number): \(read)")
            #expect(try store.differences(from: referenceTables(lines: all)) == [], "\(day) \(number)")
        }
        // And at its end again, while something late comes in the same batch.
        #expect(try add([line("2026-03-25", 0, "s1"), line("2026-03-24", 1437, "s2")]) <= 400)
        #expect(try store.differences(from: referenceTables(lines: all)) == [])
        for number in 1..<4 {
            let read = try add([
                line("2026-03-03", number * 9, "s1"), line("2026-03-25", number, "s2"),
                line("2026-03-12", number, "s\(number % 2)"),
            ])
            #expect(read <= 200, "batch \(number): \(read)")
            #expect(try store.differences(from: referenceTables(lines: all)) == [], "batch \(number)")
        }
    }

    /// What ends one stretch of a robot's states begins another: a state at the very end, and a row that spans two.
    @Test(arguments: StoreKind.allCases) func stretchesThatMeet(kind: StoreKind) throws {
        let fresh = try FreshStore(kind)
        let store = try StoreUnderTest(place: fresh.place, maxResident: 1000, stateMargin: 0)
        defer { store.close() }
        var all: [String] = []
        func add(_ facts: (time: String, state: String)...) throws {
            let batch = facts.map { fact in
                #"{"event":"robot.state_changed","timestamp":"2026-03-\#(fact.time):00Z","event_id":"e\#(all.count)-\#(fact.time)","#
                    + #""robot_id":"R","to_state":"\#(fact.state)"}"#
            }
            all += batch
            try store.ingest(batch)
            #expect(
                try store.differences(from: referenceTables(lines: all)) == [], "after \(facts)")
        }
        try add(("10T10:00", "a"), ("20T10:00", "b"), ("20T11:00", "c"), ("20T12:00", "d"))
        // Up to the row of the 20th at 10:00; then a state at that very instant, as the next row has it.
        try add(("19T09:00", "x"))
        try add(("20T10:00", "c"))
        // The row of the 10th lasts for nine days: what begins it earlier and what ends it earlier concern one row.
        try add(("09T10:00", "a"), ("15T10:00", "e"))
        try add(("08T10:00", "a"))
        try add(("16T10:00", "a"))
        try add(("08T09:00", "e"), ("14T10:00", "a"), ("18T10:00", "e"))
        try store.restart()
        try add(("01T10:00", "a"), ("07T10:00", "a"), ("30T10:00", "a"))
        try add(("07T10:00", "b"), ("20T12:00", "a"), ("30T09:00", "b"))
    }

    /// Events that lie scattered over years, one in an hour, do not keep all these hours in memory.
    @Test func scatteredHoursAreForgotten() throws {
        let events = (0..<60_000).map { number in
            var event = Event()
            event.time = Int64(number) * Hours.length
            event.identity = EventIdentity(high: 1, low: UInt64(number))
            return event
        }
        var index = IdentityIndex()
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1)
        defer { bytes.deallocate() }
        var known = 0
        for (number, start) in stride(from: 0, to: events.count, by: 5000).enumerated() {
            let batch = Array(events[start..<start + 5000])
            let (fresh, _) = try index.admit(batch, bytes: bytes, source: EmptySource(), batch: number)
            #expect(fresh.count == 5000)
            index.evict()
            known = events.count - index.unknownHours(of: events).count
            // Each is an identity, and takes as much as eight others.
            #expect(known * 9 <= IdentityIndex.residentLimit)
        }
        #expect(known > 0)
    }
}
