import EngineUnderTest
import Foundation
import ReferenceModel
import SessionPipeline
import Testing

/// Small sets of events in every order, and cut into batches in every way, with nothing kept in memory between.
///
/// All orders of a set go through one store at once, each under ids of its own (`D1~17` for the 17th), so that
/// a step takes the next event of every order. In the end each must have the tables of the reference.
@Suite struct SideBySideTests {
    /// Sets chosen to be nasty: what they are about, and their events.
    static let sets: [(name: String, story: String)] = [
        (
            "a window that shrinks gives its events back",
            """
            10:00 demand.assigned  delivery=D1 robot=R1 event_id=a
            10:05 robot.error      robot=R1 error=STALL event_id=b
            10:10 demand.assigned  delivery=D1 robot=R2 event_id=c
            10:15 robot.error      robot=R1 error=LID event_id=d
            10:20 demand.fulfilled delivery=D1 event_id=e
            10:25 robot.error      robot=R2 error=LOST event_id=f
            """
        ),
        (
            "a demand learns its delivery, and a trip its demand",
            """
            10:00 trip.activated      trip=T1 robot=R1 merchant=S1 event_id=a
            10:01 trip.created        trip=T1 demand=M1 event_id=b
            10:02 demand.created      demand=M1 merchant=S2 source=web event_id=c
            10:03 demand.etas_updated demand=M1 delivery=D1 event_id=d
            10:04 robot.error         robot=R1 event_id=e
            10:05 demand.fulfilled    delivery=D1 event_id=f
            """
        ),
        (
            "one trip for two deliveries",
            """
            10:00 trip.created     trip=T1 delivery=D1 event_id=a
            10:00 trip.created     trip=T1 delivery=D2 event_id=b
            10:02 trip.assigned    trip=T1 robot=R1 event_id=c
            10:04 robot.error      robot=R1 event_id=d
            10:06 demand.fulfilled delivery=D1 event_id=e
            10:08 demand.canceled  delivery=D2 event_id=f
            """
        ),
        (
            "closed, reopened, closed again",
            """
            10:00 demand.assigned       delivery=D1 robot=R1 event_id=a
            10:10 delivery.failed       delivery=D1 error=STALL event_id=b
            10:20 demand.replan.rehomed delivery=D1 robot=R2 pilot=P2 event_id=c
            10:30 demand.fulfilled      delivery=D1 event_id=d
            10:40 demand.canceled       delivery=D1 event_id=e
            10:50 pilot.assigned        delivery=D1 pilot=P1 event_id=f
            """
        ),
        (
            "everything at one instant",
            """
            10:00 demand.assigned        delivery=D1 robot=R1 event_id=a
            10:10 demand.replan.orphaned delivery=D1 robot=R1 event_id=b
            10:10 demand.assigned        delivery=D1 robot=R2 event_id=c
            10:10 demand.assigned        delivery=D1 robot=R1 event_id=d
            10:10 robot.error            robot=R1 event_id=e
            10:10 demand.canceled        delivery=D1 event_id=f
            """
        ),
        (
            "pilots of the robot, inherited and cut",
            """
            09:00 pilot.assigned         robot=R1 pilot=P1 event_id=a
            10:00 demand.assigned        delivery=D1 robot=R1 event_id=b
            10:10 pilot.assigned         robot=R1 pilot=P2 event_id=c
            10:15 pilot.note             pilot=P2 error=SLOW event_id=d
            10:20 pilot.shift_ended      pilot=P2 event_id=e
            10:30 demand.fulfilled       delivery=D1 event_id=f
            """
        ),
        (
            "a pilot of the session's own takes the robot's away",
            """
            09:00 pilot.assigned    robot=R1 pilot=P1 event_id=a
            10:00 demand.assigned   delivery=D1 robot=R1 event_id=b
            10:05 pilot.note        pilot=P1 error=SLOW event_id=c
            10:10 pilot.assigned    delivery=D1 pilot=P2 event_id=d
            10:15 pilot.shift_ended pilot=P2 event_id=e
            10:20 pilot.shift_ended pilot=P1 event_id=f
            """
        ),
        (
            "time-out to the second",
            """
            10:00    demand.assigned     delivery=D1 robot=R1 event_id=a
            15:59:59 robot.error         robot=R1 event_id=b
            16:00    robot.error         robot=R1 event_id=c
            16:00    demand.etas_updated delivery=D1 robot=R3 event_id=d
            22:00    demand.etas_updated delivery=D1 robot=R1 event_id=e
            16:10    demand.assigned     delivery=D1 robot=R2 event_id=f
            """
        ),
        (
            "states at one instant, and neighbours that become one",
            """
            10:00 robot.deployed      robot=R1 event_id=a
            10:30 robot.grounded      robot=R1 reason=STALL event_id=b
            10:30 robot.state_changed robot=R1 to_state=deployed event_id=c
            12:10 robot.grounded      robot=R1 reason=STALL event_id=d
            13:00 robot.grounded      robot=R1 error=STALL event_id=e
            14:00 robot.off_duty      robot=R1 event_id=f
            """
        ),
        (
            "two sessions share a robot, and one hour's seconds are not counted twice",
            """
            10:10 demand.assigned  delivery=D1 robot=R1 event_id=a
            10:20 demand.assigned  delivery=D2 robot=R1 event_id=b
            10:30 robot.error      robot=R1 event_id=c
            10:40 demand.fulfilled delivery=D1 event_id=d
            11:20 demand.fulfilled delivery=D2 event_id=e
            11:30 robot.error      robot=R1 event_id=f
            """
        ),
        (
            "inference, conflict, release of another robot",
            """
            10:00 demand.created         delivery=D1 robot=R1 event_id=a
            10:05 demand.etas_updated    delivery=D1 robot=R2 event_id=b
            10:10 demand.replan.orphaned delivery=D1 robot=R2 event_id=c
            10:15 demand.replan.orphaned delivery=D1 event_id=d
            10:20 trip.canceled          delivery=D1 robot=R3 event_id=e
            10:25 offer.expired          delivery=D1 event_id=f
            """
        ),
        (
            "a merchant's events while its delivery is open",
            """
            10:00 demand.created   delivery=D1 merchant=S1 source=web event_id=a
            09:50 demand.created   delivery=D1 merchant=S2 event_id=b
            10:10 tablet.offline   merchant=S1 error=OFF event_id=c
            10:20 tablet.offline   merchant=S2 error=OFF event_id=d
            10:30 demand.fulfilled delivery=D1 event_id=e
            10:30 tablet.offline   merchant=S2 event_id=f
            """
        ),
        (
            "shifts that begin twice and end late",
            """
            09:30 pilot.shift_started pilot=P1 event_id=a
            10:30 pilot.shift_started pilot=P1 event_id=b
            11:30 pilot.shift_ended   pilot=P1 event_id=c
            12:30 pilot.shift_ended   pilot=P1 event_id=d
            10:00 pilot.assigned      delivery=D1 pilot=P1 event_id=e
            36:30 pilot.shift_started pilot=P1 event_id=f
            """
        ),
        (
            "the same event twice, with an id and without",
            """
            10:00 demand.assigned delivery=D1 robot=R1
            10:00 demand.assigned delivery=D1 robot=R1
            10:10 delivery.failed delivery=D1 error=STALL event_id=a
            10:10 delivery.failed delivery=D1 error=STALL event_id=a
            10:10 delivery.failed delivery=D1 event_id=b
            """
        ),
    ]

