import MessageBatches
import Testing

@testable import AMQPSource

@Suite struct DeliveryBatchTests {
    /// A batch is closed at 8 MiB: its buffer is made once, not for each batch anew.
    @Test(arguments: [1, 5, 9]) func aBatchKeepsItsMemory(megabytes: Int) {
        let batch = DeliveryBatch()
        let body = [UInt8](repeating: 1, count: 1 << 20)
        for tag in 1...megabytes {
            var delivery = Delivery()
            delivery.tag = UInt64(tag)
            body.withUnsafeBytes { batch.append(delivery, $0, origin: "q", epoch: 1) }
        }
        let buffer = batch.messages.bytes
        batch.removeAll()
        #expect(batch.messages.isEmpty && batch.byteCount == 0)
        #expect(batch.messages.bytes == buffer)
    }
}
