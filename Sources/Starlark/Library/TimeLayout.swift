/// Go's reference-time layouts: `2006-01-02 15:04:05` and so on.
enum TimeLayout {
    private enum Element {
        case literal(String)
        case year, shortYear, month, monthPadded, monthName, monthShort, day, dayPadded, daySpaced, yearDay
        case weekday, weekdayShort, hour, hour12, hour12Padded, minute, minutePadded, second, secondPadded
        case upperHalf, lowerHalf, zoneName
        /// `Z` for UTC, colon, minutes shown
        case offset(usesZ: Bool, colon: Bool, minutes: Bool)
        /// Digits after a point; trailing zeros dropped or kept.
        case fraction(separator: Character, digits: Int, keepsZeros: Bool)
    }

    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    private static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

    private static let elements: [(String, Element)] = [
        ("January", .monthName), ("Jan", .monthShort), ("Monday", .weekday), ("Mon", .weekdayShort),
        ("MST", .zoneName), ("2006", .year), ("002", .yearDay), ("01", .monthPadded), ("02", .dayPadded),
        ("03", .hour12Padded), ("04", .minutePadded), ("05", .secondPadded), ("06", .shortYear), ("15", .hour),
        ("_2", .daySpaced), ("PM", .upperHalf), ("pm", .lowerHalf),
        ("Z07:00", .offset(usesZ: true, colon: true, minutes: true)),
        ("Z0700", .offset(usesZ: true, colon: false, minutes: true)),
        ("Z07", .offset(usesZ: true, colon: false, minutes: false)),
        ("-07:00", .offset(usesZ: false, colon: true, minutes: true)),
        ("-0700", .offset(usesZ: false, colon: false, minutes: true)),
        ("-07", .offset(usesZ: false, colon: false, minutes: false)),
        ("1", .month), ("2", .day), ("3", .hour12), ("4", .minute), ("5", .second),
    ]

    private static func parse(_ layout: String) -> [Element] {
        var result: [Element] = []
        var literal = ""
        var rest = Substring(layout)
        scan: while let first = rest.first {
            if first == "." || first == ",", let digit = rest.dropFirst().first, digit == "0" || digit == "9" {
                let run = rest.dropFirst().prefix { $0 == digit }
                let after = rest.dropFirst(run.count + 1).first
                if !(after?.isNumber ?? false) {
                    if !literal.isEmpty { result.append(.literal(literal)) }
                    literal = ""
                    result.append(.fraction(separator: first, digits: run.count, keepsZeros: digit == "0"))
                    rest = rest.dropFirst(run.count + 1)
                    continue
                }
            }
            for (text, element) in elements where rest.hasPrefix(text) {
                if !literal.isEmpty { result.append(.literal(literal)) }
                literal = ""
                result.append(element)
                rest = rest.dropFirst(text.count)
                continue scan
            }
            literal.append(first)
            rest = rest.dropFirst()
        }
        if !literal.isEmpty { result.append(.literal(literal)) }
        return result
    }

    private static func padded(_ value: Int, _ width: Int, _ pad: Character = "0") -> String {
        let digits = String(value.magnitude)
        return (value < 0 ? "-" : "") + String(repeating: pad, count: max(0, width - digits.count)) + digits
    }

