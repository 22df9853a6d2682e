internal import HTTPServer
internal import Synchronization

/// Who has exchanged a token for a cookie: a page cannot send a bearer token with its stream of events.
final class SignInCookies: Sendable {
    /// What a cookie stands for.
    struct SignedIn {
        /// What proves it, at each request anew: who takes a token back ends the cookies that were given for it.
        var token: String
        /// When it ends, in microseconds since 1970.
        var until: Int64
    }

    private let signedIn = Mutex<[String: SignedIn]>([:])
    private let isSecure: Bool
    /// Eight hours, in seconds.
    private static let lifetime: Int64 = 28_800
    /// Who signs in anew when so many are signed in puts out those whose time is up, then anybody.
    private static let bound = 10_000

    init(isSecure: Bool) { self.isSecure = isSecure }

    private var name: String { isSecure ? "__Host-sz" : "sz" }

    func signIn(_ reader: Reader, token: String, secret: String, now: Int64) -> HTTPResponse {
        let end = min(reader.expiresAt ?? .max, now + Self.lifetime * 1_000_000)
        signedIn.withLock { known in
            if known.count >= Self.bound { known = known.filter { $0.value.until > now } }
            if known.count >= Self.bound { _ = known.popFirst() }
            known[secret] = SignedIn(token: token, until: end)
        }
        let cookie =
            "\(name)=\(secret); Path=/; HttpOnly; SameSite=Lax; Max-Age=\(max(0, (end - now) / 1_000_000))"
            + (isSecure ? "; Secure" : "")
        return HTTPResponse(
            status: 204, headers: [("Set-Cookie", cookie), ("Cache-Control", "no-store")], body: .bytes([]))
    }

    func signOut(_ request: HTTPRequest) -> HTTPResponse {
        if let secret = secret(request) { forget(secret) }
        let cookie = "\(name)=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0\(isSecure ? "; Secure" : "")"
        return HTTPResponse(
            status: 204, headers: [("Set-Cookie", cookie), ("Cache-Control", "no-store")], body: .bytes([]))
    }

    /// The reader that a request's cookie stands for; nil where it has none that holds.
    /// - Parameter prove: Tells whom a token proves, and throws ``AccessRefusal`` where it proves nobody any more.
    func reader(
        _ request: HTTPRequest, now: Int64, prove: (_ token: String) throws -> Reader
    ) throws -> Reader? {
        guard let secret = secret(request), let known = signedIn.withLock({ $0[secret] }) else { return nil }
        guard known.until > now else {
            forget(secret)
            return nil
        }
        do {
            var reader = try prove(known.token)
            reader.expiresAt = known.until
            return reader
        } catch let refusal as AccessRefusal {
            forget(secret)
            throw refusal
        }
    }

    private func forget(_ secret: String) {
        _ = signedIn.withLock { $0.removeValue(forKey: secret) }
    }

    private func secret(_ request: HTTPRequest) -> String? {
        for header in request.headers where header.name.lowercased() == "cookie" {
            for pair in header.value.split(separator: ";") {
                let parts = pair.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
                if parts.count == 2, parts[0] == name { return String(parts[1]) }
            }
        }
        return nil
    }
}
