internal import CJOSE
internal import Glibc
public import SessionAPI
internal import Synchronization

/// Who may ask, by files: hashed tokens, and keys whose signatures are believed. Both are read anew when they change,
/// so that a token is taken back by deleting its line.
public final class AccessControl: AccessChecking {
    /// Which files, and what a signed token must say.
    public struct Settings: Sendable {
        /// A file of hashed tokens.
        public var tokens: String?
        /// A JWKS file.
        public var keys: String?
        /// The `iss` of signed tokens.
        public var issuer: String?
        /// The `aud` of signed tokens.
        public var audience: String?

        /// Nothing: nobody may ask.
        public init() {}

        /// Whether anybody could prove anything.
        public var isEmpty: Bool { tokens == nil && keys == nil }
    }

    private struct Content {
        var tokens = StaticTokens()
        var signed: SignedTokens?
        var versions: [String] = []
    }

    private let settings: Settings
    private let content: Mutex<Content>
    private let complain: @Sendable (String) -> Void

    /// - Parameter complain: Is told why a changed file is not used; what was read before holds on.
    /// - Throws: ``AccessFileError``
    public init(_ settings: Settings, complain: @escaping @Sendable (String) -> Void) throws {
        if settings.keys != nil, settings.issuer == nil || settings.audience == nil {
            throw AccessFileError(
                description: "signed tokens need the issuer and the audience that they must name "
                    + "(--jwt-issuer, --jwt-audience)")
        }
        self.settings = settings
        self.complain = complain
        content = Mutex(Content())
        try content.withLock { content in
            content.versions = Self.versions(settings)
            (content.tokens, content.signed) = try Self.read(settings)
        }
    }

    /// See `AccessChecking`.
    public func reader(token: String, now: Int64) throws -> Reader {
        try content.withLock { content in
            refresh(&content)
            if let reader = content.tokens.reader(of: token) {
                if let end = reader.expiresAt, now >= end {
                    throw AccessRefusal("the token of \(reader.name) has expired")
                }
                return reader
            }
            guard let signed = content.signed, token.utf8.count(where: { $0 == UInt8(ascii: ".") }) == 2
            else {
                throw AccessRefusal("an unknown token")
            }
            return try signed.reader(of: token, now: now)
        }
    }

    /// See `AccessChecking`.
    public func secret() -> String { Self.fresh().token }

    /// A new token and the digest that the file of tokens takes.
    public static func fresh() -> (token: String, digest: String) {
        let token =
            "sz_"
            + Digest.random(32).map { byte in
                let hex = String(byte, radix: 16)
                return hex.count == 1 ? "0" + hex : hex
            }.joined()
        return (token, "sha256:" + Digest.sha256(Array(token.utf8)))
    }

    /// Looks at the files with each question, which costs microseconds: a token that was taken back opens nothing more.
    private func refresh(_ content: inout Content) {
        let versions = Self.versions(settings)
        if versions == content.versions { return }
        content.versions = versions
        do {
            (content.tokens, content.signed) = try Self.read(settings)
        } catch {
            complain("\(error); what it held before stays in force")
        }
    }

    private static func read(_ settings: Settings) throws -> (StaticTokens, SignedTokens?) {
        let tokens = try settings.tokens.map {
            try StaticTokens(SecretFile.text(of: $0), file: $0)
        }
        let signed = try settings.keys.map { file in
            try SignedTokens(
                jwks: SecretFile.contents(of: file), file: file,
                expectation: SignedTokens.Expectation(
                    issuer: settings.issuer ?? "", audience: settings.audience ?? ""))
        }
        return (tokens ?? StaticTokens(), signed)
    }

    private static func versions(_ settings: Settings) -> [String] {
        [settings.tokens, settings.keys].map { path in
            var status = stat()
            guard let path, stat(path, &status) == 0 else { return "-" }
            return "\(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec)"
        }
    }
}