    /// Shows an instant.
    static func format(_ time: TimeObject, _ layout: String) -> String {
        let fields = time.fields
        let hour12 = fields.hour % 12 == 0 ? 12 : fields.hour % 12
        var result = ""
        for element in parse(layout) {
            switch element {
            case .literal(let text): result += text
            case .year: result += padded(fields.year, 4)
            case .shortYear: result += padded(fields.year % 100, 2)
            case .month: result += String(fields.month)
            case .monthPadded: result += padded(fields.month, 2)
            case .monthName: result += months[fields.month - 1]
            case .monthShort: result += months[fields.month - 1].prefix(3)
            case .day: result += String(fields.day)
            case .dayPadded: result += padded(fields.day, 2)
            case .daySpaced: result += padded(fields.day, 2, " ")
            case .yearDay: result += padded(fields.yearDay, 3)
            case .weekday: result += weekdays[fields.weekday]
            case .weekdayShort: result += weekdays[fields.weekday].prefix(3)
            case .hour: result += padded(fields.hour, 2)
            case .hour12: result += String(hour12)
            case .hour12Padded: result += padded(hour12, 2)
            case .minute: result += String(fields.minute)
            case .minutePadded: result += padded(fields.minute, 2)
            case .second: result += String(fields.second)
            case .secondPadded: result += padded(fields.second, 2)
            case .upperHalf: result += fields.hour < 12 ? "AM" : "PM"
            case .lowerHalf: result += fields.hour < 12 ? "am" : "pm"
            case .zoneName:
                result +=
                    fields.zone.abbreviation.isEmpty
                    ? offset(fields.zone.offset, colon: false, minutes: true)
                    : fields.zone.abbreviation
            case .offset(let usesZ, let colon, let minutes):
                result +=
                    usesZ && fields.zone.offset == 0
                    ? "Z" : offset(fields.zone.offset, colon: colon, minutes: minutes)
            case .fraction(let separator, let digits, let keepsZeros):
                var text = String(padded(fields.nanosecond, 9).prefix(digits))
                if !keepsZeros { while text.hasSuffix("0") { text.removeLast() } }
                if !text.isEmpty { result += String(separator) + text }
            }
        }
        return result
    }

    private static func offset(_ seconds: Int, colon: Bool, minutes: Bool) -> String {
        let value = Int(seconds.magnitude) / 60
        return (seconds < 0 ? "-" : "+") + padded(value / 60, 2)
            + (minutes ? (colon ? ":" : "") + padded(value % 60, 2) : "")
    }

