/// One thread of execution: runs programs and calls functions, counts what they use, keeps the call stack.
///
/// Not `Sendable`: use it from one thread at a time. Only ``cancellation`` may be used from elsewhere.
public final class Evaluation {
    /// The limits given at creation.
    public let limits: Limits
    /// Ends this evaluation from another thread.
    public let cancellation: Cancellation
    /// An object of the host's, for its functions; see ``context(as:)``.
    public var context: AnyObject?

    let printSink: ((String) -> Void)?
    let loader: (any ModuleLoader)?

    /// Creates an evaluation.
    /// - Parameters:
    ///   - limits: what it may use up in all.
    ///   - print: receives each `print` call's text, without newline. Nil: discarded.
    ///   - loader: supplies modules. Nil: `load` fails.
    public init(
        limits: Limits = .default, print: ((String) -> Void)? = nil, loader: (any ModuleLoader)? = nil
    ) {
        self.limits = limits
        self.cancellation = Cancellation()
        self.printSink = print
        self.loader = loader
    }

    /// Runs a program; its globals are frozen when this returns, also when it fails.
    /// - Parameter predeclared: values for the names the program was compiled with.
    public func run(_ program: Program, predeclared: [String: Value] = [:]) throws(EvaluationError) -> Module {
        throw EvaluationError(message: "not implemented")
    }

    /// Calls a function or another callable value.
    public func call(
        _ function: Value, _ arguments: [Value] = [], named: [(String, Value)] = []
    ) throws(EvaluationError) -> Value {
        throw EvaluationError(message: "not implemented")
    }

    /// The host context if it has the given type.
    public func context<T: AnyObject>(as type: T.Type) -> T? { context as? T }

    /// The active calls, outermost first.
    public var callStack: [Frame] { [] }

    /// Where execution stands: the innermost position in a source file.
    var currentPosition: Position? { nil }
}
