import SessionPipeline
import Testing

/// `#expect` cannot call what changes a value.
private final class Held<Value> {
    var value: Value
    init(_ value: Value) { self.value = value }
}

extension Held<AcknowledgementLedger> {
    func settled(_ range: DeliveryRange) -> UInt64? { value.settled(range) }
    func delivered(_ tag: UInt64) -> Bool { value.delivered(tag) }
}

extension Held<BackOff> {
    func next(_ random: Double) -> Int64 { value.next(random: random) }
}

@Suite struct LedgerTests {
    private func ledger(delivered: UInt64) -> Held<AcknowledgementLedger> {
        let ledger = Held(AcknowledgementLedger())
        ledger.value.open(epoch: 1)
        for tag in 1...delivered { #expect(ledger.delivered(tag)) }
        return ledger
    }

    private func range(_ first: UInt64, _ last: UInt64, epoch: UInt64 = 1) -> DeliveryRange {
        DeliveryRange(epoch: epoch, first: first, last: last)
    }

    @Test func batchesInOrderAreAcknowledgedEach() {
        let ledger = ledger(delivered: 10)
        #expect(ledger.settled(range(1, 4)) == 4)
        #expect(ledger.settled(range(5, 10)) == 10)
        #expect(ledger.value.unacknowledgedCount == 0)
    }

    @Test func aBatchBehindAGapWaits() {
        let ledger = ledger(delivered: 9)
        #expect(ledger.settled(range(7, 9)) == nil)
        #expect(ledger.settled(range(4, 6)) == nil)
        #expect(ledger.value.unacknowledgedCount == 9)
        #expect(ledger.settled(range(1, 3)) == 9)
    }

    @Test func tagsOfADeadChannelAreForgotten() {
        let ledger = ledger(delivered: 5)
        ledger.value.close()
        #expect(ledger.settled(range(1, 5)) == nil)
        ledger.value.open(epoch: 2)
        for tag in 1...5 { #expect(ledger.delivered(UInt64(tag))) }
        #expect(ledger.settled(range(1, 5)) == nil)
        #expect(ledger.settled(range(1, 5, epoch: 2)) == 5)
    }

    @Test func nothingUndeliveredIsAcknowledged() {
        let ledger = ledger(delivered: 5)
        #expect(ledger.settled(range(1, 6)) == nil)
        #expect(!ledger.delivered(7))
        #expect(ledger.delivered(6))
    }

    @Test func settlingTwiceAcknowledgesOnce() {
        let ledger = ledger(delivered: 5)
        #expect(ledger.settled(range(1, 3)) == 3)
        #expect(ledger.settled(range(1, 3)) == nil)
        #expect(ledger.settled(range(2, 5)) == 5)
    }

    /// Whatever the order, no tag is acknowledged before it and all before it are settled, and in the end all are.
    @Test(arguments: 0..<200) func anyOrder(seed: Int) {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1
        func random(_ below: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(below))
        }
        let ledger = Held(AcknowledgementLedger())
        ledger.value.open(epoch: 1)
        var inHand: [DeliveryRange] = []
        var settled: Set<UInt64> = []
        var acknowledged: UInt64 = 0
        var next: UInt64 = 1
        for step in 0..<60 {
            if step < 40, random(2) == 0 {
                let last = next + UInt64(random(5))
                for tag in next...last { #expect(ledger.delivered(tag)) }
                inHand.append(range(next, last))
                next = last + 1
            } else if !inHand.isEmpty {
                let one = inHand.remove(at: random(inHand.count))
                settled.formUnion(one.first...one.last)
                if let tag = ledger.settled(one) {
                    #expect(tag > acknowledged)
                    #expect((1...tag).allSatisfy(settled.contains))
                    acknowledged = tag
                }
            }
        }
        for one in inHand {
            if let tag = ledger.settled(one) { acknowledged = tag }
        }
        #expect(acknowledged == next - 1)
        #expect(ledger.value.unacknowledgedCount == 0)
    }
}

@Suite struct BackOffTests {
    @Test func waitsGrowToTheLimitAndAreNeverNothing() {
        let backOff = Held(BackOff(base: 1000, limit: 5000))
        #expect((0..<5).map { _ in backOff.next(0) } == [500, 1000, 2000, 2500, 2500])
        backOff.value.reset()
        #expect(backOff.next(0.5) == 750)
        #expect(backOff.next(0.999) == 1999)
    }

    @Test func manyFailuresDoNotOverflow() {
        let backOff = Held(BackOff(base: 1, limit: .max))
        for _ in 0..<200 { #expect(backOff.next(0) >= 0) }
    }
}

@Suite struct BatchCloserTests {
    @Test func closesAtANumberABytesOrAnAge() {
        let limits = BatchCloser.Limits(messages: 3, bytes: 100, age: 1000)
        var closer = BatchCloser(limits: limits)
        #expect(!closer.isDue(now: 1_000_000))
        #expect(closer.deadline == nil)
        closer.add(byteCount: 10, now: 50)
        closer.add(byteCount: 10, now: 900)
        #expect(!closer.isDue(now: 1049))
        #expect(closer.deadline == 1050)
        #expect(closer.isDue(now: 1050))
        closer.add(byteCount: 10, now: 901)
        #expect(closer.isDue(now: 901))
        closer.reset()
        #expect(!closer.isDue(now: .max))
        closer.add(byteCount: 100, now: 0)
        #expect(closer.isDue(now: 0))
    }
}
