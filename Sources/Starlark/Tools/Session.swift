/// Runs one input after another over the same globals, as an interactive interpreter does.
///
/// Unlike those of a ``Module``, the globals do not freeze between inputs: `x = []` may be followed by `x.append(1)`. A
/// function keeps the globals it saw when its input ran; binding a name anew does not change what earlier functions see.
/// Not `Sendable`, like the values it holds.
public final class Session {
    /// The permissive dialect, in which loaded names become globals too.
    public static let dialect: Dialect = {
        var dialect = Dialect.permissive
        dialect.loadBindsGlobally = true
        return dialect
    }()

    private let dialect: Dialect
    private var values: [String: Value]
    private var order: [String] = []
    private var states: [ModuleState] = []

    /// Creates a session.
    /// - Parameter predeclared: names that every input knows; an input may bind them anew.
    public init(predeclared: [String: Value] = [:], dialect: Dialect = Session.dialect) {
        values = predeclared
        self.dialect = dialect
    }

    /// The names that inputs have bound, in the order of their first binding.
    public var names: [String] { order }

    /// The value of a global or predeclared name.
    public subscript(name: String) -> Value? { values[name] }

    /// Binds a name for the inputs to come.
    public func bind(_ name: String, to value: Value) {
        if !order.contains(name) { order.append(name) }
        values[name] = value
    }

    /// Runs one input. What it bound before it failed stays bound.
    /// - Returns: the value of the last statement if that is an expression.
    /// - Throws: ``StarlarkSyntaxError`` when nothing of it ran, else ``EvaluationError``.
    @discardableResult
    public func run(_ source: String, name: String, in evaluation: Evaluation) throws -> Value? {
        let file = SourceFile(name: name, text: source)
        let (code, answers) = try compile(file)
        let state = ModuleState(program: code, predeclared: code.predeclaredNames.map { values[$0]! })
        states.append(state)
        for (index, name) in code.globalNames.enumerated() {
            if let value = values[name.string] { state.globals[index] = value }
        }
        defer { keep(state) }
        let toplevel = FunctionObject(code: code.toplevel, module: state, defaults: nil, cells: [])
        _ = try evaluation.call(Value(.function(toplevel)))
        guard answers, let index = code.globalNames.firstIndex(where: { $0.string == "\(Session.answer)" })
        else {
            return nil
        }
        return state.globals[index]
    }

    /// The code of one input, and whether it ends with an expression.
    private func compile(_ file: SourceFile) throws(StarlarkSyntaxError) -> (ProgramCode, Bool) {
        let known = values
        return try NativeStack.withRoom { () -> Result<(ProgramCode, Bool), StarlarkSyntaxError> in
            Result { () throws(StarlarkSyntaxError) in
                var parser = try Program.parse(file)
                let answers = parser.keepLastExpression(as: Session.answer)
                let resolver = try Program.resolve(
                    &parser, file, dialect, { known[$0] != nil }, { Universe.values[$0] })
                return (try Program.compile(resolver, file, dialect), answers)
            }
        }
    }

    /// Frees the memory that functions and globals of the inputs hold through each other.
    deinit {
        for state in states { state.dispose() }
    }

    /// A name that no program can write.
    private static let answer: StaticString = "<answer>"

    private func keep(_ state: ModuleState) {
        for (index, name) in state.program.globalNames.enumerated() where name.string != "\(Session.answer)" {
            if case .unbound = state.globals[index].payload { continue }
            bind(name.string, to: state.globals[index])
        }
    }
}

extension Parser {
    /// Turns a last expression statement into an assignment. False when the last statement is another one.
    fileprivate mutating func keepLastExpression(as name: StaticString) -> Bool {
        guard let last = tree.body.last else { return false }
        let statement = tree.extra[last]
        let node = tree[statement]
        guard node.kind == .expression else { return false }
        let symbol = scanner.intern(name)
        tree.nodes.append(.init(kind: .name, position: node.position, a: symbol))
        tree[statement] = .init(
            kind: .assign, op: Token.equal.rawValue, position: node.position, a: UInt32(tree.nodes.count - 1), b: node.a
        )
        return true
    }
}
