/// What is to happen when: a binary heap. Of two things at one time the one entered first comes first.
struct Agenda {
    /// Something to happen. `about` and `serial` say to whom; what is about something that has changed since (its
    /// serial differs) is to be passed over.
    struct Entry {
        enum Kind: UInt8 {
            case dutyStarts, dutyEnds, shiftStarts, shiftEnds, orderComes, dispatch, giveUp, customerCancels
            case step, replan, handOff, returned, charged, recovered, repaired, watchEnds, fault,
                transientFault
        }
        var time: Int64
        var order: UInt64
        var kind: Kind
        var about: Int
        var serial: Int

        func isBefore(_ other: Entry) -> Bool {
            time != other.time ? time < other.time : order < other.order
        }
    }

    private var heap: [Entry] = []
    private var entered: UInt64 = 0

    var nextTime: Int64? { heap.first?.time }

    /// - Parameter time: In microseconds; rounded up to whole milliseconds, as the services write them.
    mutating func add(_ kind: Entry.Kind, at time: Int64, about: Int, serial: Int = 0) {
        entered += 1
        let rounded = (time + 999) / 1000 * 1000
        var index = heap.count
        let entry = Entry(time: rounded, order: entered, kind: kind, about: about, serial: serial)
        heap.append(entry)
        while index > 0 {
            let parent = (index - 1) / 2
            if !entry.isBefore(heap[parent]) { break }
            heap[index] = heap[parent]
            index = parent
        }
        heap[index] = entry
    }

    mutating func takeFirst() -> Entry? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return first }
        var index = 0
        while true {
            var child = 2 * index + 1
            if child >= heap.count { break }
            if child + 1 < heap.count, heap[child + 1].isBefore(heap[child]) { child += 1 }
            if !heap[child].isBefore(last) { break }
            heap[index] = heap[child]
            index = child
        }
        heap[index] = last
        return first
    }
}
