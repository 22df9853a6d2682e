/// Makes small random worlds that are built to collide: few entities, few instants, contradictory claims.
///
/// Each call of `lines(count:)` makes one new world. Within a world no two different events without an
/// `event_id` share their name and instant, since their order is nobody's promise.
public struct WorldGenerator {
    var random: SplitMix64
    private var eventsMade = 0

    /// Makes a generator; the same seed gives the same worlds on every machine.
    public init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    /// The lines of a new world, in an order that has little to do with their timestamps.
    public mutating func lines(count: Int) -> [String] {
        let world = World(random: &random)
        var drafts: [EventDraft] = []
        var nameless: Set<String> = []
        var lines: [String] = []

        var burst = world.overLinking(room: count, random: &random)
        while lines.count < count {
            if random.chance(3) {
                lines.append(random.pick(Self.oddLines))
            } else if random.chance(6), !drafts.isEmpty {
                lines.append(random.pick(drafts).line(random: &random))
            } else {
                // What a burst holds must come in time to fit in.
                let now = burst.count >= count - lines.count || random.chance(50)
                var draft = (now ? burst.popLast() : nil) ?? world.event(random: &random)
                eventsMade += 1
                if random.chance(65) || !nameless.insert("\(draft.at) \(draft.name)").inserted {
                    draft.eventID = eventID()
                }
                if random.chance(4) { reuseAnID(of: drafts, for: &draft) }
                drafts.append(draft)
                lines.append(draft.line(random: &random))
            }
        }
        return lines
    }

    /// A broken producer's: the id of an event of another hour. Within one hour it would be the same event.
    private mutating func reuseAnID(of drafts: [EventDraft], for draft: inout EventDraft) {
        guard draft.eventID != nil, let used = drafts.isEmpty ? nil : random.pick(drafts).eventID else {
            return
        }
        let isFree = drafts.allSatisfy { $0.eventID != used || hour(of: $0.at) != hour(of: draft.at) }
        if isFree { draft.eventID = used }
    }

    /// A new event id, sometimes a number, in an order that is not that of the events' making.
    private mutating func eventID() -> String {
        let number = "\(random.within(1...9))\(eventsMade)"
        return random.chance(20) ? number : "\(random.pick(["a", "e", "E", "z-", "0"]))\(number)"
    }

    /// Lines that are no events, each for a reason of its own, and blank ones.
    static let oddLines = [
        "", "   ", "\t",
        #"{"event":"robot.error","timestamp":"#,
        #"{"event":"robot.error" "timestamp":"2026-03-10T06:00:00Z"}"#,
        #"{"event":"robot.error","timestamp":"2026-03-10T06:00:00Z"} {}"#,
        #"{"event":"robot.error","timestamp":"2026-03-10T06:00:00Z","robot_id":01}"#,
        "[1,2,3]", "\"robot.error\"", "null", "17",
        #"{"event":"robot.error","robot_id":"R1"}"#,
        #"{"event":"robot.error","robot_id":"R1","timestamp":null}"#,
        #"{"event":"robot.error","robot_id":"R1","timestamp":"yesterday"}"#,
        #"{"event":"robot.error","robot_id":"R1","timestamp":"2026-03-10T06:00:00"}"#,
        #"{"event":"robot.error","robot_id":"R1","timestamp":"2026-03-10T06:00:60Z"}"#,
        #"{"event":"robot.error","robot_id":"R1","timestamp":"2026-02-30T06:00:00Z"}"#,
        #"{"event":"robot.error","robot_id":"R1","timestamp":1773122400}"#,
        #"{"msg":"started","timestamp":"2026-03-10T06:00:00Z"}"#,
        #"{"event":null,"timestamp":"2026-03-10T06:00:00Z"}"#,
        #"{"event":"","timestamp":"2026-03-10T06:00:00Z"}"#,
        #"{"event":5,"timestamp":"2026-03-10T06:00:00Z"}"#,
        #"{"message":"not an event"}"#, "{}",
    ]
}
