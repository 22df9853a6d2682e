import AccessControl
import ChildProcesses
import EngineUnderTest
import Foundation
import SessionStore
import Testing

@testable import SQLiteStore
@testable import SessionAPI

/// Who may see what, route by route.
@Suite struct AccessTests {
    static let merchant = "harbor-burgers"

    struct Cast {
        let service: ServiceUnderTest
        let day: SimulatedStore
        let folder: Folder
        /// By role, and "bound".
        var tokens: [String: String] = [:]

        init() throws {
            folder = try Folder()
            var lines = "# who may ask\n"
            let bound = Role.allCases.map { "bound-\($0.rawValue)" }
            for name in Role.allCases.map(\.rawValue) + bound + ["bound", "late"] {
                let (token, digest) = AccessControl.fresh()
                tokens[name] = token
                let role = name.split(separator: "-").last.map(String.init) ?? name
                lines += "\(name) \(role == "bound" || role == "late" ? "operator" : role) \(digest)"
                if name.hasPrefix("bound") { lines += " merchants=\(AccessTests.merchant)" }
                if name == "late" { lines += " expires=2020-01-01" }
                lines += "\n"
            }
            var settings = AccessControl.Settings()
            settings.tokens = try folder.write("tokens", lines)
            (service, day) = try ServiceUnderTest.simulated(AccessControl(settings) { _ in })
        }

        func get(_ path: String, as name: String) throws -> Client.Reply {
            try service.get(path, ["Authorization": "Bearer \(tokens[name] ?? "")"])
        }
    }

    /// Routes with what stands for their ids, of a delivery.
    func paths(_ row: TableRow) -> [String: String] {
        let delivery = row.text("delivery_id") ?? ""
        let robot = row.text("robot_id") ?? "R-001"
        let pilot = row.text("pilot_id") ?? "P-01"
        let session = row.text("session_id") ?? ""
        return [
            "me": "me", "status": "status", "freshness": "freshness", "home": "home",
            "search": "search?q=\(delivery)",
            "delivery": "deliveries/\(delivery)", "deliveryText": "deliveries/\(delivery)/text",
            "deliveryPlain": "deliveries/\(delivery)/plain",
            "deliveryStream": "deliveries/\(delivery)/stream", "sessions": "sessions",
            "session": "sessions/\(session)",
            "sessionEvents": "sessions/\(session)/events", "event": "events/EVENT",
            "eventPayload": "events/EVENT/payload", "explain": "events/EVENT/explain",
            "orphans": "orphans", "rejected": "rejected", "robots": "robots", "robot": "robots/\(robot)",
            "robotTimeline": "robots/\(robot)/timeline", "robotStates": "robots/\(robot)/states",
            "robotAt": "robots/\(robot)/at?time=2026-11-02T12:00:00Z", "pilot": "pilots/\(pilot)",
            "utilization": "fleet/utilization", "downtime": "fleet/downtime",
            "downtimeIntervals": "fleet/downtime/intervals", "reliability": "fleet/reliability",
            "fleetStates": "fleet/states?class=usable", "fleetWindows": "fleet/windows",
            "fleetErrors": "fleet/errors",
            "failures": "fleet/failures",
            "funnel": "funnel",
            "merchantUsage": "merchants/usage", "quality": "quality",
            "export": "incidents/export.csv?limit=5",
            "audit": "audit",
        ]
    }

    func deliveries(_ day: SimulatedStore, _ condition: String) throws -> [(
        row: TableRow, event: String
    )] {
        let tables = try SQLiteReader(path: day.path)
        return try tables.rows(
            "SELECT * FROM sessions WHERE kind = 'delivery' AND pilot_id IS NOT NULL AND outcome = 'completed' "
                + "AND \(condition) ORDER BY session_id LIMIT 3", []
        ).map { row in
            let event = try tables.rows(
                "SELECT event_id FROM session_events WHERE session_id = ?1 AND via = 'direct' LIMIT 1",
                [row["session_id"]])
            return (row, event.first?.text("event_id") ?? "")
        }
    }

