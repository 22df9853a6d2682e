/// UTC hours and days, also before 1970.
enum Grid {
    static let hour: Int64 = 3_600_000_000
    static let day: Int64 = 86_400_000_000

    static func floor(_ time: Int64, _ length: Int64) -> Int64 {
        time - (time % length + length) % length
    }

    static func ceiling(_ time: Int64, _ length: Int64) -> Int64 { floor(time + length - 1, length) }
}
