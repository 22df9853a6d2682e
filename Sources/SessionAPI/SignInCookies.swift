internal import HTTPServer
internal import Synchronization

/// Who has exchanged a token for a cookie: a page cannot send a bearer token with its stream of events.
final class SignInCookies: Sendable {
    private let readers = Mutex<[String: Reader]>([:])
    private let isSecure: Bool
    /// Eight hours, in seconds.
    private static let lifetime: Int64 = 28_800
    /// Who signs in anew when so many are signed in puts out those whose time is up, then anybody.
    private static let bound = 10_000

    init(isSecure: Bool) { self.isSecure = isSecure }

    private var name: String { isSecure ? "__Host-sz" : "sz" }

    func signIn(_ reader: Reader, secret: String, now: Int64) -> HTTPResponse {
        var reader = reader
        let end = min(reader.expiresAt ?? .max, now + Self.lifetime * 1_000_000)
        reader.expiresAt = end
        readers.withLock { readers in
            if readers.count >= Self.bound { readers = readers.filter { ($0.value.expiresAt ?? 0) > now } }
            if readers.count >= Self.bound { _ = readers.popFirst() }
            readers[secret] = reader
        }
        let cookie =
            "\(name)=\(secret); Path=/; HttpOnly; SameSite=Lax; Max-Age=\(max(0, (end - now) / 1_000_000))"
            + (isSecure ? "; Secure" : "")
        return HTTPResponse(
            status: 204, headers: [("Set-Cookie", cookie), ("Cache-Control", "no-store")], body: .bytes([]))
    }

    func signOut(_ request: HTTPRequest) -> HTTPResponse {
        if let secret = secret(request) { _ = readers.withLock { $0.removeValue(forKey: secret) } }
        let cookie = "\(name)=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0\(isSecure ? "; Secure" : "")"
        return HTTPResponse(
            status: 204, headers: [("Set-Cookie", cookie), ("Cache-Control", "no-store")], body: .bytes([]))
    }

    func reader(_ request: HTTPRequest, now: Int64) -> Reader? {
        guard let secret = secret(request) else { return nil }
        return readers.withLock { readers in
            guard let reader = readers[secret] else { return nil }
            if (reader.expiresAt ?? 0) > now { return reader }
            readers.removeValue(forKey: secret)
            return nil
        }
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
