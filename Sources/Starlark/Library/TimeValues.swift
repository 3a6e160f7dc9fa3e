/// A zone in which an instant is shown.
struct TimeLocation: Sendable {
    let name: String
    /// Finds other zones, for `in_location`.
    var zones: @Sendable (String, Int) -> (offset: Int, abbreviation: String)? = { _, _ in nil }
    /// Offset from UTC in seconds and abbreviation at an instant.
    let rules: @Sendable (Int) -> (offset: Int, abbreviation: String)

    static let utc = TimeLocation(name: "UTC") { _ in (0, "UTC") }

    /// The zone of a name, nil when unknown.
    static func find(
        _ name: String, _ zones: @escaping @Sendable (String, Int) -> (offset: Int, abbreviation: String)?
    ) -> TimeLocation? {
        if name == "UTC" || name.isEmpty { return TimeLocation(name: "UTC", zones: zones) { _ in (0, "UTC") } }
        guard zones(name, 0) != nil else { return nil }
        return TimeLocation(name: name, zones: zones) { zones(name, $0) ?? (0, name) }
    }

    func finding(_ name: String) -> TimeLocation? { TimeLocation.find(name, zones) }

    static func fixed(_ offset: Int) -> TimeLocation {
        TimeLocation(name: "") { _ in (offset, "") }
    }
}

/// An instant, `time.time`: seconds since 1970 and nanoseconds, shown in a location.
final class TimeObject: Object, @unchecked Sendable {
    // Sendable: immutable.
    let seconds: Int
    let nanoseconds: Int
    let location: TimeLocation

    init(seconds: Int, nanoseconds: Int, location: TimeLocation) {
        let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        self.seconds = seconds &+ whole &- (rest < 0 ? 1 : 0)
        self.nanoseconds = rest < 0 ? rest + 1_000_000_000 : rest
        self.location = location
    }

    var fields: CalendarFields {
        let zone = location.rules(seconds)
        return CalendarFields(localSeconds: seconds &+ zone.offset, nanoseconds: nanoseconds, zone: zone)
    }

    func order(_ other: TimeObject) -> Int {
        if seconds != other.seconds { return seconds < other.seconds ? -1 : 1 }
        return nanoseconds < other.nanoseconds ? -1 : nanoseconds == other.nanoseconds ? 0 : 1
    }

    override var typeName: String { "time.time" }
    /// False for the first instant of year 1, Go's zero time.
    override var truth: Bool { seconds != -62_135_596_800 || nanoseconds != 0 }
    override func tableHash() throws -> UInt? { hashInteger(seconds &* 31 &+ nanoseconds) }
    override func isEqual(to other: Object, depth: Int) throws -> Bool { order(other as! TimeObject) == 0 }
    override func write(to writer: inout TextWriter) {
        writer.append(TimeLayout.format(self, "2006-01-02 15:04:05.999999999 -0700 MST"))
    }
    override var attributeNames: [String] {
        ["day", "hour", "minute", "month", "nanosecond", "second", "unix", "unix_nano", "year"]
    }
    override var methods: MethodTable? { .time }
    override func attribute(_ name: StringObject, _ evaluation: Evaluation) throws -> Value? {
        let fields = fields
        switch name.string {
        case "year": return .int(fields.year)
        case "month": return .int(fields.month)
        case "day": return .int(fields.day)
        case "hour": return .int(fields.hour)
        case "minute": return .int(fields.minute)
        case "second": return .int(fields.second)
        case "nanosecond": return .int(nanoseconds)
        case "unix": return .int(seconds)
        case "unix_nano": return .integer(BigInt(seconds) * BigInt(1_000_000_000) + BigInt(nanoseconds))
        default: return nil
        }
    }
}

/// A span of time, `time.duration`.
final class DurationObject: Object, @unchecked Sendable {
    // Sendable: immutable.
    let nanoseconds: Int
    init(_ nanoseconds: Int) { self.nanoseconds = nanoseconds }

    override var typeName: String { "time.duration" }
    override var truth: Bool { nanoseconds != 0 }
    override func tableHash() throws -> UInt? { hashInteger(nanoseconds) ^ 0x7117 }
    override func isEqual(to other: Object, depth: Int) throws -> Bool {
        nanoseconds == (other as! DurationObject).nanoseconds
    }
    override var attributeNames: [String] {
        ["hours", "microseconds", "milliseconds", "minutes", "nanoseconds", "seconds"]
    }
    override func attribute(_ name: StringObject, _ evaluation: Evaluation) throws -> Value? {
        switch name.string {
        case "hours": return .float(Double(nanoseconds) / 3.6e12)
        case "minutes": return .float(Double(nanoseconds) / 6e10)
        case "seconds": return .float(Double(nanoseconds) / 1e9)
        case "milliseconds": return .int(nanoseconds / 1_000_000)
        case "microseconds": return .int(nanoseconds / 1000)
        case "nanoseconds": return .int(nanoseconds)
        default: return nil
        }
    }

