import Testing

@testable import AMQPSource

/// `#expect` cannot call what changes a value.
private final class Held {
    var window = ConfirmWindow()

    func append(_ numbers: ClosedRange<UInt8>) { for number in numbers { window.append([number]) } }
    func settle(_ tag: UInt64, all: Bool = false) -> [UInt8] {
        window.settle(tag, isMultiple: all).flatMap { $0 }
    }
    func restart() -> [UInt8] { window.restart().flatMap { $0 } }
}

@Suite struct ConfirmWindowTests {
    @Test func settlesOneOrAllUpToOne() {
        let held = Held()
        held.append(1...6)
        #expect(held.settle(3) == [3])
        #expect(held.settle(4, all: true) == [1, 2, 4])
        #expect(held.settle(4, all: true) == [] && held.settle(3) == [])
        #expect(held.window.count == 2)
        #expect(held.settle(6, all: true) == [5, 6])
        #expect(held.settle(7) == [] && held.settle(0) == [])
        held.append(7...7)
        #expect(held.settle(7) == [7])
    }

    @Test func whatIsUnconfirmedBeginsTheNextChannel() {
        let held = Held()
        held.append(1...5)
        _ = held.settle(2)
        _ = held.settle(4)
        #expect(held.restart() == [1, 3, 5])
        // Their tags count from 1 again.
        held.append(6...6)
        #expect(held.settle(2) == [3])
        #expect(held.settle(4, all: true) == [1, 5, 6])
        #expect(held.window.count == 0)
    }

    /// Whatever the order of confirms: each message is settled exactly once.
    @Test(arguments: 0..<50) func anyOrder(seed: Int) {
        var generator = SystemRandomNumberGenerator()
        let held = Held()
        var settled: [UInt8] = []
        var published: UInt8 = 0
        while settled.count < 200 {
            if published < 200, Bool.random(using: &generator) {
                published += 1
                held.append(published...published)
            } else if published > 0 {
                settled += held.settle(
                    UInt64.random(in: 1...UInt64(published)), all: .random(using: &generator))
            }
        }
        #expect(settled.sorted() == Array(1...200))
    }
}
