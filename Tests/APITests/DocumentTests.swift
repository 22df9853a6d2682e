import Foundation
import Testing

@testable import SessionAPI

/// docs/openapi.yaml against the table of routes.
@Suite struct DocumentTests {
    private func document() throws -> [String: Any] {
        let (service, _) = try ServiceUnderTest.simulated()
        let reply = try service.client.get("/openapi.json")
        #expect(reply.status == 200)
        return reply.json
    }

    @Test func everyRouteIsInTheDocumentAsItIs() throws {
        let document = try document()
        let paths = try #require(document["paths"] as? [String: [String: Any]])
        let shared =
            (document["components"] as? [String: Any])?["parameters"] as? [String: [String: Any]] ?? [:]
        var told: Set<String> = []
        for (path, item) in paths where path.hasPrefix("/analytics/v1/") {
            guard let operation = item["get"] as? [String: Any] else { continue }
            let name = try #require(operation["operationId"] as? String)
            told.insert(name)
            let route = try #require(Route.table.first { $0.operation == name }, "\(name) has no route")
            #expect("/analytics/v1/" + route.template == path)
            #expect(
                Set(operation["x-roles"] as? [String] ?? []) == Set(route.roles.map(\.rawValue))
                    || name == "me")
            #expect((operation["x-fleet-wide"] as? Bool ?? false) == route.isFleetWide, "\(name)")
            let parameters = (operation["parameters"] as? [[String: Any]] ?? []).map { parameter in
                let name = (parameter["$ref"] as? String)?.split(separator: "/").last.map(String.init)
                return name.flatMap { shared[$0] } ?? parameter
            }
            let names = parameters.filter { $0["in"] as? String == "query" }.compactMap {
                $0["name"] as? String
            }
            #expect(Set(names) == Set(route.parameters.map(\.name)), "\(name)")
        }
        #expect(told == Set(Route.table.map(\.operation)))
    }

    /// Each page's data is another name of a route: for whom, and with which parameters.
    @Test func everyPagesDataIsInTheDocument() throws {
        let document = try document()
        let paths = try #require(document["paths"] as? [String: [String: Any]])
        let shared =
            (document["components"] as? [String: Any])?["parameters"] as? [String: [String: Any]] ?? [:]
        var expected: Set<String> = []
        for (page, json, csv) in PageData.table {
            for (form, operation) in [("json", json), ("csv", csv)] {
                guard let operation else { continue }
                let path = "/\(page).\(form)"
                expected.insert(path)
                let told = try #require(paths[path]?["get"] as? [String: Any], "\(path)")
                let route = Route.named(operation)
                #expect(told["x-same-as"] as? String == operation, "\(path)")
                #expect(
                    Set(told["x-roles"] as? [String] ?? []) == Set(route.roles.map(\.rawValue)), "\(path)")
                #expect((told["x-fleet-wide"] as? Bool ?? false) == route.isFleetWide, "\(path)")
                let parameters = (told["parameters"] as? [[String: Any]] ?? []).map { parameter in
                    let name = (parameter["$ref"] as? String)?.split(separator: "/").last.map(String.init)
                    return name.flatMap { shared[$0] } ?? parameter
                }
                let names = parameters.filter { $0["in"] as? String == "query" }.compactMap {
                    $0["name"] as? String
                }
                let rules = try form == "csv" ? #require(route.csv).parameters : route.parameters
                #expect(Set(names) == Set(rules.map(\.name)), "\(path)")
            }
        }
        let others = paths.keys.filter { !$0.hasPrefix("/analytics/") && $0 != "/openapi.json" }
        #expect(Set(others) == expected)
    }
}
