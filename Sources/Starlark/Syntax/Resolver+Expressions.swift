/// Functions, calls and other expressions.
extension Resolver {
    // MARK: Functions

    mutating func function(_ index: Int) {
        let syntax = tree.functions[index]
        for parameter in syntax.parameters where parameter.defaultValue != SyntaxTree.none {
            expression(parameter.defaultValue)
        }
        let outer = block
        let inner = open(function: index)
        blocks[blocks[outer].container].children.append(inner)
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

    mutating func expression(_ id: UInt32) {
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
        block = open(function: nil)
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
                if names.count < 256, names.contains(argument.a) {
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