    @Test(arguments: sets.indices) func everyOrder(of set: Int) throws {
        let events = lines(Self.sets[set].story)
        var orders = permutations(Array(events.indices)).map { order in order.map { [events[$0]] } }
        // The longest sets take all 720 orders with MORE=1 and every fifth without.
        if ProcessInfo.processInfo.environment["MORE"] == nil, orders.count > 120 {
            orders = stride(from: set % 5, to: orders.count, by: 5).map { orders[$0] }
        }
        try expectReferenceTables(Self.sets[set].name, events, ways: orders, restarting: false)
    }

    /// In two orders; the program ends and begins anew after every batch.
    @Test(arguments: sets.indices) func everyCut(of set: Int) throws {
        let events = lines(Self.sets[set].story)
        let cuts = (0..<(1 << (events.count - 1)))
        let ways = [events, events.reversed()].flatMap { order in cuts.map { pieces(order, cut: $0) } }
        try expectReferenceTables(Self.sets[set].name, events, ways: ways, restarting: true)
    }

    private func permutations(_ rest: [Int]) -> [[Int]] {
        rest.isEmpty
            ? [[]]
            : rest.flatMap { first in permutations(rest.filter { $0 != first }).map { [first] + $0 } }
    }

    /// The events in batches: bit n of the cut ends a batch after event n.
    private func pieces(_ events: [String], cut: Int) -> [[String]] {
        var pieces: [[String]] = [[]]
        for (index, event) in events.enumerated() {
            pieces[pieces.count - 1].append(event)
            if cut >> index & 1 == 1, index < events.count - 1 { pieces.append([]) }
        }
        return pieces
    }

