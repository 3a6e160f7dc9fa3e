extension MethodTable {
    static let time = MethodTable([
        builtin("format") { a in
            try a.expect(1)
            return .string(TimeLayout.format(try TimeLibrary.receiver(a), try a.text(0).string))
        },
        builtin("in_location") { a in
            try a.expect(1)
            let time = try TimeLibrary.receiver(a)
            let name = try a.text(0).string
            guard let location = time.location.finding(name) else { throw a.failure("unknown time zone \(name)") }
            return Value(
                .object(TimeObject(seconds: time.seconds, nanoseconds: time.nanoseconds, location: location)))
        },
    ])
}

/// The module `time`.
enum TimeLibrary {
    typealias Zones = @Sendable (String, Int) -> (offset: Int, abbreviation: String)?

    static func receiver(_ a: Arguments) throws -> TimeObject {
        guard case .object(let object as TimeObject) = a.receiverValue.payload else {
            throw a.failure("not a time")
        }
        return object
    }

    static func module(clock: (@Sendable () -> (seconds: Int, nanoseconds: Int))?, zones: @escaping Zones) -> Value {
        @Sendable func duration(_ nanoseconds: Int) -> Value { Value(.object(DurationObject(nanoseconds))) }
        func function(_ name: String, _ body: @escaping NativeFunction.Body) -> (String, Value) {
            (name, Value(.object(builtin(name, body))))
        }
        let utc = TimeLocation(name: "UTC", zones: zones) { _ in (0, "UTC") }
        return .module(
            "time",
            [
                ("nanosecond", duration(1)), ("microsecond", duration(1000)), ("millisecond", duration(1_000_000)),
                ("second", duration(1_000_000_000)), ("minute", duration(60_000_000_000)),
                ("hour", duration(3_600_000_000_000)),
                function("now") { a in
                    try a.expect(0)
                    guard let clock else { throw a.failure("the clock is not available here") }
                    let (seconds, nanoseconds) = clock()
                    return Value(.object(TimeObject(seconds: seconds, nanoseconds: nanoseconds, location: utc)))
                },
                function("from_timestamp") { a in
                    try a.expect(1, 2)
                    let nanoseconds = a.positionalCount > 1 ? try a.integer(1) : 0
                    return Value(
                        .object(TimeObject(seconds: try a.integer(0), nanoseconds: nanoseconds, location: utc)))
                },
                function("parse_duration") { a in
                    try a.expect(1)
                    if case .object(let object) = a.at(0).payload, object is DurationObject { return a.at(0) }
                    guard let text = a.at(0).stringValue else {
                        throw a.mismatch("1", a.at(0), "a duration, string, or int")
                    }
                    do {
                        return duration(try DurationObject.parse(text))
                    } catch {
                        throw a.failure("for parameter 1: \(error)")
                    }
                },
                function("is_valid_timezone") { a in
                    try a.expect(1)
                    return .bool(TimeLocation.find(try a.text(0).string, zones) != nil)
                },
                function("parse_time") { try parseTime($0, zones) },
                function("time") { try makeTime($0, zones) },
            ])
    }

    private static func location(_ value: Value?, _ zones: @escaping Zones, _ a: Arguments) throws -> TimeLocation {
        guard let value else { return TimeLocation(name: "UTC", zones: zones) { _ in (0, "UTC") } }
        guard let name = value.stringValue else { throw a.mismatch("location", value, "string") }
        guard let location = TimeLocation.find(name, zones) else { throw a.failure("unknown time zone \(name)") }
        return location
    }

    private static func parseTime(_ a: Arguments, _ zones: @escaping Zones) throws -> Value {
        let values = try a.bound(["x", "format", "location"], required: 1)
        func text(_ index: Int, _ name: String, _ otherwise: String) throws -> String {
            guard let value = values[index] else { return otherwise }
            guard let text = value.stringValue else { throw a.mismatch(name, value, "string") }
            return text
        }
        let time = try TimeLayout.parse(
            try text(0, "x", ""), try text(1, "format", "2006-01-02T15:04:05Z07:00"), try location(values[2], zones, a))
        let zone = TimeLocation(name: time.location.name, zones: zones, rules: time.location.rules)
        return Value(.object(TimeObject(seconds: time.seconds, nanoseconds: time.nanoseconds, location: zone)))
    }

