internal import HTTPServer
internal import SessionStore
internal import TextForms

/// One request to one route: may it, what does it ask, what is answered, what is written down.
extension SessionAPI {
    func answer(
        _ request: HTTPRequest, _ route: Route, _ objects: [String], _ form: PageData.Form,
        _ requestID: String, _ observation: inout Observation
    ) throws -> HTTPResponse {
        observation.route = route.template
        guard request.method == "GET" || request.method == "HEAD" else { throw Self.wrongMethod("GET, HEAD") }
        let reader = try reader(of: request)
        var entry = AuditEntry(
            at: surroundings.wall(), who: reader.name, role: reader.role.rawValue, route: route.template,
            object: objects.first.map { String($0.prefix(300)) }, filters: Self.filters(of: request),
            status: 0, rows: 0,
            requestID: requestID, address: request.address)
        do {
            guard route.admits(reader) else { throw Self.forbidden(route, reader) }
            for object in objects where object.unicodeScalars.count > 300 || object.utf8.contains(0) {
                throw Parameters.problem([("id", "is longer than 300 characters, or holds a NUL character")])
            }
            let csv = form == .csv ? route.csv : nil
            let parameters = try Parameters(
                request.query, rules: csv?.parameters ?? route.parameters, of: route.operation)
            let made = try store.ask(within: limits.statementSeconds) { conversation in
                try respond(
                    to: request, csv?.answer ?? route.answer,
                    of: route, isRevalidated: route.isRevalidated && csv == nil, isKept: route.isKept,
                    objects, parameters, reader,
                    conversation)
            }
            var response = made.response
            if let place = made.place {
                // Packed here: the store is not held meanwhile.
                response = compressed(response, request)
                kept.keep(KeptAnswers.Kept(response: response, rows: made.rows), at: place)
            }
            entry.status = response.status
            entry.rows = request.method == "HEAD" && made.streamed != nil ? 0 : made.rows
            try keep(entry, of: route)
            if request.method != "HEAD" { made.streamed?.begin(entry) }
            return response
        } catch {
            let kind = Self.problem(error).kind
            entry.status = kind.status
            if kind == .storeUnavailable {
                // The store has been waited for already, and nothing of it is told.
                if route.isAudited { try? audit?.appendAtOnce(entry) }
            } else if entry.status != 500 {
                try keep(entry, of: route)
            }
            throw error
        }
    }

    /// An answer that was made.
    private struct Made {
        var response: HTTPResponse
        /// How many rows it tells, for the audit; nil while it tells them.
        var rows: Int?
        var streamed: StreamedRows?
        /// Where to keep it; nil: nowhere.
        var place: KeptAnswers.Place?

        /// One whose body is whole.
        init(_ status: Int, _ headers: [(name: String, value: String)], _ body: [UInt8], rows: Int) {
            self.init(HTTPResponse(status: status, headers: headers, body: .bytes(body)), rows: rows)
        }

        init(_ response: HTTPResponse, rows: Int?, streamed: StreamedRows? = nil) {
            self.response = response
            self.rows = rows
            self.streamed = streamed
        }
    }

