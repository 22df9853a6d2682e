internal import CSimdJSONBaseline
internal import MessageBatches

/// simdjson alone over a batch's lines: how many of them had an event and a timestamp.
func pullFields(of batch: MessageBatch) -> Int {
    var offsets: [Int] = []
    offsets.reserveCapacity(batch.messages.count + 1)
    for message in batch.messages { offsets.append(message.offset) }
    if let last = batch.messages.last { offsets.append(last.offset + last.length) }
    return baseline_pull_fields(
        UnsafePointer(batch.bytes.assumingMemoryBound(to: UInt8.self)), offsets, batch.messages.count, nil)
}
