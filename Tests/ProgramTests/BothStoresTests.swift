import ChildProcesses
import EngineUnderTest
import Foundation
import ProgramUnderTest
import SessionStore
import Testing

/// What the commands say of the same events is the same text, to the letter, whichever store holds them.
@Suite struct BothStoresTests {
    let program: Program
    var folder: Folder { program.folder }

    init() throws { program = Program(folder: try Folder()) }

    /// What a simulated day does not have: a clock of long ago, states that never end, a message that is none, ids that
    /// look alike, two things at one instant, the letters and signs that JSON escapes.
    private static let odd = [
        #"{"event":"robot.state_changed","timestamp":"1970-01-01T00:00:10Z","robot_id":"R-odd","to_state":"idle"}"#,
        #"{"event":"robot.state_changed","timestamp":"2026-11-02T01:00:00Z","robot_id":"R-odd","to_state":"grounded","reason":"flat \"tyre\"\u0007"}"#,
        #"{"event":"robot.state_changed","timestamp":"2026-11-02T01:00:00Z","robot_id":"R-other","to_state":"grounded"}"#,
        #"{"event":"robot.error","timestamp":"2026-11-02T02:00:00.123456Z","event_id":"e2","robot_id":"R-odd","error":{"code":"B"}}"#,
        #"{"event":"robot.error","timestamp":"2026-11-02T02:00:00.123456Z","event_id":"e1","robot_id":"R-odd","error":{"code":"A"}}"#,
        #"{"event":"demand.assigned","timestamp":"2026-11-02T03:00:00Z","delivery_id":"Ö-1","demand_id":"M-x","robot_id":"R-odd","pilot_id":"P\\1"}"#,
        #"{"event":"demand.assigned","timestamp":"2026-11-02T03:00:00Z","delivery_id":"Ö-2","robot_id":"R-odd"}"#,
        #"{"event":"delivery.failed","timestamp":"2026-11-02T04:00:00Z","delivery_id":"Ö-1"}"#,
        #"{"event":"delivery.failed","timestamp":"2026-11-02T04:10:00Z","delivery_id":"Ö-3","error":{"code":"LOST","message":"nobody – nowhere"}}"#,
        "no event at all", #"{"event":"x"}"#, "{\"event\":\"\u{1}\"",
    ]

    @Test func theCommandsSayTheSame() throws {
        let simulated = try program.run(
            "simulate", "--out", "archive", "--robots", "12", "--deliveries", "150", "--pilots", "5",
            "--telemetry-seconds", "1800", "--days", "2", "--seed", "41", "--start-day", "2026-11-02",
            "--compression", "none")
        #expect(simulated.status == 0, "\(simulated.complaints)")
        try folder.write("odd.jsonl", Self.odd.joined(separator: "\n") + "\n")
        let stores = try StoreKind.allCases.map { try FreshStore($0) }
        for store in stores {
            let replay = try program.run("replay", "archive", "odd.jsonl", "--store", store.url)
            #expect(replay.status == 0, "\(replay.complaints)")
        }
        for words in try questions(stores[0].place) {
            for format in ["text", "json"] {
                let answers = try stores.map { try answer(words + ["--format", format], $0) }
                #expect(answers[0] == answers[1], "\(words) \(format)")
                #expect(!answers[0].isEmpty)
            }
        }
    }

    /// A command's words, of some of each kind of session and of all robots.
    private func questions(_ place: StorePlace) throws -> [[String]] {
        try place.withReader { reader in
            func ids(_ sql: String) throws -> [String] {
                try reader.rows(sql, []).compactMap { $0.text("id") }
            }
            let sessions = try ["completed", "failed", "canceled", "in_progress", "rejected", "expired"]
                .flatMap {
                    try ids(
                        """
                        SELECT session_id AS id FROM sessions WHERE outcome = '\($0)'
                        ORDER BY reassignment_count DESC, event_count DESC, session_id LIMIT 4
                        """)
                }
            #expect(sessions.count > 12)
            let robots = try ids("SELECT DISTINCT robot_id AS id FROM robot_states ORDER BY 1")
            #expect(robots.count == 14)
            return [["fleet"], ["rejected"]]
                + (sessions + ["Ö-1", "Ö-2", "M-x", "demand:M-x", "Ö-11", "d-nobody-knows", "q"]).map {
                    ["session", $0]
                } + (robots + ["r-od", "R-0", "zzzzzzzzzz"]).map { ["robot", $0] }
        }
    }

    /// What a command writes, without the store's name and the times at which the store was written.
    private func answer(_ words: [String], _ store: FreshStore) throws -> [Substring] {
        let process = try program.start(words + ["--store", store.url])
        process.waitUntilExit()
        let text = try "\(process.terminationStatus)\n\(folder.text("stdout"))\n\(folder.text("stderr"))"
        return text.replacing(/"(updated_at|received_at)":"[^"]*"/, with: "")
            .split(separator: "\n")
    }
}
