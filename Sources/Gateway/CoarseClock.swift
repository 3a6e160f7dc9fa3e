internal import Glibc

/// The time of day as the kernel last noted it: some milliseconds coarse, and cheap.
enum CoarseClock {
    /// Milliseconds since 1970.
    static func milliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// A moment of the Gregorian calendar in UTC, written as logs want it.
struct CalendarTime {
    let year, month, day, hour, minute, second, millisecond: Int

    /// Source: the days-from-civil algorithm inverted (H. Hinnant, "chrono-compatible low-level date algorithms").
    init(milliseconds: Int64) {
        let seconds = Int(milliseconds / 1000)
        millisecond = Int(milliseconds % 1000)
        hour = seconds / 3600 % 24
        minute = seconds / 60 % 60
        second = seconds % 60
        let days = seconds / 86_400 + 719_468
        let era = days / 146_097
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shifted + 2) / 5 + 1
        month = shifted < 10 ? shifted + 3 : shifted - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// `2026-11-21T01:20:03.123Z`
    var iso: String {
        "\(year)-\(two(month))-\(two(day))T\(two(hour)):\(two(minute)):\(two(second)).\(three(millisecond))Z"
    }

    /// `21/Nov/2026:01:20:03 +0000`
    var common: String {
        "\(two(day))/\(Self.months[month - 1])/\(year):\(two(hour)):\(two(minute)):\(two(second)) +0000"
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    private func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    private func three(_ value: Int) -> String { value < 10 ? "00\(value)" : value < 100 ? "0\(value)" : "\(value)" }
}
