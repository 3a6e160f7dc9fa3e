#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The module `math`.
enum MathLibrary {
    static let module = Value.module(
        "math",
        [
            ("ceil", whole("ceil") { $0.rounded(.up) }),
            ("floor", whole("floor") { $0.rounded(.down) }),
            ("fabs", unary("fabs") { $0.magnitude }),
            ("round", unary("round") { $0.rounded(.toNearestOrAwayFromZero) }),
            ("sqrt", unary("sqrt") { $0.squareRoot() }),
            ("exp", unary("exp") { exp($0) }),
            ("acos", unary("acos") { acos($0) }), ("asin", unary("asin") { asin($0) }),
            ("atan", unary("atan") { atan($0) }), ("cos", unary("cos") { cos($0) }),
            ("sin", unary("sin") { sin($0) }), ("tan", unary("tan") { tan($0) }),
            ("acosh", unary("acosh") { acosh($0) }), ("asinh", unary("asinh") { asinh($0) }),
            ("atanh", unary("atanh") { atanh($0) }), ("cosh", unary("cosh") { cosh($0) }),
            ("sinh", unary("sinh") { sinh($0) }), ("tanh", unary("tanh") { tanh($0) }),
            ("degrees", unary("degrees") { 360 * $0 / (2 * Double.pi) }),
            ("radians", unary("radians") { 2 * Double.pi * $0 / 360 }),
            ("gamma", unary("gamma") { tgamma($0) }),
            ("atan2", binary("atan2") { atan2($0, $1) }), ("hypot", binary("hypot") { hypot($0, $1) }),
            ("pow", binary("pow") { pow($0, $1) }), ("mod", binary("mod") { fmod($0, $1) }),
            ("remainder", binary("remainder") { remainder($0, $1) }),
            ("copysign", binary("copysign") { Double(signOf: $1, magnitudeOf: $0) }),
            ("log", Value(.object(builtin("log", logarithm)))),
            ("e", .float(2.718281828459045)), ("pi", .float(Double.pi)),
        ])

    private static func number(_ a: Arguments, _ index: Int) throws -> Double {
        guard let value = try a.evaluation.double(a.at(index)) else {
            throw a.failure("for parameter \(index + 1): got \(a.at(index).typeName), want float or int")
        }
        return value
    }

    private static func unary(_ name: String, _ function: @escaping @Sendable (Double) -> Double) -> Value {
        Value(
            .object(
                builtin(name) { a in
                    try a.expect(1)
                    return .float(function(try number(a, 0)))
                }))
    }

    private static func binary(_ name: String, _ function: @escaping @Sendable (Double, Double) -> Double) -> Value {
        Value(
            .object(
                builtin(name) { a in
                    try a.expect(2)
                    return .float(function(try number(a, 0), try number(a, 1)))
                }))
    }

    private static func whole(_ name: String, _ function: @escaping @Sendable (Double) -> Double) -> Value {
        Value(
            .object(
                builtin(name) { a in
                    try a.expect(1)
                    if a.at(0).typeName == "int" { return a.at(0) }
                    guard case .float(let value) = a.at(0).payload else {
                        throw StarlarkFailure("got \(a.at(0).typeName), want float or int")
                    }
                    if value.isNaN { throw StarlarkFailure("cannot convert float NaN to integer") }
                    if value.isInfinite { throw StarlarkFailure("cannot convert float infinity to integer") }
                    return .integer(BigInt(truncating: function(value)))
                }))
    }

    private static func logarithm(_ a: inout Arguments) throws -> Value {
        try a.expect(1, 2)
        let value = try number(a, 0)
        guard a.positionalCount > 1 else { return .float(log(value)) }
        let base = try number(a, 1)
        if base == 1 { throw StarlarkFailure("division by zero") }
        return .float(log(value) / log(base))
    }
}
