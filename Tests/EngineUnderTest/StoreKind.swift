internal import PrivateServers
internal import PostgresStore

/// The stores that there are: what holds for one holds for each.
public enum StoreKind: String, CaseIterable, Sendable {
    /// The embedded one.
    case sqlite
    /// A server's, started by the tests.
    case postgres
}

/// An empty store of a kind, gone when the test is.
public final class FreshStore {
    /// Where it is.
    public let place: StorePlace
    private let folder: TemporaryFolder
    /// The database, where it is one.
    public let database: String?

    /// Makes one. In PostgreSQL its tables are there already, which is quicker than to make them.
    public init(_ kind: StoreKind) throws {
        folder = try TemporaryFolder()
        switch kind {
        case .sqlite:
            place = .sqlite(path: folder.file("store.db"))
            database = nil
        case .postgres:
            let server = try PrivatePostgres.shared()
            let name = try server.makeDatabase(template: Self.template.get())
            place = .postgres(url: server.url(name))
            database = name
        }
    }

    deinit {
        if let database { _ = try? PrivatePostgres.shared().sql("DROP DATABASE \(database) WITH (FORCE)") }
    }

    /// What `--store` is told.
    public var url: String {
        switch place {
        case .sqlite(let path): "sqlite:\(path)"
        case .postgres(let url, _), .partition(let url, _, _): url
        }
    }

    private static let template = Result {
        let server = try PrivatePostgres.shared()
        let name = try server.makeDatabase()
        try PostgresStore.migrate(PostgresStore.Settings(url: server.url(name)))
        return name
    }
}
