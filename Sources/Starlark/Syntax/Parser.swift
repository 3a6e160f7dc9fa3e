/// Recursive descent over statements, precedence climbing over operators.
struct Parser {
    /// Levels of brackets, blocks and prefix operators. Each costs native stack here and in later passes.
    static let maximumNesting = 1000

    var scanner: Scanner
    var tree = SyntaxTree()
    let base: UnsafePointer<UInt8>
    var depth = 0
    /// The deepest nesting met.
    private(set) var deepest = 0
    /// Names in text that was given up; whether they are bound is not known.
    var doubtful: Set<UInt32> = []
    var lastStringEnd = 0
    let stack = NativeStack()
    /// Children of lists still being read.
    var scratch: [UInt32] = []

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
            if scanner.token == .newline || (scanner.recovery != nil && scanner.token == .outdent) {
                try scanner.next()
            } else {
                try parseStatement()
            }
        }
        tree.body = takeList(mark)
    }

    /// Hands the tree over; keeping it too would make the resolver copy it.
    mutating func takeTree() -> SyntaxTree {
        defer { tree = SyntaxTree() }
        return tree
    }

    // MARK: Tools

    @inline(__always) mutating func add(_ node: SyntaxTree.Node) -> UInt32 {
        tree.nodes.append(node)
        return UInt32(truncatingIfNeeded: tree.nodes.count &- 1)
    }

    @inline(__always) var position: UInt32 { UInt32(truncatingIfNeeded: scanner.start) }

    /// Moves the children collected since `mark` to the tree.
    mutating func takeList(_ mark: Int) -> Range<Int> {
        let start = tree.extra.count
        tree.extra.append(contentsOf: scratch[mark...])
        scratch.removeSubrange(mark...)
        return start..<tree.extra.count
    }

    func unexpected(_ want: String) -> SyntaxFault {
        SyntaxFault(offset: scanner.start, message: "got \(scanner.token.text), want \(want)")
    }

    @inline(__always) @discardableResult
    mutating func consume(_ token: Token) throws(SyntaxFault) -> UInt32 {
        guard scanner.token == token else { throw unexpected(token.text) }
        let at = position
        try scanner.next()
        return at
    }

    mutating func enter() throws(SyntaxFault) {
        depth += 1
        if depth > deepest { deepest = depth }
        if depth > Self.maximumNesting || stack.isExhausted {
            throw SyntaxFault(offset: scanner.start, message: NativeStack.complaint)
        }
    }

    /// Reports a mistake that leaves the tree whole; throws it unless mistakes are collected.
    @inline(never)
    mutating func complain(_ offset: Int, _ message: String) throws(SyntaxFault) {
        try scanner.complain(SyntaxFault(offset: offset, message: message))
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
}

/// The text of a simple literal: one quote on each side, no prefix, no escapes, no line ends.
@inline(__always)
func plainText(_ token: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8>? {
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
