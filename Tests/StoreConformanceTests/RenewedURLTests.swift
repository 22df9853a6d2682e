import SessionStore
import Synchronization
import Testing

@testable import PostgresStore

/// URLs that are read anew: what may be another in them.
@Suite struct RenewedURLTests {
    private static let first = "postgres://a:p@db:5432/f?sslmode=require&sslrootcert=/ca"

    private func target(_ url: String, now: String) throws -> Target {
        var settings = PostgresStore.Settings(url: url)
        settings.currentURL = { now }
        return try Target(settings, readOnly: true).renewed
    }

    private func value(_ keyword: String, _ target: Target) -> String? {
        target.keywords.firstIndex(of: keyword).map { target.values[$0] }
    }

    @Test(arguments: [
        (first, "postgres://a:q@db:5432/f?sslmode=require&sslrootcert=/ca"),
        (first, "postgres://b:q@db:5432/f?sslmode=verify-full&sslrootcert=/other&sslcert=/c&sslkey=/k"),
        (first, "postgresql://db:5432/f?user=b&password=q&sslmode=verify-ca&sslrootcert=/ca"),
        ("postgres://a:p@db", "postgres://a:q@db"), ("postgres://a:p@db", "postgres://b:q@db/a"),
        ("postgres://a:p@db/f", "postgres://a:q@db/f?sslmode=prefer"),
    ])
    func whoConnectsMayBeAnother(url: String, now: String) throws {
        let target = try target(url, now: now)
        #expect(value("password", target) == "q")
        try PostgresStore.Settings(url: url).expectSamePlace(now)
    }

    @Test(arguments: [
        ("postgres://a:p@db", "postgres://b:secret@db", "dbname"),
        ("postgres://a:p@db/a", "postgres://b:secret@db", "dbname"),
        ("postgres://a:p@db/f", "postgres://a:secret@db/g", "dbname"),
        ("postgres://a:p@db/f", "postgres://a:secret@db/f?hostaddr=10.0.0.9", "hostaddr"),
        ("postgres://a:p@db/f", "postgres://a:secret@db/f?options=-csearch_path%3Dother", "options"),
        ("postgres://a:p@db/f", "postgres://a:secret@db:5433/f", "port"),
        ("postgres://a:p@db,eb/f", "postgres://a:secret@eb,db/f", "host"),
        // Half written.
        (first, "postgres://a:secret@db:5432/f", "sslrootcert"),
        (first, "postgres://a:secret@db:5432/f?sslrootcert=/ca", "sslmode"),
        (first, "postgres://a:secret@db:5432/f?sslmode=disable&sslrootcert=/ca", "sslmode"),
        (first, "postgres://a:secret@db:5432/f?sslmode=req&sslrootcert=/ca", "sslmode"),
        ("postgres://a:p@db/f?sslmode=verify-full", "postgres://a:secret@db/f", "sslmode"),
        ("postgres://a:p@db/f?sslmode=verify-full", "postgres://a:secret@db/f?sslmode=verify-ca", "sslmode"),
        (first, "postgres://a:secret", "port"), (first, "secret", "cannot be read"),
    ])
    func thePlaceStays(url: String, now: String, words: String) throws {
        let target = try target(url, now: now)
        #expect(value("password", target) == "p")
        let error = #expect(throws: StoreError.self) {
            try PostgresStore.Settings(url: url).expectSamePlace(now)
        }
        #expect(error?.description.contains(words) == true, "\(error as Any)")
        #expect(error?.description.contains("secret") == false, "\(error as Any)")
    }

    /// Each URL is held against the one before it: what was made stricter once stays.
    @Test func whatIsStricterStays() throws {
        let now = Mutex("postgres://a:q@db/f?sslmode=verify-full")
        var settings = PostgresStore.Settings(url: "postgres://a:p@db/f")
        settings.currentURL = { now.withLock { $0 } }
        let strict = try Target(settings, readOnly: true).renewed
        #expect(value("sslmode", strict) == "verify-full")
        now.withLock { $0 = "postgres://a:r@db/f" }
        #expect(value("password", strict.renewed) == "q")
    }
}
