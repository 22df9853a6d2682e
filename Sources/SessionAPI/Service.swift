internal import SessionStore

/// What is told of the service itself.
enum Service {
    static func me(_ call: Call) -> Answer {
        var out = JSONWriter()
        let reader = call.reader
        out.object { out in
            out.text("authentication", reader.proof.rawValue)
            out.text("name", reader.name)
            out.text("role", reader.role.rawValue)
            if let merchants = reader.merchants {
                out.texts("merchants", merchants)
            } else {
                out.raw("merchants", nil)
            }
            out.instant("expires_at", reader.expiresAt)
            out.texts("routes", Route.table.filter { $0.admits(reader) }.map(\.operation))
        }
        return .json(out, rows: 0)
    }

    static func status(_ call: Call) -> Answer {
        let api = call.api
        var out = JSONWriter()
        out.object { out in
            out.text("version", api.version)
            out.object("store") { out in
                switch call.flavour {
                case .sqlite: out.text("kind", "sqlite")
                case .postgres: out.text("kind", "postgres")
                }
                out.text("name", api.store.name)
                out.integer("schema", call.rules.schema)
            }
            switch api.clock {
            case .wall: out.text("mode", "live")
            case .lastEvent: out.text("mode", "archive")
            }
            out.text("authentication", api.access == nil ? "off" : "on")
            call.asOf.write(&out)
            out.object("rules") { out in
                out.number("max_window_seconds", call.rules.maxWindowSeconds)
                out.number("max_silence_seconds", call.rules.maxSilenceSeconds)
                out.texts("usable_states", call.rules.usable.sorted())
                out.texts("downtime_states", call.rules.downtime.sorted())
                out.texts("off_duty_states", call.rules.offDuty.sorted())
            }
            out.object("limits") { out in
                out.integer("page_rows", 500)
                out.integer("delivery_events", api.limits.deliveryEvents)
                out.integer("export_rows", 1_000_000)
                out.integer("range_days", api.limits.rangeDays)
                out.number("statement_seconds", api.limits.statementSeconds)
                out.integer("streams", api.limits.streams)
                out.integer("requests", api.limits.requests)
            }
            out.integer("streams", api.streams.count)
        }
        return .json(out, rows: 0)
    }

    static func freshness(_ call: Call) -> Answer {
        let scopes = call.reader.merchants == nil ? call.asOf.scopes : []
        var out = JSONWriter()
        out.object { out in
            call.asOf.write(&out)
            out.array("scopes") { out in
                for row in scopes {
                    out.object { out in
                        out.text("scope", row.text("scope"))
                        out.instant("last_event_at", row.integer("last_event_at"))
                        out.instant("last_committed_at", row.integer("last_committed_at"))
                        out.integer("events", row.integer("events"))
                    }
                }
            }
        }
        return .json(out, rows: scopes.count)
    }

    static let auditRules: [ParameterRule] = [.text("who", max: 200)] + ParameterRule.page

    static func audit(_ call: Call) throws -> Answer {
        let size = call.pageSize
        let before = try call.cursor(keys: 1).flatMap { Int64($0.keys[0]) } ?? .max
        let rows =
            try call.api.audit?.rows(who: call.parameters.text("who"), before: before, limit: size + 1) ?? []
        var out = JSONWriter()
        out.object { out in
            out.array("rows") { out in
                for row in rows.prefix(size) {
                    out.object { out in
                        out.integer("audit_id", row.id)
                        out.instant("at", row.entry.at)
                        out.text("who", row.entry.who)
                        out.text("role", row.entry.role)
                        out.text("route", row.entry.route)
                        out.text("object", row.entry.object)
                        out.text("filters", row.entry.filters)
                        out.integer("status", row.entry.status)
                        out.integer("rows", row.entry.rows.map(Int64.init))
                        out.text("request_id", row.entry.requestID)
                        out.text("address", row.entry.address)
                    }
                }
            }
            out.text("next", call.next(rows.count > size ? ["\(rows[size - 1].id)"] : nil))
        }
        return .json(out, rows: min(rows.count, size))
    }
}
