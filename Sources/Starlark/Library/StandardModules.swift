/// Modules and constructors that a host may offer to programs as predeclared values. None is there by itself.
public enum StandardModules {
    /// `struct(**fields)`: an immutable record.
    public static let structure = Value(
        .object(
            builtin("struct") { a in
                if a.positionalCount > 0 { throw a.failure("unexpected positional arguments") }
                return Value(.object(StructObject(objects: namedPairs(a), constructor: .string("struct"))))
            }))

    /// `module(name, **members)`: a named collection.
    public static let module = Value(
        .object(
            builtin("module") { a in
                guard a.positionalCount == 1 else {
                    throw a.failure("got \(a.positionalCount) arguments, want 1")
                }
                return .module(try a.text(0).string, a.named)
            }))

    /// `json`: `encode`, `decode`, `indent`, `encode_indent`.
    public static let json = JSONLibrary.module

    /// `math`: the functions of C's library, `pi` and `e`.
    public static let math = MathLibrary.module

    /// `time`: instants and durations.
    /// - Parameters:
    ///   - clock: seconds since 1970 and nanoseconds, for `time.now()`; nil refuses it, which keeps programs
    ///     deterministic.
    ///   - zones: finds a zone's offset from UTC in seconds and its abbreviation at an instant (seconds since 1970);
    ///     nil for an unknown zone. `UTC` is always known.
    public static func time(
        clock: (@Sendable () -> (seconds: Int, nanoseconds: Int))? = nil,
        zones: @escaping @Sendable (_ name: String, _ seconds: Int) -> (offset: Int, abbreviation: String)? = { _, _ in
            nil
        }
    ) -> Value {
        TimeLibrary.module(clock: clock, zones: zones)
    }

    private static func namedPairs(_ a: Arguments) -> [(StringObject, Value)] {
        a.names.indices.map { (a.names[$0], a.base[a.positionalCount + $0]) }
    }

    /// A struct with its own constructor, for values that must not be equal to other structs.
    public static func structure(_ fields: [(String, Value)], constructor: Value) -> Value {
        Value(.object(StructObject(fields: fields, constructor: constructor)))
    }
}
