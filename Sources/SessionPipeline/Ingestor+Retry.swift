public import EventDecoding
public import SessionCore
public import SessionStore

extension Ingestor {
    /// Like ``ingest(_:clock:)``, but tries again what may pass by itself: a database that is away or starts anew, a
    /// lock, a time-out. The same batch, once: the events' identity makes a repeated one harmless even where the
    /// connection was lost during the commit, so that nobody can know whether it is stored.
    ///
    /// A disk that is full or a file that another process holds is not waited for: someone has to do something.
    /// - Parameters:
    ///   - patience: How long to go on trying after the first failure, in microseconds.
    ///   - random: From 0 up to, not including, 1, anew each time it is asked.
    ///   - wait: Waits so many microseconds, having heard what the failure was.
    public func ingest(
        _ decoded: DecodedBatch, clock: () -> Instant, patience: Microseconds, random: () -> Double,
        wait: (Microseconds, StoreError) -> Void
    ) throws {
        var backOff = BackOff()
        var waited: Microseconds = 0
        while true {
            do {
                try ingest(decoded, clock: clock)
                return
            } catch let error as StoreError where error.kind == .unavailable || error.kind == .conflict {
                if waited >= patience { throw error }
                let pause = min(backOff.next(random: random()), patience - waited)
                waited += pause
                wait(pause, error)
            }
        }
    }
}
