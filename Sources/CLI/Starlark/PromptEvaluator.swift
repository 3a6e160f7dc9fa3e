internal import Starlark

/// Runs inputs over common globals, and says what to show.
final class PromptEvaluator {
    /// What one input shows after what it printed.
    enum Answer: Equatable {
        case nothing
        case value(String)
        case failure([String])
    }

    private let session: Session
    private let modules: StarlarkModules
    private let print: (String) -> Void

    /// - Parameters:
    ///   - directory: where `load` looks, with a slash at the end; empty for the current one.
    ///   - print: receives what programs print.
    init(dialect: Dialect? = nil, directory: String = "", print: @escaping (String) -> Void) {
        session = Session(predeclared: StarlarkHost.predeclared, dialect: dialect ?? Session.dialect)
        modules = StarlarkModules(
            directory: directory, dialect: dialect ?? .standard, predeclared: StarlarkHost.predeclared)
        self.print = print
    }

    /// Runs an input; its value, unless None, becomes `_`.
    func evaluate(_ input: String, interrupts target: InterruptTarget) -> Answer {
        let evaluation = Evaluation(limits: StarlarkHost.limits, print: print, loader: modules)
        target.aim(at: evaluation.cancellation)
        defer { target.aim(at: nil) }
        do {
            guard let value = try session.run(input, name: "<stdin>", in: evaluation), !value.isNone else {
                return .nothing
            }
            session.bind("_", to: value)
            return .value(value.repr)
        } catch {
            return .failure(StarlarkDiagnostics.report(of: error, source: input) ?? ["error: \(error)"])
        }
    }
}
