import Glibc
import PostgresStore
import SessionCore
import SessionStore

/// What a store has of what `serve` needs.
struct CheckedStore {
    let settings: Settings
    let location: StoreLocation
    let catalogue: Catalogue
    /// Whether `serve` would write: with a queue.
    let isWriter: Bool
    /// Connections that answer questions, in each replica.
    let readers: Int
    let replicas: Int

    func look(_ findings: inout [Finding]) {
        switch location {
        case .sqlite(let path): findings += Self.sqlite(path, isWriter: isWriter)
        case .postgres(let postgres):
            do {
                let found = try PostgresInspection(
                    postgres,
                    rules: RuleFacts(settings.rules, catalogue: WritingParts.fingerprint(of: catalogue)))
                findings += server(found, postgres)
                findings += tables(found)
                findings += capacity(found)
            } catch {
                findings.append(Finding("store", .missing, "\(error)"))
            }
        }
    }

    // MARK: PostgreSQL

    private func server(_ found: PostgresInspection, _ postgres: PostgresStore.Settings) -> [Finding] {
        var all = [
            Finding(
                "store", .well,
                "\(postgres.name): connected as \(found.role), PostgreSQL \(found.server), "
                    + (found.isEncrypted ? "TLS" : "no TLS"))
        ]
        if found.isTooOld {
            all.append(Finding("store", .missing, "PostgreSQL \(found.server) is too old", "14 or newer"))
        }
        if found.encoding != "UTF8" {
            all.append(
                Finding(
                    "store", .missing, "the database's encoding is \(found.encoding), expected UTF8",
                    "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"))
        }
        if found.isStandby, isWriter {
            all.append(
                Finding(
                    "store", .missing, "the server is a standby, which takes no writes",
                    "name the primary; with several hosts in the URL: target_session_attrs=read-write"))
        }
        return all
    }

    private func tables(_ found: PostgresInspection) -> [Finding] {
        if let obstacle = found.obstacle {
            return [
                Finding(
                    "migrations", .missing, obstacle,
                    "use the version of this program that made the store, or a new store")
            ]
        }
        let known = PostgresInspection.knownVersion
        guard let version = found.schemaVersion else { return rights(found) }
        guard version == known else {
            let text = version == 0 ? "none of \(known) made" : "\(version) of \(known) made"
            if found.mayMigrate, isWriter {
                return [
                    Finding(
                        "migrations", .note, "\(text); serve makes the rest, for \(found.role) may",
                        "better: sessionizer migrate as the owner, and serve as a role with deploy/postgres/grants.sql"
                    )
                ]
            }
            return [
                Finding(
                    "migrations", .missing, "\(text), and \(found.role) may not make them",
                    "sessionizer migrate --store URL as the role that owns the tables, then deploy/postgres/grants.sql"
                )
            ]
        }
        var all = [Finding("migrations", .well, "all \(known) made")]
        all += rights(found)
        if let refusal = found.otherRules {
            all.append(
                Finding(
                    "rules", .missing, refusal,
                    "replay the archive into a new store, or go back to those rules"))
        }
        let wanted = settings.live.partitions
        if isWriter, found.queuePartitions > 0, let wanted, wanted != found.queuePartitions {
            all.append(
                Finding(
                    "partitions", .missing,
                    "the store's events are split over \(found.queuePartitions) partitions, not \(wanted)",
                    "use that number; docs/scaling.md says how it is changed"))
        }
        return all
    }

