/// What a parameter of a native function accepts.
public enum ArgumentType: Sendable, Hashable {
    case any, string, bytes, int, float, bool, list, tuple, dict, callable, iterable

    func accepts(_ value: Value) -> Bool {
        switch self {
        case .any: return true
        case .string: return value.payload.isString
        case .bytes: return value.typeName == "bytes"
        case .int: return value.typeName == "int"
        case .float: return value.typeName == "int" || value.typeName == "float"
        case .bool: return value.boolValue != nil
        case .list: return value.payload.asList != nil
        case .tuple: return value.tupleValue != nil
        case .dict: return value.payload.asDict != nil
        case .callable: return value.isCallable
        case .iterable: return value.isIterable
        }
    }

    /// The word used in messages.
    var name: String {
        switch self {
        case .any: return "value"
        case .string: return "string"
        case .bytes: return "bytes"
        case .int: return "int"
        case .float: return "float"
        case .bool: return "bool"
        case .list: return "list"
        case .tuple: return "tuple"
        case .dict: return "dict"
        case .callable: return "callable"
        case .iterable: return "iterable"
        }
    }
}

/// A parameter of a ``NativeFunction``.
public struct Parameter: Sendable {
    /// The name, for keyword arguments and messages.
    public let name: String
    /// What is accepted.
    public let type: ArgumentType
    /// The value when the argument is left out; nil makes it required.
    public let defaultValue: Value?
    /// True when the argument cannot be given by position.
    public let keywordOnly: Bool
    /// True when `None` is accepted besides `type`.
    public let acceptsNone: Bool

    /// Creates a parameter.
    public init(
        _ name: String, _ type: ArgumentType = .any, default defaultValue: Value? = nil, keywordOnly: Bool = false,
        acceptsNone: Bool = false
    ) {
        self.name = name
        self.type = type
        self.defaultValue = defaultValue
        self.keywordOnly = keywordOnly
        self.acceptsNone = acceptsNone
    }

    /// A parameter that must be given.
    public static func required(_ name: String, _ type: ArgumentType = .any, keywordOnly: Bool = false) -> Parameter {
        Parameter(name, type, keywordOnly: keywordOnly)
    }

    /// A parameter that may be left out; `None` is accepted when that is its default.
    public static func optional(
        _ name: String, _ type: ArgumentType = .any, default value: Value = .none, keywordOnly: Bool = false
    ) -> Parameter {
        Parameter(name, type, default: value, keywordOnly: keywordOnly, acceptsNone: value.isNone)
    }
}

/// A function of the host.
///
///     let greet = NativeFunction("greet", [.required("name", .string), .optional("times", .int, default: 1)]) { call in
///         let name = try call.string("name"), times = try call.int("times")
///         return .string(String(repeating: "hi \(name) ", count: times))
///     }
///
/// With declared parameters the arguments are bound and checked before the body runs. Without (nil) the body reads
/// ``Arguments/positional`` and ``Arguments/named``, or consumes them one by one with ``Arguments/required(_:as:)``.
public struct NativeFunction: Sendable {
    /// The code of a native function. It may block; it runs on the evaluation's thread.
    public typealias Body = @Sendable (inout Arguments) throws -> Value

    let object: BuiltinObject

    /// The name shown in messages and backtraces.
    public var name: String { object.name }

    /// Creates a function.
    public init(_ name: String, _ parameters: [Parameter]? = nil, body: @escaping Body) {
        object = BuiltinObject(name: name, parameters: parameters, receiver: nil, body: body)
    }
}
