/// Which partitions a replica should hold: a pure judgement of what the table of leases says.
///
/// Partitions are fixed in number, replicas come and go. Each replica takes its fair part: with eight partitions and
/// three replicas 3, 3 and 2. Who has too much lets go of the rest in good order (commit, acknowledge, close), who has
/// too little takes what is free or whose lease has run out. Two that judge at once may want the same partition: the
/// table gives it to one. What makes this safe is not here: the epoch, which every transaction checks.
public struct LeaseKeeper: Sendable {
    /// A row of the table of leases.
    public struct Lease: Equatable, Sendable {
        /// From 0.
        public var partition: Int
        /// Who has it; nil where nobody has.
        public var holder: String?
        /// Grows by one each time somebody takes it: the fencing token.
        public var epoch: Int64
        /// Whether the holder has not renewed it in time, by the database's clock.
        public var hasRunOut: Bool

        /// All columns.
        public init(partition: Int, holder: String?, epoch: Int64, hasRunOut: Bool) {
            self.partition = partition
            self.holder = holder
            self.epoch = epoch
            self.hasRunOut = hasRunOut
        }
    }

    /// What the table says at one moment.
    public struct View: Equatable, Sendable {
        /// The replicas that have shown themselves lately, in any order.
        public var replicas: [String]
        /// One for each partition, in any order.
        public var leases: [Lease]

        /// Both.
        public init(replicas: [String], leases: [Lease]) {
            self.replicas = replicas
            self.leases = leases
        }
    }

    /// What to do.
    public struct Decision: Equatable, Sendable {
        /// Partitions to try to take, in this order, until enough are held.
        public var take: [Int] = []
        /// How many of them at most.
        public var takeAtMost = 0
        /// Partitions to let go of in good order.
        public var letGo: [Int] = []
        /// Partitions that another has taken: to be dropped at once, without commit or acknowledgement.
        public var lost: [Int] = []
    }

    /// The name under which this replica shows itself.
    public let replica: String

    /// - Parameter replica: Different from all others', also from that of its own last life.
    public init(replica: String) { self.replica = replica }

    /// How many partitions belong to a replica.
    public static func share(of replica: String, among replicas: [String], partitions: Int) -> Int {
        let all = Set(replicas).union([replica]).sorted()
        let index = all.firstIndex(of: replica) ?? 0
        return partitions / all.count + (index < partitions % all.count ? 1 : 0)
    }

    /// - Parameters:
    ///   - running: The partitions this replica works on, each with the epoch under which it took it.
    ///   - leaving: Those of them that it is letting go of already.
    ///   - contested: Partitions that could not be had because a transaction of their holder before was in the way, the one
    ///     that was tried last at the end: they come after all others, and in this order.
    public func decide(
        _ view: View, running: [Int: Int64], leaving: Set<Int>, contested: [Int] = []
    ) -> Decision {
        var decision = Decision()
        let leases = view.leases.sorted { $0.partition < $1.partition }
        let byPartition = Dictionary(leases.map { ($0.partition, $0) }) { first, _ in first }
        for (partition, epoch) in running {
            let lease = byPartition[partition]
            if lease?.holder != replica || lease?.epoch != epoch { decision.lost.append(partition) }
        }
        decision.lost.sort()

        let kept = running.keys.filter { !decision.lost.contains($0) && !leaving.contains($0) }.sorted()
        let share = Self.share(of: replica, among: view.replicas, partitions: leases.count)
        if kept.count > share {
            decision.letGo = Array(kept.suffix(kept.count - share))
        } else if kept.count < share {
            let free = leases.filter { lease in
                guard running[lease.partition] == nil else { return false }
                // Its own lease that it does not work on is one of a batch that failed to be taken up: take it anew.
                return lease.holder == nil || lease.hasRunOut || lease.holder == replica
            }
            decision.takeAtMost = min(share - kept.count, free.count)
            // Not all from the same end: fewer want the same.
            let index = Set(view.replicas).union([replica]).sorted().firstIndex(of: replica) ?? 0
            let start = free.isEmpty ? 0 : index * share % free.count
            let order = (free[start...] + free[..<start]).map(\.partition)
            decision.take =
                order.filter { !contested.contains($0) } + contested.filter { order.contains($0) }
        }
        return decision
    }
}
