/// What is left of two lists without what both begin with and what both end with.
func differing<Row: Equatable>(_ old: [Row], _ new: [Row]) -> (old: ArraySlice<Row>, new: ArraySlice<Row>) {
    let shorter = min(old.count, new.count)
    var front = 0
    while front < shorter, old[front] == new[front] { front += 1 }
    var back = 0
    while back < shorter - front, old[old.count - 1 - back] == new[new.count - 1 - back] { back += 1 }
    return (old[front..<old.count - back], new[front..<new.count - back])
}

/// Hands on the rows that differ, by start, of two lists that are sorted by it and hold each start once.
///
/// One pass: a late fact may stand before tens of thousands of rows, and comparing each with each took seconds.
func forEachDifference<Row: Equatable>(
    _ old: [Row], _ new: [Row], start: (Row) -> Instant, _ body: (_ old: Row?, _ new: Row?) throws -> Void
) rethrows {
    var (left, right) = (0, 0)
    while left < old.count || right < new.count {
        let was = left < old.count ? old[left] : nil
        let now = right < new.count ? new[right] : nil
        let (wasAt, nowAt) = (was.map(start) ?? .max, now.map(start) ?? .max)
        if wasAt == nowAt {
            if was != now { try body(was, now) }
            left += 1
            right += 1
        } else if wasAt < nowAt {
            try body(was, nil)
            left += 1
        } else {
            try body(nil, now)
            right += 1
        }
    }
}
