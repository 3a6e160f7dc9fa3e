/// What brackets of a statement enclose.
final class FormatterGroup {
    enum Kind {
        /// Elements with commas, where a trailing one changes nothing: arguments, parameters, lists, dicts, tuples.
        case elements
        /// A comprehension: one element and clauses, without commas.
        case comprehension
        /// An expression in parentheses, or an index: taken as one element, and no comma may follow.
        case single
    }

    /// A run of tokens and brackets between commas.
    struct Element {
        var nodes: [FormatterNode] = []
        var leading: [FormatterToken.Comment] = []
        var blankLines = 0
        /// The comment behind the element and its comma.
        var trailing: String?
    }

    let open: FormatterToken
    var close: FormatterToken
    let kind: Kind
    let elements: [Element]
    /// A tuple of one, whose comma must stay.
    let keepsComma: Bool
    let isIndex: Bool
    /// A list, dict or comprehension, not arguments or a tuple.
    let isDisplay: Bool
    /// Must be broken into lines, since it was or since it has comments.
    let isForced: Bool
    /// How it measures when not broken.
    let flat: FormatterExtent

    init(
        open: FormatterToken, close: FormatterToken, kind: Kind, elements: [Element], keepsComma: Bool, isIndex: Bool,
        isDisplay: Bool, isForced: Bool
    ) {
        self.open = open
        self.close = close
        self.kind = kind
        self.elements = elements
        self.keepsComma = keepsComma
        self.isIndex = isIndex
        self.isDisplay = isDisplay
        self.isForced = isForced
        var extent = FormatterExtent(width: open.width)
        for (index, element) in elements.enumerated() {
            if index > 0 { extent.add(FormatterExtent(width: kind == .elements ? 2 : 1)) }
            extent.add(FormatterExtent(of: element.nodes, inIndex: isIndex))
        }
        extent.add(FormatterExtent(width: close.width + (keepsComma ? 1 : 0)))
        flat = extent
    }

    /// The closing bracket and, in a tuple of one, the comma before it.
    var closingWidth: Int { close.width + (keepsComma ? 1 : 0) }

    /// How it measures as part of something that is not broken itself.
    var extent: FormatterExtent {
        isForced ? FormatterExtent(first: open.width, last: close.width, widest: 0, isBroken: true) : flat
    }

    /// The only element's brackets, when it is a list, dict or comprehension: `f([` and `])` then share lines.
    var hugged: FormatterGroup? {
        guard kind == .elements, !isForced, elements.count == 1, elements[0].nodes.count == 1,
            case .group(let inner) = elements[0].nodes[0], inner.isDisplay, !inner.elements.isEmpty
        else { return nil }
        return inner
    }
}

enum FormatterNode {
    case token(FormatterToken)
    case group(FormatterGroup)

    var firstToken: FormatterToken {
        switch self {
        case .token(let token): return token
        case .group(let group): return group.open
        }
    }

    var lastToken: FormatterToken {
        switch self {
        case .token(let token): return token
        case .group(let group): return group.close
        }
    }

    mutating func dropTrailing() -> String? {
        switch self {
        case .token(var token):
            let trailing = token.trailing
            token.trailing = nil
            self = .token(token)
            return trailing
        case .group(let group):
            let trailing = group.close.trailing
            group.close.trailing = nil
            return trailing
        }
    }

    mutating func dropLeading() {
        if case .token(var token) = self {
            token.leading = []
            token.followsLineEnd = false
            self = .token(token)
        } else if case .group(let group) = self {
            self = .group(group.withoutLeading())
        }
    }
}

extension FormatterGroup {
    fileprivate func withoutLeading() -> FormatterGroup {
        var open = open
        open.leading = []
        open.followsLineEnd = false
        return FormatterGroup(
            open: open, close: close, kind: kind, elements: elements, keepsComma: keepsComma, isIndex: isIndex,
            isDisplay: isDisplay, isForced: isForced)
    }
}

// MARK: - Building

/// Makes trees of the tokens of one statement.
struct FormatterTreeBuilder {
    private let tokens: [FormatterToken]
    private var index = 0

    init(_ tokens: [FormatterToken]) { self.tokens = tokens }

    static func nodes(_ tokens: [FormatterToken]) -> [FormatterNode] {
        var builder = FormatterTreeBuilder(tokens)
        var nodes: [FormatterNode] = []
        while builder.index < tokens.count { nodes.append(builder.node(after: nodes.last?.lastToken)) }
        return nodes
    }

