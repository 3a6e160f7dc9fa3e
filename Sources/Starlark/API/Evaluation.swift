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
    // One thread uses an evaluation, and no access to these spans a call: the checks would only cost time.
    @exclusivity(unchecked) var stack = MachineStack()

    /// Steps left until the next look at limits and cancellation.
    @exclusivity(unchecked) var fuel = 0
    @exclusivity(unchecked) private var granted = 0
    @exclusivity(unchecked) private var usedSteps = 0
    @exclusivity(unchecked) private var allocated = 0
    private let allocationLimit: Int
    /// Levels of native code that called back.
    @exclusivity(unchecked) var nativeDepth = 0
    /// Where the outermost call began.
    var nativeStack = NativeStack()

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
        allocationLimit = limits.allocatedBytes ?? Int.max
    }

    /// Runs a program; its globals are frozen when this returns, also when it fails.
    /// - Parameter predeclared: values for the names the program was compiled with; names it does not use are ignored.
    /// - Throws: ``EvaluationError`` of the program, or for a predeclared name in use that has no value.
    public func run(_ program: Program, predeclared: [String: Value] = [:]) throws(EvaluationError) -> Module {
        let code = program.code
        var values: [Value] = []
        for name in code.predeclaredNames {
            guard let value = predeclared[name] else {
                throw EvaluationError(message: "no value for predeclared name \(name)")
            }
            values.append(value)
        }
        let state = ModuleState(program: code, predeclared: values)
        let toplevel = Value(.function(FunctionObject(code: code.toplevel, module: state, defaults: nil, cells: [])))
        do {
            _ = try call(toplevel)
        } catch {
            // Nobody can reach what the program defined; its functions and globals would keep each other in memory.
            state.dispose()
            throw error
        }
        freeze(state)
        return Module(name: program.name, state: state)
    }

    /// Calls a function or another callable value. May be used by native functions to call back.
    public func call(
        _ function: Value, _ arguments: [Value] = [], named: [(String, Value)] = []
    ) throws(EvaluationError) -> Value {
        do {
            return try invoke(function, arguments, named.map { (StringObject.make($0.0), $0.1) })
        } catch let error as EvaluationError {
            throw error
        } catch {
            throw failure(error, frames: callStack)
        }
    }

    /// The host context if it has the given type.
    public func context<T: AnyObject>(as type: T.Type) -> T? { context as? T }

    /// The active calls, outermost first.
    public var callStack: [Frame] { frames() }

    /// Where execution stands: the innermost position in a source file.
    var currentPosition: Position? { frames().last { $0.position != nil }?.position }

    /// Steps used so far.
    public var steps: Int { usedSteps + granted - max(fuel, 0) }

    // MARK: Limits

    /// Charges work; ends the evaluation when it has none left.
    @inline(__always) func charge(steps: Int) throws {
        fuel &-= steps
        if fuel < 0 { try refuel() }
    }

    @inline(never) func refuel() throws {
        usedSteps = usedSteps.addingReportingOverflow(granted &- fuel).partialValue
        granted = 0
        fuel = 0
        if cancellation.isCancelled {
            throw StarlarkFailure(
                "Starlark computation cancelled: \(cancellation.reason ?? "cancelled")", kind: .cancelled)
        }
        if let limit = limits.steps, usedSteps > limit {
            throw StarlarkFailure("Starlark computation cancelled: too many steps", kind: .limitExceeded)
        }
        granted = 10_000
        if let limit = limits.steps { granted = min(granted, limit - usedSteps + 1) }
        fuel = granted
    }

    /// Charges memory before it is allocated.
    @inline(__always) func charge(bytes: Int) throws {
        allocated = allocated &+ bytes
        if allocated > allocationLimit { throw outOfMemory() }
    }

    /// What may still be allocated.
    var remainingBytes: Int { max(0, allocationLimit - allocated) }

    @inline(never) private func outOfMemory() -> StarlarkFailure {
        StarlarkFailure("Starlark computation cancelled: out of memory", kind: .limitExceeded)
    }

    /// Charges a string or list of a size that a program chose.
    @inline(__always) func charge(elements count: Int) throws {
        try charge(steps: count >> 3)
        try charge(bytes: count &* 16)
    }

    // MARK: Errors

    func failure(_ error: any Error, frames: [Frame]) -> EvaluationError {
        switch error {
        case let failure as StarlarkFailure:
            return EvaluationError(
                message: failure.message, kind: failure.kind, backtrace: frames, origin: ObjectIdentifier(self))
        case let failure as EvaluationError where failure.origin == ObjectIdentifier(self): return failure
        case let failure as EvaluationError:
            return EvaluationError(
                message: failure.message, kind: failure.kind, backtrace: frames, cause: failure,
                origin: ObjectIdentifier(self))
        case let failure as BindingFailure:
            return EvaluationError(message: failure.description, backtrace: frames, origin: ObjectIdentifier(self))
        default:
            return EvaluationError(
                message: "\(error)", backtrace: frames, cause: error, origin: ObjectIdentifier(self))
        }
    }
}
