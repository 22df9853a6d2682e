import SessionPipeline
import Testing

/// Whether a stream is still the one that was read, by what it delivers first.
@Suite struct StreamAnchorTests {
    private let anchor = StreamAnchor(StreamPlace(offset: 10, fingerprint: "a"), attachedAt: 1000)

    @Test(arguments: [
        // A chunk of messages may begin before what was asked for.
        (Int64(9), "x", StreamAnchor.Verdict.known), (10, "a", .found), (10, "b", .another),
        // Its own limits have dropped it.
        (11, "a", .behind), (5000, "x", .behind),
    ])
    func whatComesFirst(offset: Int64, fingerprint: String, verdict: StreamAnchor.Verdict) {
        #expect(anchor.verdict(of: offset) { fingerprint } == verdict)
    }

    /// A version that kept none has committed it.
    @Test func whatHasNoFingerprintIsBelieved() {
        let old = StreamAnchor(StreamPlace(offset: 10, fingerprint: nil), attachedAt: 0)
        #expect(old.verdict(of: 10) { "anything" } == .found)
        #expect(old.verdict(of: 11) { "anything" } == .behind)
    }

    @Test func itIsNotWaitedForForEver() {
        #expect(!anchor.isOverdue(1000 + StreamAnchor.patience))
        #expect(anchor.isOverdue(1001 + StreamAnchor.patience))
    }
}
