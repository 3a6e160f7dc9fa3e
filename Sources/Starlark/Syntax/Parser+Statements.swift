/// Statements and function definitions.
extension Parser {
    // MARK: Statements

    /// Adds one statement, or several of one line, to the list being read.
    mutating func parseStatement() throws(SyntaxFault) {
        if scanner.recovery == nil { try parseWellFormedStatement() } else { parseAnyStatement() }
    }

    mutating func parseWellFormedStatement() throws(SyntaxFault) {
        switch scanner.token {
        case .def: scratch.append(try parseDef())
        case .if: scratch.append(try parseIf())
        case .for: scratch.append(try parseFor())
        case .while: scratch.append(try parseWhile())
        default: try parseSimpleStatements()
        }
    }

    mutating func parseSimpleStatements() throws(SyntaxFault) {
        while true {
            let statement = try parseSmallStatement()
            scratch.append(statement)
            guard scanner.token == .semicolon else { break }
            try scanner.next()
            if scanner.token == .newline || scanner.token == .endOfFile { break }
        }
        // The end of the file may stand for the line's end, as in `if x: pass`.
        if scanner.token != .endOfFile { try consume(.newline) }
    }

    mutating func parseSmallStatement() throws(SyntaxFault) -> UInt32 {
        let at = position
        switch scanner.token {
        case .return:
            try scanner.next()
            var value = SyntaxTree.none
            switch scanner.token {
            case .newline, .endOfFile, .semicolon: break
            default: value = try parseExpression(inParens: false)
            }
            return add(.init(kind: .return, position: at, a: value))
        case .break, .continue, .pass:
            let kind: NodeKind = scanner.token == .break ? .break : scanner.token == .continue ? .continue : .pass
            try scanner.next()
            return add(.init(kind: kind, position: at))
        case .load: return try parseLoad()
        default: break
        }
        let target = try parseExpression(inParens: false)
        let op = scanner.token == .equal ? Token.equal : scanner.token.augmentedOperator
        guard let op else { return add(.init(kind: .expression, position: at, a: target)) }
        let opPosition = position
        try scanner.next()
        let value = try parseExpression(inParens: false)
        return add(.init(kind: .assign, op: op.rawValue, position: opPosition, a: target, b: value))
    }

    mutating func parseSuite() throws(SyntaxFault) -> Range<Int> {
        try enter()
        defer { depth -= 1 }
        let mark = scratch.count
        if scanner.token == .newline {
            try scanner.next()
            try consume(.indent)
            while scanner.token != .outdent, scanner.token != .endOfFile { try parseStatement() }
            if scanner.token == .outdent || scanner.recovery == nil { try consume(.outdent) }
        } else {
            try parseSimpleStatements()
        }
        return takeList(mark)
    }

    mutating func parseIf() throws(SyntaxFault) -> UInt32 {
        let at = position
        let mark = scratch.count
        repeat {
            try scanner.next()
            let condition = try parseTest()
            try consume(.colon)
            let body = try parseSuite()
            scratch.append(condition)
            scratch.append(UInt32(body.lowerBound))
            scratch.append(UInt32(body.count))
        } while scanner.token == .elif
        if scanner.token == .else {
            try scanner.next()
            try consume(.colon)
            let body = try parseSuite()
            scratch.append(SyntaxTree.none)
            scratch.append(UInt32(body.lowerBound))
            scratch.append(UInt32(body.count))
        }
        let list = takeList(mark)
        return add(.init(kind: .if, position: at, b: UInt32(list.lowerBound), c: UInt32(list.count / 3)))
    }

    mutating func storeBody(_ body: Range<Int>) -> UInt32 {
        tree.extra.append(UInt32(body.lowerBound))
        tree.extra.append(UInt32(body.count))
        return UInt32(tree.extra.count - 2)
    }

    mutating func parseFor() throws(SyntaxFault) -> UInt32 {
        let at = position
        try scanner.next()
        let variables = try parseLoopVariables()
        try consume(.in)
        let operand = try parseExpression(inParens: false)
        try consume(.colon)
        let body = storeBody(try parseSuite())
        return add(.init(kind: .for, position: at, a: variables, b: operand, c: body))
    }

    mutating func parseWhile() throws(SyntaxFault) -> UInt32 {
        let at = position
        try scanner.next()
        let condition = try parseTest()
        try consume(.colon)
        let body = storeBody(try parseSuite())
        return add(.init(kind: .while, position: at, a: condition, c: body))
    }

    /// Loop variables end at `in`, hence no full expressions.
    mutating func parseLoopVariables() throws(SyntaxFault) -> UInt32 {
        let first = try parsePrimaryWithSuffixes()
        guard scanner.token == .comma else { return first }
        let mark = scratch.count
        scratch.append(first)
        while scanner.token == .comma {
            try scanner.next()
            if endsExpressionList(scanner.token) { break }
            let next = try parsePrimaryWithSuffixes()
            scratch.append(next)
        }
        return finishTuple(mark, position: tree[first].position)
    }

    mutating func finishTuple(_ mark: Int, position: UInt32) -> UInt32 {
        let list = takeList(mark)
        return add(.init(kind: .tuple, position: position, b: UInt32(list.lowerBound), c: UInt32(list.count)))
    }

