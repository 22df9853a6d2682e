internal import HTTPServer

/// Who asks, and from where.
extension SessionAPI {
    func reader(of request: HTTPRequest) throws -> Reader {
        guard let access else { return .anonymous }
        let now = surroundings.wall()
        if let token = Self.bearer(request) {
            do {
                return try access.reader(token: token, now: now)
            } catch let refusal as AccessRefusal {
                throw Self.unauthenticated(
                    "The token proves nothing: it is unknown, expired or not for this service.", refusal)
            }
        }
        do {
            if let reader = try cookies.reader(
                request, now: now, prove: { try access.reader(token: $0, now: now) })
            {
                return reader
            }
        } catch let refusal as AccessRefusal {
            throw Self.unauthenticated(
                "The token that this cookie was given for has expired or was taken back.", refusal)
        }
        throw Self.unauthenticated("This needs a token.", nil)
    }

    func signIn(_ request: HTTPRequest) throws -> HTTPResponse {
        guard let access else { return HTTPResponse(status: 204, headers: [], body: .bytes([])) }
        guard let token = Self.bearer(request) else {
            throw Self.unauthenticated("This needs a token.", nil)
        }
        let reader = try reader(of: request)
        return cookies.signIn(reader, token: token, secret: access.secret(), now: surroundings.wall())
    }

    private static func bearer(_ request: HTTPRequest) -> String? {
        guard let header = request.header("Authorization"), header.lowercased().hasPrefix("bearer ") else {
            return nil
        }
        return String(header.dropFirst("bearer ".count).drop { $0 == " " })
    }

    private static func unauthenticated(_ detail: String, _ refusal: AccessRefusal?) -> Problem {
        Problem(
            kind: .unauthenticated, title: "Who are you?", detail: detail,
            hint: "Send `Authorization: Bearer TOKEN`, or sign in on the page.",
            headers: [("WWW-Authenticate", "Bearer")])
    }

    static func forbidden(_ route: Route, _ reader: Reader) -> Problem {
        let isBound = route.roles.contains(reader.role)
        return Problem(
            kind: .forbidden, title: "Not for you",
            detail: isBound
                ? "This is about the whole fleet; your token is bound to merchants."
                : "The role \(reader.role.rawValue) may not see this.",
            hint: "Ask for one of \(route.roles.map(\.rawValue).sorted().joined(separator: ", "))"
                + (isBound ? " without merchants." : "."))
    }

    /// Refuses what another site has a browser ask: by a host name that is not ours (DNS rebinding), by a foreign page.
    func checkOrigin(_ request: HTTPRequest, isAPI: Bool) throws {
        if let host = request.header("Host") {
            var name = host.lowercased()
            if let colon = name.lastIndex(of: ":"), !name.hasSuffix("]") { name = String(name[..<colon]) }
            // An address cannot be rebound; a name can.
            let isAddress = name.hasPrefix("[") || name.allSatisfy { $0.isNumber || $0 == "." }
            guard isAddress || name == "localhost" || surroundings.hosts.contains(name) else {
                throw Problem(
                    kind: .forbidden, title: "Unknown host",
                    detail: "This service does not answer for the host \(name.prefix(100)).",
                    hint: "Use its address, or name the host with --host NAME when starting it.")
            }
        }
        guard isAPI else { return }
        if request.header("Sec-Fetch-Site") == "cross-site" {
            throw Problem(
                kind: .forbidden, title: "Another site asks",
                detail: "A page of another site asked for this.",
                hint: "Open the address yourself.")
        }
        if request.method != "GET", request.method != "HEAD", let origin = request.header("Origin"),
            origin.split(separator: "/").last.map(String.init) != request.header("Host")
        {
            throw Problem(
                kind: .forbidden, title: "Another site asks",
                detail: "A page of another site asked for this.",
                hint: "Sign in on this service's own page.")
        }
    }
}