    @Test func eachRoleSeesItsRoutes() throws {
        let cast = try Cast()
        let own = try #require(try deliveries(cast.day, "1").first)
        let paths = paths(own.row)
        for route in Route.table {
            let path = try #require(paths[route.operation], "\(route.operation)")
                .replacing("EVENT", with: own.event)
            for role in Role.allCases {
                let reply = try cast.get(path, as: role.rawValue)
                #expect(
                    reply.status == (route.roles.contains(role) ? 200 : 403),
                    "\(route.operation) as \(role.rawValue)")
            }
            #expect(try cast.service.get(path).status == 401, "\(route.operation) without a token")
            #expect(try cast.get(path, as: "late").status == 401, "\(route.operation) with an expired token")
        }
    }

    /// Home tells nobody of rows that the route of their list refuses.
    @Test func homeTellsOfOrphansWhoMayAskForThem() throws {
        let cast = try Cast()
        var counts: Set<Int> = []
        for role in Role.allCases {
            let home = try cast.get("home", as: role.rawValue).json
            let trouble = try #require(home["trouble"] as? [String: Any])
            let orphans = try #require(trouble["orphan_errors"] as? [String: Any])
            let mayAsk = try cast.get("orphans", as: role.rawValue).status == 200
            #expect((orphans["rows"] as? [Any])?.isEmpty == !mayAsk, "\(role)")
            counts.insert(try #require(orphans["count"] as? Int))
        }
        #expect(counts.count == 1 && counts.first ?? 0 > 0)
    }

    @Test func aBoundReaderSeesItsMerchantsOnly() throws {
        let cast = try Cast()
        let own = try #require(try deliveries(cast.day, "merchant_id = '\(Self.merchant)'").first)
        let foreign = try deliveries(cast.day, "merchant_id <> '\(Self.merchant)'")
        for route in Route.table {
            let path = try #require(paths(own.row)[route.operation]).replacing("EVENT", with: own.event)
            for role in Role.allCases {
                let reply = try cast.get(path, as: "bound-\(role.rawValue)")
                let may = route.roles.contains(role) && !route.isFleetWide
                #expect(
                    reply.status == (may ? 200 : 403), "\(route.operation) of its own as \(role.rawValue)")
            }
        }
        // Where a robot was within the hour after a delivery is told by others' events.
        #expect(try cast.get("sessions?robot_zone=harbor", as: "bound").status == 403)
        #expect(try cast.get("sessions?robot_zone=harbor", as: "viewer").status == 200)
        // What is another's is answered like what does not exist, byte for byte but for the id and the request's.
        func shape(
            _ path: String, _ id: String, _ expected: Int, as role: String = "bound"
        ) throws -> String {
            let reply = try cast.get(path, as: role)
            #expect(reply.status == expected, "\(path)")
            var text = reply.text
            if let request = reply.json["request_id"] as? String {
                text = text.replacing(request, with: "REQUEST")
            }
            return text.replacing(id, with: "ID")
        }
        for (row, event) in foreign {
            let delivery = try #require(row.text("delivery_id"))
            let missing = delivery + "00000"
            for template in [
                "deliveries/%", "deliveries/%/text", "deliveries/%/plain", "deliveries/%/stream",
                "sessions/delivery:%",
                "sessions/delivery:%/events",
            ] {
                for role in Role.allCases.map({ "bound-\($0.rawValue)" }) {
                    let other = try shape(template.replacing("%", with: delivery), delivery, 404, as: role)
                    let none = try shape(template.replacing("%", with: missing), missing, 404, as: role)
                    #expect(other == none, "\(template) as \(role)")
                }
            }
            for template in ["events/%", "events/%/explain", "events/%/payload"] {
                let none = "00000000-0000-4000-8000-000000000000"
                #expect(
                    try shape(template.replacing("%", with: event), event, 404)
                        == shape(template.replacing("%", with: none), none, 404))
            }
            #expect(try cast.get("search?q=\(delivery)", as: "bound").json["go"] is NSNull)
        }
    }

    @Test func listsOfABoundReaderHoldItsOwnOnly() throws {
        let cast = try Cast()
        let tables = try SQLiteReader(path: cast.day.path)
        func count(_ condition: String) throws -> Int64 {
            try tables.rows("SELECT count(*) AS n FROM sessions WHERE \(condition)", [])[0].integer("n") ?? 0
        }
        let sessions = try cast.get("sessions?limit=500", as: "bound").rows
        #expect(
            Int64(sessions.count)
                == (try count("kind IN ('delivery', 'demand') AND merchant_id = '\(Self.merchant)'")))
        #expect(sessions.allSatisfy { $0["merchant_id"] as? String == Self.merchant })
        // A filter cannot widen it.
        #expect(try cast.get("sessions?merchant=pier-pizza", as: "bound").rows.isEmpty)
        let usage = try cast.get("merchants/usage", as: "bound").rows
        #expect(!usage.isEmpty && usage.allSatisfy { $0["merchant_id"] as? String == Self.merchant })
        let steps = try cast.get("funnel", as: "bound").json["steps"] as? [[String: Any]] ?? []
        #expect(
            steps.first?["sessions"] as? Int
                == Int(try count("merchant_id = '\(Self.merchant)' AND kind <> 'trip'")))
        let lines = try cast.get("incidents/export.csv", as: "bound").text.components(separatedBy: "\r\n")
        #expect(lines.count > 10)
        for line in lines.dropFirst().dropLast() {
            #expect(line.split(separator: ",", omittingEmptySubsequences: false)[3] == Self.merchant)
        }
        for query in ["D-", "T-", "R-0", "pier", "P-"] {
            for hit in try cast.get("search?q=\(query)&limit=50", as: "bound").json["results"]
                as? [[String: Any]] ?? []
            {
                // An id of several of its own sessions has no merchant of its own.
                if hit["session_id"] is NSNull, hit["kind"] as? String == "trip" { continue }
                #expect(
                    hit["merchant_id"] as? String == Self.merchant || hit["id"] as? String == Self.merchant,
                    "\(hit)")
            }
        }
        let own = try #require(try deliveries(cast.day, "merchant_id = '\(Self.merchant)'").first)
        let story = try cast.get("deliveries/\(own.row.text("delivery_id") ?? "")", as: "bound").json
        #expect((story["near_misses"] as? [Any])?.isEmpty == true)
        let windows = story["windows"] as? [[String: Any]] ?? []
        let first = windows.compactMap { $0["started_at"] as? String }.min() ?? ""
        let last = windows.compactMap { $0["ended_at"] as? String }.max() ?? ""
        for state in story["states"] as? [[String: Any]] ?? [] {
            #expect(try #require(state["started_at"] as? String) >= first)
            #expect(try #require(state["ended_at"] as? String) <= last)
        }
    }

    @Test func payloadsAreForOperators() throws {
        let cast = try Cast()
        let own = try #require(try deliveries(cast.day, "1").first)
        for (role, sees) in [("viewer", false), ("finance", false), ("operator", true), ("admin", true)] {
            let told = try cast.get("events/\(own.event)", as: role).json
            #expect(
                (told["payload"] is String) == sees && told["payload_withheld"] as? Bool == !sees, "\(role)")
        }
    }

    /// What is too long to be shown is had whole, as a file.
    @Test func aLongPayloadIsHadWhole() throws {
        let folder = try Folder()
        let store = try StoreUnderTest(path: folder.path("long.db"), maxResident: 100)
        let line =
            #"{"event":"robot.error","timestamp":"2026-11-02T10:00:00Z","event_id":"E-1","robot_id":"R-1","note":"\#(String(repeating: "ä", count: 50_000))"}"#
        _ = try store.ingest([line])
        store.close()
        let service = try ServiceUnderTest(store: folder.path("long.db"), folder: folder)
        let told = try service.get("events/E-1").json
        #expect(told["payload_cut"] as? Bool == true)
        let reply = try service.get("events/E-1/payload")
        #expect(reply.status == 200 && reply.text == line)
        #expect(reply.header("Content-Disposition") == "attachment; filename=\"event-payload.json\"")
        #expect(reply.header("Cache-Control") == "no-store")
        #expect(try service.get("events/E-2/payload").status == 404)
    }

    @Test func aCookieStandsForAToken() throws {
        let cast = try Cast()
        let client = cast.service.client
        let bearer = ["Authorization": "Bearer \(cast.tokens["bound"] ?? "")"]
        #expect(try client.send("POST", "/analytics/v1/sign-in").status == 401)
        #expect(
            try client.send(
                "POST", "/analytics/v1/sign-in", bearer.merging(["Origin": "https://evil.example"]) { $1 }
            )
            .status == 403)
        let reply = try client.send("POST", "/analytics/v1/sign-in", bearer)
        #expect(reply.status == 204)
        let header = try #require(reply.header("Set-Cookie"))
        #expect(header.contains("HttpOnly") && header.contains("SameSite=Lax"))
        let cookie = ["Cookie": String(header.prefix { $0 != ";" })]
        let me = try cast.service.get("me", cookie).json
        #expect(me["name"] as? String == "bound" && me["merchants"] as? [String] == [Self.merchant])
        #expect(try cast.service.get("home", cookie).status == 403)
        #expect(try client.send("POST", "/analytics/v1/sign-out", cookie).status == 204)
        #expect(try cast.service.get("me", cookie).status == 401)
    }

    /// From the next request on, without a restart.
    @Test func aTokenThatIsTakenBackTakesItsCookiesWithIt() throws {
        let folder = try Folder()
        let (first, firstDigest) = AccessControl.fresh()
        let (second, secondDigest) = AccessControl.fresh()
        var settings = AccessControl.Settings()
        settings.tokens = try folder.write("tokens", "a viewer \(firstDigest)\nb operator \(secondDigest)\n")
        let (service, _) = try ServiceUnderTest.simulated(AccessControl(settings) { _ in })
        func signIn(_ token: String) throws -> (status: Int, cookie: [String: String]) {
            let reply = try service.client.send(
                "POST", "/analytics/v1/sign-in", ["Authorization": "Bearer \(token)"])
            return (reply.status, ["Cookie": String((reply.header("Set-Cookie") ?? "").prefix { $0 != ";" })])
        }
        let (taken, kept) = (try signIn(first).cookie, try signIn(second).cookie)
        #expect(try service.get("home", taken).status == 200 && service.get("quality", kept).status == 200)
        // The first is taken back, the second made less.
        try folder.write("tokens", "b viewer \(secondDigest)\n")
        let refused = try service.get("home", taken)
        #expect(refused.status == 401)
        #expect((refused.json["detail"] as? String)?.contains("taken back") == true)
        #expect(try service.client.get("/home.json", taken).status == 401)
        #expect(try service.get("home", kept).status == 200 && service.get("quality", kept).status == 403)
        #expect(try signIn(first).status == 401)
        // It stays ended when the line comes back: its owner signs in anew.
        try folder.write("tokens", "a viewer \(firstDigest)\nb viewer \(secondDigest)\n")
        #expect(try service.get("home", taken).status == 401)
        #expect(try signIn(first).status == 204)
    }

    /// A stream that was opened with it ends before it tells anything more.
    @Test func aTokenThatIsTakenBackEndsItsStreams() throws {
        let folder = try Folder()
        let (token, digest) = AccessControl.fresh()
        var settings = AccessControl.Settings()
        settings.tokens = try folder.write("tokens", "a viewer \(digest)\n")
        let store = try StoreUnderTest(path: folder.path("live.db"), maxResident: 100)
        func line(_ minute: Int) -> String {
            #"{"event":"demand.created","timestamp":"2026-11-02T10:0\#(minute):00Z","delivery_id":"D-1"}"#
        }
        _ = try store.ingest([line(0)])
        let service = try ServiceUnderTest(
            store: folder.path("live.db"), folder: folder, access: AccessControl(settings) { _ in },
            clock: .wall)
        let signedIn = try service.client.send(
            "POST", "/analytics/v1/sign-in", ["Authorization": "Bearer \(token)"])
        let cookie = try #require(signedIn.header("Set-Cookie")).prefix { $0 != ";" }
        let connection = try Client.Connection(port: service.client.port)
        try connection.write(
            "GET /analytics/v1/deliveries/D-1/stream HTTP/1.1\r\nHost: localhost\r\nCookie: \(cookie)\r\nConnection: close\r\n\r\n"
        )
        _ = try connection.read(until: "event_count\":1}")
        _ = try store.ingest([line(1)])
        _ = try connection.read(until: "event_count\":2}")
        try folder.write("tokens", "# nobody\n")
        _ = try store.ingest([line(2)])
        let rest = String(decoding: try connection.readAll(), as: UTF8.self)
        #expect(!rest.contains("event_count"), "\(rest)")
        store.close()
    }

    @Test func eachUseLeavesARow() throws {
        let cast = try Cast()
        let own = try #require(try deliveries(cast.day, "1").first)
        let delivery = own.row.text("delivery_id") ?? ""
        _ = try cast.get("deliveries/\(delivery)?limit=5000", as: "viewer")
        _ = try cast.get("audit", as: "viewer")
        _ = try cast.get("deliveries/none-such", as: "operator")
        _ = try cast.get("me", as: "viewer")
        _ = try cast.service.get("home")
        let rows = try cast.service.audit.rows(who: nil, before: .max, limit: 100)
        #expect(rows.map(\.entry.route) == ["deliveries/{id}", "audit", "deliveries/{id}"])
        #expect(rows.map(\.entry.status) == [404, 403, 200])
        #expect(rows[2].entry.who == "viewer" && rows[2].entry.role == "viewer")
        #expect(rows[2].entry.object == delivery && rows[2].entry.filters == "limit=5000")
        #expect(rows[2].entry.rows.map(Int64.init) == own.row.integer("event_count"))
        let told = try cast.get("audit?who=viewer", as: "admin").rows
        #expect(told.count == 2 && told.allSatisfy { $0["who"] as? String == "viewer" })
    }

    @Test func nobodyChangesTheAudit() throws {
        let folder = try Folder()
        let path = folder.path("audit.db")
        let audit = try SQLiteAudit(path: path)
        try audit.append(
            AuditEntry(
                at: 1, who: "a", role: "viewer", route: "home", object: nil, filters: "", status: 200,
                rows: 1,
                requestID: "x", address: "127.0.0.1"))
        func run(_ sql: String) throws -> Int32 {
            try ChildProcess.run([
                "python3",
                "-c",
                "import sqlite3,sys\nc=sqlite3.connect(sys.argv[1])\nc.execute(sys.argv[2])\nc.commit()",
                path, sql,
            ]).status
        }
        // A file of an earlier version gets what it lacks when it is opened.
        #expect(try run("DROP TRIGGER audit_stays_3") == 0)
        let again = try SQLiteAudit(path: path)
        let other = "(1, 2, 'b', 'admin', 'home', NULL, '', 200, 1, 'y', '::1')"
        for sql in [
            "UPDATE audit SET who = 'b'", "DELETE FROM audit", "UPDATE OR REPLACE audit SET who = 'b'",
            "UPDATE OR IGNORE audit SET who = 'b'", "REPLACE INTO audit VALUES \(other)",
            "INSERT OR REPLACE INTO audit VALUES \(other)",
            "INSERT INTO audit VALUES \(other) ON CONFLICT DO UPDATE SET who = 'b'",
        ] {
            #expect(try run(sql) != 0, "\(sql)")
        }
        #expect(try again.rows(who: nil, before: .max, limit: 9).map(\.entry.who) == ["a"])
        // What is only added goes on.
        try again.append(
            AuditEntry(
                at: 2, who: "c", role: "viewer", route: "home", object: nil, filters: "", status: 200,
                rows: 1, requestID: "z", address: "127.0.0.1"))
        #expect(try audit.rows(who: nil, before: .max, limit: 9).map(\.entry.who) == ["c", "a"])
        // FULL: a row is on the disk before its answer is given.
        #expect(try again.synchronous() == 2)
    }

    @Test func aTokenIsTakenBackByDeletingItsLine() throws {
        let folder = try Folder()
        let (first, firstDigest) = AccessControl.fresh()
        let (second, secondDigest) = AccessControl.fresh()
        var settings = AccessControl.Settings()
        settings.tokens = try folder.write("tokens", "a viewer \(firstDigest)\nb admin \(secondDigest)\n")
        let complaints = Complaints()
        let access = try AccessControl(settings) { complaints.add($0) }
        #expect(try access.reader(token: first, now: 0).name == "a")
        try folder.write("tokens", "b admin \(secondDigest)\n")
        #expect(throws: AccessRefusal.self) { try access.reader(token: first, now: 1) }
        #expect(try access.reader(token: second, now: 6_000_000).role == .admin)
        // A file that cannot be used takes nothing back and lets nobody in.
        try folder.write("tokens", "b nonsense \(secondDigest)\n")
        #expect(try access.reader(token: second, now: 12_000_000).name == "b")
        #expect(complaints.all.first?.contains("line 1: no role nonsense") == true)
    }

    /// Written on Windows: to Swift a CR and its LF are one character.
    @Test func linesMayEndAsOnWindows() throws {
        let folder = try Folder()
        let (first, firstDigest) = AccessControl.fresh()
        let (second, secondDigest) = AccessControl.fresh()
        var settings = AccessControl.Settings()
        settings.tokens = try folder.write(
            "tokens", "a viewer \(firstDigest)\r\n# b\r\nb admin \(secondDigest)\r\n")
        let access = try AccessControl(settings) { _ in }
        #expect(try access.reader(token: first, now: 0).name == "a")
        #expect(try access.reader(token: second, now: 0).role == .admin)
    }

    /// What is only a part of a file opens nothing: without its end a line may have lost what binds it.
    @Test func aPartOfAFileOfTokensIsNotUsed() throws {
        let folder = try Folder()
        let (first, firstDigest) = AccessControl.fresh()
        let (second, secondDigest) = AccessControl.fresh()
        var settings = AccessControl.Settings()
        let whole = "a viewer \(firstDigest)\nb operator \(secondDigest) merchants=m-1\n"
        settings.tokens = try folder.write("tokens", "a viewer \(firstDigest)\n")
        let complaints = Complaints()
        let access = try AccessControl(settings) { complaints.add($0) }
        try folder.write("tokens", "a viewer \(firstDigest)\nb operator \(secondDigest)")
        #expect(throws: AccessRefusal.self) { try access.reader(token: second, now: 0) }
        #expect(try access.reader(token: first, now: 0).name == "a")
        #expect(complaints.all.first?.contains("line 2: has no newline at its end") == true)
        #expect(throws: AccessFileError.self) { _ = try AccessControl(settings) { _ in } }
        try folder.write("tokens", whole)
        #expect(try access.reader(token: second, now: 0).merchants == ["m-1"])
        // A megabyte is read, a byte more is not: not even the lines before it.
        let comment = "#" + String(repeating: "-", count: (1 << 20) - whole.utf8.count - 2) + "\n"
        try folder.write("tokens", comment + whole)
        #expect(try AccessControl(settings) { _ in }.reader(token: second, now: 0).merchants == ["m-1"])
        try folder.write("tokens", "#" + comment + whole.replacing("m-1", with: "m-2"))
        #expect(try access.reader(token: second, now: 0).merchants == ["m-1"])
        #expect(complaints.all.last?.contains("more than 1048576 bytes") == true)
        #expect {
            _ = try AccessControl(settings) { _ in }
        } throws: { error in
            "\(error)".contains("more than 1048576 bytes")
        }
    }

    @Test(arguments: [
        ("a viewer", "expected NAME ROLE sha256:HEX"), ("a king sha256:00", "no role king"),
        ("a viewer sha256:00", "64 hexadecimal digits"),
        ("a viewer sha256:\(String(repeating: "0", count: 64)) color=red", "unknown word"),
        ("a viewer sha256:\(String(repeating: "0", count: 64)) expires=soon", "expires=2027-01-01"),
        (
            "a viewer sha256:\(String(repeating: "0", count: 64)) expires=2027-02-31",
            "expires=2027-02-31: not a day"
        ),
    ]) func aFileOfTokensSaysWhatIsWrong(line: String, problem: String) throws {
        let folder = try Folder()
        var settings = AccessControl.Settings()
        settings.tokens = try folder.write("tokens", "# one\n\(line)\n")
        #expect {
            _ = try AccessControl(settings) { _ in }
        } throws: { error in
            "\(error)".contains("line 2: ") && "\(error)".contains(problem)
        }
    }
}
