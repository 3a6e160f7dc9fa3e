/// Arguments sorted out by name.
final class ArgumentBinding {
    /// Arguments or defaults of the declared parameters, in their order.
    var values: [Value] = []
    /// Which of them were given.
    var given: [Bool] = []
    /// Arguments taken by the consuming readers.
    var takenPositional = 0
    var takenNames: Set<Int> = []
}

/// The arguments of one call of a native function. Valid only while the function runs.
public struct Arguments {
    /// The evaluation that performs the call.
    public unowned(unsafe) let evaluation: Evaluation
    // Kept alive by the caller, as `base` is.
    unowned(unsafe) let function: BuiltinObject
    /// Where the value lies that a method is called on; unbound in a plain function.
    let receiverAddress: UnsafePointer<Value>
    var receiverValue: Value {
        @inline(__always) get { receiverAddress.pointee }
    }
    /// Positional arguments, then the values of named ones; owned by the caller's frame.
    let base: UnsafeMutablePointer<Value>
    let positionalCount: Int
    private let site: UnsafePointer<CallSite>
    var names: [StringObject] {
        @inline(__always) get { site.pointee.names }
    }
    var hasNames: Bool {
        @inline(__always) get { site.pointee.nameCount > 0 }
    }
    /// What declared parameters or consuming readers have made of the arguments; most functions need none.
    var binding: ArgumentBinding?

    @inline(__always)
    init(
        evaluation: Evaluation, function: BuiltinObject, receiver: UnsafePointer<Value>,
        base: UnsafeMutablePointer<Value>,
        positionalCount: Int, site: UnsafePointer<CallSite>
    ) {
        self.evaluation = evaluation
        self.function = function
        receiverAddress = receiver
        self.base = base
        self.positionalCount = positionalCount
        self.site = site
    }

    /// The function's name, as it begins messages.
    public var functionName: String { function.name }

    /// The value a method is called on, nil in a plain function.
    public var receiver: Value? {
        if case .unbound = receiverValue.payload { return nil }
        return receiverValue
    }

    /// The positional arguments.
    public var positional: [Value] { (0..<positionalCount).map { base[$0] } }

    /// The named arguments in the order of the call.
    public var named: [(String, Value)] {
        names.indices.map { (names[$0].string, base[positionalCount + $0]) }
    }

    /// Where the call stands in the source; nil when the host called.
    public var callSite: Position? { evaluation.currentPosition }
}

// MARK: - Declared parameters

extension Arguments {
    /// The value of a declared parameter: the argument or its default.
    public subscript(name: String) -> Value {
        guard let index = function.index(ofParameter: name), let binding else { return .none }
        return binding.values[index]
    }

    /// True when the argument of a declared parameter was given.
    public func isGiven(_ name: String) -> Bool {
        guard let index = function.index(ofParameter: name), let binding else { return false }
        return binding.given[index]
    }

    /// The text of a string argument.
    public func string(_ name: String) throws -> String { try read(name, "string", \.stringValue) }
    /// The value of an int argument.
    public func int(_ name: String) throws -> Int { try read(name, "int", \.intValue) }
    /// The value of a float or int argument.
    public func double(_ name: String) throws -> Double { try read(name, "float", \.doubleValue) }
    /// The value of a bool argument.
    public func bool(_ name: String) throws -> Bool { try read(name, "bool", \.boolValue) }
    /// The elements of a list, tuple, set or range argument.
    public func sequence(_ name: String) throws -> [Value] { try read(name, "iterable", \.sequence) }
    /// The entries of a dict argument.
    public func entries(_ name: String) throws -> [(Value, Value)] { try read(name, "dict", \.dictEntries) }
    /// The strings of a sequence argument.
    public func strings(_ name: String) throws -> [String] {
        try sequence(name).map { element in
            guard let text = element.stringValue else {
                throw failure("in \(name), want string, got \(element.typeName)")
            }
            return text
        }
    }

    private func read<T>(_ name: String, _ want: String, _ convert: (Value) -> T?) throws -> T {
        let value = self[name]
        guard let result = convert(value) else {
            throw failure("for parameter \(name): got \(value.typeName), want \(want)")
        }
        return result
    }

