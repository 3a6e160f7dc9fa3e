/// Decides for each name where it lives, and checks what the grammar leaves open.
///
/// The rules and their order follow starlark-go's resolver. Names in functions are looked up when the whole file has
/// been seen, since a function may use globals bound later.
struct Resolver {
    /// A lexical block: the file, a function, or a comprehension.
    private final class Block {
        let parent: Block?
        /// The function, -1 for the file; nil for a comprehension.
        let function: Int?
        var names = SymbolMap()
        var freeNames = SymbolMap()
        var uses: [(node: UInt32, block: Block)] = []
        var children: [Block] = []

        init(parent: Block?, function: Int?) {
            self.parent = parent
            self.function = function
        }

        /// The innermost function or file around the block.
        var container: Block {
            var block = self
            while block.function == nil { block = block.parent! }
            return block
        }
    }

    private struct Global {
        let symbol: UInt32
        let first: UInt32
    }

    private(set) var tree: SyntaxTree
    private(set) var symbols: SymbolTable
    private let dialect: Dialect
    private let isPredeclared: (String) -> Bool
    private let universe: (String) -> Value?

    private(set) var faults: [SyntaxFault] = []
    private(set) var fileScope = FunctionScope()
    /// The globals' symbols in the order of their first binding.
    private(set) var globals: [UInt32] = []
    /// The predeclared names in use.
    private(set) var predeclared: [UInt32] = []

    private var globalFirst: [UInt32] = []
    private var globalIndex: [Int32]
    private var outerBinding: [(scope: NameScope, index: UInt32)?]
    private let file = Block(parent: nil, function: -1)
    private var block: Block
    private var loops = 0
    private var conditionals = 0
    private let stack = NativeStack()
    private var isTooDeep = false
    /// Names that may be bound in text that the parser gave up.
    private let doubtful: Set<UInt32>

    init(
        tree: SyntaxTree, symbols: SymbolTable, doubtful: Set<UInt32> = [], dialect: Dialect,
        isPredeclared: @escaping (String) -> Bool, universe: @escaping (String) -> Value?
    ) {
        self.tree = tree
        self.symbols = symbols
        self.doubtful = doubtful
        self.dialect = dialect
        self.isPredeclared = isPredeclared
        self.universe = universe
        block = file
        globalIndex = Array(repeating: -1, count: symbols.symbols.count)
        outerBinding = Array(repeating: nil, count: symbols.symbols.count)
    }

    mutating func resolve() {
        statements(tree.body)
        for use in file.uses { lookUp(use.node, use.block) }
        for child in file.children { resolveOuterUses(child) }
    }

    // MARK: Tools

    private mutating func fault(_ offset: UInt32, _ message: String) {
        faults.append(SyntaxFault(offset: Int(offset), message: message))
    }

    private func text(_ symbol: UInt32) -> String { symbols.text(of: symbol) }

    private var inFunction: Bool { block.container !== file }

    private mutating func set(_ node: UInt32, _ scope: NameScope, _ index: Int) {
        tree.nodes[Int(node)].op = scope.rawValue
        tree.nodes[Int(node)].b = UInt32(truncatingIfNeeded: index)
    }

    // MARK: Binding

    /// Binds a name in the current block. True when it was bound already.
    @discardableResult
    private mutating func bind(_ node: UInt32) -> Bool {
        guard block === file else { return bindLocal(node) }
        let symbol = tree[node].a
        if let index = file.names[symbol] {
            if !dialect.allowsGlobalReassign {
                faults.append(
                    redefinition(node, "local", first: fileScope.locals[index].first))
            }
            set(node, .local, index)
            return true
        }
        let known = globalIndex[Int(symbol)]
        if known >= 0 {
            if !dialect.allowsGlobalReassign {
                faults.append(redefinition(node, "global", first: globalFirst[Int(known)]))
            }
            set(node, .global, Int(known))
            return true
        }
        globalIndex[Int(symbol)] = Int32(globals.count)
        set(node, .global, globals.count)
        globals.append(symbol)
        globalFirst.append(node)
        return false
    }

