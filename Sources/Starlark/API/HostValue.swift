/// An object of the host that programs can hold, read and call.
///
/// Every requirement but ``typeName`` has a default. Requirements are called on the evaluation's thread; a host value
/// that is reachable from a frozen module is used from many threads at once, hence `Sendable`.
public protocol HostValue: AnyObject, Sendable {
    /// What `type(x)` gives.
    var typeName: String { get }
    /// What `str(x)` gives.
    var description: String { get }
    /// What `bool(x)` gives.
    var truth: Bool { get }
    /// The value of `x.name`; nil when there is no such attribute.
    func attribute(_ name: String, in evaluation: Evaluation) throws -> Value?
    /// The names for `dir(x)` and for spelling hints.
    var attributeNames: [String] { get }
    /// Performs `x.name = value`. False when there is no such attribute.
    func setAttribute(_ name: String, to value: Value, in evaluation: Evaluation) throws -> Bool
    /// Performs `x(…)`. Throw ``StarlarkFailure`` for wrong arguments.
    func call(_ arguments: inout Arguments) throws -> Value
    /// True when `x(…)` is possible.
    var isCallable: Bool { get }
    /// The value of `x[key]`; nil when the type has no indexing.
    func element(at key: Value, in evaluation: Evaluation) throws -> Value?
    /// The elements for a loop over `x`; nil when not iterable.
    func elements(in evaluation: Evaluation) throws -> [Value]?
    /// What `len(x)` gives; nil when the type has no length.
    var count: Int? { get }
    /// The value of `x op other` (or `other op x` when `onLeft` is false); nil when not supported.
    func binary(_ op: String, _ other: Value, onLeft: Bool, in evaluation: Evaluation) throws -> Value?
    /// The value of `other in x`; nil when not supported.
    func contains(_ other: Value, in evaluation: Evaluation) throws -> Bool?
    /// True when both are equal; the default is identity.
    func isEqual(to other: any HostValue) -> Bool
    /// A hash that agrees with ``isEqual(to:)``; nil when not usable as a key.
    var hash: Int? { get }
    /// Called once when the module that holds the value is frozen.
    func freeze()
}

extension HostValue {
    /// `<typeName>`
    public var description: String { "<\(typeName)>" }
    /// True.
    public var truth: Bool { true }
    /// No attributes.
    public func attribute(_ name: String, in evaluation: Evaluation) throws -> Value? { nil }
    /// No attributes.
    public var attributeNames: [String] { [] }
    /// No settable attributes.
    public func setAttribute(_ name: String, to value: Value, in evaluation: Evaluation) throws -> Bool { false }
    /// Not callable.
    public func call(_ arguments: inout Arguments) throws -> Value {
        throw StarlarkFailure("invalid call of non-function (\(typeName))")
    }
    /// False.
    public var isCallable: Bool { false }
    /// Not indexable.
    public func element(at key: Value, in evaluation: Evaluation) throws -> Value? { nil }
    /// Not iterable.
    public func elements(in evaluation: Evaluation) throws -> [Value]? { nil }
    /// No length.
    public var count: Int? { nil }
    /// No operators.
    public func binary(_ op: String, _ other: Value, onLeft: Bool, in evaluation: Evaluation) throws -> Value? { nil }
    /// No membership.
    public func contains(_ other: Value, in evaluation: Evaluation) throws -> Bool? { nil }
    /// Identity.
    public func isEqual(to other: any HostValue) -> Bool { self === other }
    /// By identity.
    public var hash: Int? { ObjectIdentifier(self).hashValue }
    /// Nothing to do.
    public func freeze() {}
}
