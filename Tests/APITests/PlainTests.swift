import EngineUnderTest
import Foundation
import Testing

@testable import SessionAPI

/// The document that the server itself makes: what comes from events is text in it, whatever it holds.
@Suite struct PlainTests {
    @Test(arguments: [
        ("plain words", "plain words"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        (#""><img src=x onerror='x'>"#, "&quot;&gt;&lt;img src=x onerror=&#39;x&#39;&gt;"),
        ("a & b &amp; c", "a &amp; b &amp;amp; c"), ("é 😀 漢字 עברית", "é 😀 漢字 עברית"), ("", ""),
        ("two\nlines", "two\nlines"),
    ]) func textIsEscaped(text: String, expected: String) {
        #expect(StoryPlain.escaped(text) == expected)
    }

    /// C0 but the line feed, C1, and what turns the direction of writing or takes no room.
    @Test func whatCannotBeSeenIsShown() {
        let hidden: [ClosedRange<UInt32>] = [
            0...9, 0xB...0x1F, 0x7F...0x9F, 0x61C...0x61C, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x2069,
            0xFEFF...0xFEFF,
        ]
        for value in hidden.joined() {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let digits = String(value, radix: 16)
            let shown = "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            #expect(StoryPlain.escaped("a\(Character(scalar))b") == "a\(shown)b", "U+\(digits)")
        }
        #expect(StoryPlain.escaped("user\u{202E}gpj.exe") == #"user\u202egpj.exe"#)
        #expect(StoryPlain.escaped("\r\n") == #"\u000d"# + "\n")
    }

    /// A character may be many scalars: each is looked at.
    @Test func aClusterIsTakenApart() {
        #expect(StoryPlain.escaped("<\u{301}>") == "&lt;\u{301}&gt;")
        #expect(StoryPlain.escaped("👩\u{200D}🚀") == #"👩\u200d🚀"#)
    }

    /// Of a long delivery its first 200 events, and says of how many.
    @Test func aLongDeliveryHasItsFirst200() throws {
        let more = (1...200).map { n in
            #"{"event":"robot.telemetry","timestamp":"2026-11-02T10:\#(10 + n / 60):\#(10 + n % 50)Z","event_id":"t\#(n)","robot_id":"R1"}"#
        }
        let service = try ServiceUnderTest(
            of: [
                #"{"event":"demand.assigned","timestamp":"2026-11-02T10:00:00Z","delivery_id":"D1","robot_id":"R1"}"#,
                #"{"event":"demand.assigned","timestamp":"2026-11-02T10:00:00Z","delivery_id":"D2","robot_id":"R2"}"#,
            ] + more + [
                #"{"event":"delivery.failed","timestamp":"2026-11-02T11:00:00Z","delivery_id":"D1"}"#,
                #"{"event":"delivery.failed","timestamp":"2026-11-02T11:00:00Z","delivery_id":"D2"}"#,
            ])
        func told(_ id: String) throws -> (html: String, rows: Int) {
            let reply = try service.get("deliveries/\(id)/plain")
            #expect(reply.status == 200)
            return (reply.text, reply.text.matches(of: /<tr><td>/).count)
        }
        let long = try told("D1")
        #expect(long.rows == 200)
        #expect(long.html.contains("<h2>Events, the first 200 of 202</h2>"), "\(long.html.prefix(2000))")
        // What comes last is not among them, what comes first is.
        #expect(!long.html.contains("<td><bdi>delivery.failed</bdi></td>"))
        #expect(long.html.contains("<td><bdi>demand.assigned</bdi></td>"))
        let short = try told("D2")
        #expect(short.rows == 2)
        #expect(short.html.contains("<h2>Events, 2 of 2</h2>"))
    }

    /// What an event says is cut where it is shown; a value that a filter takes is whole.
    @Test func longTextsAreCut() throws {
        let long = String(repeating: "x", count: 250)
        let service = try ServiceUnderTest(of: [
            #"{"event":"demand.assigned","timestamp":"2026-11-02T10:00:00Z","delivery_id":"D1","robot_id":"R1","reason":"\#(long)"}"#,
            #"{"event":"robot.state_changed","timestamp":"2026-11-02T10:01:00Z","robot_id":"R1","from_state":"\#(long)","to_state":"\#(long)"}"#,
            #"{"event":"robot.error","timestamp":"2026-11-02T10:02:00Z","robot_id":"R1","error":{"code":"\#(long)","message":"\#(long)"}}"#,
            #"{"event":"delivery.dropoff_completed","timestamp":"2026-11-02T10:10:00Z","delivery_id":"D1"}"#,
            #"{"event":"robot.error","timestamp":"2026-11-02T11:00:00Z","robot_id":"R1","error":{"code":"\#(long)","message":"\#(long)"}}"#,
            #"{"event":"robot.heartbeat","timestamp":"2026-11-02T11:30:00Z","robot_id":"R1"}"#,
        ])
        let fields = ["error_code", "error_message", "from_state", "to_state", "reason"]
        var cut: Set<String> = []
        for (path, list) in [
            ("deliveries/D1", "events"), ("sessions/delivery:D1/events", "events"), ("orphans", "rows"),
            ("robots/R1/timeline?day=2026-11-02", "errors"),
        ] {
            let rows = try #require(try service.get(path).json[list] as? [[String: Any]], "\(path)")
            for row in rows {
                for field in fields {
                    guard let text = row[field] as? String else { continue }
                    #expect(text.count == 200 && text.hasSuffix("…"), "\(path) \(field)")
                    cut.insert(list + " " + field)
                }
            }
        }
        #expect(
            cut
                == Set(
                    fields.map { "events " + $0 }
                        + ["rows ", "errors "].flatMap { [$0 + fields[0], $0 + fields[1]] }))
        for text in ["deliveries/D1/plain", "deliveries/D1/text"] {
            let reply = try service.get(text)
            #expect(
                reply.status == 200 && !reply.text.contains(String(repeating: "x", count: 200)), "\(text)")
        }
        let code = try #require(try service.get("sessions").rows.first?["first_error_code"] as? String)
        #expect(code == long)
        #expect(try service.get("sessions?error=\(code)").rows.count == 1)
        let csv = try service.client.get("/deliveries/D1.csv").text
        #expect(csv.contains(",\(long),\(long),"))
    }

