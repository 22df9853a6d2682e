internal import HTTPServer
internal import SessionStore

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
            let parameters = try Parameters(request.query, rules: csv?.parameters ?? route.parameters)
            let (response, rows, streamed) = try store.ask(within: limits.statementSeconds) { conversation in
                try respond(
                    to: request, csv?.answer ?? route.answer,
                    of: route, isRevalidated: route.isRevalidated && csv == nil, isKept: route.isKept,
                    objects, parameters, reader,
                    conversation)
            }
            entry.status = response.status
            entry.rows = request.method == "HEAD" && streamed != nil ? 0 : rows
            try keep(entry, of: route)
            if request.method != "HEAD" { streamed?.begin(entry) }
            return response
        } catch {
            entry.status = Self.problem(error).kind.status
            if entry.status != 500 { try keep(entry, of: route) }
            throw error
        }
    }

    private func respond(
        to request: HTTPRequest, _ answer: (Call) throws -> Answer, of route: Route, isRevalidated: Bool,
        isKept: Bool, _ objects: [String], _ parameters: Parameters, _ reader: Reader,
        _ conversation: any StoreConversation
    ) throws -> (HTTPResponse, rows: Int?, StreamedRows?) {
        var asOf = try AsOf(conversation, clock: clock, wall: surroundings.wall())
        asOf.tellsEvents = reader.merchants == nil
        let call = Call(
            Question(
                request: request, objects: objects, parameters: parameters, reader: reader, api: self,
                asOf: asOf),
            store: conversation)
        let tag = tag(of: request, reader, asOf)
        func common(isPassing: Bool) -> [(name: String, value: String)] {
            let isRevalidated = isRevalidated && !isPassing
            return [
                ("Cache-Control", isRevalidated && isKept ? "private, no-cache" : "no-store"),
                ("Vary", "Authorization, Cookie, Accept-Encoding"),
            ] + (isRevalidated ? [("ETag", tag)] : [])
        }
        var headers = common(isPassing: false)
        if isRevalidated {
            let known = request.header("If-None-Match")?.split(separator: ",").map { $0.filter { $0 != " " } }
            if known?.contains(tag) == true {
                return (HTTPResponse(status: 304, headers: headers, body: .bytes([])), 0, nil)
            }
        }
        switch try answer(call) {
        case .json(let out, let rows, let isPassing):
            if isPassing { headers = common(isPassing: true) }
            headers.append(("Content-Type", "application/json"))
            return (HTTPResponse(status: 200, headers: headers, body: .bytes(out.bytes)), rows, nil)
        case .text(let text):
            headers.append(("Content-Type", "text/plain; charset=utf-8"))
            return (HTTPResponse(status: 200, headers: headers, body: .bytes(Array(text.utf8))), 1, nil)
        case .html(let document):
            headers.append(("Content-Type", "text/html; charset=utf-8"))
            return (HTTPResponse(status: 200, headers: headers, body: .bytes(Array(document.utf8))), 1, nil)
        case .file(let name, let type, let bytes):
            headers.append(("Content-Type", type))
            headers.append(("Content-Disposition", "attachment; filename=\"\(name)\""))
            return (HTTPResponse(status: 200, headers: headers, body: .bytes(bytes)), 1, nil)
        case .csv(let name, let pieces):
            headers.append(("Content-Type", "text/csv; charset=utf-8; header=present"))
            headers.append(("Content-Disposition", "attachment; filename=\"\(name)\""))
            let streamed = StreamedRows(pieces) { entry in
                var entry = entry
                entry.at = self.surroundings.wall()
                try self.keep(entry, of: route)
            }
            return (
                HTTPResponse(
                    status: 200, headers: headers,
                    body: .fallibleStream({ try streamed.next() }, over: { streamed.over() })),
                nil, streamed
            )
        case .events(let pieces):
            headers.append(("Content-Type", "text/event-stream"))
            return (HTTPResponse(status: 200, headers: headers, body: .stream(pieces)), nil, nil)
        case .ready(let response): return (response, 0, nil)
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

    /// Changes with the store, the address, the reader's rights, and beside a live queue every five seconds.
    private func tag(of request: HTTPRequest, _ reader: Reader, _ asOf: AsOf) -> String {
        var hash = Fingerprint.value(of: asOf.version.utf8, from: seed)
        hash = Fingerprint.value(of: request.target.utf8, from: hash)
        let rights =
            "\(reader.name) \(reader.role.rawValue) \(reader.merchants?.joined(separator: ",") ?? "*")"
        hash = Fingerprint.value(of: rights.utf8, from: hash)
        switch clock {
        case .wall: hash = Fingerprint.value(of: "\(asOf.now / 5_000_000)".utf8, from: hash)
        case .lastEvent: break
        }
        return "W/\"\(String(hash, radix: 36))\""
    }
}
