import AccessControl
import ChildProcesses
import Foundation
import Glibc
import SessionAPI
import Synchronization
import Testing

/// What is complained of, by any thread.
final class Complaints: Sendable {
    private let told = Mutex<[String]>([])
    var all: [String] { told.withLock { $0 } }
    func add(_ text: String) { told.withLock { $0.append(text) } }
}

/// Keys and signatures by the openssl program: nothing of the code under test.
private struct Signer {
    let folder: Folder

    init() throws {
        folder = try Folder()
        try openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "rsa.pem")
        try openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "ec.pem")
        try openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "other.pem")
    }

    @discardableResult
    func openssl(_ arguments: String...) throws -> Data {
        let outcome = try ChildProcess.run(["openssl"] + arguments, in: folder.url)
        guard outcome.status == 0 else { throw Client.Failure(what: "openssl: \(outcome.complaints)") }
        return outcome.bytes
    }

    static func base64url(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing(
            "=", with: "")
    }

    /// The public keys: of RSA the modulus is in its text; of the curve the last 64 bytes of the DER are x and y.
    func jwks(privately: Bool = false) throws -> String {
        let modulus = String(
            decoding: try openssl("rsa", "-in", "rsa.pem", "-noout", "-modulus"), as: UTF8.self
        )
        .trimmingCharacters(in: .whitespacesAndNewlines).dropFirst("Modulus=".count)
        var bytes = Data()
        var digits = modulus[...]
        while digits.count >= 2 {
            bytes.append(UInt8(digits.prefix(2), radix: 16) ?? 0)
            digits = digits.dropFirst(2)
        }
        let der = try openssl("pkey", "-in", "ec.pem", "-pubout", "-outform", "DER")
        let (x, y) = (Self.base64url(der.suffix(64).prefix(32)), Self.base64url(der.suffix(32)))
        let secret = privately ? #","d":"AQAB""# : ""
        return """
            {"keys":[
              {"kty":"RSA","kid":"one","use":"sig","alg":"RS256","n":"\(Self.base64url(bytes))","e":"AQAB"\(secret)},
              {"kty":"EC","kid":"two","crv":"P-256","x":"\(x)","y":"\(y)"},
              {"kty":"oct","kid":"three","k":"c2VjcmV0"}
            ]}
            """
    }

    func token(
        _ claims: String, algorithm: String = "RS256", id: String? = "one", key: String = "rsa.pem",
        extra: String = ""
    ) throws -> String {
        let header = #"{"alg":"\#(algorithm)"\#(id.map { #","kid":"\#($0)""# } ?? "")\#(extra)}"#
        let head = Self.base64url(Data(header.utf8)) + "." + Self.base64url(Data(claims.utf8))
        if algorithm == "none" { return head + "." }
        try folder.write("input", head)
        if algorithm.hasPrefix("HS") {
            // A public key taken for a shared secret: the classic mistake.
            let pem = try openssl("pkey", "-in", "rsa.pem", "-pubout")
            let hex = pem.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            let mac = try openssl(
                "dgst", "-sha256", "-mac", "HMAC", "-macopt", "hexkey:\(hex)", "-binary", "input")
            return head + "." + Self.base64url(mac)
        }
        var signature = try openssl("dgst", "-sha256", "-sign", key, "-binary", "input")
        if algorithm == "ES256" { signature = Self.raw(signature) }
        return head + "." + Self.base64url(signature)
    }

    /// DER's two numbers as 64 bytes.
    private static func raw(_ der: Data) -> Data {
        let bytes = Array(der)
        var at = 2
        var raw = Data()
        for _ in 0..<2 {
            let length = Int(bytes[at + 1])
            let number = Array(bytes[(at + 2)..<(at + 2 + length)].drop { $0 == 0 })
            raw.append(Data(repeating: 0, count: 32 - number.count))
            raw.append(contentsOf: number)
            at += 2 + length
        }
        return raw
    }

    func access(jwks: String? = nil) throws -> AccessControl {
        var settings = AccessControl.Settings()
        settings.keys = try folder.write("jwks.json", jwks ?? self.jwks())
        settings.issuer = "https://id.example"
        settings.audience = "sessionizer"
        return try AccessControl(settings) { _ in }
    }
}