    /// Reads an instant; throws with Go's wording.
    static func parse(_ text: String, _ layout: String, _ location: TimeLocation) throws -> TimeObject {
        var rest = Substring(text)
        var year = 0
        var month = 1
        var day = 1
        var hour = 0
        var minute = 0
        var second = 0
        var nanosecond = 0
        var isAfternoon: Bool?
        var zoneOffset: Int?
        func fail(_ element: String) -> StarlarkFailure {
            StarlarkFailure("parsing time \"\(text)\" as \"\(layout)\": cannot parse \"\(rest)\" as \"\(element)\"")
        }
        func number(_ least: Int, _ most: Int, _ element: String) throws -> Int {
            let digits = rest.prefix(most).prefix { $0.isASCII && $0.isNumber }
            guard digits.count >= least, let value = Int(digits) else { throw fail(element) }
            rest = rest.dropFirst(digits.count)
            return value
        }
        func name(_ names: [String], short: Bool, _ element: String) throws -> Int {
            for (index, full) in names.enumerated() {
                let candidate = short ? String(full.prefix(3)) : full
                if rest.lowercased().hasPrefix(candidate.lowercased()) {
                    rest = rest.dropFirst(candidate.count)
                    return index
                }
            }
            throw fail(element)
        }
        let elements = parse(layout)
        for (index, element) in elements.enumerated() {
            switch element {
            case .literal(let literal):
                guard rest.hasPrefix(literal) else { throw fail(literal) }
                rest = rest.dropFirst(literal.count)
            case .year: year = try number(4, 4, "2006")
            case .shortYear:
                year = try number(2, 2, "06")
                year += year >= 69 ? 1900 : 2000
            case .month: month = try number(1, 2, "1")
            case .monthPadded: month = try number(2, 2, "01")
            case .monthName: month = try name(months, short: false, "January") + 1
            case .monthShort: month = try name(months, short: true, "Jan") + 1
            case .day: day = try number(1, 2, "2")
            case .dayPadded: day = try number(2, 2, "02")
            case .daySpaced:
                if rest.hasPrefix(" ") { rest = rest.dropFirst() }
                day = try number(1, 2, "_2")
            case .yearDay:
                month = 1
                day = try number(3, 3, "002")
            case .weekday: _ = try name(weekdays, short: false, "Monday")
            case .weekdayShort: _ = try name(weekdays, short: true, "Mon")
            case .hour: hour = try number(2, 2, "15")
            case .hour12: hour = try number(1, 2, "3")
            case .hour12Padded: hour = try number(2, 2, "03")
            case .minute: minute = try number(1, 2, "4")
            case .minutePadded: minute = try number(2, 2, "04")
            case .second: second = try number(1, 2, "5")
            case .secondPadded:
                second = try number(2, 2, "05")
                // A fraction may follow even when the layout has none.
                var hasFraction = false
                if index + 1 < elements.count, case .fraction = elements[index + 1] { hasFraction = true }
                if !hasFraction, let mark = rest.first, mark == "." || mark == ",",
                    rest.dropFirst().first?.isNumber ?? false
                {
                    nanosecond = fraction(&rest)
                }
            case .upperHalf, .lowerHalf:
                let half = rest.prefix(2).uppercased()
                guard half == "AM" || half == "PM" else { throw fail("PM") }
                isAfternoon = half == "PM"
                rest = rest.dropFirst(2)
            case .zoneName:
                let letters = rest.prefix { $0.isLetter }
                guard letters.count >= 3 else { throw fail("MST") }
                if letters == "UTC" { zoneOffset = 0 }
                rest = rest.dropFirst(letters.count)
            case .offset(let usesZ, let colon, let minutes):
                if usesZ, rest.hasPrefix("Z") {
                    zoneOffset = 0
                    rest = rest.dropFirst()
                } else {
                    zoneOffset = try parseOffset(&rest, colon: colon, minutes: minutes, fail)
                }
            case .fraction(let separator, let digits, let keepsZeros):
                guard rest.first == separator || rest.first == "." || rest.first == "," else {
                    if keepsZeros { throw fail(String(separator) + String(repeating: "0", count: digits)) }
                    continue
                }
                nanosecond = fraction(&rest)
            }
        }
        if !rest.isEmpty { throw StarlarkFailure("parsing time \"\(text)\": extra text: \"\(rest)\"") }
        if let isAfternoon { hour = hour % 12 + (isAfternoon ? 12 : 0) }
        func check(_ condition: Bool, _ what: String) throws {
            if !condition { throw StarlarkFailure("parsing time \"\(text)\": \(what) out of range") }
        }
        try check(month >= 1 && month <= 12, "month")
        let length = CalendarFields.days(year, month + 1, 1) - CalendarFields.days(year, month, 1)
        try check(day >= 1 && (day <= length || layout.contains("002")), "day")
        try check(hour < 24, "hour")
        try check(minute < 60, "minute")
        try check(second < 60, "second")
        let local = CalendarFields.days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
        if let zoneOffset {
            return TimeObject(
                seconds: local - zoneOffset, nanoseconds: nanosecond,
                location: zoneOffset == 0 ? .utc : .fixed(zoneOffset))
        }
        return TimeObject(
            seconds: local - location.offset(ofLocal: local), nanoseconds: nanosecond, location: location)
    }

    private static func fraction(_ rest: inout Substring) -> Int {
        let digits = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
        rest = rest.dropFirst(digits.count + 1)
        let nine = String(digits.prefix(9))
        return Int(nine + String(repeating: "0", count: 9 - nine.count)) ?? 0
    }

    private static func parseOffset(
        _ rest: inout Substring, colon: Bool, minutes: Bool, _ fail: (String) -> StarlarkFailure
    ) throws -> Int {
        let shown = colon ? "Z07:00" : "-0700"
        guard let sign = rest.first, sign == "+" || sign == "-" else { throw fail(shown) }
        let width = minutes ? (colon ? 5 : 4) : 2
        let body = Array(rest.dropFirst().prefix(width))
        guard body.count == width, let hours = Int(String(body[0...1])), hours <= 24 else { throw fail(shown) }
        var offset = hours * 3600
        if minutes {
            guard !colon || body[2] == ":", let value = Int(String(body.suffix(2))), value < 60 else {
                throw fail(shown)
            }
            offset += value * 60
        }
        rest = rest.dropFirst(width + 1)
        return sign == "-" ? -offset : offset
    }
}

extension TimeLocation {
    /// The offset in force at a local time.
    func offset(ofLocal local: Int) -> Int {
        let guess = rules(local).offset
        return rules(local - guess).offset
    }
}
