/// Recursive descent over statements, precedence climbing over operators.
struct Parser {
    /// Levels of brackets, blocks and prefix operators. Each costs native stack here and in later passes.
    static let maximumNesting = 200

    var scanner: Scanner
    var tree = SyntaxTree()
    private let base: UnsafePointer<UInt8>
    private var depth = 0
    /// Children of lists still being read.
    private var scratch: [UInt32] = []

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        base = bytes.baseAddress!
        scanner = Scanner(bytes)
        tree.nodes.reserveCapacity(bytes.count / 6 + 16)
        tree.extra.reserveCapacity(bytes.count / 8 + 16)
        tree.constants.reserveCapacity(bytes.count / 24 + 8)
    }

    /// Parses a file.
    mutating func parseFile() throws(SyntaxFault) {
        try scanner.next()
        let mark = scratch.count
        while scanner.token != .endOfFile {
            if scanner.token == .newline {
                try scanner.next()
            } else {
                try parseStatement()
            }
        }
        tree.body = takeList(mark)
    }

    // MARK: Tools

    @inline(__always) private mutating func add(_ node: SyntaxTree.Node) -> UInt32 {
        tree.nodes.append(node)
        return UInt32(truncatingIfNeeded: tree.nodes.count &- 1)
    }

    @inline(__always) private var position: UInt32 { UInt32(truncatingIfNeeded: scanner.start) }

    /// Moves the children collected since `mark` to the tree.
    private mutating func takeList(_ mark: Int) -> Range<Int> {
        let start = tree.extra.count
        tree.extra.append(contentsOf: scratch[mark...])
        scratch.removeSubrange(mark...)
        return start..<tree.extra.count
    }

    private func unexpected(_ want: String) -> SyntaxFault {
        SyntaxFault(offset: scanner.start, message: "got \(scanner.token.text), want \(want)")
    }

    @inline(__always) @discardableResult
    private mutating func consume(_ token: Token) throws(SyntaxFault) -> UInt32 {
        guard scanner.token == token else { throw unexpected(token.text) }
        let at = position
        try scanner.next()
        return at
    }

    private mutating func enter() throws(SyntaxFault) {
        depth += 1
        if depth > Self.maximumNesting { throw SyntaxFault(offset: scanner.start, message: "nesting too deep") }
    }

    /// The constant holding a symbol's text.
    mutating func constant(ofSymbol symbol: UInt32) -> UInt32 {
        let known = scanner.symbols.symbols[Int(symbol)].constant
        if known != 0 { return known - 1 }
        tree.constants.append(Value(.string(StringObject.make(scanner.symbols.bytes(of: symbol)))))
        let constant = UInt32(tree.constants.count - 1)
        scanner.setConstant(constant, of: symbol)
        return constant
    }

    // MARK: Statements

    /// Adds one statement, or several of one line, to the list being read.
    private mutating func parseStatement() throws(SyntaxFault) {
        switch scanner.token {
        case .def: scratch.append(try parseDef())
        case .if: scratch.append(try parseIf())
        case .for: scratch.append(try parseFor())
        case .while: scratch.append(try parseWhile())
        default: try parseSimpleStatements()
        }
    }

    private mutating func parseSimpleStatements() throws(SyntaxFault) {
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

    private mutating func parseSmallStatement() throws(SyntaxFault) -> UInt32 {
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

    private mutating func parseSuite() throws(SyntaxFault) -> Range<Int> {
        try enter()
        defer { depth -= 1 }
        let mark = scratch.count
        if scanner.token == .newline {
            try scanner.next()
            try consume(.indent)
            while scanner.token != .outdent, scanner.token != .endOfFile { try parseStatement() }
            try consume(.outdent)
        } else {
            try parseSimpleStatements()
        }
        return takeList(mark)
    }

    private mutating func parseIf() throws(SyntaxFault) -> UInt32 {
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

    private mutating func storeBody(_ body: Range<Int>) -> UInt32 {
        tree.extra.append(UInt32(body.lowerBound))
        tree.extra.append(UInt32(body.count))
        return UInt32(tree.extra.count - 2)
    }

    private mutating func parseFor() throws(SyntaxFault) -> UInt32 {
        let at = position
        try scanner.next()
        let variables = try parseLoopVariables()
        try consume(.in)
        let operand = try parseExpression(inParens: false)
        try consume(.colon)
        let body = storeBody(try parseSuite())
        return add(.init(kind: .for, position: at, a: variables, b: operand, c: body))
    }

    private mutating func parseWhile() throws(SyntaxFault) -> UInt32 {
        let at = position
        try scanner.next()
        let condition = try parseTest()
        try consume(.colon)
        let body = storeBody(try parseSuite())
        return add(.init(kind: .while, position: at, a: condition, c: body))
    }

    /// Loop variables end at `in`, hence no full expressions.
    private mutating func parseLoopVariables() throws(SyntaxFault) -> UInt32 {
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

    private mutating func finishTuple(_ mark: Int, position: UInt32) -> UInt32 {
        let list = takeList(mark)
        return add(.init(kind: .tuple, position: position, b: UInt32(list.lowerBound), c: UInt32(list.count)))
    }

    private mutating func parseLoad() throws(SyntaxFault) -> UInt32 {
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
            throw SyntaxFault(
                offset: Int(parenthesis), message: "load statement must import at least 1 symbol")
        }
        return add(
            .init(kind: .load, position: at, a: module, b: UInt32(list.lowerBound), c: UInt32(list.count / 4)))
    }

    /// The length of the string literal parsed last, which began at `start`.
    private func scannerLength(from start: Int) -> Int { lastStringEnd - start }
    private var lastStringEnd = 0

    // MARK: Functions

    private mutating func parseDef() throws(SyntaxFault) -> UInt32 {
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

    private mutating func parseLambda(withConditional: Bool) throws(SyntaxFault) -> UInt32 {
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

    private mutating func parseParameters() throws(SyntaxFault) -> [FunctionSyntax.Parameter] {
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

    private mutating func parseParameterName() throws(SyntaxFault) -> UInt32 {
        guard scanner.token == .identifier else {
            throw SyntaxFault(offset: scanner.start, message: "not an identifier")
        }
        let name = add(.init(kind: .name, position: position, a: scanner.symbol))
        try scanner.next()
        return name
    }

    // MARK: Expressions

    private func endsExpressionList(_ token: Token) -> Bool {
        switch token {
        case .endOfFile, .newline, .equal, .rightBrace, .rightBracket, .rightParen, .semicolon: return true
        default: return false
        }
    }

    /// An expression or an unparenthesised tuple.
    private mutating func parseExpression(inParens: Bool) throws(SyntaxFault) -> UInt32 {
        let at = position
        let first = try parseTest()
        guard scanner.token == .comma else { return first }
        let mark = scratch.count
        scratch.append(first)
        try parseExpressionList(allowTrailingComma: inParens)
        return finishTuple(mark, position: at)
    }

    private mutating func parseExpressionList(allowTrailingComma: Bool) throws(SyntaxFault) {
        while scanner.token == .comma {
            let comma = scanner.start
            try scanner.next()
            if endsExpressionList(scanner.token) {
                if !allowTrailingComma {
                    throw SyntaxFault(offset: comma, message: "unparenthesized tuple with trailing comma")
                }
                break
            }
            let next = try parseTest()
            scratch.append(next)
        }
    }

    /// An expression without commas.
    private mutating func parseTest() throws(SyntaxFault) -> UInt32 {
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

    private mutating func parseTestWithoutConditional() throws(SyntaxFault) -> UInt32 {
        scanner.token == .lambda ? try parseLambda(withConditional: false) : try parseOperators(0)
    }

    private static let notLevel = 2
    private static let comparisonLevel = 3

    /// The binding strength of a binary operator, -1 for other tokens.
    @inline(__always) private func level(_ token: Token) -> Int {
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
    private mutating func parseOperators(_ minimum: Int) throws(SyntaxFault) -> UInt32 {
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
            let at = position
            if op == .not {
                try scanner.next()
                guard scanner.token == .in else { throw unexpected("in") }
                op = .notIn
            }
            if strength == Self.comparisonLevel {
                if let comparison {
                    throw SyntaxFault(
                        offset: Int(at),
                        message: "\(comparison.spelling) does not associate with \(op.spelling) (use parens)")
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

    private mutating func parsePrimaryWithSuffixes() throws(SyntaxFault) -> UInt32 {
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

    private mutating func parseCall(_ callee: UInt32) throws(SyntaxFault) -> UInt32 {
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

    private mutating func parseIndex(_ object: UInt32) throws(SyntaxFault) -> UInt32 {
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

    private mutating func parsePrimary() throws(SyntaxFault) -> UInt32 {
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

    private mutating func parseParenthesis() throws(SyntaxFault) -> UInt32 {
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

    private mutating func parseList() throws(SyntaxFault) -> UInt32 {
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

    private mutating func parseDict() throws(SyntaxFault) -> UInt32 {
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

    private mutating func parseDictEntry() throws(SyntaxFault) -> UInt32 {
        let key = try parseTest()
        let colon = try consume(.colon)
        let value = try parseTest()
        return add(.init(kind: .dictEntry, position: colon, a: key, b: value))
    }

    private mutating func parseComprehension(
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

    // MARK: Literals

    private mutating func parseString() throws(SyntaxFault) -> UInt32 {
        let at = position
        let token = UnsafeBufferPointer(start: base + scanner.start, count: scanner.end - scanner.start)
        let constant: UInt32
        if scanner.token == .string, let plain = plainText(token) {
            if plain.count <= 40 {
                let from = scanner.start + 1
                constant = self.constant(ofSymbol: scanner.intern(from..<from + plain.count))
            } else {
                tree.constants.append(Value(.string(StringObject.make(plain))))
                constant = UInt32(tree.constants.count - 1)
            }
        } else {
            let bytes = try decodeStringLiteral(token, at: scanner.start)
            let text = StringObject.make(bytes)
            tree.constants.append(
                scanner.token == .bytes ? Value(.object(BytesObject(text))) : Value(.string(text)))
            constant = UInt32(tree.constants.count - 1)
        }
        lastStringEnd = scanner.end
        try scanner.next()
        return add(.init(kind: .literal, position: at, a: constant))
    }

    private func floatLiteral(_ text: UnsafeBufferPointer<UInt8>) throws(SyntaxFault) -> Value {
        guard let value = Double(String(decoding: text, as: UTF8.self)) else {
            throw SyntaxFault(offset: scanner.start, message: "invalid float literal")
        }
        if value.isInfinite { throw SyntaxFault(offset: scanner.start, message: "floating-point number too large") }
        return .float(value)
    }

    private func integerLiteral(_ text: UnsafeBufferPointer<UInt8>) -> Value {
        var radix: UInt8 = 10
        var index = 0
        if text.count > 2, text[0] == UInt8(ascii: "0"), !isDigit(text[1]) {
            switch text[1] | 0x20 {
            case UInt8(ascii: "x"): radix = 16
            case UInt8(ascii: "o"): radix = 8
            default: radix = 2
            }
            index = 2
        }
        var value = 0
        for position in index..<text.count {
            let (product, overflow1) = value.multipliedReportingOverflow(by: Int(radix))
            let (sum, overflow2) = product.addingReportingOverflow(Int(digitValue(text[position])))
            if overflow1 || overflow2 {
                return Value.integer(BigInt(digits: UnsafeBufferPointer(rebasing: text[index...]), radix: Int(radix)))
            }
            value = sum
        }
        return .int(value)
    }
}

/// The text of a simple literal: one quote on each side, no prefix, no escapes, no line ends.
@inline(__always)
private func plainText(_ token: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8>? {
    let mark = token[0]
    guard mark == UInt8(ascii: "\"") || mark == UInt8(ascii: "'") else { return nil }
    if token.count >= 6, token[1] == mark, token[2] == mark { return nil }
    var index = 1
    while index < token.count - 1 {
        let c = token[index]
        if c == UInt8(ascii: "\\") { return nil }
        index &+= 1
    }
    return UnsafeBufferPointer(rebasing: token[1..<token.count - 1])
}
