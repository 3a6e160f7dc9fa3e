/// Turns a resolved syntax tree into register code.
struct Compiler {
    let tree: SyntaxTree
    let symbols: SymbolTable
    let fileScope: FunctionScope
    var constants: [Value]
    var functions: [Code?]
    var attributeSites: [AttributeSite] = []
    var attributeIndex: [UInt32: Int] = [:]
    var unboundIndex: Int?
    var noneIndex: Int?
    var emptyTupleIndex: Int?
    var callSiteIndex: [[ObjectIdentifier]: Int] = [:]
    var callSites: [CallSite] = [CallSite()]
    var loadSites: [LoadSite] = []
    var texts: [UInt32: StringObject] = [:]

    let stack = NativeStack()
    /// The function being compiled.
    var unit = Unit()

    /// A function under construction.
    struct Unit {
        var words: [Instruction] = []
        var offsets: [UInt32] = []
        var scope = FunctionScope()
        /// Locals that certainly have a value here.
        var assigned: [Bool] = []
        var top = 0
        var frameSize = 0
        var loops: [Loop] = []
        var position: UInt32 = 0
    }

    struct Loop {
        var breaks: [Int] = []
        var continues: [Int] = []
        /// The register of the iterator; nil for `while`.
        let iterator: Int?
    }

    /// Compiles a program. Throws when it needs more registers than instructions can name.
    static func compile(_ resolver: Resolver, source: SourceFile, dialect: Dialect) throws(SyntaxFault) -> ProgramCode {
        var compiler = Compiler(resolver)
        let toplevel = try compiler.compileFile()
        return ProgramCode(
            source: source, dialect: dialect, constants: compiler.constants, toplevel: toplevel,
            functions: compiler.functions.map { $0! }, attributeSites: compiler.attributeSites,
            callSites: compiler.callSites, loadSites: compiler.loadSites,
            globalNames: resolver.globals.map { compiler.object($0) },
            predeclaredNames: resolver.predeclared.map { resolver.symbols.text(of: $0) })
    }

    private init(_ resolver: Resolver) {
        tree = resolver.tree
        symbols = resolver.symbols
        fileScope = resolver.fileScope
        constants = resolver.tree.constants
        functions = Array(repeating: nil, count: resolver.tree.functions.count)
    }

    mutating func compileFile() throws(SyntaxFault) -> Code {
        let code = Code(
            name: "<toplevel>", parameters: [], keywordOnlyCount: 0, hasRest: false, hasKeywords: false,
            documentation: nil, position: 0)
        try begin(fileScope, parameterCount: 0)
        try statements(tree.body)
        emit(Instruction(.returnNone), 0)
        finish(code, defaultCount: 0)
        return code
    }

    // MARK: Tools

    /// The text of a symbol as an object shared within the program.
    mutating func object(_ symbol: UInt32) -> StringObject {
        let constant = symbols.symbols[Int(symbol)].constant
        if constant != 0, case .string(let text) = constants[Int(constant - 1)].payload { return text }
        if let known = texts[symbol] { return known }
        let text = StringObject.make(symbols.bytes(of: symbol))
        texts[symbol] = text
        return text
    }

    @inline(__always) @discardableResult
    mutating func emit(_ word: Instruction, _ offset: UInt32) -> Int {
        unit.words.append(word)
        unit.offsets.append(offset)
        return unit.words.count &- 1
    }

    /// Emits a jump whose target is set later.
    mutating func emitJump(_ op: Opcode = .jump, a: Int = 0, _ offset: UInt32 = 0) -> Int {
        emit(Instruction(op, a: a), offset)
    }

    mutating func patch(_ jump: Int) { unit.words[jump].wide = unit.words.count }
    mutating func patch(_ jumps: [Int]) { for jump in jumps { patch(jump) } }

