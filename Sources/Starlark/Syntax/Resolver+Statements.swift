/// Statements and the targets of assignments.
extension Resolver {
    mutating func statements(_ range: Range<Int>) {
        for index in range { statement(tree.extra[index]) }
    }

    private mutating func body(_ index: UInt32) {
        let start = Int(tree.extra[Int(index)])
        statements(start..<start + Int(tree.extra[Int(index) + 1]))
    }

    /// Refuses to go deeper than the native stack allows; complains once.
    mutating func stopsHere(_ id: UInt32) -> Bool {
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

    mutating func assign(_ target: UInt32, augmented: Bool) {
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
}
