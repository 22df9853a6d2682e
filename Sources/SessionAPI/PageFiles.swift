internal import HTTPServer
internal import TextForms

/// The page: files of the folder `Page`, which the package embeds in the program.
///
/// To add one: put it into `Sources/SessionAPI/Page` and name it in `all`: its address is `/page/` and its name. The
/// package's tool turns the name into a Swift one: `app.js` is `PackageResources.app_js`, a `-` becomes `_` too.
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
        "/openapi.json": File("application/json", PackageResources.openapi_json),
        "/favicon.ico": File(icon, PackageResources.favicon_svg),
        "/page/about.js": File(script, PackageResources.about_js),
        "/page/api.js": File(script, PackageResources.api_js),
        "/page/app.js": File(script, PackageResources.app_js),
        "/page/audit.js": File(script, PackageResources.audit_js),
        "/page/base.css": File(style, PackageResources.base_css),
        "/page/charts.js": File(script, PackageResources.charts_js),
        "/page/clipboard.js": File(script, PackageResources.clipboard_js),
        "/page/daymodel.js": File(script, PackageResources.daymodel_js),
        "/page/delivery-header.js": File(script, PackageResources.delivery_header_js),
        "/page/delivery-keys.js": File(script, PackageResources.delivery_keys_js),
        "/page/delivery.css": File(style, PackageResources.delivery_css),
        "/page/delivery.js": File(script, PackageResources.delivery_js),
        "/page/dom.js": File(script, PackageResources.dom_js),
        "/page/downtime.js": File(script, PackageResources.downtime_js),
        "/page/draw.js": File(script, PackageResources.draw_js),
        "/page/early.js": File(script, PackageResources.early_js),
        "/page/event.js": File(script, PackageResources.event_js),
        "/page/eventlist.js": File(script, PackageResources.eventlist_js),
        "/page/counted.js": File(script, PackageResources.counted_js),
        "/page/failures.js": File(script, PackageResources.failures_js),
        "/page/favicon.svg": File(icon, PackageResources.favicon_svg),
        "/page/figures.css": File(style, PackageResources.figures_css),
        "/page/fleet.js": File(script, PackageResources.fleet_js),
        "/page/fragment.js": File(script, PackageResources.fragment_js),
        "/page/freshness.js": File(script, PackageResources.freshness_js),
        "/page/home.js": File(script, PackageResources.home_js),
        "/page/hourrows.js": File(script, PackageResources.hourrows_js),
        "/page/keys.js": File(script, PackageResources.keys_js),
        "/page/known.js": File(script, PackageResources.known_js),
        "/page/live.js": File(script, PackageResources.live_js),
        "/page/minimap.js": File(script, PackageResources.minimap_js),
        "/page/model.js": File(script, PackageResources.model_js),
        "/page/orphans.js": File(script, PackageResources.orphans_js),
        "/page/pages.js": File(script, PackageResources.pages_js),
        "/page/panel.js": File(script, PackageResources.panel_js),
        "/page/parts.css": File(style, PackageResources.parts_css),
        "/page/patterns.js": File(script, PackageResources.patterns_js),
        "/page/payload.js": File(script, PackageResources.payload_js),
        "/page/pilot.js": File(script, PackageResources.pilot_js),
        "/page/plain.html": File(html, PackageResources.plain_html),
        "/page/problem.js": File(script, PackageResources.problem_js),
        "/page/quality.js": File(script, PackageResources.quality_js),
        "/page/range.js": File(script, PackageResources.range_js),
        "/page/reliability.js": File(script, PackageResources.reliability_js),
        "/page/rejected.js": File(script, PackageResources.rejected_js),
        "/page/resizable.js": File(script, PackageResources.resizable_js),
        "/page/robot.js": File(script, PackageResources.robot_js),
        "/page/robots.js": File(script, PackageResources.robots_js),
        "/page/scale.js": File(script, PackageResources.scale_js),
        "/page/search.js": File(script, PackageResources.search_js),
        "/page/sessions.js": File(script, PackageResources.sessions_js),
        "/page/settings.js": File(script, PackageResources.settings_js),
        "/page/tables.js": File(script, PackageResources.tables_js),
        "/page/time.js": File(script, PackageResources.time_js),
        "/page/timeline-input.js": File(script, PackageResources.timeline_input_js),
        "/page/timeline-texts.js": File(script, PackageResources.timeline_texts_js),
        "/page/timeline-over.js": File(script, PackageResources.timeline_over_js),
        "/page/delivery-parts.js": File(script, PackageResources.delivery_parts_js),
        "/page/timeline.js": File(script, PackageResources.timeline_js),
    ]

    /// Addresses of the page itself, whose script reads what follows: they all answer with `index.html`.
    private static let views: Set<String> = [
        "search", "sessions", "deliveries", "demands", "trips", "robots", "pilots", "events", "fleet",
        "downtime", "states", "windows", "errors", "failures", "reliability",
        "quality", "orphans", "rejected", "audit", "about",
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

    /// Where `index.html` leads a browser that runs no script: to the same address with `?plain=1`. A delivery has a document
    /// for it; the rest of the page is made by its script, and says so. No address that `index.html` answers may be left out,
    /// home neither: it would lead to itself for ever.
    private static func withoutScript(_ request: HTTPRequest) -> HTTPResponse? {
        guard request.query.contains(where: { $0.name == "plain" }),
            request.path == "/" || request.segments.first.map(views.contains) == true
        else { return nil }
        var target = "/page/plain.html"
        if ["deliveries", "demands", "trips"].contains(request.segments.first), request.segments.count == 2 {
            target = "/analytics/v1/deliveries/\(PercentCoding.encoded(request.segments[1]))/plain"
        }
        return HTTPResponse(
            status: 303, headers: [("Location", target), ("Cache-Control", "no-cache")], body: .bytes([]))
    }

    /// For a path that nobody has, where the asker would rather read a page than a problem document: the page, whose script
    /// says so below the search box. Without a script, what every page says then.
    static func missing(_ request: HTTPRequest) -> HTTPResponse? {
        let isPlain = request.query.contains { $0.name == "plain" }
        guard request.method == "GET" || request.method == "HEAD", wantsHTML(request.header("Accept") ?? ""),
            let file = all[isPlain ? "/page/plain.html" : "/"]
        else { return nil }
        return HTTPResponse(
            status: 404,
            headers: [
                ("Content-Type", file.type), ("Cache-Control", "no-store"),
                ("Vary", "Accept, Accept-Encoding"),
            ],
            body: .bytes(file.bytes))
    }

    /// Whether an `Accept` names HTML, and no kind of JSON before it (RFC 9110, section 12.5.1). `*/*` alone names neither.
    private static func wantsHTML(_ accept: String) -> Bool {
        var (html, json) = (0.0, 0.0)
        for (type, quality) in SessionAPI.wishes(accept) {
            if type == "text/html" { html = max(html, quality) }
            if type == "application/json" || type == "application/problem+json" { json = max(json, quality) }
        }
        return html > json
    }

    /// The answer to a path of the page; nil where it has none.
    static func answer(_ request: HTTPRequest) -> HTTPResponse? {
        if let plain = withoutScript(request) { return plain }
        // What is before an id in an address leads to the list of them.
        if request.segments == ["deliveries"] {
            return HTTPResponse(
                status: 303, headers: [("Location", "/sessions"), ("Cache-Control", "no-cache")],
                body: .bytes([]))
        }
        var path = request.path
        if let first = request.segments.first, views.contains(first), request.segments.count <= 2 {
            path = "/"
        }
        guard let file = all[path] else { return nil }
        let headers: [(name: String, value: String)] = [
            ("Content-Type", file.type), ("ETag", file.tag), ("Cache-Control", "no-cache"),
            ("Vary", "Accept-Encoding"),
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
