/// Where a broker is, and how it is spoken to: an `amqp://` or `amqps://` URL
/// (rabbitmq.com/docs/uri-spec and rabbitmq.com/docs/uri-query-parameters).
public struct AMQPAddress: Equatable, Sendable {
    /// Files for TLS; the authority's is needed, the other two are for brokers that ask who connects.
    public struct TLSFiles: Equatable, Sendable {
        /// `cacertfile`: whom to believe (PEM).
        public var authority: String
        /// `certfile`: this client's certificate (PEM); nil where ``key`` is.
        public var certificate: String?
        /// `keyfile`: its private key (PEM).
        public var key: String?
    }

    /// Files for TLS of those URLs that name none themselves; what a URL says goes before.
    public struct Files: Equatable, Sendable {
        /// As ``TLSFiles/authority``.
        public var authority: String?
        /// As ``TLSFiles/certificate``.
        public var certificate: String?
        /// As ``TLSFiles/key``.
        public var key: String?

        /// None.
        public init() {}
    }

    /// A host's name or address.
    public var host: String
    /// 5672, or 5671 with TLS, where the URL names none.
    public var port: Int
    /// `guest` where the URL names none.
    public var user: String
    /// Never shown.
    public var password: String
    /// `/` where the URL names none.
    public var virtualHost: String
    /// In seconds; the broker may ask for less.
    public var heartbeat: Int
    /// nil: no TLS.
    public var tls: TLSFiles?

    /// For people: without user and password.
    public var shown: String {
        let vhost = virtualHost == "/" ? "" : "/\(virtualHost)"
        return "\(tls == nil ? "amqp" : "amqps")://\(host.contains(":") ? "[\(host)]" : host):\(port)\(vhost)"
    }

    /// The authorities Debian's `ca-certificates` trusts: librabbitmq 0.11 loads none by itself.
    public static let systemAuthorities = "/etc/ssl/certs/ca-certificates.crt"

    /// Several, divided by commas; they are tried in order.
    /// - Parameter files: For those with TLS that name none.
    public static func list(_ text: String, files: Files = Files()) throws(AMQPAddressError) -> [AMQPAddress]
    {
        var all: [AMQPAddress] = []
        for part in text.split(separator: ",") {
            all.append(try AMQPAddress(String(part.drop { $0 == " " }), files: files))
        }
        if all.isEmpty { throw AMQPAddressError("no URL; expected amqp://user:password@host:port/vhost") }
        return all
    }

    /// Reads one URL.
    /// - Parameter files: For one with TLS that names none.
    public init(_ text: String, files: Files = Files()) throws(AMQPAddressError) {
        let rest: Substring
        let hasTLS: Bool
        if text.hasPrefix("amqp://") {
            (rest, hasTLS) = (text.dropFirst(7), false)
        } else if text.hasPrefix("amqps://") {
            (rest, hasTLS) = (text.dropFirst(8), true)
        } else {
            throw AMQPAddressError("a broker's URL begins with amqp:// or amqps://")
        }
        let (location, query) = Self.cut(rest, at: "?")
        let (authority, path) = Self.cut(location, at: "/")
        // As a rule a password with a / or a ? in it, of which the rest would be taken for the virtual host, and shown.
        if rest[authority.endIndex...].contains("@") {
            throw AMQPAddressError("an @ stands behind the URL's host; \(Self.escapes)")
        }
        let place: Substring
        if let at = authority.lastIndex(of: "@") {
            let (name, secret) = Self.cut(authority[..<at], at: ":")
            user = try Self.decoded(name)
            password = try secret.map { text throws(AMQPAddressError) in try Self.decoded(text) } ?? ""
            place = authority[authority.index(after: at)...]
        } else {
            (user, password, place) = ("guest", "guest", authority)
        }
        (host, port) = try Self.hostAndPort(place, standard: hasTLS ? 5671 : 5672)
        // Strictly, "amqp://host/" names a vhost with an empty name; nobody has one, and everybody writes it so.
        virtualHost = try path.map { text throws(AMQPAddressError) in try Self.decoded(text) } ?? "/"
        if virtualHost.isEmpty { virtualHost = "/" }
        heartbeat = 30
        tls = hasTLS ? TLSFiles(authority: files.authority ?? Self.systemAuthorities) : nil
        for parameter in (query ?? "").split(separator: "&") {
            let (name, value) = Self.cut(parameter, at: "=")
            // In a URL that was cut before its @, what follows a : may be the password.
            let isShown = authority.contains("@") || !"\(authority)\(parameter)".contains(":")
            try set(String(name), try Self.decoded(value ?? ""), isShown: isShown)
        }
        if hasTLS {
            try Self.expectPair(tls?.certificate, tls?.key, "of the URL")
            if tls?.certificate == nil {
                try Self.expectPair(files.certificate, files.key, "of the settings")
                tls?.certificate = files.certificate
                tls?.key = files.key
            }
        }
    }

