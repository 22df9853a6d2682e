internal import CJOSE
internal import SessionAPI

/// JWTs (RFC 7519) that an identity provider has signed, checked with cjose against the keys of a JWKS file (RFC 7517).
final class SignedTokens {
    /// Whose tokens, and for whom.
    struct Expectation: Sendable {
        var issuer: String
        var audience: String
    }

    private final class Key {
        let handle: OpaquePointer
        let id: String?
        let algorithm: String

        init(_ handle: OpaquePointer, id: String?, algorithm: String) {
            self.handle = handle
            self.id = id
            self.algorithm = algorithm
        }

        deinit { cjose_jwk_release(handle) }
    }

    private let keys: [Key]
    private let expectation: Expectation
    /// How far clocks may differ, in seconds.
    private static let leeway = 60.0

    /// - Throws: ``AccessFileError`` where the file holds no key that could be used.
    init(jwks: [UInt8], file: String, expectation: Expectation) throws {
        guard let listed = JSONTree(jwks)?.elements("keys") else {
            throw AccessFileError(
                description: "\(file): expected a JSON object with an array `keys` (RFC 7517)")
        }
        self.expectation = expectation
        keys = try listed.compactMap { key in
            if let use = key.text("use"), use != "sig" { return nil }
            let algorithm: String
            switch (key.text("kty"), key.text("crv")) {
            case ("RSA", _): algorithm = "RS256"
            case ("EC", "P-256"): algorithm = "ES256"
            default: return nil
            }
            if let told = key.text("alg"), told != algorithm { return nil }
            if key.has("d") {
                throw AccessFileError(
                    description: "\(file): holds a private key; only public ones belong here")
            }
            let text = key.serialized
            var error = cjose_err()
            let handle = text.withUnsafeBytes { bytes in
                cjose_jwk_import(bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, &error)
            }
            guard let handle else {
                throw AccessFileError(
                    description: "\(file): the key \(key.text("kid") ?? "without kid") is damaged")
            }
            let made = Key(handle, id: key.text("kid"), algorithm: algorithm)
            if algorithm == "RS256", cjose_jwk_get_keysize(handle, &error) < 2048 {
                throw AccessFileError(
                    description: "\(file): the key \(made.id ?? "without kid") has fewer than 2048 bits")
            }
            return made
        }
        if keys.isEmpty {
            throw AccessFileError(description: "\(file): holds no key for RS256 or ES256")
        }
    }

    /// The reader that a token proves.
    func reader(of token: String, now: Int64) throws -> Reader {
        guard token.utf8.count <= 8192 else { throw AccessRefusal("a token of more than 8192 bytes") }
        var error = cjose_err()
        guard let signed = token.withCString({ cjose_jws_import($0, token.utf8.count, &error) }) else {
            throw AccessRefusal("no JWS")
        }
        defer { cjose_jws_release(signed) }
        guard let header = cjose_jws_get_protected(signed),
            let algorithm = cjose_header_get(header, "alg", &error).map({ String(cString: $0) })
        else { throw AccessRefusal("no algorithm") }
        // Looked at before any key is: "none", and a public key taken for an HMAC's secret, end here (RFC 8725, 3.1).
        guard algorithm == "RS256" || algorithm == "ES256" else {
            throw AccessRefusal("the algorithm \(algorithm)")
        }
        var raw = cjose_err()
        if let critical = cjose_header_get_raw(header, "crit", &raw) {
            free(critical)
            throw AccessRefusal("critical extensions that are not known")
        }
        let id = cjose_header_get(header, "kid", &error).map { String(cString: $0) }
        let fitting = keys.filter { $0.algorithm == algorithm && (id == nil || $0.id == id) }
        guard fitting.contains(where: { cjose_jws_verify(signed, $0.handle, &error) }) else {
            throw AccessRefusal(
                fitting.isEmpty ? "no key \(id ?? "") for \(algorithm)" : "the signature is wrong")
        }
        var bytes: UnsafeMutablePointer<UInt8>?
        var count = 0
        guard cjose_jws_get_plaintext(signed, &bytes, &count, &error), let bytes,
            let claims = JSONTree(Array(UnsafeBufferPointer(start: bytes, count: count)))
        else { throw AccessRefusal("claims that are no JSON") }
        return try reader(of: claims, now: Double(now) / 1e6)
    }

    private func reader(of claims: JSONTree, now: Double) throws -> Reader {
        guard claims.text("iss") == expectation.issuer else { throw AccessRefusal("another issuer") }
        guard claims.texts("aud")?.contains(expectation.audience) == true else {
            throw AccessRefusal("another audience")
        }
        guard let expires = claims.number("exp") else { throw AccessRefusal("no expiry") }
        if now >= expires + Self.leeway { throw AccessRefusal("it has expired") }
        if claims.has("nbf") {
            guard let begins = claims.number("nbf"), now >= begins - Self.leeway else {
                throw AccessRefusal("it is not valid yet")
            }
        }
        guard let subject = claims.text("sub"), !subject.isEmpty else { throw AccessRefusal("no subject") }
        let roles = (claims.texts("role") ?? []) + (claims.texts("roles") ?? [])
        guard let role = roles.compactMap({ Role(rawValue: $0) }).first else {
            throw AccessRefusal("no role that is known here")
        }
        // A claim that is there and cannot be read binds to nothing: it must not open everything.
        let merchants = claims.has("merchants") ? claims.texts("merchants") ?? [] : nil
        return Reader(
            proof: .jwt, name: subject, role: role, merchants: merchants,
            expiresAt: Int64(min(expires, 9e12) * 1e6))
    }
}
