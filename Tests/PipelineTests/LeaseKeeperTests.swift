import SeededRandomness
import SessionPipeline
import Testing

/// Replicas that come, go, die and freeze over one table of leases.
@Suite struct LeaseKeeperTests {
    /// The table, as a database would keep it, with a clock in steps.
    private struct Table {
        var leases: [(holder: String?, epoch: Int64, until: Int)]
        var seen: [String: Int] = [:]
        static let lifetime = 3

        func view(_ now: Int) -> LeaseKeeper.View {
            LeaseKeeper.View(
                replicas: seen.filter { $0.value + Self.lifetime > now }.map(\.key),
                leases: leases.enumerated().map { index, lease in
                    LeaseKeeper.Lease(
                        partition: index, holder: lease.holder, epoch: lease.epoch,
                        hasRunOut: lease.holder != nil && lease.until <= now)
                })
        }

        mutating func take(_ partition: Int, _ replica: String, _ now: Int) -> Int64? {
            let lease = leases[partition]
            guard lease.holder == nil || lease.until <= now || lease.holder == replica else { return nil }
            leases[partition] = (replica, lease.epoch + 1, now + Self.lifetime)
            return lease.epoch + 1
        }
    }

    private struct Replica {
        var keeper: LeaseKeeper
        var running: [Int: Int64] = [:]

        mutating func turn(_ table: inout Table, _ now: Int) {
            table.seen[keeper.replica] = now
            for (partition, epoch) in running
            where table.leases[partition].holder == keeper.replica && table.leases[partition].epoch == epoch {
                table.leases[partition].until = now + Table.lifetime
            }
            let decision = keeper.decide(table.view(now), running: running, leaving: [])
            for partition in decision.lost { running[partition] = nil }
            for partition in decision.letGo {
                running[partition] = nil
                table.leases[partition].holder = nil
            }
            var taken = 0
            for partition in decision.take where taken < decision.takeAtMost {
                if let epoch = table.take(partition, keeper.replica, now) {
                    running[partition] = epoch
                    taken += 1
                }
            }
        }
    }

    @Test func sharesAddUpAndDifferByOneAtMost() {
        for partitions in 1...16 {
            for count in 1...20 {
                let replicas = (0..<count).map { "r\($0)" }
                let shares = replicas.map {
                    LeaseKeeper.share(of: $0, among: replicas.shuffled(), partitions: partitions)
                }
                #expect(shares.reduce(0, +) == partitions)
                #expect((shares.max() ?? 0) - (shares.min() ?? 0) <= 1)
            }
        }
    }

    /// One that a frozen holder's transaction keeps must not keep the others from being tried.
    @Test func whatIsContestedComesLast() {
        let keeper = LeaseKeeper(replica: "a")
        let view = LeaseKeeper.View(
            replicas: ["a"],
            leases: (0..<5).map {
                .init(partition: $0, holder: $0 == 4 ? "b" : nil, epoch: 0, hasRunOut: false)
            })
        func take(_ contested: [Int]) -> [Int] {
            keeper.decide(view, running: [3: 0], leaving: [], contested: contested).take
        }
        #expect(take([]) == [0, 1, 2])
        #expect(take([0]) == [1, 2, 0])
        #expect(take([2, 0]) == [1, 2, 0])
        // What is not to be had at all is not tried for having been contested.
        #expect(take([4, 0]) == [1, 2, 0])
    }

    @Test func whatAnotherHasTakenIsLost() {
        let keeper = LeaseKeeper(replica: "a")
        let view = LeaseKeeper.View(
            replicas: ["a", "b"],
            leases: [
                .init(partition: 0, holder: "a", epoch: 3, hasRunOut: false),
                .init(partition: 1, holder: "b", epoch: 4, hasRunOut: false),
                .init(partition: 2, holder: "a", epoch: 9, hasRunOut: false),
                .init(partition: 3, holder: "b", epoch: 1, hasRunOut: false),
            ])
        let decision = keeper.decide(view, running: [0: 3, 1: 3, 2: 8], leaving: [])
        #expect(decision.lost == [1, 2])
        #expect(decision.letGo == [])
        // Its own older one is dropped first; the next turn may take it.
        #expect(decision.take == [])
    }

    /// Whatever has happened: when nothing more does, all partitions are held, each by one, in fair parts.
    @Test(arguments: 0..<UInt64(300)) func itSettlesInFairParts(seed: UInt64) {
        var random = Randomness(state: seed)
        let partitions = Int.random(in: 1...12, using: &random)
        var table = Table(leases: Array(repeating: (nil, 0, 0), count: partitions))
        var replicas: [Replica] = []
        var born = 0
        var now = 0
        for step in 0..<60 {
            now += 1
            if step < 40 {
                // Born, dead (its leases stay), or frozen: it misses turns and comes back with what it had.
                if replicas.isEmpty || Int.random(in: 0..<8, using: &random) == 0 {
                    replicas.append(Replica(keeper: LeaseKeeper(replica: "r\(born)")))
                    born += 1
                }
                if replicas.count > 1, Int.random(in: 0..<10, using: &random) == 0 {
                    replicas.remove(at: Int.random(in: 0..<replicas.count, using: &random))
                }
            }
            for index in replicas.indices.shuffled(using: &random)
            where step >= 40 || Int.random(in: 0..<4, using: &random) > 0 {
                replicas[index].turn(&table, now)
            }
            // Of those that believe to hold a partition only one has the epoch that the table has.
            for partition in 0..<partitions {
                let current = replicas.filter { $0.running[partition] == table.leases[partition].epoch }
                #expect(current.count <= 1, "seed \(seed), step \(step), partition \(partition)")
            }
        }
        let counts = replicas.map(\.running.count)
        #expect(counts.reduce(0, +) == partitions, "seed \(seed): \(counts)")
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1, "seed \(seed): \(counts)")
    }
}