    private mutating func node(after previous: FormatterToken?) -> FormatterNode {
        let token = tokens[index]
        if token.isOpening { return .group(group(after: previous)) }
        index += 1
        return .token(token)
    }

    private mutating func group(after previous: FormatterToken?) -> FormatterGroup {
        let open = tokens[index]
        index += 1
        var nodes: [FormatterNode] = []
        while !tokens[index].isClosing { nodes.append(node(after: nodes.last?.lastToken)) }
        let close = tokens[index]
        index += 1

        let follows = previous.map { $0.endsOperand || $0.kind == .load } ?? false
        let isIndex = open.kind == .leftBracket && follows
        let isCall = open.kind == .leftParen && follows
        let commas = Self.commas(nodes)
        let isComprehension =
            open.kind != .leftParen && !isIndex && nodes.contains { $0.firstToken.kind == .for && !$0.isGroup }
        let isSingle = isIndex || (open.kind == .leftParen && !isCall && commas.isEmpty && !nodes.isEmpty)
        let kind: FormatterGroup.Kind = isComprehension ? .comprehension : isSingle ? .single : .elements
        let elements: [FormatterGroup.Element]
        var closing = close
        switch kind {
        case .elements: elements = Self.split(nodes, at: commas, close: &closing)
        case .comprehension: elements = Self.clauses(nodes)
        case .single: elements = [Self.element(nodes)]
        }
        let hasBreak = close.followsLineEnd || nodes.contains { $0.firstToken.followsLineEnd }
        let isEmpty = nodes.isEmpty && closing.leading.isEmpty && open.trailing == nil
        return FormatterGroup(
            open: open, close: closing, kind: kind, elements: elements,
            keepsComma: open.kind == .leftParen && !isCall && kind == .elements && elements.count == 1,
            isIndex: isIndex, isDisplay: open.kind != .leftParen && !isIndex, isForced: hasBreak && !isEmpty)
    }

    /// The commas between elements, not those of a lambda's parameters.
    private static func commas(_ nodes: [FormatterNode]) -> [Int] {
        var lambdas = 0
        var commas: [Int] = []
        for (index, node) in nodes.enumerated() {
            guard case .token(let token) = node else { continue }
            if token.kind == .lambda { lambdas += 1 }
            if token.endsLambdaParameters { lambdas -= 1 }
            if token.kind == .comma, lambdas == 0 { commas.append(index) }
        }
        return commas
    }

    /// Elements between commas; comments around a comma go to the element before it, or to what follows.
    private static func split(
        _ nodes: [FormatterNode], at commas: [Int], close: inout FormatterToken
    ) -> [FormatterGroup.Element] {
        var elements: [FormatterGroup.Element] = []
        var start = 0
        var pending: [FormatterToken.Comment] = []
        for end in commas + [nodes.count] where end > start || end < nodes.count {
            var element = Self.element(Array(nodes[start..<end]))
            element.leading = pending + element.leading
            pending = []
            if end < nodes.count {
                let comma = nodes[end].firstToken
                pending = comma.leading
                if let comment = comma.trailing {
                    if element.trailing == nil {
                        element.trailing = comment
                    } else {
                        pending.append(.init(text: comment, blankLines: 0, column: 0))
                    }
                }
            }
            elements.append(element)
            start = end + 1
        }
        close.leading = pending + close.leading
        return elements
    }

    /// The element of a comprehension and its clauses.
    private static func clauses(_ nodes: [FormatterNode]) -> [FormatterGroup.Element] {
        var elements: [FormatterGroup.Element] = []
        var current: [FormatterNode] = []
        var hasFor = false
        for node in nodes {
            if case .token(let token) = node, token.kind == .for || (token.kind == .if && hasFor) {
                elements.append(element(current))
                current = []
                hasFor = true
            }
            current.append(node)
        }
        return elements + [element(current)]
    }

    /// Takes the comments at both ends out of the nodes.
    private static func element(_ nodes: [FormatterNode]) -> FormatterGroup.Element {
        var element = FormatterGroup.Element(nodes: nodes)
        guard let first = nodes.first?.firstToken else { return element }
        element.leading = first.leading
        element.blankLines = first.blankLines
        element.nodes[0].dropLeading()
        element.trailing = element.nodes[nodes.count - 1].dropTrailing()
        return element
    }
}

extension FormatterNode {
    fileprivate var isGroup: Bool {
        if case .group = self { return true }
        return false
    }
}
