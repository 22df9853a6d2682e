import EngineUnderTest
import Foundation
import Testing

/// `error` finds a delivery by any error it had, whichever way the event joined, in both stores.
@Suite struct ErrorFilterTests {
    /// A delivery with a code that each kind of event brings, and one that is so common that sessions are walked for it.
    private static func delivery(_ id: String, common: Int) -> [String] {
        func line(_ second: Int, _ event: String, _ rest: String) -> String {
            let time = String(format: "%02d:%02d", second / 60, second % 60)
            return
                #"{"event":"\#(event)","timestamp":"2026-11-02T10:\#(time)Z","event_id":"\#(id)-\#(second)-\#(event)",\#(rest)}"#
        }
        let own = #""delivery_id":"\#(id)","merchant_id":"M-\#(id)""#
        var lines = [
            line(0, "demand.created", own), line(1, "demand.assigned", own + #","robot_id":"R-\#(id)""#),
            line(2, "pilot.assigned", own + #","pilot_id":"P-\#(id)""#),
            line(3, "robot.error", #""robot_id":"R-\#(id)","error":{"message":"no code"}"#),
            line(1000, "pilot.note", #""pilot_id":"P-\#(id)","error":{"code":"OF_THE_PILOT"}"#),
            line(1001, "merchant.note", #""merchant_id":"M-\#(id)","error":"OF_THE_SHOP""#),
            line(1002, "attempt.failed", own + #","error":4711"#),
            line(1003, "attempt.failed", own + #","error":{"code":"n/a"}"#),
            line(1010, "delivery.failed", own + #","error":{"code":"THE_LAST"}"#),
            line(1011, "robot.error", #""robot_id":"R-\#(id)","error":{"code":"TOO_LATE"}"#),
        ]
        for number in 0..<common {
            lines.append(
                line(
                    4 + number % 900, "robot.error",
                    #""robot_id":"R-\#(id)","error":{"code":"COMMON"},"n":\#(number)"#
                )
                .replacing(#"-robot.error","#, with: #"-robot.error-\#(number)","#))
        }
        return lines
    }

    @Test(arguments: StoreKind.allCases)
    func anyErrorOfADeliveryFindsIt(kind: StoreKind) throws {
        let folder = try Folder()
        let fresh = try FreshStore(kind)
        let lines =
            try SimulatedStore.events().lines + Self.delivery("one", common: 10_100)
            + Self.delivery("two", common: 0)
        try SimulatedStore.fill(StoreUnderTest(place: fresh.place, maxResident: 5000), lines)
        let serve = try ServedProgram(
            folder, ["serve", "--store", fresh.url, "--listen", "127.0.0.1:0"])
        let client = Client(port: try serve.port())
        defer { _ = serve.stop() }
        let base = "/analytics/v1"
        let every = ["delivery", "demand", "trip", "quote", "offer"].map { "kind=\($0)" }
            .joined(separator: "&")
        func sessions(_ query: String) throws -> [String] {
            var ids: [String] = []
            var next: String?
            repeat {
                let reply = try client.get(
                    "\(base)/sessions?limit=500&\(every)&\(query)\(next.map { "&cursor=\($0)" } ?? "")")
                try #require(reply.status == 200, "\(query): \(reply.text)")
                ids += reply.rows.compactMap { $0["session_id"] as? String }
                next = reply.json["next"] as? String
            } while next != nil
            return ids
        }
        // Ten thousand events within a request's time: on a busy machine a debug build may need another try.
        func patiently(_ path: String, _ isWhole: (Client.Reply) -> Bool = { $0.status != 503 }) throws
            -> Client.Reply
        {
            var reply = try client.get(path)
            for _ in 0..<30 where !isWhole(reply) { reply = try client.get(path) }
            return reply
        }
        // What each session's own page says its errors are.
        var told: [String: Set<String>] = [:]
        var notByItsRow = 0
        for id in try sessions("anomalous=false") {
            let story = try patiently("\(base)/deliveries/\(id)?limit=20000").json
            let events = story["events"] as? [[String: Any]] ?? []
            let row = story["session"] as? [String: Any]
            for code in Set(events.compactMap { $0["error_code"] as? String }) {
                told[code, default: []].insert(id)
                if row?["failure_code"] as? String != code, row?["first_error_code"] as? String != code {
                    notByItsRow += 1
                }
            }
        }
        #expect(told.count > 8 && notByItsRow > 20, "\(told.keys) \(notByItsRow)")
        for (code, ids) in told {
            let found = try sessions("error=\(code)")
            #expect(found.count == ids.count && Set(found) == ids, "\(code)")
        }
        for code in ["OF_THE_PILOT", "OF_THE_SHOP", "4711", "THE_LAST"] {
            #expect(told[code] == ["delivery:one", "delivery:two"], "\(code)")
        }
        #expect(told["COMMON"] == ["delivery:one"] && told["TOO_LATE"] == nil)
        #expect(try sessions("error=TOO_LATE").isEmpty && sessions("error=NONE_SUCH").isEmpty)
        // A code is taken as it is told.
        #expect(told["n/a"] == ["delivery:one", "delivery:two"])
        // Several codes, other filters, the export.
        #expect(
            try Set(sessions("error=4711&error=COMMON&merchant=M-one")) == ["delivery:one"])
        let range = "from=2026-11-02T00:00:00Z&to=2026-11-03T00:00:00Z"
        let named: Set = ["delivery:one,", "delivery:two,", ""]
        func names(_ csv: Client.Reply) -> Set<String> {
            Set(csv.text.components(separatedBy: "\r\n").dropFirst().map { String($0.prefix(13)) })
        }
        let csv = try patiently("\(base)/incidents/export.csv?error=4711&\(range)") { names($0) == named }
        #expect(csv.status == 200 && names(csv) == named, "\(names(csv))")
    }
}
