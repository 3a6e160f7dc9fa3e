/// Positions that errors are reported at when the failing operation has none of its own.
///
/// In starlark-go an operation without position shares that of the instruction before it. Slices are such operations,
/// and so is the binding of arguments, which counts as the function's first instruction.
extension Compiler {
    /// How far to look: longer chains than these are not written by people.
    private static let reach = 64

    /// Where a function's failed argument binding is reported: its first instruction's position, else the definition.
    func reportedPosition(_ syntax: FunctionSyntax) -> UInt32 {
        if syntax.expression != SyntaxTree.none { return firstPosition(syntax.expression) ?? syntax.position }
        for index in syntax.body {
            let statement = tree[tree.extra[index]]
            switch statement.kind {
            case .pass: continue
            case .expression:
                if tree[statement.a].kind == .literal { continue }  // a comment
                return firstPosition(statement.a) ?? syntax.position
            case .return:
                guard statement.a != SyntaxTree.none else { return syntax.position }
                return firstPosition(statement.a) ?? syntax.position
            case .assign:
                let isPlain = statement.op == Token.equal.rawValue
                return firstPosition(isPlain ? statement.b : statement.a) ?? syntax.position
            case .if: return firstPosition(tree.extra[Int(statement.b)]) ?? syntax.position
            case .for: return firstPosition(statement.b) ?? statement.position
            case .while: return firstPosition(statement.a) ?? syntax.position
            case .def: return statement.position
            default: return syntax.position
            }
        }
        return syntax.position
    }

    /// Where a failed slice is reported.
    func slicePosition(_ node: SyntaxTree.Node) -> UInt32 { slicePosition(node, Self.reach) }

    /// The position of the first instruction for an expression, nil when it has none.
    private func firstPosition(_ id: UInt32) -> UInt32? {
        var id = id
        var bracket: UInt32?
        while true {
            let node = tree[id]
            switch node.kind {
            case .name: return node.op == NameScope.universal.rawValue ? bracket : node.position
            case .list, .tuple:
                guard node.c > 0 else { return bracket }
                id = tree.extra[Int(node.b)]
            case .slice:
                bracket = node.position
                id = node.a
            case .conditional: id = node.b
            case .binary, .unary, .call, .attribute, .index: id = node.a
            case .lambda: return node.position
            default: return bracket
            }
        }
    }

    /// The position of the last instruction for an expression that has one.
    private func lastPosition(_ id: UInt32, _ reach: Int) -> UInt32? {
        let node = tree[id]
        if reach == 0 { return node.position }
        switch node.kind {
        case .name: return node.op == NameScope.universal.rawValue ? nil : node.position
        case .literal: return nil
        case .list, .tuple:
            for index in (0..<Int(node.c)).reversed() {
                if let position = lastPosition(tree.extra[Int(node.b) + index], reach - 1) { return position }
            }
            return nil
        case .dict: return node.c > 0 ? tree[tree.extra[Int(node.b + node.c - 1)]].position : nil
        case .binary where node.op == Token.and.rawValue || node.op == Token.or.rawValue:
            return lastPosition(node.b, reach - 1) ?? lastPosition(node.a, reach - 1)
        case .conditional:
            return lastPosition(node.c, reach - 1) ?? lastPosition(node.a, reach - 1) ?? lastPosition(node.b, reach - 1)
        case .slice: return slicePosition(node, reach - 1)
        default: return node.position
        }
    }

    private func slicePosition(_ node: SyntaxTree.Node, _ reach: Int) -> UInt32 {
        for bound in (0..<3).reversed() {
            let id = tree.extra[Int(node.b) + bound]
            if id != SyntaxTree.none, let position = lastPosition(id, reach) { return position }
        }
        return lastPosition(node.a, reach) ?? node.position
    }
}