    mutating func reserve(_ count: Int = 1) throws(SyntaxFault) -> Int {
        let first = unit.top
        unit.top += count
        if unit.top > unit.frameSize {
            unit.frameSize = unit.top
            if unit.top > 65_000 {
                throw SyntaxFault(offset: Int(unit.position), message: "function too large: too many variables")
            }
        }
        return first
    }

    mutating func begin(_ scope: FunctionScope, parameterCount: Int) throws(SyntaxFault) {
        unit = Unit()
        unit.scope = scope
        unit.assigned = Array(repeating: false, count: scope.locals.count)
        for index in 0..<parameterCount { unit.assigned[index] = true }
        _ = try reserve(scope.locals.count)
        for index in scope.locals.indices where scope.locals[index].isCell {
            emit(Instruction(.makeCell, a: index), 0)
        }
    }

    mutating func finish(_ code: Code, defaultCount: Int) {
        code.finish(
            words: unit.words, offsets: unit.offsets, frameSize: unit.frameSize + 1,
            localCount: unit.scope.locals.count, localNames: unit.scope.locals.map { object($0.symbol) },
            freeNames: unit.scope.free.map { object($0.symbol) },
            captures: unit.scope.free.map { ($0.isFree, $0.index) }, defaultCount: defaultCount)
    }

    func fits(_ constant: Int) -> Bool { constant <= 0xFFFF }

    // MARK: Functions

    mutating func compileFunction(_ index: Int) throws(SyntaxFault) -> Int {
        let syntax = tree.functions[index]
        let scope = syntax.scope
        var documentation: String?
        if let first = tree.extra[syntax.body].first, tree[first].kind == .expression,
            tree[tree[first].a].kind == .literal
        {
            documentation = constants[Int(tree[tree[first].a].a)].stringValue
        }
        let code = Code(
            name: syntax.symbol.map { symbols.text(of: $0) } ?? "lambda",
            parameters: (0..<scope.parameterCount).map { object(scope.locals[$0].symbol) },
            keywordOnlyCount: scope.keywordOnlyCount, hasRest: scope.hasRest, hasKeywords: scope.hasKeywords,
            documentation: documentation,
            position: reportedPosition(syntax))
        let outer = unit
        try begin(scope, parameterCount: scope.parameterCount)
        if syntax.expression != SyntaxTree.none {
            let result = try operand(syntax.expression)
            emit(Instruction(.return, a: result), tree[syntax.expression].position)
        } else {
            try statements(syntax.body)
            emit(Instruction(.returnNone), syntax.position)
        }
        finish(code, defaultCount: defaultCount(syntax))
        functions[index] = code
        unit = outer
        return index
    }

    /// Defaults are stored for all named parameters from the first that has one.
    func defaultCount(_ syntax: FunctionSyntax) -> Int {
        let named = syntax.parameters.filter { $0.kind == .required || $0.kind == .optional }
        guard let first = named.firstIndex(where: { $0.kind == .optional }) else { return 0 }
        return named.count - first
    }

    mutating func makeFunction(_ index: Int, into target: Int, _ offset: UInt32) throws(SyntaxFault) {
        let syntax = tree.functions[index]
        let named = syntax.parameters.filter { $0.kind == .required || $0.kind == .optional }
        let count = defaultCount(syntax)
        let saved = unit.top
        let first = try reserve(max(count, 1))
        for (number, parameter) in named.suffix(count).enumerated() {
            if parameter.kind == .optional {
                try expression(parameter.defaultValue, into: first + number)
            } else {
                emit(Instruction(.constant, a: first + number, wide: try unboundConstant()), offset)
            }
        }
        let function = try compileFunction(index)
        emit(Instruction(.makeFunction, a: first, wide: function), offset)
        if first != target { emit(Instruction(.move, a: target, b: first), offset) }
        unit.top = saved
    }

    mutating func unboundConstant() throws(SyntaxFault) -> Int {
        if let unboundIndex { return unboundIndex }
        constants.append(.unbound)
        unboundIndex = constants.count - 1
        return constants.count - 1
    }

}
