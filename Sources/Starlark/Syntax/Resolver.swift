/// Decides for each name where it lives, and checks what the grammar leaves open.
///
/// The rules and their order follow starlark-go's resolver. Names in functions are looked up when the whole file has
/// been seen, since a function may use globals bound later.
struct Resolver {
    /// A lexical block: the file, a function, or a comprehension. Refers to others by number: references would form
    /// cycles, which nothing frees.
    struct Block {
        let parent: Int
        /// The function, -1 for the file; nil for a comprehension.
        let function: Int?
        /// The innermost function or file around the block, or the block itself.
        let container: Int
        var names = SymbolMap()
        var freeNames = SymbolMap()
        /// Of a container: names in use, with the blocks they are used in.
        var uses: [(node: UInt32, block: Int)] = []
        /// Of a container: the functions right in it.
        var children: [Int] = []
    }

    var tree: SyntaxTree
    private(set) var symbols: SymbolTable
    let dialect: Dialect
    private let isPredeclared: (String) -> Bool
    private let universe: (String) -> Value?

    var faults: [SyntaxFault] = []
    var fileScope = FunctionScope()
    /// The globals' symbols in the order of their first binding.
    private(set) var globals: [UInt32] = []
    /// The predeclared names in use.
    private(set) var predeclared: [UInt32] = []

    private var globalFirst: [UInt32] = []
    private var globalIndex: [Int32]
    private var outerBinding: [(scope: NameScope, index: UInt32)?]
    /// The file's own block comes first.
    var blocks = [Block(parent: 0, function: -1, container: 0)]
    private let file = 0
    /// The current block.
    var block = 0
    var loops = 0
    var conditionals = 0
    let stack = NativeStack()
    var isTooDeep = false
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
        globalIndex = Array(repeating: -1, count: symbols.symbols.count)
        outerBinding = Array(repeating: nil, count: symbols.symbols.count)
    }

    mutating func resolve() {
        statements(tree.body)
        resolveOuterUses()
    }

    // MARK: Tools

    /// A new block in the current one.
    mutating func open(function: Int?) -> Int {
        let number = blocks.count
        blocks.append(
            Block(parent: block, function: function, container: function == nil ? blocks[block].container : number))
        return number
    }

    mutating func fault(_ offset: UInt32, _ message: String) {
        faults.append(SyntaxFault(offset: Int(offset), message: message))
    }

    func text(_ symbol: UInt32) -> String { symbols.text(of: symbol) }

    var inFunction: Bool { blocks[block].container != file }

    private mutating func set(_ node: UInt32, _ scope: NameScope, _ index: Int) {
        tree.nodes[Int(node)].op = scope.rawValue
        tree.nodes[Int(node)].b = UInt32(truncatingIfNeeded: index)
    }

    // MARK: Binding

    /// Binds a name in the current block. True when it was bound already.
    @discardableResult
    mutating func bind(_ node: UInt32) -> Bool {
        guard block == file else { return bindLocal(node) }
        let symbol = tree[node].a
        if let index = blocks[file].names[symbol] {
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
    mutating func bindLocal(_ node: UInt32) -> Bool {
        let symbol = tree[node].a
        let wasBound = blocks[block].names[symbol] != nil
        if !wasBound {
            let local = FunctionScope.Local(symbol: symbol, first: node)
            if blocks[block].container == file {
                blocks[block].names.insert(symbol, fileScope.locals.count)
                fileScope.locals.append(local)
            } else if let function = blocks[blocks[block].container].function {
                blocks[block].names.insert(symbol, tree.functions[function].scope.locals.count)
                tree.functions[function].scope.locals.append(local)
            }
        }
        use(node)
        return wasBound
    }

    mutating func use(_ node: UInt32) {
        if dialect.allowsGlobalReassign, block == file {
            lookUpOuter(node, block)  // in this dialect a global must be bound before its use
        } else {
            blocks[blocks[block].container].uses.append((node, block))
        }
    }

    /// Settles the uses of a function's own variables; the others wait for the end of the file.
    mutating func resolveLocalUses(_ function: Int) {
        var remaining: [(node: UInt32, block: Int)] = []
        outer: for use in blocks[function].uses {
            let symbol = tree[use.node].a
            var block = use.block
            while true {
                if let index = blocks[block].names[symbol] {
                    set(use.node, .local, index)
                    continue outer
                }
                if block == function { break }
                block = blocks[block].parent
            }
            remaining.append(use)
        }
        blocks[function].uses = remaining
    }

    /// Settles what is left when the whole file is known: inner functions before those around them, the file first.
    private mutating func resolveOuterUses() {
        for use in blocks[file].uses { lookUp(use.node, use.block) }
        var pending = blocks[file].children.reversed().map { (block: $0, isEntered: false) }
        while let (next, isEntered) = pending.popLast() {
            if isEntered {
                for use in blocks[next].uses { lookUp(use.node, use.block) }
            } else {
                pending.append((next, true))
                pending += blocks[next].children.reversed().map { ($0, false) }
            }
        }
    }

    private mutating func lookUp(_ node: UInt32, _ block: Int) {
        let (scope, index) = lookUp(symbol: tree[node].a, block)
        if let scope { set(node, scope, index) } else { lookUpOuter(node, block) }
    }

    /// Finds a name in functions and comprehensions around a block; makes shared variables cells.
    private mutating func lookUp(symbol: UInt32, _ start: Int) -> (NameScope?, Int) {
        // Outwards to where it is known …
        var block = start
        var crossed: [Int] = []  // functions on the way
        var found: (scope: NameScope, index: Int)
        while true {
            if let index = blocks[block].names[symbol] {
                found = (.local, index)
                break
            }
            if block == file { return (nil, 0) }
            if let index = blocks[block].freeNames[symbol] {
                found = (.free, index)
                break
            }
            if blocks[block].function != nil { crossed.append(block) }
            block = blocks[block].parent
        }
        // … and back inwards: a free variable of each function in between.
        for inner in crossed.reversed() {
            let outer = blocks[blocks[inner].parent].container
            if found.scope == .local { makeCell(found.index, of: outer) }
            guard let function = blocks[inner].function else { continue }
            let number = tree.functions[function].scope.free.count
            tree.functions[function].scope.free.append(
                .init(isFree: found.scope == .free, index: found.index, symbol: symbol))
            blocks[inner].freeNames.insert(symbol, number)
            found = (.free, number)
        }
        return (found.scope, found.index)
    }

    private mutating func makeCell(_ index: Int, of container: Int) {
        if container == file {
            fileScope.locals[index].isCell = true
        } else if let function = blocks[container].function {
            tree.functions[function].scope.locals[index].isCell = true
        }
    }

    /// Finds a name among loaded names, globals, predeclared and universal names.
    private mutating func lookUpOuter(_ node: UInt32, _ block: Int) {
        let symbol = tree[node].a
        if let index = blocks[file].names[symbol] { return set(node, .local, index) }
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
        var scope = block
        while true {
            candidates += blocks[scope].names.keys.map { text($0) }
            if scope == file { break }
            scope = blocks[scope].parent
        }
        candidates += globals.map { text($0) }
        fault(tree[node].position, "undefined: \(name)\(Spelling.hint(name, candidates))")
    }
}
