/// Statements, with the analysis of which variables certainly have a value.
extension Compiler {
    // MARK: Statements

    mutating func statements(_ range: Range<Int>) throws(SyntaxFault) {
        for index in range { try statement(tree.extra[index]) }
    }

    mutating func body(_ index: UInt32) throws(SyntaxFault) {
        let start = Int(tree.extra[Int(index)])
        try statements(start..<start + Int(tree.extra[Int(index) + 1]))
    }

    /// Refuses to go deeper than the native stack allows.
    func checkStack(_ id: UInt32) throws(SyntaxFault) {
        if stack.isExhausted { throw SyntaxFault(offset: Int(tree[id].position), message: "nesting too deep") }
    }

    mutating func statement(_ id: UInt32) throws(SyntaxFault) {
        try checkStack(id)
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
    mutating func markAllAssigned() {
        for index in unit.assigned.indices { unit.assigned[index] = true }
    }

    mutating func assignment(_ node: SyntaxTree.Node) throws(SyntaxFault) {
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
    func localTarget(_ name: UInt32) -> Int? {
        let node = tree[name]
        guard node.op == NameScope.local.rawValue, !unit.scope.locals[Int(node.b)].isCell else { return nil }
        return Int(node.b)
    }

    /// The register of a plain local, else a fresh one.
    mutating func targetOrTemporary(_ node: UInt32) throws(SyntaxFault) -> Int {
        if tree[node].kind == .name, let register = localTarget(node) { return register }
        return try reserve()
    }

    /// Stores a register's value in a variable.
    mutating func store(_ value: Int, in name: UInt32, _ offset: UInt32) throws(SyntaxFault) {
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

    mutating func assign(_ target: UInt32, _ value: Int, _ offset: UInt32) throws(SyntaxFault) {
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

    mutating func augmentedAssignment(_ node: SyntaxTree.Node) throws(SyntaxFault) {
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

    mutating func load(_ node: SyntaxTree.Node) throws(SyntaxFault) {
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

    mutating func ifStatement(_ node: SyntaxTree.Node) throws(SyntaxFault) {
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

    func merge(_ a: [Bool]?, _ b: [Bool]) -> [Bool] {
        guard let a else { return b }
        var result = b
        for index in result.indices where !a[index] { result[index] = false }
        return result
    }

    mutating func forStatement(_ node: SyntaxTree.Node) throws(SyntaxFault) {
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

    mutating func whileStatement(_ node: SyntaxTree.Node) throws(SyntaxFault) {
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

    mutating func emitLoop(to top: Int, _ offset: UInt32) {
        let cost = (unit.words.count - top) / 16 + 1
        emit(Instruction(.loop, a: min(cost, 0xFFFF), wide: top), offset)
    }

    // MARK: Conditions

    /// Emits code that goes on when the condition is true. Returns the jumps taken when it is false.
    mutating func branchIfFalse(_ id: UInt32) throws(SyntaxFault) -> [Int] {
        try checkStack(id)
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

    static func comparison(_ op: UInt8) -> Comparison? {
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
    func smallInteger(_ id: UInt32) -> Int? {
        guard tree[id].kind == .literal, let value = constants[Int(tree[id].a)].intValue,
            value >= -32768, value <= 32767
        else { return nil }
        return value
    }
}
