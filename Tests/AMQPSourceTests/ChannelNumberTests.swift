import Testing

@testable import AMQPSource

@Suite struct ChannelNumberTests {
    /// Never 0, never more than the broker agreed to, and another one each time while there is more than one.
    @Test(arguments: [0, 1, 2, 7, 2047, 65_535])
    func staysWithinWhatWasAgreedUpon(most: Int) {
        var last: UInt16 = 0
        for epoch in UInt64(1)...5000 {
            let number = AMQPConnection.channelNumber(epoch: epoch, most: most)
            #expect(number >= 1 && (most == 0 || Int(number) <= most))
            #expect(most == 1 || number != last)
            last = number
        }
    }
}