@Suite struct SignedTokenTests {
    private static let now: Int64 = 1_800_000_000
    private static func claims(_ change: (inout [String: Any]) -> Void = { _ in }) -> String {
        var claims: [String: Any] = [
            "iss": "https://id.example", "aud": "sessionizer", "sub": "alice", "exp": now + 600,
            "role": "operator",
        ]
        change(&claims)
        let data = try? JSONSerialization.data(withJSONObject: claims)
        return String(decoding: data ?? Data(), as: UTF8.self)
    }

    @Test func takesWhatIsSigned() throws {
        let signer = try Signer()
        let access = try signer.access()
        let rsa = try access.reader(token: signer.token(Self.claims()), now: Self.now * 1_000_000)
        #expect(rsa.name == "alice" && rsa.role == .operator_ && rsa.merchants == nil && rsa.proof == .jwt)
        let curve = try signer.token(
            Self.claims {
                $0["merchants"] = ["a", "b"]
                $0["aud"] = ["x", "sessionizer"]
                $0["roles"] = ["unknown", "viewer"]
                $0["role"] = nil
            }, algorithm: "ES256", id: "two", key: "ec.pem")
        let bound = try access.reader(token: curve, now: Self.now * 1_000_000)
        #expect(bound.role == .viewer && bound.merchants == ["a", "b"])
        #expect(
            try access.reader(token: signer.token(Self.claims(), id: nil), now: Self.now * 1_000_000).name
                == "alice")
    }

    @Test func refusesEverythingElse() throws {
        let signer = try Signer()
        let access = try signer.access()
        let good = try signer.token(Self.claims())
        let parts = good.split(separator: ".")
        var bad: [(String, String)] = [
            ("signed by another key", try signer.token(Self.claims(), key: "other.pem")),
            ("an unknown key's id", try signer.token(Self.claims(), id: "nine")),
            ("no signature", try signer.token(Self.claims(), algorithm: "none")),
            ("a public key as secret", try signer.token(Self.claims(), algorithm: "HS256")),
            ("an algorithm that is not taken", try signer.token(Self.claims(), algorithm: "RS512")),
            (
                "ES256 with the RSA key's id",
                try signer.token(Self.claims(), algorithm: "ES256", id: "one", key: "ec.pem")
            ),
            ("critical extensions", try signer.token(Self.claims(), extra: #","crit":["x"],"x":1"#)),
            (
                "other claims under the signature",
                "\(parts[0]).\(Signer.base64url(Data(Self.claims { $0["role"] = "admin" }.utf8))).\(parts[2])"
            ),
            ("nothing", ""), ("three dots", "..."), ("no JSON", "a.b.c"),
            ("too long", String(repeating: "a", count: 9000) + ".b.c"),
        ]
        let changes: [(String, (inout [String: Any]) -> Void)] = [
            ("expired", { $0["exp"] = Self.now - 61 }), ("no expiry", { $0["exp"] = nil }),
            ("not yet", { $0["nbf"] = Self.now + 61 }), ("not yet, in words", { $0["nbf"] = "soon" }),
            ("another issuer", { $0["iss"] = "https://evil.example" }), ("no issuer", { $0["iss"] = nil }),
            ("another audience", { $0["aud"] = ["x"] }), ("no audience", { $0["aud"] = nil }),
            ("no subject", { $0["sub"] = nil }), ("no role", { $0["role"] = nil }),
            ("an unknown role", { $0["role"] = "king" }),
        ]
        for (what, change) in changes { bad.append((what, try signer.token(Self.claims(change)))) }
        for (what, token) in bad {
            #expect(throws: AccessRefusal.self, "\(what)") {
                try access.reader(token: token, now: Self.now * 1_000_000)
            }
        }
    }

    @Test func merchantsThatCannotBeReadBindToNothing() throws {
        let signer = try Signer()
        let access = try signer.access()
        let token = try signer.token(Self.claims { $0["merchants"] = ["a": 1] })
        #expect(try access.reader(token: token, now: Self.now * 1_000_000).merchants == [])
    }

    @Test func refusesUnusableKeys() throws {
        let signer = try Signer()
        #expect(throws: AccessFileError.self) { try signer.access(jwks: "nonsense") }
        #expect(throws: AccessFileError.self) { try signer.access(jwks: #"{"keys":[]}"#) }
        #expect(throws: AccessFileError.self) { try signer.access(jwks: signer.jwks(privately: true)) }
        let short = #"{"keys":[{"kty":"RSA","n":"\#(String(repeating: "A", count: 171))","e":"AQAB"}]}"#
        #expect(throws: AccessFileError.self) { try signer.access(jwks: short) }
    }
}