    /// A failure whose message begins with the function's name, as those of the built-in functions do.
    public func failure(_ message: String) -> StarlarkFailure {
        StarlarkFailure("\(functionName): \(message)")
    }
}

// MARK: - Consuming readers

/// A Swift type that an argument converts to.
public protocol ArgumentConvertible {
    /// The word for the type in messages.
    static var starlarkTypeName: String { get }
    /// The converted value, nil when `value` has another type.
    static func convert(_ value: Value) -> Self?
}

extension Arguments {
    /// Takes the next positional argument, or the one named `name`.
    public mutating func required<T: ArgumentConvertible>(_ name: String, as type: T.Type = T.self) throws -> T {
        guard let value = try take(name) else { throw failure("missing argument for \(name)") }
        return try converted(value, name)
    }

    /// Takes the next positional argument, or the one named `name`, else gives the default.
    public mutating func optional<T: ArgumentConvertible>(
        _ name: String, as type: T.Type = T.self, default value: T
    ) throws -> T {
        guard let found = try take(name) else { return value }
        return try converted(found, name)
    }

    /// Takes the next positional argument, or the one named `name`, else gives nil. `None` counts as left out.
    public mutating func optional<T: ArgumentConvertible>(_ name: String, as type: T.Type = T.self) throws -> T? {
        guard let found = try take(name), !found.isNone else { return nil }
        return try converted(found, name)
    }

    /// Fails when an argument was given that nobody took.
    public func finish() throws {
        let taken = binding?.takenPositional ?? 0
        if taken < positionalCount {
            throw failure("got \(positionalCount) arguments, want at most \(taken)")
        }
        for index in names.indices where binding?.takenNames.contains(index) != true {
            throw failure("unexpected keyword argument \"\(names[index].string)\"")
        }
    }

    private mutating func take(_ name: String) throws -> Value? {
        let index = names.firstIndex { $0.string == name }
        let binding = self.binding ?? ArgumentBinding()
        self.binding = binding
        if binding.takenPositional < positionalCount {
            if index != nil { throw failure("got multiple values for keyword argument \"\(name)\"") }
            binding.takenPositional += 1
            return base[binding.takenPositional - 1]
        }
        guard let index else { return nil }
        binding.takenNames.insert(index)
        return base[positionalCount + index]
    }

    private func converted<T: ArgumentConvertible>(_ value: Value, _ name: String) throws -> T {
        guard let result = T.convert(value) else {
            throw failure("for parameter \(name): got \(value.typeName), want \(T.starlarkTypeName)")
        }
        return result
    }
}

extension String: ArgumentConvertible {
    /// `string`
    public static var starlarkTypeName: String { "string" }
    /// The text of a string.
    public static func convert(_ value: Value) -> String? { value.stringValue }
}
extension Int: ArgumentConvertible {
    /// `int`
    public static var starlarkTypeName: String { "int" }
    /// The value of an int.
    public static func convert(_ value: Value) -> Int? { value.intValue }
}
extension Double: ArgumentConvertible {
    /// `float`
    public static var starlarkTypeName: String { "float" }
    /// The value of a float or int.
    public static func convert(_ value: Value) -> Double? { value.doubleValue }
}
extension Bool: ArgumentConvertible {
    /// `bool`
    public static var starlarkTypeName: String { "bool" }
    /// The value of a bool.
    public static func convert(_ value: Value) -> Bool? { value.boolValue }
}
extension Value: ArgumentConvertible {
    /// `value`
    public static var starlarkTypeName: String { "value" }
    /// The value itself.
    public static func convert(_ value: Value) -> Value? { value }
}
extension Array: ArgumentConvertible where Element: ArgumentConvertible {
    /// `iterable`
    public static var starlarkTypeName: String { "iterable of \(Element.starlarkTypeName)" }
    /// The elements of a sequence, when all of them convert.
    public static func convert(_ value: Value) -> [Element]? {
        guard let elements = value.sequence else { return nil }
        var result: [Element] = []
        for element in elements {
            guard let converted = Element.convert(element) else { return nil }
            result.append(converted)
        }
        return result
    }
}