    mutating func parseLoad() throws(SyntaxFault) -> UInt32 {
        let at = position
        try scanner.next()
        let parenthesis = try consume(.leftParen)
        guard scanner.token == .string else {
            throw SyntaxFault(
                offset: scanner.start, message: "first operand of load statement must be a string literal")
        }
        let module = tree[try parseString()].a
        let mark = scratch.count
        while scanner.token != .rightParen, scanner.token != .endOfFile {
            try consume(.comma)
            if scanner.token == .rightParen { break }
            let start = scanner.start
            switch scanner.token {
            case .string:
                let literal = try parseString()
                let constant = tree[literal].a
                guard case .string(let text) = tree.constants[Int(constant)].payload else { break }
                // The local name is the original one: intern the literal's text where it stands.
                let quoted = text.count + 2 == scannerLength(from: start)
                let range = quoted ? start + 1..<start + 1 + text.count : start..<start
                let symbol = scanner.intern(range)
                let name = add(.init(kind: .name, position: UInt32(start + 1), a: symbol))
                scratch.append(contentsOf: [name, constant, UInt32(start + 1), 0])
            case .identifier:
                let symbol = scanner.symbol
                let name = add(.init(kind: .name, position: position, a: symbol))
                try scanner.next()
                guard scanner.token == .equal else {
                    let text = scanner.symbols.text(of: symbol)
                    throw SyntaxFault(
                        offset: scanner.start,
                        message: "load operand must be \"\(text)\" or \(text)=\"originalname\" (want '=' after \(text))"
                    )
                }
                try scanner.next()
                guard scanner.token == .string else {
                    throw SyntaxFault(
                        offset: scanner.start,
                        message: "original name of loaded symbol must be quoted: \"originalname\"")
                }
                let original = scanner.start + 1
                let constant = tree[try parseString()].a
                scratch.append(contentsOf: [name, constant, UInt32(original), 0])
            default:
                throw SyntaxFault(
                    offset: scanner.start,
                    message: "load operand must be \"name\" or localname=\"name\" (got \(scanner.token.text))")
            }
        }
        try consume(.rightParen)
        let list = takeList(mark)
        if list.isEmpty {
            try complain(Int(parenthesis), "load statement must import at least 1 symbol")
        }
        return add(
            .init(kind: .load, position: at, a: module, b: UInt32(list.lowerBound), c: UInt32(list.count / 4)))
    }

    /// The length of the string literal parsed last, which began at `start`.
    func scannerLength(from start: Int) -> Int { lastStringEnd - start }

    // MARK: Functions

    mutating func parseDef() throws(SyntaxFault) -> UInt32 {
        let at = position
        try scanner.next()
        guard scanner.token == .identifier else {
            throw SyntaxFault(offset: scanner.start, message: "not an identifier")
        }
        let symbol = scanner.symbol
        let name = add(.init(kind: .name, position: position, a: symbol))
        try scanner.next()
        try consume(.leftParen)
        let parameters = try parseParameters()
        try consume(.rightParen)
        try consume(.colon)
        let body = try parseSuite()
        tree.functions.append(
            FunctionSyntax(position: at, symbol: symbol, parameters: parameters, body: body))
        return add(.init(kind: .def, position: at, a: UInt32(tree.functions.count - 1), b: name))
    }

    mutating func parseLambda(withConditional: Bool) throws(SyntaxFault) -> UInt32 {
        try enter()
        defer { depth -= 1 }
        let at = position
        try scanner.next()
        let parameters = scanner.token == .colon ? [] : try parseParameters()
        try consume(.colon)
        let body = withConditional ? try parseTest() : try parseTestWithoutConditional()
        tree.functions.append(
            FunctionSyntax(position: at, symbol: nil, parameters: parameters, expression: body))
        return add(.init(kind: .lambda, position: at, a: UInt32(tree.functions.count - 1)))
    }

    mutating func parseParameters() throws(SyntaxFault) -> [FunctionSyntax.Parameter] {
        var parameters: [FunctionSyntax.Parameter] = []
        while scanner.token != .rightParen, scanner.token != .colon, scanner.token != .endOfFile {
            if !parameters.isEmpty { try consume(.comma) }
            if scanner.token == .rightParen || scanner.token == .colon { break }
            let at = position
            switch scanner.token {
            case .star:
                try scanner.next()
                let name = scanner.token == .identifier ? try parseParameterName() : SyntaxTree.none
                parameters.append(.init(kind: .star, name: name, position: at))
            case .starStar:
                try scanner.next()
                parameters.append(.init(kind: .starStar, name: try parseParameterName(), position: at))
            default:
                let name = try parseParameterName()
                if scanner.token == .equal {
                    let equals = position
                    try scanner.next()
                    parameters.append(
                        .init(kind: .optional, name: name, position: equals, defaultValue: try parseTest()))
                } else {
                    parameters.append(.init(kind: .required, name: name, position: at))
                }
            }
        }
        return parameters
    }

    mutating func parseParameterName() throws(SyntaxFault) -> UInt32 {
        guard scanner.token == .identifier else {
            throw SyntaxFault(offset: scanner.start, message: "not an identifier")
        }
        let name = add(.init(kind: .name, position: position, a: scanner.symbol))
        try scanner.next()
        return name
    }
}
