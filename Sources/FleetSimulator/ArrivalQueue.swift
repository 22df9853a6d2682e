/// Lines on their way, in a bucket for each minute of arrival: what is still to come of a minute can be written
/// in any order, and is taken in the order of arrival.
struct ArrivalQueue {
    static let bucketMicros: Int64 = 60_000_000

    private struct Bucket {
        var bytes: [UInt8] = []
        var ends: [Int] = []
        /// The microsecond within the minute (26 bits), and which line of the bucket: sorts by both.
        var keys: [UInt64] = []
    }

    private var buckets: [Bucket]
    /// Memory of buckets that were taken, to be used again.
    private var spare: [Bucket] = []
    /// The minute that is taken next.
    private(set) var minute: Int64
    private(set) var waiting = 0

    /// - Parameter horizonMinutes: How long, at most, a line is on its way.
    init(firstMinute: Int64, horizonMinutes: Int) {
        minute = firstMinute
        buckets = Array(repeating: Bucket(), count: horizonMinutes + 2)
    }

    mutating func add(_ line: UnsafeRawBufferPointer, at arrival: Int64) {
        let minuteOfLine = arrival / Self.bucketMicros
        precondition(
            minuteOfLine >= minute && minuteOfLine < minute + Int64(buckets.count),
            "a line outside the minutes that are kept")
        let index = Int(minuteOfLine) % buckets.count
        if buckets[index].keys.isEmpty, let bucket = spare.popLast() { buckets[index] = bucket }
        let number = UInt64(buckets[index].keys.count)
        let within = UInt64(arrival - minuteOfLine * Self.bucketMicros)
        buckets[index].bytes.append(contentsOf: line)
        buckets[index].ends.append(buckets[index].bytes.count)
        buckets[index].keys.append(within << 32 | number)
        waiting += 1
    }

    /// Gives the lines of the next minute, in order, and goes on to the one after.
    mutating func takeMinute(_ body: (UnsafeRawBufferPointer, Int64) throws -> Void) rethrows {
        let index = Int(minute) % buckets.count
        let start = minute * Self.bucketMicros
        minute += 1
        if buckets[index].keys.isEmpty { return }
        var bucket = Bucket()
        swap(&bucket, &buckets[index])
        bucket.keys.sort()
        waiting -= bucket.keys.count
        try bucket.bytes.withUnsafeBytes { bytes in
            for key in bucket.keys {
                let number = Int(key & 0xFFFF_FFFF)
                let first = number == 0 ? 0 : bucket.ends[number - 1]
                try body(
                    UnsafeRawBufferPointer(rebasing: bytes[first..<bucket.ends[number]]),
                    start + Int64(key >> 32))
            }
        }
        bucket.bytes.removeAll(keepingCapacity: true)
        bucket.ends.removeAll(keepingCapacity: true)
        bucket.keys.removeAll(keepingCapacity: true)
        if spare.count < 8 { spare.append(bucket) }
    }
}
