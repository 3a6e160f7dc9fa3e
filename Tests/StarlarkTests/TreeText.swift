@testable import Starlark

/// A syntax tree as text, without positions: equal for programs of equal meaning, however they are laid out.
struct TreeText {
    private let tree: SyntaxTree
    private let symbols: SymbolTable
    private var text = ""

    /// Nil for a source that does not parse.
    static func of(_ source: String) -> String? {
        let file = SourceFile(name: "x.star", text: source)
        return withExtendedLifetime(file) {
            var parser = Parser(file.bytes)
            guard (try? parser.parseFile()) != nil else { return nil }  // nil is the answer
            var writer = TreeText(tree: parser.tree, symbols: parser.scanner.symbols)
            for index in parser.tree.body {
                writer.node(parser.tree.extra[index])
                writer.text += "\n"
            }
            return writer.text
        }
    }

    private init(tree: SyntaxTree, symbols: SymbolTable) {
        self.tree = tree
        self.symbols = symbols
    }

    private mutating func list(_ start: UInt32, _ count: UInt32) {
        text += "["
        for index in 0..<Int(count) { node(tree.extra[Int(start) + index]) }
        text += "]"
    }

    private mutating func body(_ index: UInt32) { list(tree.extra[Int(index)], tree.extra[Int(index) + 1]) }

    private mutating func function(_ index: UInt32) {
        let function = tree.functions[Int(index)]
        text += function.symbol.map(symbols.text) ?? "lambda"
        for parameter in function.parameters {
            text += " \(parameter.kind) "
            node(parameter.name)
            node(parameter.defaultValue)
        }
        list(UInt32(function.body.lowerBound), UInt32(function.body.count))
        node(function.expression)
    }

    private mutating func node(_ id: UInt32) {
        guard id != SyntaxTree.none else { return text += "-" }
        let node = tree[id]
        text += "(\(node.kind) "
        switch node.kind {
        case .name: text += symbols.text(of: node.a)
        case .literal: text += tree.constants[Int(node.a)].repr
        case .list, .tuple, .dict: list(node.b, node.c)
        case .listComprehension, .dictComprehension, .call:
            self.node(node.a)
            list(node.b, node.c)
        case .ifClause, .starArgument, .starStarArgument, .expression, .return: self.node(node.a)
        case .unary, .binary, .assign, .dictEntry, .forClause, .index, .conditional:
            text += "\(node.op) "
            self.node(node.a)
            self.node(node.b)
            if node.kind == .conditional { self.node(node.c) }
        case .lambda, .def: function(node.a)
        case .namedArgument:
            text += symbols.text(of: node.a)
            self.node(node.b)
        case .attribute:
            self.node(node.a)
            text += symbols.text(of: node.b)
        case .slice:
            self.node(node.a)
            list(node.b, 3)
        case .break, .continue, .pass: break
        case .if:
            for branch in 0..<node.c {
                self.node(tree.extra[Int(node.b + 3 * branch)])
                list(tree.extra[Int(node.b + 3 * branch) + 1], tree.extra[Int(node.b + 3 * branch) + 2])
            }
        case .for, .while:
            self.node(node.a)
            self.node(node.b)
            body(node.c)
        case .load:
            text += tree.constants[Int(node.a)].repr
            for item in 0..<node.c {
                self.node(tree.extra[Int(node.b + 4 * item)])
                text += tree.constants[Int(tree.extra[Int(node.b + 4 * item) + 1])].repr
            }
        }
        text += ")"
    }
}
