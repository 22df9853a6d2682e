import EngineUnderTest
import FleetSimulator
import Foundation
import HTTPServer
import SQLiteStore
import SessionStore
import Testing

@testable import SessionAPI

/// Answers that are given again: the same as the store would give, to nobody who may not see them, and never older than it.
@Suite struct KeptAnswersTests {
    /// What was answered beside what each answer has of its own.
    private static func told(_ reply: Client.Reply) -> [String] {
        let own: Set = ["x-request-id", "date", "etag"]
        return ["\(reply.status)"]
            + reply.headers.filter { !own.contains($0.0.lowercased()) }.map { "\($0.0): \($0.1)" }.sorted()
            + [Data(reply.body).base64EncodedString()]
    }

    /// All routes, each asked twice, plain and packed, beside a service that keeps nothing.
    @Test func whatIsKeptIsWhatTheStoreAnswers() throws {
        let day = try SimulatedStore.shared.get()
        var watched: WatchedStore?
        let service = try ServiceUnderTest(
            store: day.path, folder: day.folder,
            wrap: {
                let store = WatchedStore($0)
                watched = store
                return store
            })
        var nothing = SessionAPI.Limits()
        nothing.keptBytes = 0
        let forgetful = try ServiceUnderTest(store: day.path, folder: day.folder, limits: nothing)
        let store = try #require(watched)
        let access = AccessTests()
        let own = try #require(try access.deliveries(day, "1").first)
        let paths = access.paths(own.row)
        for route in Route.table where route.operation != "deliveryStream" {
            let path = try #require(paths[route.operation]).replacing("EVENT", with: own.event)
            let isKept = route.isRevalidated && route.isAudited
            for headers in [[:], ["Accept-Encoding": "gzip"]] {
                let first = try service.get(path, headers)
                let before = store.queries
                let again = try service.get(path, headers)
                let cost = store.queries - before
                // How far the store has come is asked each time.
                #expect(isKept ? cost == 1 : cost >= 1, "\(path) cost \(cost)")
                guard isKept else { continue }
                #expect(Self.told(first) == Self.told(again), "\(path)")
                #expect(first.header("ETag") == again.header("ETag"))
                #expect(Self.told(try forgetful.get(path, headers)) == Self.told(again), "\(path)")
            }
        }
        // Nobody is given it who asked otherwise.
        let before = store.queries
        #expect(try service.get("sessions?limit=3").rows.count == 3 && store.queries > before + 1)
        #expect(try service.get("sessions").rows.count > 3)
    }

    /// Rows are counted for the audit whether the answer was kept or not.
    @Test func eachUseIsAudited() throws {
        let (service, day) = try ServiceUnderTest.simulated()
        let number = try #require(day.truth.first { $0.outcome == .completed }).number
        for _ in 0..<3 { #expect(try service.get("deliveries/D-\(number)").status == 200) }
        let rows = try service.audit.rows(who: nil, before: .max, limit: 10).map(\.entry)
        #expect(rows.count == 3 && Set(rows.map(\.requestID)).count == 3)
        #expect(rows.allSatisfy { $0.status == 200 && $0.rows == rows[0].rows } && rows[0].rows ?? 0 > 0)
        // The audit itself is never one that was kept: it grows by being asked.
        for asked in 0..<3 { #expect(try service.get("audit").rows.count == 3 + asked) }
    }

    /// After each commit the answer is the one that a service just begun would give.
    @Test func aCommitEndsWhatIsKept() throws {
        func line(_ number: Int) -> String {
            #"{"event":"robot.error","timestamp":"2026-11-02T10:00:0\#(number)Z","delivery_id":"D-1","#
                + #""error":{"code":"E\#(number)"}}"#
        }
        let folder = try Folder()
        let path = folder.path("live.db")
        let store = try StoreUnderTest(path: path, maxResident: 100)
        _ = try store.ingest([line(0)])
        let service = try ServiceUnderTest(store: path, folder: folder)
        for number in 1...5 {
            let before = try service.get("deliveries/D-1")
            #expect(try service.get("deliveries/D-1").body == before.body)
            // One that is there already changes no table but the batches'.
            _ = try store.ingest([line(number % 3)])
            let after = try service.get("deliveries/D-1")
            #expect(after.header("ETag") != before.header("ETag"))
            let fresh = try ServiceUnderTest(store: path, folder: folder).get("deliveries/D-1")
            #expect(after.text == fresh.text)
            #expect((after.text == before.text) == (number > 2), "\(number)")
        }
        store.close()
    }

    /// A reader who is bound to merchants, and each role, after one who sees more.
    @Test func eachReaderIsGivenTheirOwn() throws {
        let cast = try AccessTests.Cast()
        let all = try cast.get("sessions?limit=500", as: "admin")
        let bound = try cast.get("sessions?limit=500", as: "bound-admin")
        #expect(all.rows.contains { $0["merchant_id"] as? String != AccessTests.merchant })
        #expect(!bound.rows.isEmpty)
        #expect(bound.rows.allSatisfy { $0["merchant_id"] as? String == AccessTests.merchant })
        // Home tells of orphans who may ask for them.
        func orphans(_ name: String) throws -> Int? {
            let trouble = try cast.get("home", as: name).json["trouble"] as? [String: Any]
            return ((trouble?["orphan_errors"] as? [String: Any])?["rows"] as? [Any])?.count
        }
        for _ in 0..<2 {
            #expect(try orphans("operator") ?? 0 > 0)
            #expect(try orphans("viewer") == 0)
        }
        #expect(try cast.get("quality", as: "operator").status == 200)
        #expect(try cast.get("quality", as: "viewer").status == 403)
        #expect(try cast.service.get("quality").status == 401)
    }

    /// It holds no more than it may, nothing large, and nothing of another state of the store.
    @Test func itsMemoryIsBounded() {
        let kept = KeptAnswers(mostBytes: 100_000)
        func place(_ version: Int, _ number: Int) -> KeptAnswers.Place {
            KeptAnswers.Place(
                state: KeptAnswers.State(version: "\(version)", moment: nil),
                request: KeptAnswers.Request(
                    target: "/\(number)".byBytes, role: .viewer, merchants: nil, isPacked: false))
        }
        func answer(_ bytes: Int) -> KeptAnswers.Kept {
            KeptAnswers.Kept(
                response: HTTPResponse(
                    status: 200, headers: [], body: .bytes([UInt8](repeating: 7, count: bytes))), rows: 1)
        }
        func isThere(_ place: KeptAnswers.Place) -> Bool { kept.answer(at: place) != nil }
        for number in 0..<1000 {
            kept.keep(answer(9000), at: place(1, number))
            #expect(isThere(place(1, number)))
            #expect((0...number).count(where: { isThere(place(1, $0)) }) * 10_000 <= 100_000)
        }
        kept.keep(answer(12_500), at: place(1, 1000))
        #expect(!isThere(place(1, 1000)))
        kept.keep(answer(10), at: place(2, 1))
        #expect(isThere(place(2, 1)) && !(0..<1000).contains { isThere(place(1, $0)) })
    }
}
