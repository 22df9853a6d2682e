import EngineUnderTest
import Foundation
import SessionAPI
import Testing

/// "Copy as text", the page without a script and `sessionizer session ID` say the same words.
@Suite struct SameTextTests {
    private static let dials = [
        "--seed", "7", "--robots", "12", "--deliveries", "50", "--faults", "2", "--disorder", "0.05",
    ]

    /// What a command prints where its output is no terminal.
    private func output(_ folder: Folder, _ arguments: [String]) throws -> String {
        let run = try ServedProgram(folder, arguments)
        #expect(run.end() == 0, "\(run.text)")
        return run.output
    }

    @Test(arguments: StoreKind.allCases)
    func everySessionOfADayIsToldAlike(kind: StoreKind) throws {
        let folder = try Folder()
        let store = try FreshStore(kind)
        _ = try output(folder, ["simulate", "--out", "day"] + Self.dials)
        _ = try output(folder, ["replay", "day", "--store", store.url])
        let serve = try ServedProgram(
            folder, ["serve", "--store", store.url, "--listen", "127.0.0.1:0"])
        let client = Client(port: try serve.port())
        defer { _ = serve.stop() }
        var ids: [String] = []
        var next: String?
        repeat {
            let kinds = ["delivery", "demand", "trip", "quote", "offer"].map { "kind=\($0)" }
            let rest = next.map { "&cursor=\($0)" } ?? ""
            let reply = try client.get(
                "/analytics/v1/sessions?limit=500&\(kinds.joined(separator: "&"))\(rest)")
            ids += reply.rows.compactMap { $0["session_id"] as? String }
            next = reply.json["next"] as? String
        } while next != nil
        #expect(ids.count > 50 && ids.contains { !$0.hasPrefix("delivery:") })
        for (number, id) in ids.enumerated() {
            let address = "/analytics/v1/deliveries/\(id)"
            let served = try client.get("\(address)/text")
            let printed = try output(folder, ["session", id, "--store", store.url])
            #expect(served.text == printed, "\(id)")
            #expect(!printed.contains("\u{1B}") && !printed.contains("{\""))
            #expect(printed.hasPrefix(id) && printed.contains("\nWhat happened\n"))
            // The short form is the beginning of the long one; a few are enough to see it printed.
            let brief = try client.get("\(address)/text?brief=true").text
            #expect(printed.hasPrefix(brief + "\nWhat happened\n"), "\(id)")
            #expect(brief.split(separator: "\n", omittingEmptySubsequences: false).count <= 40, "\(id)")
            if number % 20 == 0 {
                #expect(try output(folder, ["session", id, "--brief", "--store", store.url]) == brief)
            }
            let plain = try client.get("\(address)/plain").text
            let told = try #require(plain.firstMatch(of: /<pre>((?s).*?)<\/pre>/)?.output.1)
            #expect(unescaped(told) == brief, "\(id)")
        }
        // A bare id, and an id that became part of another session.
        let member = try #require(ids.first { $0.hasPrefix("delivery:") }?.dropFirst("delivery:".count))
        let bare = try output(folder, ["session", String(member), "--store", store.url])
        #expect(try client.get("/analytics/v1/deliveries/\(member)/text").text == bare)
        let demand = "demand:DM-\(member.split(separator: "-").last ?? "")"
        let led = try output(folder, ["session", demand, "--store", store.url])
        #expect(led.contains("\n\(demand) became part of this session\n"), "\(led.prefix(200))")
        #expect(try client.get("/analytics/v1/deliveries/\(demand)/text").text == led)
    }

    /// Beside a live queue, too: a text tells of the store, not of the clock.
    @Test func theClockChangesNothing() throws {
        let folder = try Folder()
        let path = folder.path("open.db")
        let store = try StoreUnderTest(path: path, maxResident: 0)
        _ = try store.ingest([
            #"{"event":"demand.assigned","timestamp":"2026-11-02T10:00:00Z","delivery_id":"D1","robot_id":"R1"}"#,
            #"{"event":"robot.error","timestamp":"2026-11-02T10:03:00Z","robot_id":"R1","error":{"code":"LID"}}"#,
            #"{"event":"robot.heartbeat","timestamp":"2026-11-02T10:20:00Z","robot_id":"R2"}"#,
        ])
        store.close()
        let archive = try ServiceUnderTest(store: path, folder: folder)
        let live = try ServiceUnderTest(store: path, folder: folder, clock: .wall)
        let told = try live.get("deliveries/D1/text").text
        #expect(told == (try archive.get("deliveries/D1/text").text))
        #expect(told.contains("IN PROGRESS") && told.contains("17 m 00 s ago"), "\(told)")
        #expect(try live.get("deliveries/D1/plain").text == archive.get("deliveries/D1/plain").text)
    }

    private func unescaped(_ html: some StringProtocol) -> String {
        String(html).replacing("&lt;", with: "<").replacing("&gt;", with: ">")
            .replacing("&quot;", with: "\"").replacing("&#39;", with: "'").replacing("&amp;", with: "&")
    }

    /// What steers a terminal or reorders text is shown, here as there.
    @Test func whatCannotBeSeenIsShown() throws {
        let folder = try Folder()
        try folder.write(
            "a.jsonl",
            #"""
            {"event":"demand.assigned","timestamp":"2026-11-02T10:00:00Z","delivery_id":"D1","robot_id":"R1"}
            {"event":"robot.error","timestamp":"2026-11-02T10:03:00Z","robot_id":"R1","error":{"code":"A\u202eB","message":"\u001b[31mred\n\u0007\u200bend"}}
            {"event":"delivery.failed","timestamp":"2026-11-02T10:10:00Z","delivery_id":"D1","secret":"payload","error":{"code":"NOPE"}}

            """#)
        _ = try output(folder, ["replay", "a.jsonl", "--store", "sqlite:a.db"])
        let serve = try ServedProgram(
            folder, ["serve", "--store", "sqlite:a.db", "--listen", "127.0.0.1:0"])
        let client = Client(port: try serve.port())
        defer { _ = serve.stop() }
        let printed = try output(folder, ["session", "D1", "--store", "sqlite:a.db"])
        #expect(try client.get("/analytics/v1/deliveries/D1/text").text == printed)
        #expect(printed.contains(#"A\u202eB"#) && printed.contains(#"\u001b[31mred\u000a\u0007\u200bend"#))
        #expect(!printed.contains("payload"))
        #expect(
            !printed.unicodeScalars.contains {
                $0 != "\n"
                    && ($0.properties.generalCategory == .control || $0.properties.generalCategory == .format)
            })
    }
}
