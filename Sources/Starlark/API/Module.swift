/// The result of running a program: its globals, frozen. Its functions may be called from many evaluations at once.
///
/// A module and its functions refer to each other, so they stay in memory for the life of the process unless
/// ``dispose()`` is called.
public final class Module: Sendable {
    /// The program's name.
    public let name: String
    private let state: ModuleState

    init(name: String, state: ModuleState) {
        self.name = name
        self.state = state
    }

    /// The names of globals that have a value, in the order of their first binding in the source.
    public var names: [String] {
        state.program.globalNames.indices.compactMap { index in
            if case .unbound = state.globals[index].payload { return nil }
            return state.program.globalNames[index].string
        }
    }

    /// The value of a global; nil when there is none. Includes names with a leading underscore.
    public subscript(name: String) -> Value? {
        for (index, global) in state.program.globalNames.enumerated() where global.string == name {
            if case .unbound = state.globals[index].payload { return nil }
            return state.globals[index]
        }
        return nil
    }

    /// The globals that `load` can reach: those without a leading underscore.
    public var exports: [(String, Value)] {
        state.program.globalNames.indices.compactMap { index in
            let name = state.program.globalNames[index].string
            if case .unbound = state.globals[index].payload { return nil }
            return name.hasPrefix("_") ? nil : (name, state.globals[index])
        }
    }

    /// Forgets the globals, so that the memory of the module can be freed. Functions of the module fail afterwards.
    ///
    /// Call it when no evaluation uses the module any more, and only then: it is the one change that a module knows.
    public func dispose() { state.dispose() }
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
