import SessionPipeline
import Testing

@Suite struct PrefetchWindowTests {
    @Test func itGrowsWithWhatIsCommitted() {
        var window = PrefetchWindow(full: 10_000, grows: true)
        #expect(window.size == 50)
        #expect(window.settled(25, isDrained: false) == nil)
        #expect(window.settled(25, isDrained: false) == 250)
        #expect(window.size == 300)
        #expect(window.settled(299, isDrained: false) == nil)
        #expect(window.settled(1, isDrained: false) == 1500)
        #expect(window.settled(1800, isDrained: false) == 8200)
        #expect(window.isFull && window.size == 10_000)
        #expect(window.settled(100_000, isDrained: true) == nil)
    }

    @Test func whereNothingWaitsNothingIsToBeFeared() {
        var window = PrefetchWindow(full: 200, grows: true)
        #expect(window.settled(1, isDrained: true) == 150)
        #expect(window.isFull)
    }

    @Test func aSmallOneOrOneThatDoesNotGrowIsFullAtOnce() {
        #expect(PrefetchWindow(full: 10_000, grows: false).isFull)
        #expect(PrefetchWindow(full: 40, grows: true).size == 40)
    }

    @Test func itIsLimitedForGood() {
        var window = PrefetchWindow(full: 10_000, grows: true)
        window.limit(to: 100)
        #expect(window.size == 50)
        #expect(window.settled(50, isDrained: false) == 50)
        window.limit(to: 0)
        #expect(window.size == 1 && window.isFull)
    }

    /// A message that kills the program, anywhere in a queue: how often each other one is delivered, at most, until the
    /// killer is among the first few, with batches of half a window as the consumer makes them.
    @Test(arguments: [0, 7, 49, 50, 333, 5_000, 9_999, 77_777]) func aKillerIsReachedInFewDeaths(killer: Int)
    {
        var begin = 0
        var deaths = 0
        while killer - begin >= PrefetchWindow.first {
            deaths += 1
            var window = PrefetchWindow(full: 10_000, grows: true)
            while true {
                let batch = min(max(window.size / 2, 1), 5_000)
                if killer - begin < batch { break }
                begin += batch
                _ = window.settled(batch, isDrained: false)
            }
        }
        #expect(deaths <= 12, "\(deaths)")
    }
}
