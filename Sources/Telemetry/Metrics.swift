internal import Synchronization

/// Counters, gauges and histograms, and their text for Prometheus
/// (prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4).
///
/// Changed a few times a batch, by any thread. A series is made before it is changed, so that it is there at 0 from
/// the start: `rate()` misses the first event of a series that appears with it.
public final class Metrics: Sendable {
    /// What a metric is.
    public enum Kind: String, Sendable { case counter, gauge, histogram }

    /// One series of a metric.
    public struct Handle: Sendable {
        fileprivate let family: Int
        fileprivate let series: Int
    }

    fileprivate struct Series {
        var labels: String
        /// Whether it has a value to be shown.
        var isKnown = true
        var value = 0.0
        var counts: [Int] = []
    }

    fileprivate struct Family {
        var name: String
        var help: String
        var kind: Kind
        var bounds: [Double]
        var series: [Series] = []
    }

    private let families = Mutex<[Family]>([])

    /// What Prometheus must be told the text is.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// Bounds for times from a millisecond to an hour, in seconds.
    public static let secondsBounds: [Double] = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600,
    ]

    /// None yet.
    public init() {}

    /// A series that only grows; its name ends in `_total`.
    public func counter(_ name: String, _ help: String, _ labels: KeyValuePairs<String, String> = [:])
        -> Handle
    {
        make(name, help, .counter, [], labels)
    }

    /// A series that goes up and down.
    /// - Parameter isKnown: Whether it is 0 now. Otherwise it is not there until it is set first; what is added before that is lost.
    public func gauge(
        _ name: String, _ help: String, _ labels: KeyValuePairs<String, String> = [:], isKnown: Bool = true
    ) -> Handle {
        make(name, help, .gauge, [], labels, isKnown: isKnown)
    }

    /// Observations, counted by upper bounds, which ascend.
    public func histogram(
        _ name: String, _ help: String, bounds: [Double] = Metrics.secondsBounds,
        _ labels: KeyValuePairs<String, String> = [:]
    ) -> Handle {
        make(name, help, .histogram, bounds, labels)
    }

    private func make(
        _ name: String, _ help: String, _ kind: Kind, _ bounds: [Double],
        _ labels: KeyValuePairs<String, String>, isKnown: Bool = true
    ) -> Handle {
        let text = labels.map { "\($0.key)=\"\(Self.escaped($0.value, quoted: true))\"" }.joined(
            separator: ",")
        return families.withLock { families in
            let family: Int
            if let known = families.firstIndex(where: { $0.name == name }) {
                precondition(families[known].kind == kind, "\(name) is of one kind")
                family = known
            } else {
                families.append(Family(name: name, help: help, kind: kind, bounds: bounds))
                family = families.count - 1
            }
            if let known = families[family].series.firstIndex(where: { $0.labels == text }) {
                return Handle(family: family, series: known)
            }
            families[family].series.append(
                Series(
                    labels: text, isKnown: isKnown,
                    counts: [Int](repeating: 0, count: families[family].bounds.count + 1)))
            return Handle(family: family, series: families[family].series.count - 1)
        }
    }

    /// Adds to a counter or a gauge.
    public func add(_ handle: Handle, _ amount: Double = 1) { change { $0.add(handle, amount) } }

    /// Sets a gauge, or a counter whose count is kept elsewhere.
    public func set(_ handle: Handle, _ value: Double) { change { $0.set(handle, value) } }

    /// Notes one observation of a histogram.
    public func observe(_ handle: Handle, _ value: Double) { observe(handle, CollectionOfOne(value)) }

    /// Notes observations of a histogram.
    public func observe(_ handle: Handle, _ values: some Sequence<Double>) {
        change { $0.observe(handle, values) }
    }

    /// Changes that are seen together: no scrape falls between them.
    public struct Changing {
        fileprivate var families: [Family]

        /// Adds to a counter or a gauge.
        public mutating func add(_ handle: Handle, _ amount: Double) {
            families[handle.family].series[handle.series].value += amount
        }

        /// Sets a gauge, or a counter whose count is kept elsewhere.
        public mutating func set(_ handle: Handle, _ value: Double) {
            families[handle.family].series[handle.series].value = value
            families[handle.family].series[handle.series].isKnown = true
        }

        /// Notes observations of a histogram.
        public mutating func observe(_ handle: Handle, _ values: some Sequence<Double>) {
            let bounds = families[handle.family].bounds
            for value in values {
                let bin = bounds.firstIndex { value <= $0 } ?? bounds.count
                families[handle.family].series[handle.series].counts[bin] += 1
                families[handle.family].series[handle.series].value += value
            }
        }
    }

    /// Makes several changes at once.
    public func change(_ make: (inout Changing) -> Void) {
        families.withLock { families in
            var changing = Changing(families: families)
            families = []
            make(&changing)
            families = changing.families
        }
    }

    /// All of it, as Prometheus reads it.
    public func render() -> String {
        let families = families.withLock { $0 }
        var text = ""
        for family in families.sorted(by: { $0.name < $1.name }) {
            text += "# HELP \(family.name) \(Self.escaped(family.help, quoted: false))\n"
            text += "# TYPE \(family.name) \(family.kind.rawValue)\n"
            for series in family.series where series.isKnown {
                switch family.kind {
                case .counter, .gauge:
                    text += family.name + Self.braced(series.labels) + " \(Self.number(series.value))\n"
                case .histogram: Self.render(family, series, &text)
                }
            }
        }
        return text
    }

    private static func render(_ family: Family, _ series: Series, _ text: inout String) {
        let prefix = series.labels.isEmpty ? "" : series.labels + ","
        var sum = 0
        for (index, count) in series.counts.enumerated() {
            sum += count
            let bound = index < family.bounds.count ? number(family.bounds[index]) : "+Inf"
            text += "\(family.name)_bucket{\(prefix)le=\"\(bound)\"} \(sum)\n"
        }
        text += "\(family.name)_sum\(braced(series.labels)) \(number(series.value))\n"
        text += "\(family.name)_count\(braced(series.labels)) \(sum)\n"
    }

    private static func braced(_ labels: String) -> String { labels.isEmpty ? "" : "{\(labels)}" }

    private static func number(_ value: Double) -> String {
        if value == .infinity { return "+Inf" }
        if value.isNaN { return "NaN" }
        if value.rounded() == value, abs(value) < 1e15 { return String(Int64(value)) }
        return String(value)
    }

    private static func escaped(_ text: String, quoted: Bool) -> String {
        var out = ""
        for character in text {
            switch character {
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\"" where quoted: out += "\\\""
            default: out.append(character)
            }
        }
        return out
    }
}
