/// A program's syntax, in flat arrays: nodes refer to each other by index, lists of children lie in `extra`.
///
/// One allocation per array instead of one per node; parsing counts no references and dropping a tree costs nothing.
struct SyntaxTree {
    typealias NodeID = UInt32
    /// "No node": an absent `else`, slice bound, return value.
    static let none = UInt32.max

    struct Node {
        var kind: NodeKind
        /// The operator of unary, binary and assignment nodes; the scope of a resolved name; flags of tuples.
        var op: UInt8 = 0
        /// The byte offset errors refer to: the operator, bracket or dot of an operation, else the first byte.
        var position: UInt32
        var a: UInt32 = SyntaxTree.none
        var b: UInt32 = SyntaxTree.none
        var c: UInt32 = SyntaxTree.none
    }

    var nodes: [Node] = []
    var extra: [UInt32] = []
    var functions: [FunctionSyntax] = []
    /// Literals and texts.
    var constants: [Value] = []
    /// Statements of the file, as a range of `extra`.
    var body = 0..<0

    subscript(id: NodeID) -> Node {
        @inline(__always) get { nodes[Int(id)] }
        @inline(__always) set { nodes[Int(id)] = newValue }
    }

    /// The offset of the first byte of an expression.
    func startOffset(_ id: NodeID) -> UInt32 {
        var id = id
        while true {
            let node = self[id]
            switch node.kind {
            case .binary, .call, .attribute, .index, .slice, .conditional: id = node.a
            case .tuple:
                guard node.c > 0 else { return node.position }
                id = extra[Int(node.b)]
            default: return node.position
            }
        }
    }
}

/// What a node is. The comments name the use of `a`, `b`, `c`; "list" is an index into `extra`.
enum NodeKind: UInt8 {
    // Expressions
    /// a: symbol; after resolving, op: scope, b: index.
    case name
    /// a: constant
    case literal
    /// b: list, c: count
    case list, tuple
    /// b: list of entries, c: count
    case dict
    /// a: key, b: value; the position is the colon's
    case dictEntry
    /// a: element (an entry for a dict), b: list of clauses, c: count
    case listComprehension, dictComprehension
    /// a: variables, b: operand
    case forClause
    /// a: condition
    case ifClause
    /// op, a
    case unary
    /// op, a, b; also `and` and `or`
    case binary
    /// a if b else c
    case conditional
    /// a: function
    case lambda
    /// a: callee, b: list of arguments, c: count
    case call
    /// a: symbol, b: value
    case namedArgument
    /// a: value
    case starArgument, starStarArgument
    /// a: object, b: symbol, c: offset of the name
    case attribute
    /// a: object, b: key
    case index
    /// a: object, b: list of three
    case slice

    // Statements
    /// a
    case expression
    /// op: `=` or the operator of an augmented assignment, a: target, b: value
    case assign
    /// a: value or none
    case `return`
    case `break`, `continue`, pass
    /// b: list of triples (condition or none, list of statements, count), c: count of triples
    case `if`
    /// a: variables, b: operand, c: list of (list of statements, count)
    case `for`
    /// a: condition, c: list of (list of statements, count)
    case `while`
    /// a: function, b: name node
    case def
    /// a: constant (module name), b: list of quads (name node, constant of the original name, its offset, 0), c: count
    case load
}

/// The syntax of a `def` or `lambda`.
struct FunctionSyntax {
    enum ParameterKind: UInt8 { case required, optional, star, starStar }
    struct Parameter {
        var kind: ParameterKind
        /// A name node; none for a bare `*`.
        var name: UInt32
        /// The offset of the `=`, `*` or `**`.
        var position: UInt32
        var defaultValue: UInt32 = SyntaxTree.none
    }
    var position: UInt32
    /// The symbol of the name; nil for a lambda.
    var symbol: UInt32?
    var parameters: [Parameter] = []
    /// Statements, as a range of `extra`; empty for a lambda.
    var body = 0..<0
    /// The value of a lambda.
    var expression = SyntaxTree.none
    /// Filled in by the resolver.
    var scope = FunctionScope()
}
