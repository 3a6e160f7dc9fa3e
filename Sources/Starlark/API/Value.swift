/// A Starlark value: a cheap handle, 16 bytes.
///
/// Lists, dicts, sets and functions are references; everything else is immutable. A value that is frozen (anything
/// reachable from a finished ``Module``, and everything immutable) may be used from any thread. A mutable value belongs
/// to the evaluation that made it.
public struct Value: @unchecked Sendable {
    // Sendable: the payload's objects are either immutable, or frozen before they are published by a module, or
    // confined to one evaluation, as the type's contract states.
    var payload: Payload

    /// What a value can be. Objects that programs use all the time have their own case; the rest share `object`.
    enum Payload {
        case none
        case bool(Bool)
        case int(Int)
        case float(Double)
        case string(StringObject)
        case list(ListObject)
        case tuple(TupleObject)
        case dict(DictObject)
        case function(FunctionObject)
        case object(Object)
        /// A variable that has not been assigned; never visible to programs.
        case unbound
    }

    @inline(__always) init(_ payload: Payload) { self.payload = payload }
    @inline(__always) static var unbound: Value { Value(.unbound) }
}

// MARK: - Construction

extension Value {
    /// `None`
    public static var none: Value { Value(.none) }
    /// `True` or `False`
    public static func bool(_ value: Bool) -> Value { Value(.bool(value)) }
    /// An integer.
    public static func int(_ value: Int) -> Value { Value(.int(value)) }
    /// A floating-point number.
    public static func float(_ value: Double) -> Value { Value(.float(value)) }
    /// A string; stored as UTF-8 bytes.
    public static func string(_ value: String) -> Value { Value(.string(StringObject.make(value))) }
    /// A `bytes` value.
    public static func bytes(_ value: [UInt8]) -> Value {
        Value(.object(BytesObject(value.withUnsafeBufferPointer(StringObject.make))))
    }
    /// A new mutable list.
    public static func list(_ elements: [Value]) -> Value { Value(.list(ListObject(elements))) }
    /// A tuple.
    public static func tuple(_ elements: [Value]) -> Value { Value(.tuple(TupleObject.make(elements))) }
    /// A new mutable dict in the given order; of equal keys the last value wins. Entries whose key cannot be a key
    /// (a list, say) are left out.
    public static func dict(_ entries: [(Value, Value)]) -> Value {
        let dict = DictObject(capacity: entries.count)
        for (key, value) in entries {
            // An unhashable key is a mistake of the caller's; the contract above says what happens.
            try? dict.set(key, value)
        }
        return Value(.dict(dict))
    }
    /// A dict from Swift strings.
    public static func dict(_ entries: [(String, Value)]) -> Value {
        dict(entries.map { (.string($0.0), $0.1) })
    }
    /// An immutable struct; a repeated field keeps its last value.
    public static func structure(_ fields: [(String, Value)], constructor: String = "struct") -> Value {
        Value(.object(StructObject(fields: fields, constructor: .string(constructor))))
    }
    /// A module value: attributes and a name, shown as `<module "name">`.
    public static func module(_ name: String, _ members: [(String, Value)]) -> Value {
        Value(.object(ModuleObject(name: name, members: members)))
    }
    /// An object of the host.
    public static func host(_ value: any HostValue) -> Value { Value(.object(HostObject(value))) }
    /// A value that programs can only loop over; each loop calls `makeNext` and then its result until that gives nil.
    public static func sequence(_ typeName: String, _ makeNext: @escaping @Sendable () -> () -> Value?) -> Value {
        Value(.object(SequenceObject(typeName, makeNext)))
    }
    /// A function of the host.
    public static func function(_ function: NativeFunction) -> Value { Value(.object(function.object)) }
}

extension Value: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    /// A string.
    public init(stringLiteral value: String) { self = .string(value) }
    /// An integer.
    public init(integerLiteral value: Int) { self = .int(value) }
    /// A bool.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
}

// MARK: - Reading