    private func rights(_ found: PostgresInspection) -> [Finding] {
        let needed =
            isWriter
            ? found.missingRights
            : found.missingRights.filter {
                $0 == "INSERT on audit"
                    || !$0.hasPrefix("INSERT")
                        && !$0.hasPrefix("UPDATE") && !$0.hasPrefix("DELETE")
            }
        let advice = "as the owner: psql -v writer=\(found.role) -v reader=ROLE -f deploy/postgres/grants.sql"
        if !needed.isEmpty {
            return [
                Finding("grants", .missing, "\(found.role) lacks \(needed.joined(separator: ", "))", advice)
            ]
        }
        var all = [
            Finding(
                "grants", .well,
                isWriter
                    ? "\(found.role) may read and write what serve needs"
                    : "\(found.role) may read all tables, and add to the audit")
        ]
        guard isWriter else { return all }
        if !found.mayMakePartitions {
            all.append(
                Finding(
                    "grants", .missing,
                    "\(found.role) lacks EXECUTE on ensure_partition(timestamptz): all events would rest in "
                        + "events_default", advice))
        }
        switch settings.retentionDays {
        case nil: all.append(Finding("retention", .well, "off: events are kept for ever"))
        case let days? where found.mayRetire:
            all.append(Finding("retention", .well, "events are dropped \(days) days after their month ended"))
        case let days?:
            all.append(
                Finding(
                    "retention", .missing,
                    "\(days) days, but \(found.role) lacks EXECUTE on retire_months(integer): nothing is dropped",
                    advice))
        }
        return all
    }

    private func capacity(_ found: PostgresInspection) -> [Finding] {
        var all: [Finding] = []
        if isWriter {
            let commit = found.settings["synchronous_commit"] ?? "?"
            all.append(
                Finding(
                    "durability", .well,
                    "synchronous_commit is \(commit)"
                        + (commit == "off" ? "; serve sets it to on for itself" : "")))
            for name in ["fsync", "full_page_writes"] where found.settings[name] == "off" {
                all.append(
                    Finding(
                        "durability", .note,
                        "\(name) is off: a crash of the database's machine loses or damages what was acknowledged",
                        "\(name) = on, except for trying things out"))
            }
        }
        // While a partition changes hands, and while partitions wait for replicas, one may have them all; each replica
        // also has one connection for leases and one that counts open sessions.
        let writers = isWriter ? (settings.live.partitions.map { $0 + 1 } ?? 1) + 1 : 0
        let each = writers + readers
        let needed = replicas * each
        let free = found.connectionsAllowed - found.connectionsOfOthers
        let text =
            "\(needed) connections at most (\(replicas) \(replicas == 1 ? "replica" : "replicas") of \(each): "
            + "\(writers) to write, \(readers) to answer); max_connections leaves \(found.connectionsAllowed), of "
            + "which others have \(found.connectionsOfOthers) now"
        all.append(
            needed <= free
                ? Finding("connections", .well, text)
                : Finding(
                    "connections", .missing, text,
                    "raise max_connections, or put a pooler with pool_mode=session before it"))
        return all
    }

    // MARK: SQLite

    private static func sqlite(_ path: String, isWriter: Bool) -> [Finding] {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        var kind = stat()
        guard stat(folder, &kind) == 0, kind.st_mode & S_IFMT == S_IFDIR else {
            return [
                Finding("store", .missing, "\(path): the folder \(folder) is not there", "mkdir -p \(folder)")
            ]
        }
        // SQLite writes its log beside the file, so the folder must be writable too.
        guard access(folder, W_OK | X_OK) == 0 else {
            return [Finding("store", .missing, "\(path): this user may not write to the folder \(folder)")]
        }
        guard access(path, F_OK) == 0 else {
            return isWriter
                ? [Finding("store", .well, "\(path): not there yet; serve makes it, and its tables")]
                : [Finding("store", .missing, "\(path): not there", "replay an archive into it first")]
        }
        guard access(path, R_OK | W_OK) == 0 else {
            return [Finding("store", .missing, "\(path): this user may not read and write it")]
        }
        return [header(of: path)]
    }

    /// Opening it would make its log, so only its first bytes are read (sqlite.org/fileformat.html, "Magic Header
    /// String").
    private static func header(of path: String) -> Finding {
        guard let file = fopen(path, "r") else {
            return Finding("store", .missing, "\(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = fread(&bytes, 1, 16, file)
        if count == 0 { return Finding("store", .well, "\(path): empty; serve makes its tables") }
        guard bytes == Array("SQLite format 3\0".utf8) else {
            return Finding("store", .missing, "\(path): no SQLite file", "name another one")
        }
        return Finding("store", .well, "\(path): an SQLite file that this user may write")
    }
}
