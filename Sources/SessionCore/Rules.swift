/// The part of the configuration that decides what the tables say.
public struct Rules: Equatable, Sendable {
    /// How long a window without an end joins events (semantics section 3). At least a second.
    public var maxWindow: Microseconds = 6 * 3_600_000_000
    /// After so long without any event of a robot its state is `unknown`; nil: never (the default).
    public var maxSilence: Microseconds?
    /// States that count as usable supply.
    public var usableStates: Set<String> = [
        "idle", "available", "deployed", "delivering", "to_pickup", "at_pickup", "to_dropoff", "at_dropoff",
        "returning",
    ]
    /// States that count as downtime.
    public var downtimeStates: Set<String> = ["grounded", "error", "maintenance", "unknown"]
    /// States that count as off duty.
    public var offDutyStates: Set<String> = ["off_duty", "parked", "charging"]
    /// An id with more targets than this is over-linked (semantics section 2).
    public var maxTargets = 32

    /// The defaults of the semantics.
    public init() {}
}