    private func redefinition(_ node: UInt32, _ scope: String, first: UInt32) -> SyntaxFault {
        SyntaxFault(
            offset: Int(tree[node].position),
            message: "cannot reassign \(scope) \(text(tree[node].a)) declared at ", reference: tree[first].position)
    }

    /// Binds a name in the current block, which becomes a local of the container. True when it was bound already.
    private mutating func bindLocal(_ node: UInt32) -> Bool {
        let symbol = tree[node].a
        let wasBound = block.names[symbol] != nil
        if !wasBound {
            let local = FunctionScope.Local(symbol: symbol, first: node)
            let function = block.container.function!
            if function < 0 {
                block.names.insert(symbol, fileScope.locals.count)
                fileScope.locals.append(local)
            } else {
                block.names.insert(symbol, tree.functions[function].scope.locals.count)
                tree.functions[function].scope.locals.append(local)
            }
        }
        use(node)
        return wasBound
    }

    private mutating func use(_ node: UInt32) {
        if dialect.allowsGlobalReassign, block === file {
            lookUpOuter(node, block)  // in this dialect a global must be bound before its use
        } else {
            block.container.uses.append((node, block))
        }
    }

    /// Settles the uses of a function's own variables; the others wait for the end of the file.
    private mutating func resolveLocalUses(_ function: Block) {
        var remaining: [(node: UInt32, block: Block)] = []
        outer: for use in function.uses {
            let symbol = tree[use.node].a
            var block = use.block
            while true {
                if let index = block.names[symbol] {
                    set(use.node, .local, index)
                    continue outer
                }
                if block === function { break }
                block = block.parent!
            }
            remaining.append(use)
        }
        function.uses = remaining
    }

    private mutating func resolveOuterUses(_ function: Block) {
        for child in function.children { resolveOuterUses(child) }
        for use in function.uses { lookUp(use.node, use.block) }
    }

    private mutating func lookUp(_ node: UInt32, _ block: Block) {
        let (scope, index) = lookUp(symbol: tree[node].a, block)
        if let scope { set(node, scope, index) } else { lookUpOuter(node, block) }
    }

    /// Finds a name in functions and comprehensions around a block; makes shared variables cells.
    private mutating func lookUp(symbol: UInt32, _ block: Block) -> (NameScope?, Int) {
        if let index = block.names[symbol] { return (.local, index) }
        if block === file { return (nil, 0) }
        if let index = block.freeNames[symbol] { return (.free, index) }
        let (scope, index) = lookUp(symbol: symbol, block.parent!)
        guard let scope, let function = block.function else { return (scope, index) }
        // Found outside this function: make it a free variable.
        if scope == .local {
            let outer = block.parent!.container.function!
            if outer < 0 {
                fileScope.locals[index].isCell = true
            } else {
                tree.functions[outer].scope.locals[index].isCell = true
            }
        }
        let number = tree.functions[function].scope.free.count
        tree.functions[function].scope.free.append(.init(isFree: scope == .free, index: index, symbol: symbol))
        block.freeNames.insert(symbol, number)
        return (.free, number)
    }

