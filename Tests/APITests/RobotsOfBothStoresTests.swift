import EngineUnderTest
import Foundation
import Testing

/// Robots' failures and zones, and whoever is known by others' events only, by either store.
@Suite struct RobotsOfBothStoresTests {
    private static func line(_ at: String, _ event: String, _ rest: String) -> String {
        #"{"event":"\#(event)","timestamp":"2026-11-\#(at):00Z","event_id":"\#(at) \#(event) \#(rest.filter(\.isLetter)) \#(rest.filter(\.isNumber))",\#(rest)}"#
    }

    private static func state(_ at: String, _ robot: String, _ event: String, _ zone: String? = nil) -> String
    {
        line(at, "robot." + event, #""robot_id":"\#(robot)""# + (zone.map { #","zone_id":"\#($0)""# } ?? ""))
    }

    /// R-1 is down since noon, R-2 was for an hour, R-3 for a moment, grounded since the day before yesterday; R-4 told no zone.
    private static let lines = [
        state("02T09:00", "R-1", "deployed", "Z1"), state("02T12:00", "R-1", "grounded"),
        state("02T09:00", "R-2", "deployed", "Z1"), state("02T10:00", "R-2", "grounded", "Z2"),
        state("02T11:00", "R-2", "deployed", "Z2"),
        state("01T00:00", "R-3", "grounded", "Z1"), state("02T13:00", "R-3", "deployed"),
        state("02T13:10", "R-3", "grounded"), state("02T13:11", "R-3", "deployed"),
        state("02T09:30", "R-4", "deployed"), state("02T15:00", "R-4", "parked"),
        line(
            "02T14:00", "robot.telemetry",
            #""delivery_id":"D-1","robot_id":"R-9","pilot_id":"P-9","zone_id":"Z3""#),
        line("02T16:00", "robot.note", #""robot_id":"R-4""#),
        // R-5 has two deliveries for half an hour, and tells an error before it tells its zone, and one after.
        line("02T09:00", "demand.assigned", #""robot_id":"R-5","delivery_id":"D-5""#),
        line("02T09:30", "demand.assigned", #""robot_id":"R-5","delivery_id":"D-6""#),
        line("02T10:00", "delivery.dropoff_completed", #""delivery_id":"D-5""#),
        line("02T10:30", "delivery.dropoff_completed", #""delivery_id":"D-6""#),
        line("02T09:45", "robot.error", #""robot_id":"R-5","error":{"code":"WHEEL"}"#),
        line("02T10:15", "robot.error", #""robot_id":"R-5","error":{"code":"LID"},"zone_id":"Z5""#),
    ]

    @Test(arguments: StoreKind.allCases)
    func theyAreToldAlike(kind: StoreKind) throws {
        let folder = try Folder()
        let fresh = try FreshStore(kind)
        try SimulatedStore.fill(StoreUnderTest(place: fresh.place, maxResident: 0), Self.lines)
        let serve = try ServedProgram(folder, ["serve", "--store", fresh.url, "--listen", "127.0.0.1:0"])
        let client = Client(port: try serve.port())
        defer { _ = serve.stop() }
        func rows(_ path: String) throws -> [[String: Any]] {
            let reply = try client.get("/analytics/v1/\(path)")
            try #require(reply.status == 200, "\(path): \(reply.text)")
            return reply.rows
        }
        let day = "from=2026-11-02T00:00:00Z&to=2026-11-02T16:00:00Z"
        // One failure each: who is still down comes before who was for an hour, and that one before a minute.
        let failing = try rows("fleet/reliability?\(day)").filter { $0["failures"] as? Int ?? 0 > 0 }
        #expect(failing.map { $0["robot_id"] as? String } == ["R-1", "R-2", "R-3"])
        #expect(failing.map { $0["repairs"] as? Int } == [0, 1, 1])
        #expect(
            try rows("fleet/reliability?\(day)&worst=1").map { $0["robot_id"] as? String } == ["R-1"])

        // R-2 was in Z1 until it was grounded in Z2; what R-4 did is of no zone.
        let zones = try rows("fleet/utilization?\(day)&by=zone&bucket=all")
        var usable: [String: Double] = [:]
        for zone in zones { usable[zone["key"] as? String ?? "-"] = zone["usable_seconds"] as? Double }
        let hours = usable.mapValues { $0 / 3600 }
        // R-1 and R-2, and R-3 but for the minute.
        let first: Double = 3 + 1 + 179.0 / 60
        #expect(abs((hours["Z1"] ?? 0) - first) < 0.0001)
        #expect(hours["Z2"] == 5.0)
        #expect(hours["-"] == 5.5)
        let hour = try rows("fleet/utilization?\(day)&zone=Z2&bucket=hour&by=robot")
        #expect(Set(hour.compactMap { $0["key"] as? String }) == ["R-2"])
        let whole = try rows("fleet/utilization?\(day)&bucket=all")
        #expect(
            whole.compactMap { $0["usable_seconds"] as? Double }.reduce(0, +) == usable.values.reduce(0, +))

        // Of a zone: of the robots that were there, what was down at its end there; of a robot: its own.
        func down(_ more: String) throws -> [String: Double] {
            var seconds: [String: Double] = [:]
            for row in try rows("fleet/downtime?\(day)&by=robot\(more)") {
                seconds[row["key"] as? String ?? ""] = row["seconds"] as? Double
            }
            return seconds
        }
        #expect(try down("&zone=Z1") == ["R-3": 13 * 3600 + 60, "R-1": 4 * 3600])
        #expect(try down("&zone=Z2") == ["R-2": 3600])
        #expect(try down("&zone=Z9") == [:])
        #expect(try down("&robot=R-2") == ["R-2": 3600])
        #expect(try down("&robot=R-2&zone=Z1") == [:])
        #expect(try down("") == down("&zone=Z1").merging(down("&zone=Z2")) { $0 + $1 })

        // The latest first, each with the state it was a step into.
        let failures = try rows("fleet/failures?\(day)")
        #expect(failures.map { $0["robot_id"] as? String } == ["R-3", "R-1", "R-2"])
        #expect(failures.map { $0["state"] as? String } == ["grounded", "grounded", "grounded"])
        #expect(failures.map { $0["repair_seconds"] as? Double } == [60, nil, 3600])
        #expect(
            try rows("fleet/failures?\(day)&robot=R-3").map { $0["failed_at"] as? String } == [
                "2026-11-02T13:10:00.000000Z"
            ])

        // Each figure opens to its rows: by zone those of the hours at whose end a robot was in it.
        func counted(_ list: String, _ key: String) throws -> [String] {
            try rows("fleet/\(list)\(list.contains("?") ? "&" : "?")\(day)").map {
                "\($0["robot_id"] ?? "") \(($0["started_at"] as? String ?? "").dropFirst(5).prefix(8)) "
                    + "\((($0[key] as? NSNumber)?.doubleValue ?? 0) / 60)"
            }
        }
        #expect(
            try counted("states?class=usable&zone=Z1", "seconds_in_range")
                == ["R-1 11-02T09 180.0", "R-2 11-02T09 60.0", "R-3 11-02T13 10.0", "R-3 11-02T13 169.0"])
        #expect(
            try counted("states?class=downtime", "seconds_in_range")
                == [
                    "R-1 11-02T12 240.0", "R-2 11-02T10 60.0", "R-3 11-01T00 780.0", "R-3 11-02T13 1.0",
                ])
        #expect(
            try counted("states?class=usable&no_zone=true", "seconds_in_range") == ["R-4 11-02T09 330.0"])
        #expect(try counted("states?class=other", "seconds_in_range") == [])
        #expect(
            try counted("windows", "seconds_counted") == ["R-5 11-02T09 60.0", "R-5 11-02T09 30.0"])
        #expect(
            try counted("windows", "seconds_in_range") == ["R-5 11-02T09 60.0", "R-5 11-02T09 60.0"])
        let errors = try rows("fleet/errors?\(day)")
        #expect(errors.map { $0["error_code"] as? String } == ["LID", "WHEEL"])
        #expect(try rows("fleet/errors?\(day)&zone=Z5").map { $0["error_code"] as? String } == ["LID"])
        #expect(try rows("fleet/errors?\(day)&robot=R-6").isEmpty)
        let both = try client.get("/analytics/v1/fleet/errors?zone=Z5&no_zone=true")
        #expect(both.status == 422 && both.text.contains("no_zone"))
        #expect(try client.get("/analytics/v1/fleet/states?\(day)").status == 422)

        // Known by a delivery's event only.
        #expect(try rows("robots").map { $0["robot_id"] as? String }.contains("R-9"))
        for path in ["robots/R-9", "pilots/P-9"] {
            #expect(try client.get("/analytics/v1/\(path)").status == 200, "\(path)")
        }
        for path in ["robots/R-8", "pilots/P-8"] {
            #expect(try client.get("/analytics/v1/\(path)").status == 404, "\(path)")
        }
        let go = try client.get("/analytics/v1/search?q=P-9").json["go"] as? [String: String]
        #expect(go == ["kind": "pilot", "id": "P-9"])
    }
}
