import EngineUnderTest
import SessionCore
import SessionStore
import Testing

/// States may have any names; the views read the lists of them as JSON.
@Suite struct StateNameTests {
    @Test(arguments: StoreKind.allCases)
    func namesThatJSONEscapes(kind: StoreKind) throws {
        let fresh = try FreshStore(kind)
        var rules = Rules()
        rules.usableStates = [#"id"le"#, #"back\slash"#, "two\nlines", "idle"]
        let store = try StoreUnderTest(place: fresh.place, maxResident: 0, rules: rules)
        defer { store.close() }
        let states = rules.usableStates.sorted().enumerated().map { hour, _ in "2026-03-10T0\(hour):00:00Z" }
        let names = [#"back\\slash"#, #"id\"le"#, "idle", #"two\nlines"#]
        for (name, time) in zip(names, states) {
            try store.ingest([
                #"{"event":"robot.state_changed","timestamp":"\#(time)","robot_id":"R1","to_state":"\#(name)"}"#
            ])
        }
        // The last one lasts until now.
        let usable = try fresh.place.withReader {
            try $0.rows("SELECT count(*) AS n FROM usable_supply_hours", [])
        }
        #expect(try #require(usable.first?.integer("n")) > 100)
    }

    /// Stores that are there are compared with it to the letter.
    @Test func textsOfTheUsualNames() {
        var rules = Rules()
        rules.usableStates = ["parked", "deployed", "Öffen/3"]
        let facts = RuleFacts(rules, catalogue: "c").all
        #expect(facts.first { $0.name == "usable_states" }?.text == #"["deployed","parked","Öffen/3"]"#)
    }
}
