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
