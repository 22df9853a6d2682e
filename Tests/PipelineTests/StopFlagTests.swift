import Foundation
import SessionPipeline
import Testing

/// Several threads that wait for one end.
@Suite struct StopFlagTests {
    /// Starts threads that wait for a minute, and waits until each is about to.
    private func wait(_ count: Int, on flag: StopFlag, since heard: Int? = nil) -> DispatchGroup {
        let ended = DispatchGroup()
        let begun = DispatchSemaphore(value: 0)
        for _ in 0..<count {
            ended.enter()
            Thread {
                begun.signal()
                flag.wait(microseconds: 60_000_000, since: heard)
                ended.leave()
            }.start()
        }
        for _ in 0..<count { begun.wait() }
        return ended
    }

    @Test func theEndWakesAllWhoWait() {
        let flag = StopFlag()
        let waiting = wait(5, on: flag)
        flag.set()
        #expect(waiting.wait(timeout: .now() + 20) == .success)
        // And keeps nobody waiting who comes later.
        flag.wait(microseconds: 60_000_000)
    }

    @Test func aRingWakesAllWhoWait() {
        let flag = StopFlag()
        let waiting = wait(5, on: flag, since: flag.rings)
        flag.ring()
        #expect(waiting.wait(timeout: .now() + 20) == .success)
        #expect(!flag.isSet)
    }

    /// Others who heard it before take nothing away.
    @Test func aRingBeforeTheWaitIsNotMissed() {
        let flag = StopFlag()
        let heard = flag.rings
        flag.ring()
        let waiting = wait(5, on: flag, since: heard)
        #expect(waiting.wait(timeout: .now() + 20) == .success)
        let begun = ContinuousClock.now
        flag.wait(microseconds: 20_000, since: flag.rings)
        #expect(begun.duration(to: .now) >= .milliseconds(20))
    }

    @Test func theEndOfTheWholeIsTheEndOfItsParts() {
        let whole = StopFlag()
        let parts = [StopFlag(partOf: whole), StopFlag(partOf: whole)]
        let waiting = parts.map { wait(2, on: $0) }
        #expect(parts.allSatisfy { !$0.isSet && $0.microsecondsLeft == .max })
        whole.set(patience: 30_000_000)
        for one in waiting { #expect(one.wait(timeout: .now() + 20) == .success) }
        for part in parts {
            #expect(part.isSet)
            #expect((1...30_000_000).contains(part.microsecondsLeft))
        }
        // A part has less time than the whole, never more.
        parts[0].set(patience: 60_000_000)
        #expect(parts[0].microsecondsLeft <= 30_000_000)
        parts[0].set(patience: 0)
        #expect(parts[0].microsecondsLeft == 0 && parts[1].microsecondsLeft > 0)
    }

    @Test func theEndOfAPartIsNotThatOfTheWhole() {
        let whole = StopFlag()
        let part = StopFlag(partOf: whole)
        part.set()
        #expect(part.isSet && !whole.isSet && whole.microsecondsLeft == .max)
    }
}