    /// Without the other each would be passed over, and the broker would meet somebody whom it does not know.
    private static func expectPair(
        _ certificate: String?, _ key: String?, _ place: String
    ) throws(AMQPAddressError) {
        if (certificate == nil) != (key == nil) {
            throw AMQPAddressError(
                "\(certificate == nil ? "keyfile" : "certfile") \(place) stands alone; certfile and keyfile belong "
                    + "together: expected both or none")
        }
    }

    private mutating func set(_ name: String, _ value: String, isShown: Bool) throws(AMQPAddressError) {
        switch name {
        case "heartbeat":
            guard let seconds = Int(value), (1...3600).contains(seconds) else {
                throw AMQPAddressError("heartbeat: expected whole seconds from 1 to 3600")
            }
            heartbeat = seconds
        case "cacertfile", "certfile", "keyfile":
            if tls == nil { throw AMQPAddressError("\(name) is for amqps:// only") }
            if name == "cacertfile" { tls?.authority = value }
            if name == "certfile" { tls?.certificate = value }
            if name == "keyfile" { tls?.key = value }
        default:
            throw AMQPAddressError(
                "unknown parameter\(isShown ? " \(name)" : ""); known: cacertfile, certfile, heartbeat, keyfile"
            )
        }
    }

    private static func cut(_ text: Substring, at mark: Character) -> (Substring, Substring?) {
        guard let index = text.firstIndex(of: mark) else { return (text, nil) }
        return (text[..<index], text[text.index(after: index)...])
    }

    private static func hostAndPort(
        _ text: Substring, standard: Int
    ) throws(AMQPAddressError) -> (String, Int) {
        var host = text
        var port: Substring?
        if text.first == "[", let end = text.firstIndex(of: "]") {
            host = text[text.index(after: text.startIndex)..<end]
            port = cut(text[end...], at: ":").1
        } else {
            (host, port) = cut(text, at: ":")
        }
        if host.isEmpty { throw AMQPAddressError("the URL names no host") }
        guard let port else { return (String(host), standard) }
        guard let number = Int(port), (1...65535).contains(number) else {
            // Not shown: of a URL that was cut, or whose password has a / in it, it is the password.
            throw AMQPAddressError("the port: expected a number from 1 to 65535; \(escapes)")
        }
        return (String(host), number)
    }

    private static let escapes =
        "in user, password and virtual host percent-encode / as %2F, ? as %3F, @ as %40"

    private static func decoded(_ text: Substring) throws(AMQPAddressError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = Substring(rest.prefix(2))
            guard digits.count == 2, digits.allSatisfy(\.isHexDigit), let value = UInt8(digits, radix: 16)
            else {
                throw AMQPAddressError(
                    "a % in the URL is not followed by two hexadecimal digits; write %25 for it")
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension [AMQPAddress] {
    /// Whether these are the same brokers, in the same order, however they are reached: TLS or not is part of who they are.
    public func areSameBrokers(as others: [AMQPAddress]) -> Bool { map(\.shown) == others.map(\.shown) }

    /// How these are reached now. Where there are others now, they stay as they were: what was read of a stream, or is not
    /// confirmed yet, is known of these.
    func reached(_ now: (@Sendable () -> [AMQPAddress])?) -> [AMQPAddress] {
        guard let now = now?(), now.areSameBrokers(as: self) else { return self }
        return now
    }
}

/// A broker's URL was wrong. The text never shows the URL itself, which may hold a password.
public struct AMQPAddressError: Error, Equatable, CustomStringConvertible {
    /// What was wrong and what was expected.
    public let description: String

    init(_ description: String) { self.description = description }
}
