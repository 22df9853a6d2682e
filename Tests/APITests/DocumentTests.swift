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
}
