import ChildProcesses
import EngineUnderTest
import FleetSimulator
import Foundation
import SQLiteStore
import SessionAPI
import Testing

/// Errors, limits, headers, streams.
@Suite struct ServiceTests {
    @Test(arguments: [
        ("sessions?limit=0", 422, "unusable-parameter"), ("sessions?limit=501", 422, "unusable-parameter"),
        ("sessions?nonsense=1", 422, "unusable-parameter"),
        ("sessions?outcome=great", 422, "unusable-parameter"),
        ("sessions?limit=1&limit=2", 422, "unusable-parameter"),
        ("sessions?from=yesterday", 422, "unusable-parameter"),
        ("sessions?from=2026-02-30T00:00:00Z", 422, "unusable-parameter"),
        ("search", 422, "unusable-parameter"),
        ("search?q=%20%20", 422, "unusable-parameter"), ("search?q=a%00b", 422, "unusable-parameter"),
        ("funnel?from=2026-11-02T00:00:00Z&to=2026-11-02T00:00:00Z", 422, "unusable-parameter"),
        ("funnel?from=2020-01-01T00:00:00Z&to=2026-11-02T00:00:00Z", 422, "unusable-parameter"),
        ("robots/R-001?day=2026-11-02&from=2026-11-02T00:00:00Z", 422, "unusable-parameter"),
        ("sessions?cursor=AAAA", 400, "bad-request"), ("deliveries/none-such", 404, "not-found"),
        ("robots/none-such", 404, "not-found"), ("pilots/none-such", 404, "not-found"),
        ("events/none-such", 404, "not-found"), ("no/such/route", 404, "not-found"), ("", 404, "not-found"),
    ]) func aMistakeIsToldWithWhatToDo(path: String, status: Int, type: String) throws {
        let (service, _) = try ServiceUnderTest.simulated()
        let reply = try service.get(path, ["X-Request-Id": "my.id-1"])
        #expect(reply.status == status)
        #expect(reply.header("Content-Type") == "application/problem+json")
        #expect(reply.header("X-Request-Id") == "my.id-1")
        let problem = reply.json
        #expect(problem["type"] as? String == "/problems/\(type)")
        #expect(problem["status"] as? Int == status)
        #expect(problem["request_id"] as? String == "my.id-1")
        #expect((problem["detail"] as? String)?.isEmpty == false)
        #expect((problem["hint"] as? String)?.isEmpty == false)
    }

