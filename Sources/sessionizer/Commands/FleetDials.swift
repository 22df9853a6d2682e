import ArchiveSource
import FleetSimulator
import SessionStory
import TextForms

/// The dials of the fleet as options of the command line: name, unit, meaning, and how each is set.
struct FleetDial {
    let name: String
    let meaning: String
    let set: (inout FleetOptions, String) -> Bool
    let get: (FleetOptions) -> String

    private init(_ name: String, _ meaning: String, _ path: WritableKeyPath<FleetOptions, Double>) {
        self.name = name
        self.meaning = meaning
        set = { options, text in
            guard let value = Double(text) else { return false }
            options[keyPath: path] = value
            return true
        }
        get = { "\($0[keyPath: path])" }
    }

    private init(_ name: String, _ meaning: String, _ path: WritableKeyPath<FleetOptions, Int>) {
        self.name = name
        self.meaning = meaning
        set = { options, text in
            guard let value = Int(text) else { return false }
            options[keyPath: path] = value
            return true
        }
        get = { "\($0[keyPath: path])" }
    }

    private init(
        _ name: String, _ meaning: String, set: @escaping (inout FleetOptions, String) -> Bool,
        get: @escaping (FleetOptions) -> String
    ) {
        self.name = name
        self.meaning = meaning
        self.set = set
        self.get = get
    }

    /// All of them, in the order of the help.
    static var all: [FleetDial] {
        [
            FleetDial("seed", "the same seed and dials give the same bytes") { options, text in
                guard let value = UInt64(text) else { return false }
                options.seed = value
                return true
            } get: {
                "\($0.seed)"
            },
            FleetDial("start-day", "the first day, YYYY-MM-DD (UTC)") { options, text in
                guard let day = ArchiveDay(text) else { return false }
                options.startDay = daysSinceEpoch(day)
                return true
            } get: {
                InstantText.date($0.startDay * 86_400_000_000)
            },
            FleetDial("days", "days", \.days),
            FleetDial("robots", "robots", \.robots),
            FleetDial("deliveries", "demands a day", \.deliveriesPerDay),
            FleetDial("pilots", "pilots", \.pilots),
            FleetDial("faults", "errors a robot reports an hour of duty", \.faultsPerRobotHour),
            FleetDial("rehoming", "share of deliveries orphaned by a fault that are rehomed", \.rehoming),
            FleetDial("replans", "share of deliveries taken from a healthy robot", \.replans),
            FleetDial("handoffs", "share of deliveries handed over between pilots", \.handoffs),
            FleetDial("shared-trips", "share of deliveries that share a trip", \.sharedTrips),
            FleetDial("cancellations", "share of demands that customers cancel", \.cancellations),
            FleetDial(
                "telemetry-seconds", "seconds between telemetry lines of a robot; 0: none",
                \.telemetrySeconds),
            FleetDial("disorder", "share of lines that arrive late; 0: all in order", \.disorder),
            FleetDial("late-seconds", "how late at most, in seconds", \.lateSeconds),
            FleetDial("shuffle-seconds", "what any line may take, in seconds", \.shuffleSeconds),
            FleetDial("duplicates", "share of lines sent twice", \.duplicates),
            FleetDial("losses", "share of lines that never arrive", \.losses),
            FleetDial("broken", "damaged lines beside the good ones, as a share", \.broken),
            FleetDial("missing-ids", "share of lines without event_id", \.missingIDs),
            FleetDial("skewed-robots", "share of robots whose clock is wrong", \.skewedRobots),
            FleetDial("skew-seconds", "how wrong at most, in seconds", \.skewSeconds),
        ]
    }

    private static func daysSinceEpoch(_ date: ArchiveDay) -> Int64 {
        Int64(CivilDay(year: date.year, month: date.month, day: date.day).daysSinceEpoch)
    }
}
