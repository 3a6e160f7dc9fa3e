internal import Glibc
internal import Synchronization

/// The time as HTTP writes it, such as `Sun, 06 Nov 1994 08:49:37 GMT`. Source: RFC 9110, 5.6.7.
enum HTTPDate {
    private static let latest = Mutex<(seconds: Int64, text: String)>((-1, ""))
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `seconds` since 1970; written once per second.
    static func text(_ seconds: Int64) -> String {
        latest.withLock { latest in
            if latest.seconds != seconds { latest = (seconds, make(seconds)) }
            return latest.text
        }
    }

    private static func make(_ seconds: Int64) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let date = "\(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) \(1900 + parts.tm_year)"
        return
            "\(days[Int(parts.tm_wday)]), \(date) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
    }
}
