internal import HTTPServer

/// What a page shows, as data: the page's own address with `.json` or `.csv` after it.
///
/// Such an address is another name of an API route and nothing more: the same roles and merchants, the same audit, the same
/// problems. A `.json` or `.csv` that is written out ends an address, a percent-encoded dot (`%2Ejson`) is part of an id:
/// the page of a delivery that is called `a.json` is `/deliveries/a%2Ejson`, its data `/deliveries/a.json.json`.
enum PageData {
    /// How it is written.
    enum Form: String {
        case json, csv
    }

    /// By the pages' paths: the operations that they stand for.
    static let table: [(path: String, json: String, csv: String?)] = [
        ("home", "home", nil), ("search", "search", nil), ("sessions", "sessions", "sessions"),
        ("deliveries/{id}", "delivery", "sessionEvents"), ("demands/{id}", "delivery", "sessionEvents"),
        ("trips/{id}", "delivery", "sessionEvents"), ("robots", "robots", "robots"),
        ("robots/{id}", "robot", "robotStates"), ("pilots/{id}", "pilot", "pilot"),
        ("events/{id}", "explain", nil), ("fleet", "utilization", "utilization"),
        ("downtime", "downtimeIntervals", "downtimeIntervals"), ("failures", "failures", "failures"),
        ("states", "fleetStates", "fleetStates"), ("windows", "fleetWindows", "fleetWindows"),
        ("errors", "fleetErrors", "fleetErrors"),
        ("reliability", "reliability", "reliability"), ("quality", "quality", "quality"),
        ("orphans", "orphans", "orphans"), ("rejected", "rejected", "rejected"), ("audit", "audit", "audit"),
    ]

    /// What a request's address names; nil where it is no page's with such an ending.
    /// - Throws: ``Problem`` where the page has no table to be had as CSV.
    static func find(_ request: HTTPRequest) throws(Problem) -> (route: Route, objects: [String], form: Form)?
    {
        let path = request.target.utf8.prefix { $0 != UInt8(ascii: "?") }
        var segments = path.split(separator: UInt8(ascii: "/"))
        guard let last = segments.popLast() else { return nil }
        let text = String(decoding: last, as: UTF8.self)
        guard let form = [Form.json, .csv].first(where: { text.hasSuffix(".\($0.rawValue)") }) else {
            return nil
        }
        segments.append(last.dropLast(form.rawValue.utf8.count + 1))
        let given = segments.map { PercentCoding.decoded($0, plusIsBlank: false) }
        for (page, json, csv) in table {
            guard let objects = objects(of: given, as: page) else { continue }
            switch form {
            case .json: return (Route.named(json), objects, form)
            case .csv:
                if let csv { return (Route.named(csv), objects, form) }
                throw Problem(
                    kind: .notFound, title: "No such table",
                    detail: "This page has no table to be had as CSV.",
                    hint: "The same address with .json has its data; /openapi.json lists what there is.")
            }
        }
        return nil
    }

    private static func objects(of given: [String], as page: String) -> [String]? {
        let parts = page.split(separator: "/")
        guard parts.count == given.count, parts.first.map(String.init) == given.first else { return nil }
        return parts.count == 2 ? [given[1]] : []
    }
}