    /// As Go shows it: `1h30m0s`, `1.5s`, `2ms`.
    override func write(to writer: inout TextWriter) {
        if nanoseconds == 0 { return writer.append("0s") }
        if nanoseconds < 0 { writer.append("-") }
        let magnitude = nanoseconds.magnitude
        func decimal(_ value: UInt, _ unit: UInt) -> String {
            let (whole, rest) = value.quotientAndRemainder(dividingBy: unit)
            if rest == 0 { return String(whole) }
            var digits = String(rest)
            digits = String(repeating: "0", count: String(unit).count - 1 - digits.count) + digits
            while digits.hasSuffix("0") { digits.removeLast() }
            return "\(whole).\(digits)"
        }
        if magnitude < 1000 { return writer.append("\(magnitude)ns") }
        if magnitude < 1_000_000 { return writer.append(decimal(magnitude, 1000) + "µs") }
        if magnitude < 1_000_000_000 { return writer.append(decimal(magnitude, 1_000_000) + "ms") }
        let minute: UInt = 60_000_000_000
        let hours = magnitude / (60 * minute)
        if hours > 0 { writer.append("\(hours)h") }
        if magnitude >= minute { writer.append("\(magnitude / minute % 60)m") }
        writer.append(decimal(magnitude % minute, 1_000_000_000) + "s")
    }

    /// Reads `1h30m`, `-1.5s`, `0`.
    static func parse(_ text: String) throws -> Int {
        func failure(_ problem: String) -> StarlarkFailure { StarlarkFailure("time: \(problem) \(quoted(text.utf8))") }
        var bytes = Array(text.utf8)[...]
        let isNegative = bytes.first == UInt8(ascii: "-")
        if isNegative || bytes.first == UInt8(ascii: "+") { bytes = bytes.dropFirst() }
        if bytes.elementsEqual([UInt8(ascii: "0")]) { return 0 }
        guard !bytes.isEmpty else { throw failure("invalid duration") }
        var total: UInt = 0
        while !bytes.isEmpty {
            let whole = bytes.prefix(while: isDigit)
            bytes = bytes[whole.endIndex...]
            var fraction: ArraySlice<UInt8> = []
            if bytes.first == UInt8(ascii: ".") {
                fraction = bytes.dropFirst().prefix(while: isDigit)
                bytes = bytes[fraction.endIndex...].drop { $0 == UInt8(ascii: ".") && fraction.isEmpty }
            }
            guard !(whole.isEmpty && fraction.isEmpty) else { throw failure("invalid duration") }
            let name = bytes.prefix { !isDigit($0) && $0 != UInt8(ascii: ".") }
            bytes = bytes[name.endIndex...]
            if name.isEmpty { throw failure("missing unit in duration") }
            guard let unit = units[String(decoding: name, as: UTF8.self)] else {
                throw failure("unknown unit \(quoted(name)) in duration")
            }
            let number = whole.isEmpty ? 0 : UInt(String(decoding: whole, as: UTF8.self)) ?? .max
            let (product, overflow1) = number.multipliedReportingOverflow(by: unit)
            // Nanoseconds are cut off, not rounded.
            let digits = fraction.prefix(19)
            let scale = digits.reduce(1.0) { scale, _ in scale * 10 }
            let part = UInt(digits.reduce(0.0) { $0 * 10 + Double($1 - UInt8(ascii: "0")) } * (Double(unit) / scale))
            let (sum, overflow2) = product.addingReportingOverflow(part)
            let (full, overflow3) = total.addingReportingOverflow(sum)
            if overflow1 || overflow2 || overflow3 || full > 1 << 63 { throw failure("invalid duration") }
            total = full
        }
        if isNegative { return Int(truncatingIfNeeded: 0 &- total) }
        guard let result = Int(exactly: total) else { throw failure("invalid duration") }
        return result
    }

    private static let units: [String: UInt] = [
        "ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000,
        "h": 3_600_000_000_000,
    ]

    /// The text as Go's package of times quotes it: bytes outside ASCII by number.
    private static func quoted(_ text: some Sequence<UInt8>) -> String {
        let shown = text.map { c -> String in
            if c == UInt8(ascii: "\"") || c == UInt8(ascii: "\\") { return "\\\(Unicode.Scalar(c))" }
            return c < 0x20 || c >= 0x80
                ? "\\x" + hexadecimal(Int(c), width: 2).lowercased() : String(Unicode.Scalar(c))
        }
        return "\"\(shown.joined())\""
    }
}

/// A point in time as calendar and clock show it; proleptic Gregorian.
struct CalendarFields {
    var year: Int
    var month: Int
    var day: Int
    var hour: Int
    var minute: Int
    var second: Int
    var nanosecond: Int
    /// 0 is Sunday.
    var weekday: Int
    var yearDay: Int
    var zone: (offset: Int, abbreviation: String)

    init(localSeconds: Int, nanoseconds: Int, zone: (offset: Int, abbreviation: String)) {
        var days = localSeconds / 86400
        var rest = localSeconds % 86400
        if rest < 0 {
            rest += 86400
            days -= 1
        }
        // Days from civil, after Howard Hinnant.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
        month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        hour = rest / 3600
        minute = rest / 60 % 60
        second = rest % 60
        nanosecond = nanoseconds
        weekday = ((days + 4) % 7 + 7) % 7
        yearDay = days - CalendarFields.days(year, 1, 1) + 1
        self.zone = zone
    }

    /// Days since 1970 of a date; months and days may be out of range and carry over.
    static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let carried = month - 1
        let year = year &+ (carried >= 0 ? carried / 12 : (carried - 11) / 12)
        let month = ((carried % 12) + 12) % 12 + 1
        let y = month <= 2 ? year &- 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468 + day - 1
    }
}
