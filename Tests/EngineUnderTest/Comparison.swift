public import ReferenceModel

extension StoreUnderTest {
    /// Where the tables in the store are not those of the reference: at most four rows of the first table that differs.
    public func differences(from expected: ReferenceTables, in some: Set<String>? = nil) throws -> [String] {
        let names = expected.columns.filter { some?.contains($0.key) ?? true }.sorted { $0.key < $1.key }
            .map { (name: $0.key, columns: $0.value) }
        for ((name, columns), have) in zip(names, try tables(names)) {
            let want = (expected.tables[name] ?? [:]).mapValues { $0.map(Self.text) }
            if want == have { continue }
            var shown = ["\(name):"]
            for key in Set(want.keys).union(have.keys).filter({ want[$0] != have[$0] }).sorted().prefix(4) {
                guard let wanted = want[key], let had = have[key] else {
                    shown.append("\(key): \(want[key] == nil ? "not expected" : "missing")")
                    continue
                }
                for (index, column) in columns.enumerated() where wanted[index] != had[index] {
                    shown.append("\(key): \(column) is \(had[index]), expected \(wanted[index])")
                }
            }
            return shown
        }
        return []
    }

    private static func text(_ value: ReferenceValue) -> String {
        switch value {
        case .null: "-"
        case .text(let text): text
        case .integer(let number): "\(number)"
        case .number(let number): "\((number * 1e6).rounded() / 1e6)"
        case .list(let list): "[" + list.map { "\"\($0)\"" }.joined(separator: ",") + "]"
        case .flag(let flag): "\(flag)"
        }
    }
}
