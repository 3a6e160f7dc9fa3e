/// Turns a resolved syntax tree into register code.
struct Compiler {
    private let tree: SyntaxTree
    private let symbols: SymbolTable
    private let fileScope: FunctionScope
    private var constants: [Value]
    private var functions: [Code?]
    private var attributeSites: [AttributeSite] = []
    private var attributeIndex: [UInt32: Int] = [:]
    private var callSites: [CallSite] = [CallSite()]
    private var loadSites: [LoadSite] = []
    private var texts: [UInt32: StringObject] = [:]

    /// The function being compiled.
    private var unit = Unit()

    /// A function under construction.
    private struct Unit {
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

    private struct Loop {
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

    private mutating func compileFile() throws(SyntaxFault) -> Code {
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
    private mutating func object(_ symbol: UInt32) -> StringObject {
        let constant = symbols.symbols[Int(symbol)].constant
        if constant != 0, case .string(let text) = constants[Int(constant - 1)].payload { return text }
        if let known = texts[symbol] { return known }
        let text = StringObject.make(symbols.bytes(of: symbol))
        texts[symbol] = text
        return text
    }

    @inline(__always) @discardableResult
    private mutating func emit(_ word: Instruction, _ offset: UInt32) -> Int {
        unit.words.append(word)
        unit.offsets.append(offset)
        return unit.words.count &- 1
    }

    /// Emits a jump whose target is set later.
    private mutating func emitJump(_ op: Opcode = .jump, a: Int = 0, _ offset: UInt32 = 0) -> Int {
        emit(Instruction(op, a: a), offset)
    }

    private mutating func patch(_ jump: Int) { unit.words[jump].wide = unit.words.count }
    private mutating func patch(_ jumps: [Int]) { for jump in jumps { patch(jump) } }

    private mutating func reserve(_ count: Int = 1) throws(SyntaxFault) -> Int {
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

    private mutating func begin(_ scope: FunctionScope, parameterCount: Int) throws(SyntaxFault) {
        unit = Unit()
        unit.scope = scope
        unit.assigned = Array(repeating: false, count: scope.locals.count)
        for index in 0..<parameterCount { unit.assigned[index] = true }
        _ = try reserve(scope.locals.count)
        for index in scope.locals.indices where scope.locals[index].isCell {
            emit(Instruction(.makeCell, a: index), 0)
        }
    }

    private mutating func finish(_ code: Code, defaultCount: Int) {
        code.finish(
            words: unit.words, offsets: unit.offsets, frameSize: unit.frameSize + 1,
            localCount: unit.scope.locals.count, localNames: unit.scope.locals.map { object($0.symbol) },
            freeNames: unit.scope.free.map { object($0.symbol) },
            captures: unit.scope.free.map { ($0.isFree, $0.index) }, defaultCount: defaultCount)
    }

    private func fits(_ constant: Int) -> Bool { constant <= 0xFFFF }

    // MARK: Functions

    private mutating func compileFunction(_ index: Int) throws(SyntaxFault) -> Int {
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

    /// Where failed argument binding is reported: a lambda's first operation, else the definition.
    private func reportedPosition(_ syntax: FunctionSyntax) -> UInt32 {
        if syntax.symbol != nil || tree[syntax.expression].kind == .literal { return syntax.position }
        return tree.startOffset(syntax.expression)
    }

    /// Defaults are stored for all named parameters from the first that has one.
    private func defaultCount(_ syntax: FunctionSyntax) -> Int {
        let named = syntax.parameters.filter { $0.kind == .required || $0.kind == .optional }
        guard let first = named.firstIndex(where: { $0.kind == .optional }) else { return 0 }
        return named.count - first
    }

    private mutating func makeFunction(_ index: Int, into target: Int, _ offset: UInt32) throws(SyntaxFault) {
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

    private var unboundIndex: Int?
    private mutating func unboundConstant() throws(SyntaxFault) -> Int {
        if let unboundIndex { return unboundIndex }
        constants.append(.unbound)
        unboundIndex = constants.count - 1
        return constants.count - 1
    }

    // MARK: Statements

    private mutating func statements(_ range: Range<Int>) throws(SyntaxFault) {
        for index in range { try statement(tree.extra[index]) }
    }

    private mutating func body(_ index: UInt32) throws(SyntaxFault) {
        let start = Int(tree.extra[Int(index)])
        try statements(start..<start + Int(tree.extra[Int(index) + 1]))
    }

    private mutating func statement(_ id: UInt32) throws(SyntaxFault) {
        let node = tree[id]
        let saved = unit.top
        unit.position = node.position
        switch node.kind {
        case .expression:
            if tree[node.a].kind != .literal { _ = try operand(node.a) }
        case .assign: try assignment(node)
        case .return:
            if node.a == SyntaxTree.none {
                emit(Instruction(.returnNone), node.position)
            } else {
                let value = try operand(node.a)
                emit(Instruction(.return, a: value), node.position)
            }
            markAllAssigned()
        case .break:
            unit.loops[unit.loops.count - 1].breaks.append(emitJump())
            markAllAssigned()
        case .continue:
            unit.loops[unit.loops.count - 1].continues.append(emitJump())
            markAllAssigned()
        case .if: try ifStatement(node)
        case .for: try forStatement(node)
        case .while: try whileStatement(node)
        case .def:
            let target = try targetOrTemporary(node.b)
            try makeFunction(Int(node.a), into: target, node.position)
            try store(target, in: node.b, node.position)
        case .load: try load(node)
        default: break
        }
        unit.top = saved
    }

    /// What follows is unreachable, so every claim about it holds.
    private mutating func markAllAssigned() {
        for index in unit.assigned.indices { unit.assigned[index] = true }
    }

    private mutating func assignment(_ node: SyntaxTree.Node) throws(SyntaxFault) {
        if node.op != Token.equal.rawValue { return try augmentedAssignment(node) }
        let target = tree[node.a]
        switch target.kind {
        case .name:
            if let register = localTarget(node.a) {
                try expression(node.b, into: register, isVariable: true)
                unit.assigned[register] = true
            } else {
                let value = try operand(node.b)
                try store(value, in: node.a, node.position)
            }
        default:
            let value = try operand(node.b)
            try assign(node.a, value, node.position)
        }
    }

    /// The register of a name that is a plain local; nil for cells, globals.
    private func localTarget(_ name: UInt32) -> Int? {
        let node = tree[name]
        guard node.op == NameScope.local.rawValue, !unit.scope.locals[Int(node.b)].isCell else { return nil }
        return Int(node.b)
    }

    /// The register of a plain local, else a fresh one.
    private mutating func targetOrTemporary(_ node: UInt32) throws(SyntaxFault) -> Int {
        if tree[node].kind == .name, let register = localTarget(node) { return register }
        return try reserve()
    }

    /// Stores a register's value in a variable.
    private mutating func store(_ value: Int, in name: UInt32, _ offset: UInt32) throws(SyntaxFault) {
        let node = tree[name]
        if node.op == NameScope.global.rawValue {
            emit(Instruction(.storeGlobal, a: value, wide: Int(node.b)), offset)
        } else if unit.scope.locals[Int(node.b)].isCell {
            emit(Instruction(.storeCell, a: Int(node.b), b: value), offset)
            unit.assigned[Int(node.b)] = true
        } else {
            if value != Int(node.b) { emit(Instruction(.move, a: Int(node.b), b: value), offset) }
            unit.assigned[Int(node.b)] = true
        }
    }

    private mutating func assign(_ target: UInt32, _ value: Int, _ offset: UInt32) throws(SyntaxFault) {
        let node = tree[target]
        let saved = unit.top
        switch node.kind {
        case .name: try store(value, in: target, offset)
        case .index:
            let object = try operand(node.a)
            let key = try operand(node.b)
            emit(Instruction(.setIndex, a: object, b: key, c: value), node.position)
        case .attribute:
            let object = try operand(node.a)
            let site = try attributeSite(node.b)
            emit(Instruction(.setAttribute, a: object, b: value, c: site), node.position)
        default:
            let count = Int(node.c)
            let first = try reserve(max(count, 1))
            emit(Instruction(.unpack, a: value, b: first, c: count), offset)
            for index in 0..<count { try assign(tree.extra[Int(node.b) + index], first + index, offset) }
        }
        unit.top = saved
    }

    private mutating func augmentedAssignment(_ node: SyntaxTree.Node) throws(SyntaxFault) {
        let target = tree[node.a]
        let op = Token(rawValue: node.op)!
        switch target.kind {
        case .index:
            let object = try temporary(target.a)
            let key = try temporary(target.b)
            let value = try reserve()
            emit(Instruction(.index, a: value, b: object, c: key), target.position)
            try combine(value, op, node.b, into: value, node.position, inPlace: true)
            emit(Instruction(.setIndex, a: object, b: key, c: value), target.position)
        case .attribute:
            let object = try temporary(target.a)
            let value = try reserve()
            let site = try attributeSite(target.b)
            emit(Instruction(.attribute, a: value, b: object, c: site), target.position)
            try combine(value, op, node.b, into: value, node.position, inPlace: true)
            emit(Instruction(.setAttribute, a: object, b: value, c: site), target.position)
        default:
            if let register = localTarget(node.a) {
                let value = try operand(node.a)
                try combine(value, op, node.b, into: register, node.position, inPlace: true)
                unit.assigned[register] = true
            } else {
                let value = try temporary(node.a)
                try combine(value, op, node.b, into: value, node.position, inPlace: true)
                try store(value, in: node.a, node.position)
            }
        }
    }

    private mutating func load(_ node: SyntaxTree.Node) throws(SyntaxFault) {
        let count = Int(node.c)
        var names: [StringObject] = []
        for item in 0..<count {
            let constant = constants[Int(tree.extra[Int(node.b) + 4 * item + 1])]
            if case .string(let text) = constant.payload { names.append(text) }
        }
        loadSites.append(
            LoadSite(
                module: constants[Int(node.a)].stringValue ?? "", names: names, offset: node.position,
                moduleOffset: node.position))
        let first = try reserve(max(count, 1))
        emit(Instruction(.load, a: first, wide: loadSites.count - 1), node.position)
        for item in 0..<count {
            try store(first + item, in: tree.extra[Int(node.b) + 4 * item], node.position)
        }
    }

    private mutating func ifStatement(_ node: SyntaxTree.Node) throws(SyntaxFault) {
        var ends: [Int] = []
        var merged: [Bool]?
        var hasElse = false
        for branch in 0..<Int(node.c) {
            let at = Int(node.b) + 3 * branch
            let condition = tree.extra[at]
            var skips: [Int] = []
            if condition == SyntaxTree.none { hasElse = true } else { skips = try branchIfFalse(condition) }
            let before = unit.assigned
            try statements(Int(tree.extra[at + 1])..<Int(tree.extra[at + 1] + tree.extra[at + 2]))
            merged = merge(merged, unit.assigned)
            unit.assigned = before
            if condition != SyntaxTree.none {
                if branch < Int(node.c) - 1 { ends.append(emitJump()) }
                patch(skips)
            }
        }
        patch(ends)
        if !hasElse { merged = merge(merged, unit.assigned) }
        if let merged { unit.assigned = merged }
    }

    private func merge(_ a: [Bool]?, _ b: [Bool]) -> [Bool] {
        guard let a else { return b }
        var result = b
        for index in result.indices where !a[index] { result[index] = false }
        return result
    }

    private mutating func forStatement(_ node: SyntaxTree.Node) throws(SyntaxFault) {
        let iterator = try reserve()
        let operand = try operand(node.b)
        emit(Instruction(.iterate, a: iterator, b: operand), node.position)
        let top = unit.words.count
        let item = try targetOrTemporary(node.a)
        emit(Instruction(.next, a: item, b: iterator), node.position)
        let exit = emitJump()
        let before = unit.assigned
        unit.loops.append(Loop(iterator: iterator))
        try assign(node.a, item, node.position)
        try body(node.c)
        let loop = unit.loops.removeLast()
        patch(loop.continues)
        emitLoop(to: top, node.position)
        patch(exit)
        patch(loop.breaks)
        unit.assigned = before
        emit(Instruction(.endIteration, a: iterator), node.position)
    }

    private mutating func whileStatement(_ node: SyntaxTree.Node) throws(SyntaxFault) {
        let top = unit.words.count
        let exits = try branchIfFalse(node.a)
        let before = unit.assigned
        unit.loops.append(Loop(iterator: nil))
        try body(node.c)
        let loop = unit.loops.removeLast()
        patch(loop.continues)
        emitLoop(to: top, node.position)
        patch(exits)
        patch(loop.breaks)
        unit.assigned = before
    }

    private mutating func emitLoop(to top: Int, _ offset: UInt32) {
        let cost = (unit.words.count - top) / 16 + 1
        emit(Instruction(.loop, a: min(cost, 0xFFFF), wide: top), offset)
    }

    // MARK: Conditions

    /// Emits code that goes on when the condition is true. Returns the jumps taken when it is false.
    private mutating func branchIfFalse(_ id: UInt32) throws(SyntaxFault) -> [Int] {
        let node = tree[id]
        let saved = unit.top
        defer { unit.top = saved }
        if node.kind == .unary, node.op == Token.not.rawValue {
            let value = try operand(node.a)
            return [emitJump(.jumpIfTrue, a: value, node.position)]
        }
        if node.kind == .binary {
            if node.op == Token.and.rawValue {
                // A chain leans to the left: flatten it.
                var parts = [node.b]
                var left = node.a
                while tree[left].kind == .binary, tree[left].op == Token.and.rawValue {
                    parts.append(tree[left].b)
                    left = tree[left].a
                }
                var jumps = try branchIfFalse(left)
                for part in parts.reversed() { jumps += try branchIfFalse(part) }
                return jumps
            }
            if let comparison = Self.comparison(node.op) {
                let left = try operand(node.a)
                if let small = smallInteger(node.b) {
                    emit(
                        Instruction(
                            .compareIntegerJump, a: left, b: small, c: 1, flag: comparison.rawValue), node.position)
                } else {
                    let right = try operand(node.b)
                    emit(
                        Instruction(.compareJump, a: left, b: right, c: 1, flag: comparison.rawValue),
                        node.position)
                }
                return [emitJump()]
            }
        }
        let value = try operand(id)
        return [emitJump(.jumpIfFalse, a: value, node.position)]
    }

    private static func comparison(_ op: UInt8) -> Comparison? {
        switch Token(rawValue: op) {
        case .equalEqual: return .equal
        case .notEqual: return .notEqual
        case .less: return .less
        case .lessEqual: return .lessEqual
        case .greater: return .greater
        case .greaterEqual: return .greaterEqual
        default: return nil
        }
    }

    /// The value of an integer literal of 16 bits.
    private func smallInteger(_ id: UInt32) -> Int? {
        guard tree[id].kind == .literal, let value = constants[Int(tree[id].a)].intValue,
            value >= -32768, value <= 32767
        else { return nil }
        return value
    }

    // MARK: Expressions

    /// A register that holds the value of an expression: a variable's own, or a fresh one.
    ///
    /// A variable's register may only be used while no other code that assigns the variable runs; expressions assign
    /// none but comprehension variables, so that is always so.
    private mutating func operand(_ id: UInt32) throws(SyntaxFault) -> Int {
        if tree[id].kind == .name, let register = localTarget(id) {
            if !unit.assigned[register] {
                emit(Instruction(.checkLocal, a: register), tree[id].position)
            }
            return register
        }
        let register = try reserve()
        try expression(id, into: register)
        return register
    }

    /// As `operand`, but never a variable's own register.
    private mutating func temporary(_ id: UInt32) throws(SyntaxFault) -> Int {
        let register = try reserve()
        try expression(id, into: register)
        return register
    }

    /// Evaluates into a register. `isVariable`: the register is a variable that the expression may itself read.
    private mutating func expression(
        _ id: UInt32, into target: Int, isVariable: Bool = false
    ) throws(SyntaxFault) {
        let saved = unit.top
        defer { unit.top = saved }
        // The left sides of operators and suffixes nest as deep as the text is long: walk them without recursion.
        var spine: [UInt32] = []
        var current = id
        descend: while true {
            switch tree[current].kind {
            case .binary, .attribute, .index, .slice, .call:
                spine.append(current)
                current = tree[current].a
            default: break descend
            }
        }
        if spine.isEmpty {
            return try leaf(id, into: target, isVariable: isVariable)
        }
        // A method call takes attribute and call together.
        var register = -1
        func isLeafOperand(_ id: UInt32) -> Bool { tree[id].kind == .name && localTarget(id) != nil }
        // Intermediate results go to a temporary; a variable must not change before the last step.
        let work = isVariable ? -1 : target
        var scratch = work
        if isLeafOperand(current), !startsCall(spine) {
            register = try operand(current)
        } else {
            if startsCall(spine) || scratch < 0 { scratch = try reserve() }
            try leaf(current, into: scratch)
            register = scratch
        }
        var level = spine.count - 1
        while level >= 0 {
            let node = tree[spine[level]]
            let isLast = level == 0
            switch node.kind {
            case .binary where node.op == Token.and.rawValue || node.op == Token.or.rawValue:
                if scratch < 0 { scratch = try reserve() }
                let base = unit.top
                if register != scratch { emit(Instruction(.move, a: scratch, b: register), node.position) }
                let op: Opcode = node.op == Token.and.rawValue ? .jumpIfFalse : .jumpIfTrue
                let skip = emitJump(op, a: scratch, node.position)
                let before = unit.assigned
                try expression(node.b, into: scratch)
                unit.assigned = before
                patch(skip)
                register = scratch
                unit.top = base
            case .call:
                // The callee must lie at the top of the frame.
                let callee: Int
                if register == unit.top - 1, register >= unit.scope.locals.count {
                    callee = register
                } else {
                    callee = try reserve()
                    emit(Instruction(.move, a: callee, b: register), node.position)
                }
                try call(node, callee, method: nil)
                register = callee
                if isLast, register != target {
                    emit(Instruction(.move, a: target, b: register), node.position)
                    register = target
                }
            case .attribute where level > 0 && tree[spine[level - 1]].kind == .call:
                let callNode = tree[spine[level - 1]]
                let callee: Int
                if register == unit.top - 1, register >= unit.scope.locals.count {
                    callee = register
                } else {
                    callee = try reserve()
                    emit(Instruction(.move, a: callee, b: register), node.position)
                }
                try call(callNode, callee, method: node)
                level -= 1
                register = callee
                if level == 0, register != target {
                    emit(Instruction(.move, a: target, b: register), node.position)
                    register = target
                }
            default:
                let destination: Int
                if isLast {
                    destination = target
                } else {
                    if scratch < 0 { scratch = try reserve() }
                    destination = scratch
                }
                let base = unit.top
                try suffix(node, register, into: destination)
                unit.top = base
                register = destination
            }
            level -= 1
        }
        if register != target { emit(Instruction(.move, a: target, b: register), tree[id].position) }
    }

    /// True when the first step applied to the innermost operand is a call or method call.
    private func startsCall(_ spine: [UInt32]) -> Bool {
        let last = spine[spine.count - 1]
        if tree[last].kind == .call { return true }
        return spine.count > 1 && tree[last].kind == .attribute && tree[spine[spine.count - 2]].kind == .call
    }

    /// One binary operation, attribute, index or slice of the value in `register`.
    private mutating func suffix(
        _ node: SyntaxTree.Node, _ register: Int, into target: Int
    ) throws(SyntaxFault) {
        switch node.kind {
        case .binary: try combine(register, Token(rawValue: node.op)!, node.b, into: target, node.position)
        case .attribute:
            let site = try attributeSite(node.b)
            emit(Instruction(.attribute, a: target, b: register, c: site), node.position)
        case .index:
            let key = try operand(node.b)
            emit(Instruction(.index, a: target, b: register, c: key), node.position)
        default:
            let first = try reserve(3)
            for index in 0..<3 {
                let bound = tree.extra[Int(node.b) + index]
                if bound == SyntaxTree.none {
                    emit(Instruction(.constant, a: first + index, wide: noneConstant()), node.position)
                } else {
                    try expression(bound, into: first + index)
                }
            }
            emit(Instruction(.slice, a: target, b: register, c: first), node.position)
        }
    }

    private var noneIndex: Int?
    private mutating func noneConstant() -> Int {
        if let noneIndex { return noneIndex }
        constants.append(.none)
        noneIndex = constants.count - 1
        return constants.count - 1
    }

    /// target = left op (value of `right`)
    private mutating func combine(
        _ left: Int, _ op: Token, _ right: UInt32, into target: Int, _ offset: UInt32, inPlace: Bool = false
    ) throws(SyntaxFault) {
        if let comparison = Self.comparison(op.rawValue) {
            let value = try operand(right)
            emit(Instruction(.compare, a: target, b: left, c: value, flag: comparison.rawValue), offset)
            return
        }
        if let small = smallInteger(right) {
            let immediate: Opcode? =
                switch op {
                case .plus: .addInteger
                case .minus: .subtractInteger
                case .star: .multiplyInteger
                case .percent: small > 0 ? .moduloInteger : nil
                default: nil
                }
            if let immediate {
                emit(Instruction(immediate, a: target, b: left, c: small), offset)
                return
            }
        }
        let value = try operand(right)
        switch op {
        case .plus: emit(Instruction(inPlace ? .addInPlace : .add, a: target, b: left, c: value), offset)
        case .minus: emit(Instruction(.subtract, a: target, b: left, c: value), offset)
        case .star: emit(Instruction(.multiply, a: target, b: left, c: value), offset)
        case .percent: emit(Instruction(.modulo, a: target, b: left, c: value), offset)
        case .pipe where inPlace: emit(Instruction(.orInPlace, a: target, b: left, c: value), offset)
        default: emit(Instruction(.binary, a: target, b: left, c: value, flag: op.rawValue), offset)
        }
    }

    private mutating func attributeSite(_ symbol: UInt32) throws(SyntaxFault) -> Int {
        if let known = attributeIndex[symbol] { return known }
        attributeSites.append(AttributeSite(object(symbol)))
        attributeIndex[symbol] = attributeSites.count - 1
        if attributeSites.count > 0xFFFF {
            throw SyntaxFault(offset: Int(unit.position), message: "program too large: too many attribute names")
        }
        return attributeSites.count - 1
    }

    /// An expression that is no operator or suffix.
    private mutating func leaf(_ id: UInt32, into target: Int, isVariable: Bool = false) throws(SyntaxFault) {
        let node = tree[id]
        switch node.kind {
        case .name: try name(id, into: target)
        case .literal: literal(Int(node.a), into: target, node.position)
        case .list: try list(node, into: target, isVariable: isVariable)
        case .tuple:
            if node.c == 0 {
                literal(emptyTupleConstant(), into: target, node.position)
            } else {
                let first = try elements(node)
                emit(Instruction(.tuple, a: target, b: first, c: Int(node.c)), node.position)
            }
        case .dict: try dict(node, into: target, isVariable: isVariable)
        case .listComprehension, .dictComprehension: try comprehension(node, into: target, isVariable: isVariable)
        case .unary: try unary(node, into: target)
        case .conditional:
            let skips = try branchIfFalse(node.b)
            let before = unit.assigned
            try expression(node.a, into: target, isVariable: isVariable)
            let end = emitJump()
            patch(skips)
            unit.assigned = before
            try expression(node.c, into: target, isVariable: isVariable)
            unit.assigned = before
            patch(end)
        case .lambda: try makeFunction(Int(node.a), into: target, node.position)
        default: try expression(id, into: target, isVariable: isVariable)
        }
    }

    private var emptyTupleIndex: Int?
    private mutating func emptyTupleConstant() -> Int {
        if let emptyTupleIndex { return emptyTupleIndex }
        constants.append(Value(.tuple(.empty)))
        emptyTupleIndex = constants.count - 1
        return constants.count - 1
    }

    private mutating func literal(_ constant: Int, into target: Int, _ offset: UInt32) {
        if let value = constants[constant].intValue, Int(Int32(truncatingIfNeeded: value)) == value {
            emit(Instruction(.integer, a: target, wide: value), offset)
        } else {
            emit(Instruction(.constant, a: target, wide: constant), offset)
        }
    }

    private mutating func name(_ id: UInt32, into target: Int) throws(SyntaxFault) {
        let node = tree[id]
        switch NameScope(rawValue: node.op)! {
        case .local:
            let register = Int(node.b)
            if unit.scope.locals[register].isCell {
                emit(Instruction(.loadCell, a: target, b: register), node.position)
            } else {
                if !unit.assigned[register] { emit(Instruction(.checkLocal, a: register), node.position) }
                if register != target { emit(Instruction(.move, a: target, b: register), node.position) }
            }
        case .free: emit(Instruction(.loadFree, a: target, b: Int(node.b)), node.position)
        case .global: emit(Instruction(.loadGlobal, a: target, wide: Int(node.b)), node.position)
        case .predeclared: emit(Instruction(.loadPredeclared, a: target, wide: Int(node.b)), node.position)
        case .universal: emit(Instruction(.constant, a: target, wide: Int(node.b)), node.position)
        case .undefined:
            throw SyntaxFault(offset: Int(node.position), message: "undefined: \(symbols.text(of: node.a))")
        }
    }

    private mutating func unary(_ node: SyntaxTree.Node, into target: Int) throws(SyntaxFault) {
        let op = Token(rawValue: node.op)!
        if op == .minus, tree[node.a].kind == .literal, let value = constants[Int(tree[node.a].a)].intValue, value > 0 {
            constants.append(.int(-value))
            return literal(constants.count - 1, into: target, node.position)
        }
        let value = try operand(node.a)
        if op == .not {
            emit(Instruction(.not, a: target, b: value), node.position)
        } else {
            emit(Instruction(.unary, a: target, b: value, flag: op.rawValue), node.position)
        }
    }

    /// Evaluates the elements of a short display into consecutive registers.
    private mutating func elements(_ node: SyntaxTree.Node) throws(SyntaxFault) -> Int {
        let first = try reserve(max(Int(node.c), 1))
        for index in 0..<Int(node.c) { try expression(tree.extra[Int(node.b) + index], into: first + index) }
        return first
    }

    private mutating func list(_ node: SyntaxTree.Node, into target: Int, isVariable: Bool) throws(SyntaxFault) {
        let count = Int(node.c)
        if count > 0, let constant = constantElements(node) {
            emit(Instruction(.constantList, a: target, wide: constant), node.position)
        } else if count <= 32 {
            let first = try elements(node)
            emit(Instruction(.list, a: target, b: first, c: count), node.position)
        } else {
            let list = try reserve()
            emit(Instruction(.emptyList, a: list, wide: count), node.position)
            for index in 0..<count {
                let saved = unit.top
                let value = try operand(tree.extra[Int(node.b) + index])
                emit(Instruction(.append, a: list, b: value), node.position)
                unit.top = saved
            }
            emit(Instruction(.move, a: target, b: list), node.position)
        }
    }

    /// A tuple constant of the elements when all are literals.
    private mutating func constantElements(_ node: SyntaxTree.Node) -> Int? {
        for index in 0..<Int(node.c) where tree[tree.extra[Int(node.b) + index]].kind != .literal { return nil }
        let values = (0..<Int(node.c)).map { constants[Int(tree[tree.extra[Int(node.b) + $0]].a)] }
        constants.append(.tuple(values))
        return constants.count - 1
    }

    private mutating func dict(_ node: SyntaxTree.Node, into target: Int, isVariable: Bool) throws(SyntaxFault) {
        let count = Int(node.c)
        // A variable being assigned may be read by the entries: build beside it.
        let dict = isVariable && count > 0 ? try reserve() : target
        emit(Instruction(.emptyDict, a: dict, wide: count), node.position)
        for index in 0..<count {
            let entry = tree[tree.extra[Int(node.b) + index]]
            let saved = unit.top
            if tree[entry.a].kind == .literal, fits(Int(tree[entry.a].a)) {
                let value = try operand(entry.b)
                emit(
                    Instruction(.insertNewConstant, a: dict, b: Int(tree[entry.a].a), c: value), entry.position)
            } else {
                let key = try operand(entry.a)
                let value = try operand(entry.b)
                emit(Instruction(.insertNew, a: dict, b: key, c: value), entry.position)
            }
            unit.top = saved
        }
        if dict != target { emit(Instruction(.move, a: target, b: dict), node.position) }
    }

    private mutating func comprehension(
        _ node: SyntaxTree.Node, into target: Int, isVariable: Bool
    ) throws(SyntaxFault) {
        let result = try reserve()
        let isList = node.kind == .listComprehension
        emit(Instruction(isList ? .emptyList : .emptyDict, a: result, wide: 0), node.position)
        let before = unit.assigned
        try clauses(node, 0, result)
        unit.assigned = before
        emit(Instruction(.move, a: target, b: result), node.position)
    }

    private mutating func clauses(_ node: SyntaxTree.Node, _ number: Int, _ result: Int) throws(SyntaxFault) {
        // Loops opened on the way are closed on the way back; clauses are many only if somebody writes so many.
        struct Open {
            let top: Int
            let exit: Int
            let iterator: Int
            let position: UInt32
        }
        var loops: [Open] = []
        var skips: [[Int]] = []
        for index in 0..<Int(node.c) {
            let clause = tree[tree.extra[Int(node.b) + index]]
            if clause.kind == .ifClause {
                skips[skips.count - 1] += try branchIfFalse(clause.a)
                continue
            }
            let iterator = try reserve()
            let operand = try operand(clause.b)
            emit(Instruction(.iterate, a: iterator, b: operand), clause.position)
            let top = unit.words.count
            let item = try targetOrTemporary(clause.a)
            emit(Instruction(.next, a: item, b: iterator), clause.position)
            let exit = emitJump()
            try assign(clause.a, item, clause.position)
            loops.append(Open(top: top, exit: exit, iterator: iterator, position: clause.position))
            skips.append([])
        }
        let saved = unit.top
        if node.kind == .listComprehension {
            let value = try operand(node.a)
            emit(Instruction(.append, a: result, b: value), node.position)
        } else {
            let entry = tree[node.a]
            let key = try operand(entry.a)
            let value = try operand(entry.b)
            emit(Instruction(.insert, a: result, b: key, c: value), entry.position)
        }
        unit.top = saved
        for loop in loops.reversed() {
            patch(skips.removeLast())
            emitLoop(to: loop.top, loop.position)
            patch(loop.exit)
            emit(Instruction(.endIteration, a: loop.iterator), loop.position)
        }
    }

    // MARK: Calls

    /// Calls what lies in `callee`, the topmost register; with `method`, its method of that name.
    private mutating func call(
        _ node: SyntaxTree.Node, _ callee: Int, method: SyntaxTree.Node?
    ) throws(SyntaxFault) {
        var site = CallSite()
        var positional = 0
        var starArguments: [UInt32] = []
        for index in 0..<Int(node.c) {
            let argument = tree.extra[Int(node.b) + index]
            let kind = tree[argument].kind
            if kind == .starArgument || kind == .starStarArgument {
                starArguments.append(tree[argument].a)
                if kind == .starArgument { site.hasStar = true } else { site.hasStarStar = true }
                continue
            }
            let register = try reserve()
            if kind == .namedArgument {
                site.names.append(object(tree[argument].a))
                try expression(tree[argument].b, into: register)
            } else {
                positional += 1
                try expression(argument, into: register)
            }
        }
        for argument in starArguments {
            let register = try reserve()
            try expression(argument, into: register)
        }
        var siteIndex = 0
        if !site.names.isEmpty || site.hasStar || site.hasStarStar {
            siteIndex = try callSite(site)
        }
        if let method {
            let attribute = try attributeSite(method.b)
            emit(Instruction(.callMethod, a: callee, c: attribute), method.position)
            emit(Instruction(.methodArguments, a: callee, b: positional, c: siteIndex), node.position)
        } else if siteIndex != 0 {
            emit(Instruction(.callNamed, a: callee, b: positional, c: siteIndex), node.position)
        } else {
            emit(Instruction(.call, a: callee, b: positional), node.position)
        }
        unit.top = callee + 1
    }

    private var callSiteIndex: [[ObjectIdentifier]: Int] = [:]

    /// Call sites with the same names are one.
    private mutating func callSite(_ site: CallSite) throws(SyntaxFault) -> Int {
        if !site.hasStar, !site.hasStarStar {
            let key = site.names.map { ObjectIdentifier($0) }
            if let known = callSiteIndex[key] { return known }
            callSiteIndex[key] = callSites.count
        }
        callSites.append(site)
        if callSites.count > 0xFFFF {
            throw SyntaxFault(offset: Int(unit.position), message: "program too large: too many kinds of calls")
        }
        return callSites.count - 1
    }
}
