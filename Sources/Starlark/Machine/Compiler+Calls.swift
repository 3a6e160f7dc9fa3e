/// Calls and their shapes.
extension Compiler {
    /// Calls what lies in `callee`, the topmost register; with `method`, its method of that name.
    mutating func call(
        _ node: SyntaxTree.Node, _ callee: Int, method: SyntaxTree.Node?
    ) throws(SyntaxFault) {
        var names: [StringObject] = []
        var hasStar = false
        var hasStarStar = false
        var positional = 0
        var starArguments: [UInt32] = []
        for index in 0..<Int(node.c) {
            let argument = tree.extra[Int(node.b) + index]
            let kind = tree[argument].kind
            if kind == .starArgument || kind == .starStarArgument {
                starArguments.append(tree[argument].a)
                if kind == .starArgument { hasStar = true } else { hasStarStar = true }
                continue
            }
            let register = try reserve()
            if kind == .namedArgument {
                names.append(object(tree[argument].a))
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
        if !names.isEmpty || hasStar || hasStarStar {
            siteIndex = try callSite(CallSite(names: names, hasStar: hasStar, hasStarStar: hasStarStar))
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

    /// Call sites with the same names are one.
    mutating func callSite(_ site: CallSite) throws(SyntaxFault) -> Int {
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