    private static func makeTime(_ a: Arguments, _ zones: @escaping Zones) throws -> Value {
        if a.positionalCount > 0 { throw a.failure("unexpected positional arguments") }
        let values = try a.bound(
            ["year", "month", "day", "hour", "minute", "second", "nanosecond", "location"], required: 0)
        func field(_ index: Int, _ name: String, _ otherwise: Int) throws -> Int {
            guard let value = values[index] else { return otherwise }
            guard let number = value.intValue else { throw a.mismatch(name, value, "int") }
            guard number.magnitude < 1 << 31 else { throw a.failure("\(name) out of range") }
            return number
        }
        let days = CalendarFields.days(
            try field(0, "year", 0), try field(1, "month", 0), try field(2, "day", 0))
        let local =
            days * 86400 + (try field(3, "hour", 0)) * 3600 + (try field(4, "minute", 0)) * 60
            + (try field(5, "second", 0))
        let location = try location(values[7], zones, a)
        return Value(
            .object(
                TimeObject(
                    seconds: local - location.offset(ofLocal: local), nanoseconds: try field(6, "nanosecond", 0),
                    location: location)))
    }

    // MARK: Operators

    /// Arithmetic of times and durations; nil when the operands are neither.
    static func binary(_ op: Token, _ x: Value, _ y: Value) throws -> Value? {
        func time(_ value: Value) -> TimeObject? {
            if case .object(let object) = value.payload { return object as? TimeObject }
            return nil
        }
        func duration(_ value: Value) -> DurationObject? {
            if case .object(let object) = value.payload { return object as? DurationObject }
            return nil
        }
        func make(_ result: (partialValue: Int, overflow: Bool)) throws -> Value {
            if result.overflow { throw StarlarkFailure("time.duration out of range") }
            return Value(.object(DurationObject(result.partialValue)))
        }
        func shifted(_ time: TimeObject, _ nanoseconds: Int) -> Value {
            let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
            return Value(
                .object(
                    TimeObject(
                        seconds: time.seconds &+ seconds, nanoseconds: time.nanoseconds + rest,
                        location: time.location)))
        }
        if let a = time(x) {
            if let b = duration(y) {
                if op == .plus { return shifted(a, b.nanoseconds) }
                if op == .minus { return shifted(a, 0 &- b.nanoseconds) }
            }
            if let b = time(y), op == .minus {
                let (seconds, overflow1) = a.seconds.subtractingReportingOverflow(b.seconds)
                let (scaled, overflow2) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
                let sum = scaled.addingReportingOverflow(a.nanoseconds - b.nanoseconds)
                return try make((sum.partialValue, overflow1 || overflow2 || sum.overflow))
            }
            return nil
        }
        if let a = duration(x) {
            if let b = time(y) {
                if op == .plus { return shifted(b, a.nanoseconds) }
                if op == .minus { return shifted(b, 0 &- a.nanoseconds) }  // as starlark-go has it
            }
            if let b = duration(y) { return try combine(op, a.nanoseconds, b.nanoseconds, make) }
            switch (op, y.payload) {
            case (.star, .int(let factor)): return try make(a.nanoseconds.multipliedReportingOverflow(by: factor))
            case (.slash, .int), (.slash, .float):
                let divisor = y.doubleValue ?? 0
                if divisor == 0 { throw StarlarkFailure("time.duration division by zero") }
                let result = Double(a.nanoseconds) / divisor
                guard result.magnitude < 0x1p63 else { throw StarlarkFailure("time.duration out of range") }
                return Value(.object(DurationObject(Int(result))))
            default: return nil
            }
        }
        if let b = duration(y) {
            if op == .star, case .int(let factor) = x.payload {
                return try make(b.nanoseconds.multipliedReportingOverflow(by: factor))
            }
            if op == .slash, x.typeName == "int" { throw StarlarkFailure("unsupported operation") }
            if op == .slash, case .float(let divisor) = x.payload {  // the other way round, as starlark-go has it
                let result = Double(b.nanoseconds) / divisor
                guard result.magnitude < 0x1p63 else { throw StarlarkFailure("time.duration out of range") }
                return Value(.object(DurationObject(Int(result))))
            }
        }
        return nil
    }

    private static func combine(
        _ op: Token, _ a: Int, _ b: Int, _ make: ((partialValue: Int, overflow: Bool)) throws -> Value
    ) throws -> Value? {
        switch op {
        case .plus: return try make(a.addingReportingOverflow(b))
        case .minus: return try make(a.subtractingReportingOverflow(b))
        case .slash:
            if b == 0 { throw StarlarkFailure("time.duration division by zero") }
            return .float(Double(a) / Double(b))
        case .slashSlash:
            if b == 0 { throw StarlarkFailure("time.duration division by zero") }
            return .int(a.dividedReportingOverflow(by: b).partialValue)
        default: return nil
        }
    }
}
