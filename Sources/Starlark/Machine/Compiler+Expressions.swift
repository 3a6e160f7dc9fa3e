/// Expressions: operators and suffixes along a spine, then everything else.
extension Compiler {
    /// A register that holds the value of an expression: a variable's own, or a fresh one.
    ///
    /// A variable's register may only be used while no other code that assigns the variable runs; expressions assign
    /// none but comprehension variables, so that is always so.
    mutating func operand(_ id: UInt32) throws(SyntaxFault) -> Int {
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
    mutating func temporary(_ id: UInt32) throws(SyntaxFault) -> Int {
        let register = try reserve()
        try expression(id, into: register)
        return register
    }

    /// Evaluates into a register. `isVariable`: the register is a variable that the expression may itself read.
    mutating func expression(
        _ id: UInt32, into target: Int, isVariable: Bool = false
    ) throws(SyntaxFault) {
        try checkStack(id)
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
    func startsCall(_ spine: [UInt32]) -> Bool {
        let last = spine[spine.count - 1]
        if tree[last].kind == .call { return true }
        return spine.count > 1 && tree[last].kind == .attribute && tree[spine[spine.count - 2]].kind == .call
    }

    /// One binary operation, attribute, index or slice of the value in `register`.
    mutating func suffix(
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
            emit(Instruction(.slice, a: target, b: register, c: first), slicePosition(node))
        }
    }

    mutating func noneConstant() -> Int {
        if let noneIndex { return noneIndex }
        constants.append(.none)
        noneIndex = constants.count - 1
        return constants.count - 1
    }

    /// target = left op (value of `right`)
    mutating func combine(
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

    mutating func attributeSite(_ symbol: UInt32) throws(SyntaxFault) -> Int {
        if let known = attributeIndex[symbol] { return known }
        attributeSites.append(AttributeSite(object(symbol)))
        attributeIndex[symbol] = attributeSites.count - 1
        if attributeSites.count > 0xFFFF {
            throw SyntaxFault(offset: Int(unit.position), message: "program too large: too many attribute names")
        }
        return attributeSites.count - 1
    }

    /// An expression that is no operator or suffix.
    mutating func leaf(_ id: UInt32, into target: Int, isVariable: Bool = false) throws(SyntaxFault) {
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

    mutating func emptyTupleConstant() -> Int {
        if let emptyTupleIndex { return emptyTupleIndex }
        constants.append(Value(.tuple(.empty)))
        emptyTupleIndex = constants.count - 1
        return constants.count - 1
    }

    mutating func literal(_ constant: Int, into target: Int, _ offset: UInt32) {
        if let value = constants[constant].intValue, Int(Int32(truncatingIfNeeded: value)) == value {
            emit(Instruction(.integer, a: target, wide: value), offset)
        } else {
            emit(Instruction(.constant, a: target, wide: constant), offset)
        }
    }

    mutating func name(_ id: UInt32, into target: Int) throws(SyntaxFault) {
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

    mutating func unary(_ node: SyntaxTree.Node, into target: Int) throws(SyntaxFault) {
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
    mutating func elements(_ node: SyntaxTree.Node) throws(SyntaxFault) -> Int {
        let first = try reserve(max(Int(node.c), 1))
        for index in 0..<Int(node.c) { try expression(tree.extra[Int(node.b) + index], into: first + index) }
        return first
    }

    mutating func list(_ node: SyntaxTree.Node, into target: Int, isVariable: Bool) throws(SyntaxFault) {
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
    mutating func constantElements(_ node: SyntaxTree.Node) -> Int? {
        for index in 0..<Int(node.c) where tree[tree.extra[Int(node.b) + index]].kind != .literal { return nil }
        let values = (0..<Int(node.c)).map { constants[Int(tree[tree.extra[Int(node.b) + $0]].a)] }
        constants.append(.tuple(values))
        return constants.count - 1
    }

    mutating func dict(_ node: SyntaxTree.Node, into target: Int, isVariable: Bool) throws(SyntaxFault) {
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

    mutating func comprehension(
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

    mutating func clauses(_ node: SyntaxTree.Node, _ number: Int, _ result: Int) throws(SyntaxFault) {
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
}
