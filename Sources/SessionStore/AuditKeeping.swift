/// That somebody asked something.
public struct AuditEntry: Sendable, Equatable {
    /// When, in microseconds since 1970.
    public var at: Int64
    /// Who, by name.
    public var who: String
    /// In which role.
    public var role: String
    /// Which route, as a template: `deliveries/{id}`.
    public var route: String
    /// The id in the path.
    public var object: String?
    /// The query, as it came.
    public var filters: String
    /// What was answered.
    public var status: Int
    /// How many rows; nil for a stream.
    public var rows: Int?
    /// The request's id, also in the log.
    public var requestID: String
    /// From where.
    public var address: String

    /// All parts.
    public init(
        at: Int64, who: String, role: String, route: String, object: String?, filters: String, status: Int,
        rows: Int?,
        requestID: String, address: String
    ) {
        self.at = at
        self.who = who
        self.role = role
        self.route = route
        self.object = object
        self.filters = filters
        self.status = status
        self.rows = rows
        self.requestID = requestID
        self.address = address
    }
}

/// Keeps who asked what. It can be added to and read, nothing else.
public protocol AuditKeeping: Sendable {
    /// Keeps a row; on its return it is kept. Waits for a bounded time, and throws where that was not enough.
    func append(_ entry: AuditEntry) throws
    /// The same where it can be kept at once: for a request that the store has failed, so that nobody waits for it twice.
    func appendAtOnce(_ entry: AuditEntry) throws
    /// The latest rows before an id, of one reader or of all.
    func rows(who: String?, before: Int64, limit: Int) throws -> [(id: Int64, entry: AuditEntry)]
}

extension AuditKeeping {
    /// Of an audit that does not wait for the store.
    public func appendAtOnce(_ entry: AuditEntry) throws { try append(entry) }
}
