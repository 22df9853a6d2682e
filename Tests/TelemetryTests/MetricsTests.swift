import Foundation
import Telemetry
import Testing

@Suite struct MetricsTests {
    @Test func whatPrometheusReads() {
        let metrics = Metrics()
        let good = metrics.counter("a_total", "Things.\nMore \\ of them.", ["kind": "go\"od\\"])
        _ = metrics.counter("a_total", "Things.", ["kind": "bad"])
        let level = metrics.gauge("b_bytes", "A level.")
        let times = metrics.histogram("c_seconds", "Times.", bounds: [0.1, 1], ["x": "y"])
        metrics.add(good, 2)
        metrics.set(level, 0.25)
        metrics.observe(times, [0.1, 0.5, 7])
        #expect(
            metrics.render() == """
                # HELP a_total Things.\\nMore \\\\ of them.
                # TYPE a_total counter
                a_total{kind="go\\"od\\\\"} 2
                a_total{kind="bad"} 0
                # HELP b_bytes A level.
                # TYPE b_bytes gauge
                b_bytes 0.25
                # HELP c_seconds Times.
                # TYPE c_seconds histogram
                c_seconds_bucket{x="y",le="0.1"} 1
                c_seconds_bucket{x="y",le="1"} 2
                c_seconds_bucket{x="y",le="+Inf"} 3
                c_seconds_sum{x="y"} 7.6
                c_seconds_count{x="y"} 3

                """)
    }

    /// What is added to an unknown figure makes none.
    @Test func aGaugeThatIsNotKnownYet() {
        let metrics = Metrics()
        let level = metrics.gauge("b", "A level.", isKnown: false)
        metrics.add(level, -3)
        #expect(metrics.render() == "# HELP b A level.\n# TYPE b gauge\n")
        metrics.set(level, 7)
        metrics.add(level, -3)
        #expect(metrics.render() == "# HELP b A level.\n# TYPE b gauge\nb 4\n")
    }

    /// No scrape falls between changes that are made at once.
    @Test func changesAreSeenTogether() async {
        let metrics = Metrics()
        let one = metrics.gauge("one", "One.")
        let other = metrics.gauge("other", "The other.")
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<500 {
                        metrics.change { change in
                            change.add(one, 1)
                            change.add(other, -1)
                        }
                    }
                }
            }
            group.addTask {
                for _ in 0..<200 {
                    let lines = metrics.render().split(separator: "\n").filter { !$0.hasPrefix("#") }
                    let sum = lines.reduce(0) { $0 + (Int($1.split(separator: " ").last ?? "") ?? 1_000_000) }
                    #expect(sum == 0, "\(lines)")
                }
            }
        }
    }
}

@Suite struct LogTests {
    /// A log into a file.
    private func lines(_ level: LogLevel, _ write: (Log) -> Void) throws -> [[String: Any]] {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("log-\(UUID().uuidString)")
        #expect(FileManager.default.createFile(atPath: file.path, contents: nil))
        defer { try? FileManager.default.removeItem(at: file) }
        let handle = try FileHandle(forWritingTo: file)
        write(Log(level: level, descriptor: handle.fileDescriptor))
        try handle.close()
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
    }

    @Test func aLineIsOneObjectWhateverIsInIt() throws {
        let hostile = "a\"b\\c\nd\te\u{1}f\u{2028}g\u{1F916}"
        let lines = try lines(.info) { log in
            log.write(
                .warning, "event", hostile,
                [
                    "text": .text(hostile), "number": .number(.infinity), "count": 3, "flag": .flag(true),
                    "half": .number(0.5),
                ])
        }
        #expect(lines.count == 1)
        let line = try #require(lines.first)
        #expect(line["message"] as? String == hostile && line["text"] as? String == hostile)
        #expect(line["level"] as? String == "warning" && line["event"] as? String == "event")
        #expect(line["number"] is NSNull && line["count"] as? Int == 3 && line["half"] as? Double == 0.5)
        let time = try #require(line["time"] as? String)
        #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil, "\(time)")
    }

    @Test func whatIsLessImportantIsNotWritten() throws {
        let lines = try lines(.warning) { log in
            for level in LogLevel.allCases { log.write(level, "event", "text") }
        }
        #expect(lines.compactMap { $0["level"] as? String } == ["warning", "error"])
    }
}

@Suite struct RepeatFilterTests {
    @Test func theSameIsSaidOnceInAWhile() {
        var filter = RepeatFilter(pause: 10)
        let answers = [("a", 0), ("a", 1), ("b", 2), ("a", 9), ("a", 10), ("a", 11), ("b", 30)].map {
            filter.admit($0.0, now: Int64($0.1))
        }
        #expect(answers == [0, nil, 0, nil, 2, nil, 0])
    }

    @Test func manyTextsDoNotAddUp() {
        var filter = RepeatFilter(pause: 10)
        let answers = (0..<1000).map { filter.admit("\($0)", now: 0) }
        #expect(answers.allSatisfy { $0 == 0 })
    }
}