    @Test func aHostileDeliveryIsAHarmlessDocument() throws {
        let long = String(repeating: "x", count: 100_000)
        let service = try ServiceUnderTest(of: [
            #"{"event":"demand.assigned","timestamp":"2026-11-02T10:00:00Z","delivery_id":"<b>\"D\"</b>","robot_id":"R<i>1","merchant_id":"</pre><script>m</script>"}"#,
            #"{"event":"robot.error","timestamp":"2026-11-02T10:03:00Z","robot_id":"R<i>1","error":{"code":"\u202eEDOC","message":"\#(long)"}}"#,
            #"{"event":"robot.error","timestamp":"2026-11-02T10:04:00Z","robot_id":"R<i>1","error":{"code":"C","message":"</td></table><img src=x onerror=alert(1)>"}}"#,
            #"{"event":"delivery.failed","timestamp":"2026-11-02T10:10:00Z","delivery_id":"<b>\"D\"</b>","error":{"code":"javascript:alert(1)"},"secret":"payload"}"#,
        ])
        let reply = try service.get("deliveries/%3Cb%3E%22D%22%3C%2Fb%3E/plain")
        #expect(reply.status == 200 && reply.header("Content-Type") == "text/html; charset=utf-8")
        let html = reply.text
        // Every tag is one that the template has.
        let tags = Set(html.matches(of: /<\/?([a-zA-Z!][a-zA-Z0-9]*)/).map { String($0.output.1) })
        #expect(
            tags.isSubset(of: [
                "!doctype", "html", "head", "meta", "title", "link", "body", "main", "h1", "h2", "pre", "p",
                "a", "div",
                "table", "thead", "tbody", "tr", "th", "td", "time", "bdi",
            ]), "\(tags)")
        #expect(html.contains(#"<h1>delivery:&lt;b&gt;&quot;D&quot;&lt;/b&gt;</h1>"#))
        #expect(html.contains(#"\u202eEDOC"#) && !html.unicodeScalars.contains("\u{202E}"))
        #expect(!html.contains("payload"))
        // A text of 100 kB is cut, and says so.
        #expect(html.utf8.count < 20_000 && !html.contains(String(repeating: "x", count: 201)))
        #expect(html.contains(String(repeating: "x", count: 199) + "…"))
        #expect(
            html.contains(#"href="/analytics/v1/deliveries/delivery%3A%3Cb%3E%22D%22%3C%2Fb%3E/text""#),
            "\(html)")
    }
}