    /// Finds a name among loaded names, globals, predeclared and universal names.
    private mutating func lookUpOuter(_ node: UInt32, _ block: Block) {
        let symbol = tree[node].a
        if let index = file.names[symbol] { return set(node, .local, index) }
        let global = globalIndex[Int(symbol)]
        if global >= 0 { return set(node, .global, Int(global)) }
        if let known = outerBinding[Int(symbol)] {
            if known.scope != .undefined { return set(node, known.scope, Int(known.index)) }
        }
        let name = text(symbol)
        if isPredeclared(name) {
            predeclared.append(symbol)
            outerBinding[Int(symbol)] = (.predeclared, UInt32(predeclared.count - 1))
            return set(node, .predeclared, predeclared.count - 1)
        }
        if let value = universe(name) {
            if name == "set", !dialect.allowsSet {
                fault(tree[node].position, "this Starlark dialect does not support sets")
            }
            tree.constants.append(value)
            outerBinding[Int(symbol)] = (.universal, UInt32(tree.constants.count - 1))
            return set(node, .universal, tree.constants.count - 1)
        }
        outerBinding[Int(symbol)] = (.undefined, 0)
        set(node, .undefined, 0)
        if doubtful.contains(symbol) { return }
        if faults.count > StarlarkSyntaxError.limit {  // a hint takes a while and would not be seen
            return fault(tree[node].position, "undefined: \(name)")
        }
        var candidates: [String] = []
        var scope: Block? = block
        while let current = scope {
            candidates += current.names.keys.map { text($0) }
            scope = current.parent
        }
        candidates += globals.map { text($0) }
        fault(tree[node].position, "undefined: \(name)\(Spelling.hint(name, candidates))")
    }

    // MARK: Statements

    private mutating func statements(_ range: Range<Int>) {
        for index in range { statement(tree.extra[index]) }
    }

    private mutating func body(_ index: UInt32) {
        let start = Int(tree.extra[Int(index)])
        statements(start..<start + Int(tree.extra[Int(index) + 1]))
    }

    /// Refuses to go deeper than the native stack allows; complains once.
    private mutating func stopsHere(_ id: UInt32) -> Bool {
        guard stack.isExhausted else { return false }
        if !isTooDeep { fault(tree[id].position, NativeStack.complaint) }
        isTooDeep = true
        return true
    }

    private mutating func statement(_ id: UInt32) {
        if stopsHere(id) { return }
        let node = tree[id]
        switch node.kind {
        case .expression: expression(node.a)
        case .assign:
            expression(node.b)
            assign(node.a, augmented: node.op != Token.equal.rawValue)
        case .return:
            if !inFunction { fault(node.position, "return statement not within a function") }
            if node.a != SyntaxTree.none { expression(node.a) }
        case .break: if loops == 0 { fault(node.position, "break not in a loop") }
        case .continue: if loops == 0 { fault(node.position, "continue not in a loop") }
        case .if: ifStatement(node)
        case .for:
            if !inFunction, !dialect.allowsTopLevelControl {
                fault(node.position, "for loop not within a function")
            }
            expression(node.b)
            assign(node.a, augmented: false)
            loops += 1
            body(node.c)
            loops -= 1
        case .while:
            if !dialect.allowsWhile {
                fault(node.position, "this Starlark dialect does not support while loops")
            }
            if !inFunction, !dialect.allowsTopLevelControl {
                fault(node.position, "while loop not within a function")
            }
            expression(node.a)
            loops += 1
            body(node.c)
            loops -= 1
        case .def:
            bind(node.b)
            function(Int(node.a))
        case .load: load(node)
        default: break
        }
    }

    private mutating func ifStatement(_ node: SyntaxTree.Node) {
        if !inFunction, !dialect.allowsTopLevelControl {
            fault(node.position, "if statement not within a function")
        }
        for branch in 0..<Int(node.c) {
            let at = Int(node.b) + 3 * branch
            if tree.extra[at] != SyntaxTree.none { expression(tree.extra[at]) }
            conditionals += 1
            statements(Int(tree.extra[at + 1])..<Int(tree.extra[at + 1] + tree.extra[at + 2]))
            conditionals -= 1
        }
    }

    private mutating func load(_ node: SyntaxTree.Node) {
        if inFunction {
            fault(node.position, "load statement within a function")
        } else if loops > 0 {
            fault(node.position, "load statement within a loop")
        } else if conditionals > 0 {
            fault(node.position, "load statement within a conditional")
        }
        for item in 0..<Int(node.c) {
            let at = Int(node.b) + 4 * item
            let name = tree.extra[at]
            let original = tree.constants[Int(tree.extra[at + 1])].stringValue ?? ""
            if original.isEmpty {
                fault(tree.extra[at + 2], "load: empty identifier")
                continue
            }
            if original.hasPrefix("_") {
                fault(
                    tree.extra[at + 2], "load: names with leading underscores are not exported: \(original)")
            }
            if dialect.loadBindsGlobally {
                bind(name)
            } else if bindLocal(name), !dialect.allowsGlobalReassign {
                fault(tree[name].position, "cannot reassign top-level \(text(tree[name].a))")
            }
        }
    }

