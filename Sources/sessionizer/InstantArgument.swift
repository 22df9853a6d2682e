import ArchiveSource
import EventDecoding

/// An instant on the command line: RFC 3339, or a day, which begins at midnight UTC.
enum InstantArgument {
    /// Seconds since the epoch; nil where it is neither.
    static func seconds(_ text: String) -> Int64? {
        let whole = ArchiveDay(text) == nil ? text : text + "T00:00:00Z"
        return EventDecoder.instant(whole).map { $0 >= 0 ? $0 / 1_000_000 : ($0 - 999_999) / 1_000_000 }
    }
}