    /// Takes each way's batches, side by side.
    private func expectReferenceTables(
        _ name: String, _ events: [String], ways: [[[String]]], restarting: Bool
    ) throws {
        let folder = try TemporaryFolder()
        let store = try StoreUnderTest(path: folder.file("orders.db"), maxResident: 0)
        var accepted = 0
        for step in 0..<(ways.map(\.count).max() ?? 0) {
            var batch: [String] = []
            for (number, way) in ways.enumerated() where step < way.count {
                batch += way[step].map { marked($0, number) }
            }
            let totals = try store.ingest(batch)
            #expect(totals.isBalanced)
            if restarting {
                accepted += totals.accepted
                try store.restart()
            } else {
                accepted = totals.accepted
            }
        }
        let expected = referenceTables(lines: events)
        #expect(accepted == expected.accepted * ways.count, "\(name)")
        if let broken = try store.brokenConservation() { Issue.record("\(name): \(broken)") }
        for (table, columns) in expected.columns.sorted(by: { $0.key < $1.key }) {
            let want = (expected.tables[table] ?? [:]).mapValues { $0.map(referenceText) }
            var have: [Int: [String: [String]]] = [:]
            for (key, values) in try store.table(table, columns: columns) {
                let (number, plain) = unmarked(key)
                have[number ?? -1, default: [:]][plain] = values.map { unmarked($0).text }
            }
            for number in ways.indices {
                // Rows of no one's ids are the sums over all ways; they are compared as such below.
                let own = want.filter { !isShared($0.key, in: table) }
                let difference = tableDifference(columns: columns, want: own, have: have[number] ?? [:])
                if let difference {
                    Issue.record(
                        "\(name), \(table):\n\(difference)\n\(ways[number].map { $0.joined(separator: "\n") }.joined(separator: "\n--\n"))"
                    )
                    return
                }
            }
            for (key, values) in want where isShared(key, in: table) {
                let sums = values.map { value in
                    Int(value).map { "\($0 * ways.count)" }
                        ?? Double(value).map { "\($0 * Double(ways.count))" } ?? value
                }
                #expect(have[-1]?[key] == sums, "\(name), \(table) \(key)")
            }
        }
    }

    private func isShared(_ key: String, in table: String) -> Bool {
        let parts = key.split(separator: "|", omittingEmptySubsequences: false)
        return switch table {
        case "event_hourly": parts[1].isEmpty
        case "merchant_hourly": key.hasPrefix("|")
        case "session_hours": parts[2].isEmpty
        case "fleet_hours", "fleet_state_hours", "session_spans": true
        default: false
        }
    }

    /// The event with every id made this way's own.
    private func marked(_ line: String, _ number: Int) -> String {
        var parts = line.components(separatedBy: "_id\":\"")
        for index in parts.indices.dropFirst() {
            let end = parts[index].firstIndex(of: "\"") ?? parts[index].endIndex
            parts[index].insert(contentsOf: "~\(number)", at: end)
        }
        return parts.joined(separator: "_id\":\"")
    }

    /// A text without the marks in it, and the way they named.
    private func unmarked(_ text: String) -> (number: Int?, text: String) {
        guard text.utf8.contains(UInt8(ascii: "~")) else { return (nil, text) }
        var plain: [UInt8] = []
        var number = 0
        var isMark = false
        for byte in text.utf8 {
            if byte == UInt8(ascii: "~") {
                isMark = true
                number = 0
            } else if isMark, byte >= 0x30, byte <= 0x39 {
                number = number * 10 + Int(byte - 0x30)
            } else {
                isMark = false
                plain.append(byte)
            }
        }
        return (number, String(decoding: plain, as: UTF8.self))
    }
}

/// Rows that are missing, too many or different; nil if there are none.
private func tableDifference(columns: [String], want: [String: [String]], have: [String: [String]]) -> String?
{
    if want == have { return nil }
    var shown: [String] = []
    for key in Set(want.keys).union(have.keys).filter({ want[$0] != have[$0] }).sorted().prefix(4) {
        guard let wanted = want[key], let had = have[key] else {
            shown.append("\(key): \(want[key] == nil ? "not expected" : "missing")")
            continue
        }
        for (index, column) in columns.enumerated() where wanted[index] != had[index] {
            shown.append("\(key): \(column) is \(had[index]), expected \(wanted[index])")
        }
    }
    return shown.joined(separator: "\n")
}

/// The reference's value as the store's tables are read.
private func referenceText(_ value: ReferenceValue) -> String {
    switch value {
    case .null: "-"
    case .text(let text): text
    case .integer(let number): "\(number)"
    case .number(let number): "\((number * 1e6).rounded() / 1e6)"
    case .list(let list): "[" + list.map { "\"\($0)\"" }.joined(separator: ",") + "]"
    case .flag(let flag): "\(flag)"
    }
}
