/// Writes lines and knows the column.
struct FormatterLayout {
    private(set) var output = ""
    private var column = 0
    /// The indentation of the current line.
    private var lineIndent = 0
    /// A comment was written; the line must end.
    private var mustEndLine = false

    // MARK: Lines

    private mutating func write(_ text: String) {
        output += text
        if let lineEnd = text.utf8.lastIndex(of: 10) {
            column = text[text.index(after: lineEnd)...].unicodeScalars.count
        } else {
            column += text.unicodeScalars.count
        }
    }

    private mutating func startLine(_ indent: Int) {
        output += "\n" + String(repeating: " ", count: indent)
        column = indent
        lineIndent = indent
        mustEndLine = false
    }

    /// A comment on a line of its own, between statements.
    mutating func comment(_ text: String, indent: Int, blankLines: Int) {
        output += String(repeating: "\n", count: blankLines) + String(repeating: " ", count: indent) + text + "\n"
    }

    /// One statement with its comment.
    mutating func statement(_ tokens: [FormatterToken], indent: Int, blankLines: Int) {
        output += String(repeating: "\n", count: blankLines) + String(repeating: " ", count: indent)
        column = indent
        lineIndent = indent
        mustEndLine = false
        var nodes = FormatterTreeBuilder.nodes(tokens)
        let trailing = nodes[nodes.count - 1].dropTrailing()
        nodes[0].dropLeading()
        // Lines joined by a backslash stand out from the block that follows a header.
        let isHeader = tokens.last?.kind == .colon
        write(nodes, inIndex: false, continuation: indent + (isHeader ? 8 : 4), joins: true, rest: 0)
        if let trailing { write("  " + trailing) }
        output += "\n"
    }

    // MARK: Nodes

    /// - Parameters:
    ///   - continuation: the indentation of lines that begin inside the nodes.
    ///   - joins: whether such lines need a backslash.
    ///   - rest: columns of what follows on the last line.
    private mutating func write(
        _ nodes: [FormatterNode], inIndex: Bool, continuation: Int, joins: Bool, rest: Int, isFlat: Bool = false
    ) {
        for (index, node) in nodes.enumerated() {
            let token = node.firstToken
            if index > 0 {
                separate(nodes[index - 1].lastToken, token, inIndex, continuation, joins)
            }
            switch node {
            case .token:
                write(token.text)
            case .group(let group):
                let rest = self.rest(nodes[(index + 1)...], after: group.close, inIndex, joins, rest)
                write(group, rest: rest, isFlat: isFlat)
            }
            comment(node.lastToken.trailing)
        }
    }

    private mutating func comment(_ text: String?) {
        guard let text else { return }
        write("  " + text)
        mustEndLine = true
    }

    /// Writes the space, or keeps the line break, between two tokens.
    private mutating func separate(
        _ previous: FormatterToken, _ next: FormatterToken, _ inIndex: Bool, _ continuation: Int, _ joins: Bool
    ) {
        let keepsBreak = next.followsLineEnd && (joins || previous.invitesBreak || next.invitesBreak)
        if mustEndLine || keepsBreak || !next.leading.isEmpty {
            if joins { write(" \\") }
            for comment in next.leading {
                startLine(continuation)
                write(comment.text)
            }
            startLine(continuation)
        } else if FormatterToken.needsSpace(previous, next, inIndex: inIndex) {
            write(" ")
        }
    }

    /// The columns that follow a group before the next chance to break.
    private func rest(
        _ nodes: ArraySlice<FormatterNode>, after last: FormatterToken, _ inIndex: Bool, _ joins: Bool, _ rest: Int
    ) -> Int {
        var width = 0
        var previous = last
        for node in nodes {
            let next = node.firstToken
            if previous.trailing != nil || !next.leading.isEmpty { return width }
            if next.followsLineEnd, joins || previous.invitesBreak || next.invitesBreak {
                return width + (joins ? 2 : 0)
            }
            if FormatterToken.needsSpace(previous, next, inIndex: inIndex) { width += 1 }
            switch node {
            case .token(let token):
                let extent = FormatterExtent(token)
                width += extent.first
                if extent.isBroken { return width }
            case .group(let group):
                if !group.elements.isEmpty { return width + group.open.width }
                width += group.flat.first
            }
            previous = node.lastToken
        }
        return width + rest
    }

    // MARK: Brackets

    private mutating func write(_ group: FormatterGroup, rest: Int, isFlat: Bool) {
        if group.isForced { return writeBroken(group) }
        if isFlat || group.elements.isEmpty || fits(group.flat, rest) {
            return writeFlat(group, rest: rest, isFlat: true)
        }
        if let inner = group.hugged,
            fits(
                .init(
                    first: group.open.width + inner.open.width,
                    last: inner.close.width + group.closingWidth, widest: 0, isBroken: true), rest)
        {
            return writeFlat(group, rest: rest, isFlat: false)
        }
        writeBroken(group)
    }

    private func fits(_ extent: FormatterExtent, _ rest: Int) -> Bool {
        guard extent.isBroken else { return column + extent.first + rest <= Formatter.columns }
        return column + extent.first <= Formatter.columns && lineIndent + extent.widest <= Formatter.columns
            && lineIndent + extent.last + rest <= Formatter.columns
    }

    private mutating func writeFlat(_ group: FormatterGroup, rest: Int, isFlat: Bool) {
        write(group.open.text)
        for (index, element) in group.elements.enumerated() {
            if index > 0 { write(group.kind == .elements ? ", " : " ") }
            write(
                element.nodes, inIndex: group.isIndex, continuation: lineIndent + 4, joins: false,
                rest: rest + group.closingWidth, isFlat: isFlat)
        }
        if group.keepsComma { write(",") }
        write(group.close.text)
    }

    private mutating func writeBroken(_ group: FormatterGroup) {
        let outer = lineIndent
        let indent = outer + 4
        write(group.open.text)
        if let comment = group.open.trailing { write("  " + comment) }
        for (index, element) in group.elements.enumerated() {
            comments(element.leading, indent, isFirst: index == 0)
            if element.blankLines > 0, index > 0 || !element.leading.isEmpty { output += "\n" }
            startLine(indent)
            let hasComma = group.kind == .elements
            write(
                element.nodes, inIndex: group.isIndex, continuation: hasComma ? indent + 4 : indent, joins: false,
                rest: hasComma ? 1 : 0)
            if hasComma { write(",") }
            if let comment = element.trailing { write("  " + comment) }
        }
        comments(group.close.leading, indent, isFirst: group.elements.isEmpty)
        startLine(outer)
        write(group.close.text)
    }

    private mutating func comments(_ comments: [FormatterToken.Comment], _ indent: Int, isFirst: Bool) {
        for (index, comment) in comments.enumerated() {
            if comment.blankLines > 0, !isFirst || index > 0 { output += "\n" }
            startLine(indent)
            write(comment.text)
        }
    }
}
