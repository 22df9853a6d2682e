import SessionPipeline
import Testing

/// Which thread has been at one thing for how long.
@Suite struct TurnWatchTests {
    @Test func theLongestTurnCounts() {
        var watch = TurnWatch()
        #expect(watch.longest(5) == nil)
        watch.begins(0, now: 10)
        watch.begins(3, now: 25)
        #expect(watch.longest(30) == 20)
        // Anew, after it has tried in vain.
        watch.begins(0, now: 40)
        #expect(watch.longest(45) == 20)
        watch.ends(3)
        #expect(watch.longest(45) == 5)
        watch.ends(3)
        watch.ends(0)
        #expect(watch.longest(45) == nil)
    }
}