    private mutating func assign(_ target: UInt32, augmented: Bool) {
        let node = tree[target]
        switch node.kind {
        case .name: bind(target)
        case .index:
            expression(node.a)
            expression(node.b)
        case .attribute: expression(node.a)
        case .tuple, .list:
            if augmented {
                let kind = node.kind == .tuple ? "tuple" : "list"
                fault(tree.startOffset(target), "can't use \(kind) expression in augmented assignment")
            }
            for index in 0..<Int(node.c) { assign(tree.extra[Int(node.b) + index], augmented: false) }
        default:
            fault(tree.startOffset(target), "can't assign to \(Self.describe(node.kind))")
        }
    }

    private static func describe(_ kind: NodeKind) -> String {
        switch kind {
        case .literal: return "literal"
        case .dict: return "dictexpr"
        case .listComprehension, .dictComprehension: return "comprehension"
        case .unary: return "unaryexpr"
        case .conditional: return "condexpr"
        case .lambda: return "lambdaexpr"
        case .call: return "callexpr"
        case .slice: return "sliceexpr"
        default: return "binaryexpr"
        }
    }

    // MARK: Functions

    private mutating func function(_ index: Int) {
        let syntax = tree.functions[index]
        for parameter in syntax.parameters where parameter.defaultValue != SyntaxTree.none {
            expression(parameter.defaultValue)
        }
        let inner = Block(parent: block, function: index)
        block.container.children.append(inner)
        let outer = block
        let outerLoops = loops
        block = inner
        loops = 0
        parameters(syntax, index)
        if syntax.expression != SyntaxTree.none { expression(syntax.expression) }
        statements(syntax.body)
        resolveLocalUses(inner)
        block = outer
        loops = outerLoops
    }

    private mutating func parameters(_ syntax: FunctionSyntax, _ index: Int) {
        var star: FunctionSyntax.Parameter?
        var starStar: FunctionSyntax.Parameter?
        var seenOptional = false
        var keywordOnly = 0
        func name(_ parameter: FunctionSyntax.Parameter) -> String { text(tree[parameter.name].a) }
        for parameter in syntax.parameters {
            switch parameter.kind {
            case .required:
                if let starStar {
                    fault(parameter.position, "required parameter may not follow **\(name(starStar))")
                } else if star != nil {
                    keywordOnly += 1
                } else if seenOptional {
                    fault(parameter.position, "required parameter may not follow optional")
                }
                bindParameter(parameter, at: parameter.position)
            case .optional:
                if let starStar {
                    fault(parameter.position, "optional parameter may not follow **\(name(starStar))")
                } else if star != nil {
                    keywordOnly += 1
                }
                bindParameter(parameter, at: parameter.position)
                seenOptional = true
            case .star:
                if let starStar {
                    fault(parameter.position, "* parameter may not follow **\(name(starStar))")
                } else if star != nil {
                    fault(parameter.position, "multiple * parameters not allowed")
                } else {
                    star = parameter
                }
            case .starStar:
                if starStar != nil { fault(parameter.position, "multiple ** parameters not allowed") }
                starStar = parameter
            }
        }
        // `*args` and `**kwargs` come last, so that the others are contiguous.
        if let star {
            if star.name != SyntaxTree.none {
                bindParameter(star, at: tree[star.name].position)
                tree.functions[index].scope.hasRest = true
            } else if keywordOnly == 0 {
                fault(star.position, "bare * must be followed by keyword-only parameters")
            }
        }
        if let starStar {
            bindParameter(starStar, at: tree[starStar.name].position)
            tree.functions[index].scope.hasKeywords = true
        }
        tree.functions[index].scope.keywordOnlyCount = keywordOnly
        tree.functions[index].scope.parameterCount = tree.functions[index].scope.locals.count
    }

