internal import CLibPQ
internal import SessionStore

/// What a server's refusal means for whoever asked.
enum Failure {
    /// By SQLSTATE (PostgreSQL manual, appendix A).
    static func kind(_ state: String) -> StoreError.Kind {
        switch state {
        // Failover: the server that was the primary is a standby now, or not up yet.
        case "25006", "57P01", "57P02", "57P03", "57P05": return .unavailable
        case "25P03": return .unavailable
        case "40001", "40P01", "40003", "55P03", "57014", "55006": return .conflict
        // Another partition's writer has just stored the same event.
        case "23505": return .conflict
        case "53100": return .full
        case "42501", "28000", "28P01": return .denied
        case "3D000": return .cannotOpen
        case "3F000", "42P01", "42703", "42883": return .needsMigration
        default: break
        }
        switch state.prefix(2) {
        case "08", "53": return .unavailable
        case "40": return .conflict
        case "XX": return .damaged
        default: return .failed
        }
    }

    static func hint(_ kind: StoreError.Kind) -> String? {
        switch kind {
        case .unavailable: "is the server up? Nothing is lost: the same again when it is"
        case .conflict: "another transaction or a time-out stood in the way; try again"
        case .full: "make room on the database server's disk"
        case .denied: "deploy/postgres/grants.sql says what each role needs"
        case .needsMigration: "`sessionizer migrate --store URL` as the role that owns the tables"
        case .busy: "one writer at a time; wait for it or stop it"
        case .damaged: "ask whoever looks after the database server"
        case .cannotOpen, .otherRules, .newerSchema, .fenced, .failed: nil
        }
    }

    /// A connection that could not be made. libpq gives no SQLSTATE then, only the server's words; where they are
    /// not known, it counts as a server that is away.
    static func connecting(_ text: String, to target: String) -> StoreError {
        let text = Target.trimmed(text)
        let isFinal = [
            "does not exist", "authentication failed", "no pg_hba.conf entry", "no password supplied",
            "certificate verify failed", "does not match host name", "server does not support SSL",
            "root certificate file", "invalid sslmode value", "invalid port number", "invalid integer value",
        ].contains { text.contains($0) }
        return isFinal
            ? StoreError(
                .cannotOpen, "\(target): \(text)",
                hint: "check the URL's user, password, database and sslmode")
            : StoreError(.unavailable, "\(target): \(text)", hint: hint(.unavailable))
    }
}
