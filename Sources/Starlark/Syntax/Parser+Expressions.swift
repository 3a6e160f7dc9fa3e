/// Expressions, by precedence climbing.
extension Parser {
    func endsExpressionList(_ token: Token) -> Bool {
        switch token {
        case .endOfFile, .newline, .equal, .rightBrace, .rightBracket, .rightParen, .semicolon: return true
        default: return false
        }
    }

    /// An expression or an unparenthesised tuple.
    mutating func parseExpression(inParens: Bool) throws(SyntaxFault) -> UInt32 {
        let at = position
        let first = try parseTest()
        guard scanner.token == .comma else { return first }
        let mark = scratch.count
        scratch.append(first)
        try parseExpressionList(allowTrailingComma: inParens)
        return finishTuple(mark, position: at)
    }

    mutating func parseExpressionList(allowTrailingComma: Bool) throws(SyntaxFault) {
        while scanner.token == .comma {
            let comma = scanner.start
            try scanner.next()
            if endsExpressionList(scanner.token) {
                if !allowTrailingComma {
                    try complain(comma, "unparenthesized tuple with trailing comma")
                }
                break
            }
            let next = try parseTest()
            scratch.append(next)
        }
    }

    /// An expression without commas.
    mutating func parseTest() throws(SyntaxFault) -> UInt32 {
        if scanner.token == .lambda { return try parseLambda(withConditional: true) }
        let value = try parseOperators(0)
        guard scanner.token == .if else { return value }
        try enter()
        defer { depth -= 1 }
        let at = position
        try scanner.next()
        let condition = try parseOperators(0)
        guard scanner.token == .else else {
            throw SyntaxFault(offset: Int(at), message: "conditional expression without else clause")
        }
        try scanner.next()
        let alternative = try parseTest()
        return add(.init(kind: .conditional, position: at, a: value, b: condition, c: alternative))
    }

    mutating func parseTestWithoutConditional() throws(SyntaxFault) -> UInt32 {
        scanner.token == .lambda ? try parseLambda(withConditional: false) : try parseOperators(0)
    }

    static let notLevel = 2
    static let comparisonLevel = 3

    /// The binding strength of a binary operator, -1 for other tokens.
    @inline(__always) func level(_ token: Token) -> Int {
        switch token {
        case .or: return 0
        case .and: return 1
        case .equalEqual, .notEqual, .less, .greater, .lessEqual, .greaterEqual, .in, .not, .notIn: return 3
        case .pipe: return 4
        case .circumflex: return 5
        case .ampersand: return 6
        case .shiftLeft, .shiftRight: return 7
        case .plus, .minus: return 8
        case .star, .slash, .slashSlash, .percent: return 9
        default: return -1
        }
    }

    /// Operators of at least the given strength.
    mutating func parseOperators(_ minimum: Int) throws(SyntaxFault) -> UInt32 {
        var left: UInt32
        if scanner.token == .not, minimum <= Self.notLevel {
            try enter()
            defer { depth -= 1 }
            let at = position
            try scanner.next()
            let operand = try parseOperators(Self.notLevel)
            left = add(.init(kind: .unary, op: Token.not.rawValue, position: at, a: operand))
        } else {
            left = try parsePrimaryWithSuffixes()
        }
        var comparison: Token?
        while true {
            let strength = level(scanner.token)
            if strength < minimum { return left }
            var op = scanner.token
            if op == .not {
                try scanner.next()
                guard scanner.token == .in else { throw unexpected("in") }
                op = .notIn
            }
            let at = position
            if strength == Self.comparisonLevel {
                if let comparison {
                    try complain(
                        Int(at), "\(comparison.spelling) does not associate with \(op.spelling) (use parens)")
                }
                comparison = op
            } else if strength < Self.comparisonLevel {
                comparison = nil
            }
            try scanner.next()
            let right = try parseOperators(strength + 1)
            left = add(.init(kind: .binary, op: op.rawValue, position: at, a: left, b: right))
        }
    }

    mutating func parsePrimaryWithSuffixes() throws(SyntaxFault) -> UInt32 {
        var value = try parsePrimary()
        while true {
            let at = position
            switch scanner.token {
            case .dot:
                try scanner.next()
                guard scanner.token == .identifier else {
                    throw SyntaxFault(offset: scanner.start, message: "not an identifier")
                }
                value = add(
                    .init(kind: .attribute, position: at, a: value, b: scanner.symbol, c: position))
                try scanner.next()
            case .leftParen: value = try parseCall(value)
            case .leftBracket: value = try parseIndex(value)
            default: return value
            }
        }
    }

    mutating func parseCall(_ callee: UInt32) throws(SyntaxFault) -> UInt32 {
        try enter()
        defer { depth -= 1 }
        let at = position
        try scanner.next()
        let mark = scratch.count
        while scanner.token != .rightParen, scanner.token != .endOfFile {
            if scratch.count > mark { try consume(.comma) }
            if scanner.token == .rightParen { break }
            let start = position
            if scanner.token == .star || scanner.token == .starStar {
                let kind: NodeKind = scanner.token == .star ? .starArgument : .starStarArgument
                try scanner.next()
                let value = try parseTest()
                scratch.append(add(.init(kind: kind, position: start, a: value)))
                continue
            }
            var value = try parseTest()
            if scanner.token == .equal {
                let node = tree[value]
                guard node.kind == .name, node.c == SyntaxTree.none else {
                    throw SyntaxFault(
                        offset: scanner.start, message: "keyword argument must have form name=expr")
                }
                tree.nodes.removeLast()
                try scanner.next()
                let argument = try parseTest()
                value = add(.init(kind: .namedArgument, position: start, a: node.a, b: argument))
            }
            scratch.append(value)
        }
        try consume(.rightParen)
        let list = takeList(mark)
        return add(
            .init(kind: .call, position: at, a: callee, b: UInt32(list.lowerBound), c: UInt32(list.count)))
    }