    private mutating func bindParameter(_ parameter: FunctionSyntax.Parameter, at position: UInt32) {
        if bind(parameter.name) {
            fault(position, "duplicate parameter: \(text(tree[parameter.name].a))")
        }
    }

    // MARK: Expressions

    private mutating func expression(_ id: UInt32) {
        if stopsHere(id) { return }
        var id = id
        while true {  // descends along the left, which may be any number of levels deep
            let node = tree[id]
            switch node.kind {
            case .name: return use(id)
            case .literal: return
            case .list, .tuple, .dict:
                for index in 0..<Int(node.c) { expression(tree.extra[Int(node.b) + index]) }
                return
            case .dictEntry:
                expression(node.a)
                id = node.b
            case .listComprehension, .dictComprehension: return comprehension(node)
            case .unary, .starArgument, .starStarArgument, .attribute: id = node.a
            case .binary, .index:
                expression(node.b)
                id = node.a
            case .conditional:
                expression(node.b)
                expression(node.c)
                id = node.a
            case .lambda: return function(Int(node.a))
            case .call:
                arguments(node)
                id = node.a
            case .namedArgument: id = node.b
            case .slice:
                for index in 0..<3 where tree.extra[Int(node.b) + index] != SyntaxTree.none {
                    expression(tree.extra[Int(node.b) + index])
                }
                id = node.a
            default: return
            }
        }
    }

    private mutating func comprehension(_ node: SyntaxTree.Node) {
        let clauses = Int(node.b)..<Int(node.b + node.c)
        expression(tree[tree.extra[clauses.lowerBound]].b)  // the first operand belongs outside
        let outer = block
        block = Block(parent: outer, function: nil)
        for index in clauses {
            let clause = tree[tree.extra[index]]
            if clause.kind == .ifClause {
                expression(clause.a)
            } else {
                assign(clause.a, augmented: false)
                if index > clauses.lowerBound { expression(clause.b) }
            }
        }
        expression(node.a)
        block = outer
    }

    private mutating func arguments(_ node: SyntaxTree.Node) {
        var seenStar = false
        var seenStarStar = false
        var names: [UInt32] = []
        var positional = 0
        for index in 0..<Int(node.c) {
            let id = tree.extra[Int(node.b) + index]
            let argument = tree[id]
            switch argument.kind {
            case .starStarArgument:
                if seenStarStar { fault(argument.position, "multiple **kwargs not allowed") }
                seenStarStar = true
            case .starArgument:
                if seenStarStar {
                    fault(argument.position, "*args may not follow **kwargs")
                } else if seenStar {
                    fault(argument.position, "multiple *args not allowed")
                }
                seenStar = true
            case .namedArgument:
                if seenStarStar {
                    fault(argument.position, "keyword argument may not follow **kwargs")
                } else if seenStar {
                    fault(argument.position, "keyword argument may not follow *args")
                }
                if names.contains(argument.a) {
                    fault(argument.position, "keyword argument \"\(text(argument.a))\" is repeated")
                } else {
                    names.append(argument.a)
                }
            default:
                positional += 1
                if seenStar {
                    fault(tree.startOffset(id), "positional argument may not follow *args")
                } else if seenStarStar {
                    fault(tree.startOffset(id), "positional argument may not follow **kwargs")
                } else if !names.isEmpty {
                    fault(tree.startOffset(id), "positional argument may not follow named")
                }
            }
            expression(id)
        }
        if positional >= 256 {
            fault(node.position, "\(positional) positional arguments in call, limit is 255")
        }
        if names.count >= 256 { fault(node.position, "\(names.count) keyword arguments in call, limit is 255") }
    }
}
