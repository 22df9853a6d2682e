/// What a reader may do.
public enum Role: String, CaseIterable, Sendable {
    /// Deliveries, robots and the fleet, without payloads.
    case viewer
    /// Payloads, data quality, rejected messages and exports as well.
    case operator_ = "operator"
    /// What merchants used, and exports; no payloads.
    case finance
    /// All of it, and the audit.
    case admin
}

/// Who asks.
public struct Reader: Equatable, Sendable {
    /// How a reader is known.
    public enum Proof: String, Sendable {
        /// Nobody is asked.
        case off
        /// A token from the file.
        case token
        /// A signed token of an identity provider.
        case jwt
    }

    /// How it is known.
    public var proof: Proof
    /// Who it is, for the audit.
    public var name: String
    /// What it may do.
    public var role: Role
    /// The only merchants it sees; nil: all.
    public var merchants: [String]?
    /// When its proof expires, in microseconds since 1970; nil: never.
    public var expiresAt: Int64?

    /// All parts.
    public init(proof: Proof, name: String, role: Role, merchants: [String]?, expiresAt: Int64?) {
        self.proof = proof
        self.name = name
        self.role = role
        self.merchants = merchants
        self.expiresAt = expiresAt
    }

    /// Everybody, where nobody is asked who they are.
    public static let anonymous = Reader(
        proof: .off, name: "anonymous", role: .admin, merchants: nil, expiresAt: nil)

    /// Whether it may see what belongs to a merchant.
    func sees(merchant: String?) -> Bool {
        guard let merchants else { return true }
        return merchant.map { merchant in merchants.contains { $0.byBytes == merchant.byBytes } } ?? false
    }

    var seesPayloads: Bool {
        switch role {
        case .operator_, .admin: true
        case .viewer, .finance: false
        }
    }
}