    @Test func otherMethodsAreRefused() throws {
        let (service, _) = try ServiceUnderTest.simulated()
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            for path in ["/analytics/v1/home", "/"] {
                let reply = try service.client.send(method, path)
                #expect(reply.status == 405 && reply.header("Allow") == "GET, HEAD")
            }
        }
        #expect(try service.client.send("HEAD", "/analytics/v1/home").status == 200)
        #expect(try service.client.get("/analytics/v1/sign-in").status == 405)
        #expect(try service.client.get("/nowhere").status == 404)
    }

    /// Whoever reads with a browser gets a page with the search box, whoever asks for data the problem.
    @Test(arguments: [
        (
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
            true
        ),
        ("application/json;q=0.5, text/html;q=0.6", true), ("application/json, text/html;q=0.9", false),
        ("text/html;q=0", false), ("application/problem+json", false), ("*/*", false), ("", false),
    ]) func aPathOfNobodys(accept: String, isPage: Bool) throws {
        let (service, _) = try ServiceUnderTest.simulated()
        let page = try service.client.get("/")
        for path in ["/nowhere", "/page/nothing.js", "/fleet/of/yours"] {
            let reply = try service.client.get(path, accept.isEmpty ? [:] : ["Accept": accept])
            #expect(reply.status == 404)
            let policy = reply.header("Content-Security-Policy")
            #expect(policy != nil && policy == page.header("Content-Security-Policy"))
            #expect(
                reply.header("Content-Type")
                    == (isPage ? "text/html; charset=utf-8" : "application/problem+json"))
            #expect(reply.text.contains("name=\"q\" type=\"search\"") == isPage)
            #expect((reply.json["title"] as? String == "No such address") == !isPage)
        }
        // Nothing that would ask again and again: the page leads a browser without a script to its address with `plain`.
        let plain = try service.client.get("/nowhere?plain=1", ["Accept": "text/html"])
        #expect(plain.status == 404 && plain.text.contains("runs none") && !plain.text.contains("refresh"))
        #expect(try service.client.send("POST", "/nowhere").status == 404)
    }

    /// Each address of the page leads a browser without a script to a document that leads nowhere further.
    @Test(arguments: [
        "/", "/search", "/sessions", "/deliveries", "/deliveries/D-1", "/robots", "/robots/R-001", "/fleet",
        "/quality", "/about",
    ]) func withoutAScriptNothingAsksAgain(path: String) throws {
        let (service, _) = try ServiceUnderTest.simulated()
        let page = try service.client.get(path == "/deliveries" ? "/sessions" : path)
        #expect(page.text.contains(#"<noscript><meta http-equiv="refresh" content="0; url=?plain=1">"#))
        let plain = try service.client.get("\(path)?plain=1")
        #expect(plain.status == 303)
        let target = try #require(plain.header("Location"))
        let document = try service.client.get(target)
        #expect(!document.text.contains("refresh"), "\(target)")
        #expect(target.hasPrefix("/analytics/v1/deliveries/D-1/plain") || document.text.contains("runs none"))
    }

    /// Whoever is signed in finds the way out.
    @Test func eachPageLeadsToTheReader() throws {
        let (service, _) = try ServiceUnderTest.simulated()
        #expect(try service.client.get("/").text.contains(#"href="/about""#))
    }

    /// An é is not an e with an accent: robots are told apart by the bytes of their ids, as the stores do.
    @Test func robotsThatLookAlike() throws {
        let service = try ServiceUnderTest(
            of: ["R-\u{e9}", "R-e\u{301}", "R-z"].map {
                #"{"event":"robot.state_changed","timestamp":"2026-11-02T10:00:00Z","robot_id":"\#($0)","to_state":"idle"}"#
            } + [#"{"event":"demand.created","timestamp":"2026-11-02T11:00:00Z","delivery_id":"D1"}"#])
        var found: [[UInt8]] = []
        var cursor = ""
        repeat {
            let page = try service.get("fleet/states?class=usable&limit=1&from=2026-11-02T00:00:00Z\(cursor)")
                .json
            let rows = try #require(page["rows"] as? [[String: Any]])
            found += rows.compactMap { ($0["robot_id"] as? String).map { Array($0.utf8) } }
            cursor = (page["next"] as? String).map { "&cursor=\($0)" } ?? ""
        } while !cursor.isEmpty && found.count < 5
        #expect(found == ["R-e\u{301}", "R-z", "R-\u{e9}"].map { Array($0.utf8) })
        for route in ["fleet/utilization?by=robot", "fleet/utilization?by=robot&bucket=all"] {
            let reply = try service.get("\(route)&from=2026-11-02T10:00:00Z&to=2026-11-02T11:00:00Z").json
            let rows = try #require(reply["rows"] as? [[String: Any]])
            #expect(rows.map { Array(($0["key"] as? String ?? "").utf8) } == found, "\(route)")
            #expect(rows.map { $0["usable_seconds"] as? Double } == [3600, 3600, 3600], "\(route)")
        }
        #expect(try service.get("rejected?reason=before_retention").status == 200)
    }

    /// Outcomes that only offers come to are not asked of deliveries.
    @Test func offersAreFoundByTheirOutcomes() throws {
        let service = try ServiceUnderTest(of: [
            #"{"event":"offer.received","timestamp":"2026-11-02T10:00:00Z","offer_id":"O1"}"#,
            #"{"event":"offer.rejected","timestamp":"2026-11-02T10:01:00Z","offer_id":"O1"}"#,
            #"{"event":"demand.created","timestamp":"2026-11-02T10:00:00Z","delivery_id":"D1"}"#,
        ])
        func ids(_ query: String) throws -> [String?] {
            let rows = try #require(try service.get("sessions?\(query)").json["rows"] as? [[String: Any]])
            return rows.map { $0["session_id"] as? String }
        }
        #expect(try ids("outcome=rejected") == ["offer:O1"])
        #expect(try ids("outcome=rejected&outcome=expired") == ["offer:O1"])
        #expect(try ids("outcome=rejected&kind=delivery") == [])
        #expect(try ids("outcome=rejected&outcome=in_progress") == ["delivery:D1"])
    }

    @Test func aCursorBelongsToItsFilters() throws {
        let (service, _) = try ServiceUnderTest.simulated()
        let next = try #require(try service.get("sessions?limit=5&outcome=completed").json["next"] as? String)
        #expect(try service.get("sessions?limit=5&outcome=completed&cursor=\(next)").status == 200)
        #expect(try service.get("sessions?limit=5&outcome=failed&cursor=\(next)").status == 400)
    }

    @Test func revalidatesByETag() throws {
        let (service, day) = try ServiceUnderTest.simulated()
        let first = try service.get("home")
        let tag = try #require(first.header("ETag"))
        let again = try service.get("home", ["If-None-Match": "W/\"x\", \(tag)"])
        #expect(again.status == 304 && again.body.isEmpty)
        #expect(try service.get("home", ["If-None-Match": "W/\"x\""]).status == 200)
        #expect(try service.get("funnel", ["If-None-Match": tag]).status == 200)
        // Another start, another tag: it cannot be guessed.
        let other = try ServiceUnderTest(store: day.path, folder: day.folder)
        #expect(try other.get("home", ["If-None-Match": tag]).status == 200)
        #expect(first.header("Cache-Control") == "private, no-cache")
        // Payloads, whole texts and tables for spreadsheets stay in no cache.
        let delivery = "D-\(try #require(day.truth.first { $0.outcome == .completed }).number)"
        let events =
            try service.get("sessions/delivery:\(delivery)/events").json["events"] as? [[String: Any]]
        let event = try #require(events?.first?["event_id"] as? String)
        for path in [
            "incidents/export.csv?limit=1", "events/\(event)", "rejected", "deliveries/\(delivery)/text",
            "deliveries/\(delivery)/plain",
        ] {
            let reply = try service.get(path)
            #expect(reply.status == 200 && reply.header("Cache-Control") == "no-store", "\(path)")
        }
        #expect(try service.get("deliveries/\(delivery)").header("Cache-Control") == "private, no-cache")
        let page = try service.client.get("/")
        let pageTag = try #require(page.header("ETag"))
        #expect(try service.client.get("/", ["If-None-Match": pageTag]).status == 304)
    }

    @Test func compresses() throws {
        let (service, day) = try ServiceUnderTest.simulated()
        let plain = try service.get("home")
        let packed = try service.get("home", ["Accept-Encoding": "gzip, br"])
        #expect(packed.header("Content-Encoding") == "gzip" && packed.body.count < plain.body.count / 3)
        #expect(packed.header("Vary")?.contains("Accept-Encoding") == true)
        for refusing in ["gzip;q=0", "br, gzip; q=0.0", "identity", "xgzip"] {
            let whole = try service.get("home", ["Accept-Encoding": refusing])
            #expect(whole.header("Content-Encoding") == nil && !whole.json.isEmpty, "\(refusing)")
        }
        #expect(try service.client.get("/page/app.js").header("Vary") == "Accept-Encoding")
        let file = day.folder.url.appendingPathComponent("answer-\(UUID().uuidString).gz")
        try Data(packed.body).write(to: file)
        let unpacked = try ChildProcess.run(["gzip", "-dc", file.path]).bytes
        #expect(unpacked == Data(plain.body))
    }

    @Test func noOtherSiteMayAsk() throws {
        let (service, _) = try ServiceUnderTest.simulated()
        for host in ["evil.example", "evil.example:\(service.client.port)", "127.0.0.1.evil.example"] {
            #expect(try service.get("home", ["Host": host]).status == 403, "\(host)")
            #expect(try service.client.get("/", ["Host": host]).status == 403, "\(host)")
        }
        for host in ["localhost:8080", "[::1]:8080", "10.0.0.3", "Sessions.Example"] {
            #expect(try service.get("me", ["Host": host]).status == 200, "\(host)")
        }
        #expect(try service.get("home", ["Sec-Fetch-Site": "cross-site"]).status == 403)
        #expect(try service.get("home", ["Sec-Fetch-Site": "same-origin"]).status == 200)
        let reply = try service.client.get("/")
        let policy = try #require(reply.header("Content-Security-Policy"))
        #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe"))
        #expect(policy.contains("require-trusted-types-for 'script'"))
        // An answer, a page, a mistake, and what the server itself refuses.
        let tooLong = try service.client.send("POST", "/", body: String(repeating: "x", count: (1 << 20) + 1))
        #expect(tooLong.status == 413 && tooLong.header("Content-Type") == "application/problem+json")
        #expect(tooLong.json["request_id"] as? String == tooLong.header("X-Request-Id"))
        for reply in [reply, try service.get("home"), try service.client.get("/nowhere"), tooLong] {
            for (name, value) in [
                ("Content-Security-Policy", policy), ("X-Content-Type-Options", "nosniff"),
                ("Referrer-Policy", "no-referrer"), ("Cross-Origin-Opener-Policy", "same-origin"),
                ("Cross-Origin-Resource-Policy", "same-origin"),
                ("Permissions-Policy", "camera=(), microphone=(), geolocation=()"),
            ] { #expect(reply.header(name) == value, "\(name) of \(reply.status)") }
            #expect(reply.header("X-Request-Id")?.isEmpty == false)
        }
        #expect(reply.header("Access-Control-Allow-Origin") == nil)
    }

    @Test func whatTakesTooLongIsStopped() throws {
        let day = try SimulatedStore.shared.get()
        var limits = SessionAPI.Limits()
        limits.statementSeconds = 0
        let service = try ServiceUnderTest(store: day.path, folder: day.folder, limits: limits)
        let reply = try service.get("quality")
        #expect(reply.status == 503 && reply.json["type"] as? String == "/problems/too-slow")
        #expect(reply.header("Retry-After") == "2")
        // Its connection is well again.
        let other = try ServiceUnderTest(store: day.path, folder: day.folder, connections: 1)
        for _ in 0..<3 { #expect(try other.get("quality").status == 200) }
    }

    @Test func anEmptyStoreSaysWhatItLacks() throws {
        let folder = try Folder()
        try StoreUnderTest.makeTemplate(folder.path("empty.db"))
        let service = try ServiceUnderTest(store: folder.path("empty.db"), folder: folder)
        for path in [
            "me", "status", "freshness", "home", "search?q=x", "sessions", "orphans", "rejected", "robots",
            "fleet/utilization", "fleet/downtime", "fleet/downtime/intervals", "fleet/reliability", "funnel",
            "merchants/usage", "quality", "incidents/export.csv", "audit",
        ] {
            #expect(try service.get(path).status == 200, "\(path)")
        }
        let asOf = try service.get("freshness").json["as_of"] as? [String: Any]
        #expect(asOf?["freshness"] as? String == "empty")
        #expect((asOf?["sentence"] as? String)?.contains("replay an archive") == true)
    }

    @Test func hostileTextStaysText() throws {
        let folder = try Folder()
        let store = try StoreUnderTest(path: folder.path("hostile.db"), maxResident: 100)
        let long = String(repeating: "x", count: 100_000)
        func line(_ minute: Int, _ event: String, _ rest: String) -> String {
            #"{"event":"\#(event)","timestamp":"2026-11-02T10:0\#(minute):00Z","event_id":"e-\#(minute)",\#(rest)}"#
        }
        let id = #""delivery_id":"D/1 <b>&\"'?#%""#
        _ = try store.ingest([
            line(0, "demand.created", id + #","merchant_id":"=cmd|' /C calc'!A0""#),
            line(1, "demand.assigned", id + #","robot_id":"R\u202e1""#),
            line(
                2, "robot.error",
                #""robot_id":"R\u202e1","error":{"code":"<script>alert(1)</script>","message":"\#(long)"}"#),
            line(
                3, "robot.error",
                #""robot_id":"R\u202e1","error":{"code":"-1+1","message":"a\"b\u0000,\n\ud800"}"#),
            line(4, "delivery.failed", id + #","error":"@SUM(1)""#),
        ])
        store.close()
        let service = try ServiceUnderTest(store: folder.path("hostile.db"), folder: folder)
        let path = "deliveries/D%2F1%20%3Cb%3E%26%22%27%3F%23%25"
        let story = try service.get(path)
        #expect(story.status == 200)
        let events = try #require(story.json["events"] as? [[String: Any]])
        #expect(events.count == 5)
        #expect((events[2]["error_message"] as? String)?.count == 200)
        #expect(try service.get("\(path)/text").text.unicodeScalars.allSatisfy { $0.value != 0x202E })
        let csv = try service.get("incidents/export.csv").text
        #expect(
            csv.contains(#""'=cmd|' /C calc'!A0""#) && csv.contains(#""'-1+1""#)
                && csv.contains(#""'@SUM(1)""#))
        #expect(csv.contains(#""D/1 <b>&""'?#%""#))
        let raw = try service.get("incidents/export.csv?raw=true").text
        #expect(raw.contains(",=cmd|' /C calc'!A0,") && !raw.contains("'-1+1"))
        let found = try service.get("search?q=D%2F1").json["go"] as? [String: Any]
        #expect(found?["id"] as? String == "D/1 <b>&\"'?#%")
    }

    @Test func aListenerHearsOfChanges() throws {
        let folder = try Folder()
        let store = try StoreUnderTest(path: folder.path("live.db"), maxResident: 100)
        func line(_ minute: Int, _ event: String) -> String {
            #"{"event":"\#(event)","timestamp":"2026-11-02T10:0\#(minute):00Z","event_id":"e-\#(minute)","delivery_id":"D-1","demand_id":"M-1","robot_id":"R-1"}"#
        }
        _ = try store.ingest([line(0, "demand.created")])
        var limits = SessionAPI.Limits()
        limits.streamsOfReader = 1
        let service = try ServiceUnderTest(
            store: folder.path("live.db"), folder: folder, limits: limits, clock: .wall)
        let connection = try Client.Connection(port: service.client.port)
        try connection.write(
            "GET /analytics/v1/deliveries/D-1/stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        #expect(try connection.read(until: "event_count\":1}").contains("text/event-stream"))
        let refused = try service.get("deliveries/D-1/stream")
        #expect(refused.status == 503 && refused.json["type"] as? String == "/problems/too-many-streams")
        #expect(refused.header("Retry-After") == "10")
        _ = try store.ingest([line(1, "demand.assigned")])
        _ = try connection.read(until: "event_count\":2}")
        _ = try store.ingest([line(2, "delivery.dropoff_completed")])
        let end = String(decoding: try connection.readAll(), as: UTF8.self)
        #expect(end.contains("event: closed") && end.contains("\"outcome\":\"completed\""))
        let id = try #require(end.components(separatedBy: "id: ").last?.split(separator: "\n").first)
        #expect(try service.get("deliveries/D-1/stream", ["Last-Event-ID": String(id)]).status == 204)
        store.close()
    }

    @Test func aListenerHearsThatItsSessionHasMoved() throws {
        let folder = try Folder()
        let store = try StoreUnderTest(path: folder.path("moved.db"), maxResident: 100)
        _ = try store.ingest([
            #"{"event":"demand.created","timestamp":"2026-11-02T10:00:00Z","demand_id":"M-1"}"#
        ])
        let service = try ServiceUnderTest(store: folder.path("moved.db"), folder: folder, clock: .wall)
        let connection = try Client.Connection(port: service.client.port)
        try connection.write(
            "GET /analytics/v1/deliveries/M-1/stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        _ = try connection.read(until: "event_count\":1}")
        _ = try store.ingest([
            #"{"event":"trip.created","timestamp":"2026-11-02T10:01:00Z","demand_id":"M-1","delivery_id":"D-1"}"#
        ])
        let end = String(decoding: try connection.readAll(), as: UTF8.self)
        #expect(end.contains("event: moved") && end.contains("delivery:D-1"))
        #expect(try service.get("deliveries/M-1").json["asked_for"] as? String == "demand:M-1")
        store.close()
    }
}