    private func respond(
        to request: HTTPRequest, _ answer: (Call) throws -> Answer, of route: Route, isRevalidated: Bool,
        isKept: Bool, _ objects: [String], _ parameters: Parameters, _ reader: Reader,
        _ conversation: any StoreConversation
    ) throws -> Made {
        var asOf = try AsOf(conversation, clock: clock, wall: surroundings.wall())
        asOf.tellsEvents = reader.merchants == nil
        let call = Call(
            Question(
                request: request, objects: objects, parameters: parameters, reader: reader, api: self,
                asOf: asOf),
            store: conversation)
        let place = place(of: request, reader, asOf)
        let tag = tag(of: place)
        func common(isPassing: Bool) -> [(name: String, value: String)] {
            let isRevalidated = isRevalidated && !isPassing
            return [
                ("Cache-Control", isRevalidated && isKept ? "private, no-cache" : "no-store"),
                ("Vary", "Authorization, Cookie, Accept-Encoding"),
            ] + (isRevalidated ? [("ETag", tag)] : [])
        }
        var headers = common(isPassing: false)
        if isRevalidated {
            if Self.knows(tag, request) {
                return Made(304, headers, [], rows: 0)
            }
        }
        // What tells of the service itself (a route without an audit) changes without the store.
        let isShared = isRevalidated && route.isAudited
        if isShared, let known = kept.answer(at: place) { return Made(known.response, rows: known.rows) }
        func whole(_ type: String, _ body: [UInt8], rows: Int, isPassing: Bool = false) -> Made {
            var made = Made(200, common(isPassing: isPassing) + [("Content-Type", type)], body, rows: rows)
            made.place = isShared && !isPassing ? place : nil
            return made
        }
        switch try answer(call) {
        case .json(let out, let rows, let isPassing):
            return whole("application/json", out.bytes, rows: rows, isPassing: isPassing)
        case .text(let text): return whole("text/plain; charset=utf-8", Array(text.utf8), rows: 1)
        case .html(let document): return whole("text/html; charset=utf-8", Array(document.utf8), rows: 1)
        case .file(let name, let type, let bytes):
            headers.append(("Content-Type", type))
            headers.append(("Content-Disposition", "attachment; filename=\"\(name)\""))
            return Made(200, headers, bytes, rows: 1)
        case .csv(let name, let pieces):
            headers.append(("Content-Type", "text/csv; charset=utf-8; header=present"))
            headers.append(("Content-Disposition", "attachment; filename=\"\(name)\""))
            let streamed = StreamedRows(pieces) { entry in
                var entry = entry
                entry.at = self.surroundings.wall()
                try self.keep(entry, of: route)
            }
            return Made(
                HTTPResponse(
                    status: 200, headers: headers,
                    body: .fallibleStream({ try streamed.next() }, over: { streamed.over() })),
                rows: nil, streamed: streamed)
        case .events(let pieces):
            headers.append(("Content-Type", "text/event-stream"))
            return Made(HTTPResponse(status: 200, headers: headers, body: .stream(pieces)), rows: nil)
        case .ready(let response): return Made(response, rows: 0)
        }
    }

    private func keep(_ entry: AuditEntry, of route: Route) throws {
        guard route.isAudited, let audit else { return }
        do {
            try audit.append(entry)
        } catch {
            // What cannot be recorded is not answered.
            throw QuestionFailure.unavailable("the audit cannot be written: \(error)")
        }
    }

    /// What an answer depends on: how far the store has come, beside a live queue the five seconds it is in, what was asked,
    /// and what the reader may see.
    private func place(of request: HTTPRequest, _ reader: Reader, _ asOf: AsOf) -> KeptAnswers.Place {
        let moment: Int64? =
            switch clock {
            case .wall: asOf.now / 5_000_000
            case .lastEvent: nil
            }
        return KeptAnswers.Place(
            state: KeptAnswers.State(version: asOf.version, moment: moment),
            request: KeptAnswers.Request(
                target: request.target.byBytes, role: reader.role,
                merchants: reader.merchants?.map(\.byBytes),
                isPacked: Self.takesGzip(request)))
    }

    /// Whether `If-None-Match` names it; weakly, so that `W/` is no difference (RFC 9110, 13.1.2).
    private static func knows(_ tag: String, _ request: HTTPRequest) -> Bool {
        func opaque(_ tag: String) -> String {
            let bare = tag.filter { $0 != " " && $0 != "\t" }
            return bare.hasPrefix("W/") ? String(bare.dropFirst(2)) : bare
        }
        return request.header("If-None-Match")?.split(separator: ",").map(String.init).contains {
            opaque($0) == "*" || opaque($0) == opaque(tag)
        } ?? false
    }

    private func tag(of place: KeptAnswers.Place) -> String {
        let (state, request) = (place.state, place.request)
        let all = [state.version, "\(state.moment ?? 0)", request.target.text, request.role.rawValue]
        let merchants = request.merchants.map { ["only"] + $0.map(\.text) } ?? []
        let text = (all + merchants).joined(separator: "\n")
        return "W/\"\(String(Fingerprint.value(of: text.utf8, from: seed), radix: 36))\""
    }
}
