/// The result of running a program: its globals, frozen. Its functions may be called from many evaluations at once.
public final class Module: Sendable {
    /// The program's name.
    public let name: String
    /// The names of globals that have a value, in the order of their first binding in the source.
    public let names: [String]
    private let values: [String: Value]

    init(name: String, names: [String], values: [String: Value]) {
        self.name = name
        self.names = names
        self.values = values
    }

    /// The value of a global; nil when there is none. Includes names with a leading underscore.
    public subscript(name: String) -> Value? { values[name] }

    /// The globals that `load` can reach: those without a leading underscore.
    public var exports: [(String, Value)] {
        names.compactMap { name in name.hasPrefix("_") ? nil : values[name].map { (name, $0) } }
    }
}

/// Supplies modules to `load` statements. Called on the evaluation's thread; may block.
public protocol ModuleLoader {
    /// The names and values of a module.
    /// - Parameters:
    ///   - name: the first operand of `load`.
    ///   - from: the name of the program that loads.
    ///   - evaluation: the evaluation that loads; it may be used to ``Evaluation/run(_:predeclared:)`` the module.
    func load(_ name: String, from: String, in evaluation: Evaluation) throws -> [(String, Value)]
}