extension Value {
    /// True for `None`.
    public var isNone: Bool {
        if case .none = payload { return true }
        return false
    }
    /// The value of a `bool`, else nil.
    public var boolValue: Bool? {
        if case .bool(let value) = payload { return value }
        return nil
    }
    /// The value of an `int` that fits, else nil.
    public var intValue: Int? {
        if case .int(let value) = payload { return value }
        return nil
    }
    /// The value of a `float` or `int` as a floating-point number, else nil.
    public var doubleValue: Double? {
        switch payload {
        case .float(let value): return value
        case .int(let value): return Double(value)
        case .object(let object): return (object as? BigIntObject)?.value.doubleValue
        default: return nil
        }
    }
    /// The text of a `string`, invalid UTF-8 replaced by U+FFFD; else nil.
    public var stringValue: String? {
        if case .string(let value) = payload { return value.string }
        return nil
    }
    /// The bytes of a `string` or `bytes`, else nil.
    public var bytesValue: [UInt8]? {
        switch payload {
        case .string(let value): return value.withBytes(Array.init)
        case .object(let object): return (object as? BytesObject)?.storage.withBytes(Array.init)
        default: return nil
        }
    }
    /// The elements of a `list`, else nil.
    public var listValue: [Value]? {
        if case .list(let list) = payload { return list.array }
        return nil
    }
    /// The elements of a `tuple`, else nil.
    public var tupleValue: [Value]? {
        if case .tuple(let tuple) = payload { return tuple.array }
        return nil
    }
    /// The elements of a `list`, `tuple`, `set` or `range`, or the keys of a `dict`; else nil.
    public var sequence: [Value]? {
        switch payload {
        case .list(let list): return list.array
        case .tuple(let tuple): return tuple.array
        case .dict(let dict): return dict.keys
        case .object(let object):
            if let set = object as? SetObject { return set.table.keys }
            if let range = object as? RangeObject, range.count <= 1 << 24 { return range.array }
            return nil
        default: return nil
        }
    }
    /// The entries of a `dict` in order, else nil.
    public var dictEntries: [(Value, Value)]? {
        if case .dict(let dict) = payload { return dict.entries }
        return nil
    }
    /// The host object, else nil.
    public var hostValue: (any HostValue)? {
        if case .object(let object) = payload { return (object as? HostObject)?.value }
        return nil
    }
    /// True for functions, native functions, and host objects that can be called.
    public var isCallable: Bool {
        switch payload {
        case .function: return true
        case .object(let object): return object.isCallable
        default: return false
        }
    }
    /// The fields of a struct or the members of a module, sorted by name; else nil.
    public var fields: [(String, Value)]? {
        guard case .object(let object) = payload, let record = object as? RecordObject else { return nil }
        return zip(record.names, record.values).map { ($0.string, $1) }
    }
    /// The attribute of a struct, module or dict-free host value, without an evaluation; nil when absent or when
    /// the value computes its attributes.
    public func attribute(_ name: String) -> Value? {
        guard case .object(let object) = payload, let record = object as? RecordObject else { return nil }
        return record.field(StringObject.make(name))
    }
    /// What `type(x)` gives.
    public var typeName: String {
        switch payload {
        case .none: return "NoneType"
        case .bool: return "bool"
        case .int: return "int"
        case .float: return "float"
        case .string: return "string"
        case .list: return "list"
        case .tuple: return "tuple"
        case .dict: return "dict"
        case .function: return "function"
        case .object(let object): return object.typeName
        case .unbound: return "unbound"
        }
    }
    /// What `bool(x)` gives.
    public var truth: Bool {
        switch payload {
        case .none, .unbound: return false
        case .bool(let value): return value
        case .int(let value): return value != 0
        case .float(let value): return value != 0
        case .string(let value): return value.count != 0
        case .list(let value): return value.count != 0
        case .tuple(let value): return value.count != 0
        case .dict(let value): return value.count != 0
        case .function: return true
        case .object(let object): return object.truth
        }
    }
    /// The name of a function or native function, else nil.
    public var functionName: String? {
        switch payload {
        case .function(let function): return function.code.name
        case .object(let object): return (object as? BuiltinObject)?.name
        default: return nil
        }
    }
    /// The parameter names of a function in the order of declaration, with `*` and `**` in front of those that
    /// collect the rest; nil for anything but a Starlark function.
    public var parameterNames: [String]? {
        guard case .function(let function) = payload else { return nil }
        return function.code.parameterNames
    }
    /// The docstring of a Starlark function, nil when it has none.
    public var documentation: String? {
        guard case .function(let function) = payload else { return nil }
        return function.code.documentation
    }
    /// True when the value and all it holds can no longer change.
    public var isFrozen: Bool {
        switch payload {
        case .list(let list): return list.isFrozen
        case .dict(let dict): return dict.isFrozen
        case .function(let function): return function.isFrozen
        case .tuple(let tuple): return tuple.array.allSatisfy(\.isFrozen)
        case .object(let object): return object.isFrozen
        default: return true
        }
    }
}

extension Value {
    /// Makes the value and all it reaches immutable for good, as the end of a module does.
    public func freeze() {
        var pending = [self]
        Freezer.freeze(&pending)
    }
}

extension Value: CustomStringConvertible {
    /// What `str(x)` gives.
    public var description: String {
        if case .string(let value) = payload { return value.string }
        return repr
    }
    /// What `repr(x)` gives.
    public var repr: String {
        var writer = TextWriter()
        writer.write(self)
        return writer.string
    }
}