    mutating func parseIndex(_ object: UInt32) throws(SyntaxFault) -> UInt32 {
        try enter()
        defer { depth -= 1 }
        let at = position
        try scanner.next()
        var low = SyntaxTree.none
        var high = SyntaxTree.none
        var step = SyntaxTree.none
        if scanner.token != .colon {
            low = try parseExpression(inParens: false)
            if scanner.token == .rightBracket {
                try scanner.next()
                return add(.init(kind: .index, position: at, a: object, b: low))
            }
        }
        if scanner.token == .colon {
            try scanner.next()
            if scanner.token != .colon, scanner.token != .rightBracket { high = try parseTest() }
        }
        if scanner.token == .colon {
            try scanner.next()
            if scanner.token != .rightBracket { step = try parseTest() }
        }
        try consume(.rightBracket)
        tree.extra.append(contentsOf: [low, high, step])
        return add(.init(kind: .slice, position: at, a: object, b: UInt32(tree.extra.count - 3)))
    }

    mutating func parsePrimary() throws(SyntaxFault) -> UInt32 {
        let at = position
        switch scanner.token {
        case .identifier:
            let symbol = scanner.symbol
            try scanner.next()
            return add(.init(kind: .name, position: at, a: symbol))
        case .string, .bytes: return try parseString()
        case .int, .float:
            let isFloat = scanner.token == .float
            let text = UnsafeBufferPointer(start: base + scanner.start, count: scanner.end - scanner.start)
            let value = isFloat ? try floatLiteral(text) : integerLiteral(text)
            tree.constants.append(value)
            try scanner.next()
            return add(.init(kind: .literal, position: at, a: UInt32(tree.constants.count - 1)))
        case .leftBracket: return try parseList()
        case .leftBrace: return try parseDict()
        case .leftParen: return try parseParenthesis()
        case .minus, .plus, .tilde:
            try enter()
            defer { depth -= 1 }
            let op = scanner.token
            try scanner.next()
            let operand = try parsePrimaryWithSuffixes()
            return add(.init(kind: .unary, op: op.rawValue, position: at, a: operand))
        default: throw unexpected("primary expression")
        }
    }

    mutating func parseParenthesis() throws(SyntaxFault) -> UInt32 {
        try enter()
        defer { depth -= 1 }
        let at = position
        try scanner.next()
        if scanner.token == .rightParen {
            try scanner.next()
            return add(.init(kind: .tuple, position: at, b: 0, c: 0))
        }
        let value = try parseExpression(inParens: true)
        let close = position
        try consume(.rightParen)
        // A name in parentheses is no keyword: `f((a) = 1)` must not look like `f(a = 1)`.
        if tree[value].kind == .name, scanner.token == .equal {
            return add(.init(kind: .name, position: tree[value].position, a: tree[value].a, c: close))
        }
        return value
    }

    mutating func parseList() throws(SyntaxFault) -> UInt32 {
        try enter()
        defer { depth -= 1 }
        let at = position
        try scanner.next()
        let mark = scratch.count
        if scanner.token != .rightBracket {
            let first = try parseTest()
            if scanner.token == .for {
                return try parseComprehension(first, .listComprehension, at, end: .rightBracket)
            }
            scratch.append(first)
            try parseExpressionList(allowTrailingComma: true)
        }
        try consume(.rightBracket)
        let list = takeList(mark)
        return add(.init(kind: .list, position: at, b: UInt32(list.lowerBound), c: UInt32(list.count)))
    }

    mutating func parseDict() throws(SyntaxFault) -> UInt32 {
        try enter()
        defer { depth -= 1 }
        let at = position
        try scanner.next()
        let mark = scratch.count
        if scanner.token != .rightBrace {
            let first = try parseDictEntry()
            if scanner.token == .for {
                return try parseComprehension(first, .dictComprehension, at, end: .rightBrace)
            }
            scratch.append(first)
            while scanner.token == .comma {
                try scanner.next()
                if scanner.token == .rightBrace { break }
                let next = try parseDictEntry()
                scratch.append(next)
            }
        }
        try consume(.rightBrace)
        let list = takeList(mark)
        return add(.init(kind: .dict, position: at, b: UInt32(list.lowerBound), c: UInt32(list.count)))
    }

    mutating func parseDictEntry() throws(SyntaxFault) -> UInt32 {
        let key = try parseTest()
        let colon = try consume(.colon)
        let value = try parseTest()
        return add(.init(kind: .dictEntry, position: colon, a: key, b: value))
    }

    mutating func parseComprehension(
        _ element: UInt32, _ kind: NodeKind, _ at: UInt32, end: Token
    ) throws(SyntaxFault) -> UInt32 {
        let mark = scratch.count
        while scanner.token != end {
            let start = position
            switch scanner.token {
            case .for:
                try scanner.next()
                let variables = try parseLoopVariables()
                try consume(.in)
                // As in Python: no conditional, no lambda, no bare tuple.
                let operand = try parseOperators(0)
                scratch.append(add(.init(kind: .forClause, position: start, a: variables, b: operand)))
            case .if:
                try scanner.next()
                let condition = try parseTestWithoutConditional()
                scratch.append(add(.init(kind: .ifClause, position: start, a: condition)))
            default: throw unexpected("\(end.text), for, or if")
            }
        }
        try scanner.next()
        let list = takeList(mark)
        return add(
            .init(kind: kind, position: at, a: element, b: UInt32(list.lowerBound), c: UInt32(list.count)))
    }
}
