internal import HTTPServer

/// The page: files of the folder `Page`, which the package embeds in the program.
///
/// To add one: put it into `Sources/SessionAPI/Page` and name it in `all`. The package's tool turns its name into a Swift
/// one: `app.js` is `PackageResources.app_js`, a `-` becomes `_` too.
enum PageFiles {
    private struct File: Sendable {
        var type: String
        var bytes: [UInt8]
        var tag: String

        init(_ type: String, _ bytes: [UInt8]) {
            self.type = type
            self.bytes = bytes
            tag = "\"\(String(Fingerprint.value(of: bytes), radix: 36))\""
        }
    }

    private static let html = "text/html; charset=utf-8"
    private static let script = "text/javascript; charset=utf-8"
    private static let style = "text/css; charset=utf-8"
    private static let icon = "image/svg+xml"

    /// By path.
    private static let all: [String: File] = [
        "/": File(html, PackageResources.index_html),
        "/app.js": File(script, PackageResources.app_js),
        "/app.css": File(style, PackageResources.app_css),
        "/icon.svg": File(icon, PackageResources.icon_svg),
        "/openapi.json": File("application/json", PackageResources.openapi_json),
    ]

    /// Addresses of the page itself, whose script reads what follows: they all answer with `index.html`.
    private static let views: Set<String> = [
        "deliveries", "demands", "trips", "sessions", "robots", "pilots", "fleet", "quality", "events",
        "search",
    ]

    /// Sent with every file: nothing from elsewhere, no inline script, no frame (docs/api.md, "The page").
    static let securityHeaders: [(name: String, value: String)] = [
        (
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
                + "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
                + "require-trusted-types-for 'script'; trusted-types 'none'"
        ),
        ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"), ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(), microphone=(), geolocation=()"),
    ]

    /// The answer to a path of the page; nil where it has none.
    static func answer(_ request: HTTPRequest) -> HTTPResponse? {
        var path = request.path
        if let first = request.segments.first, views.contains(first) { path = "/" }
        guard let file = all[path] else { return nil }
        let headers: [(name: String, value: String)] = [
            ("Content-Type", file.type), ("ETag", file.tag), ("Cache-Control", "no-cache"),
        ]
        let tags = request.header("If-None-Match")?.split(separator: ",").map {
            $0.drop { $0 == " " }.replacing("W/", with: "", maxReplacements: 1)
        }
        if tags?.contains(where: { $0 == file.tag }) == true {
            return HTTPResponse(status: 304, headers: headers, body: .bytes([]))
        }
        return HTTPResponse(status: 200, headers: headers, body: .bytes(file.bytes))
    }
}
