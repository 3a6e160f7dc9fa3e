/// Cuts tokens into statements and gives each its level.
struct FormatterBlocks {
    private let tokens: [FormatterToken]
    private var layout = FormatterLayout()
    /// The source columns of the open blocks' statements.
    private var columns = [0]
    /// Nothing has been written since the file or a block began.
    private var isFirst = true
    /// The level of the statement written last.
    private var lastLevel = 0

    init(_ tokens: [FormatterToken]) { self.tokens = tokens }

    mutating func format() -> String {
        var index = 0
        var pending: [FormatterToken.Comment] = []
        while index < tokens.count {
            let token = tokens[index]
            pending += token.leading
            switch token.kind {
            case .indent:
                columns.append(token.column)
                index += 1
            case .outdent, .newline: index += 1
            case .endOfFile:
                write(pending, level: 0, among: columns)
                return layout.output
            default:
                let end = endOfLine(from: index)
                let open = columns
                let level = closeBlocks(upTo: token.column)
                write(pending, level: level, among: open)
                pending = []
                writeLine(Array(tokens[index..<end]), level: level)
                index = end
            }
        }
        return layout.output
    }

    private func endOfLine(from index: Int) -> Int {
        var end = index
        while tokens[end].kind != .newline, tokens[end].kind != .endOfFile { end += 1 }
        return end
    }

    /// The level of a statement by its column; deeper blocks have ended.
    private mutating func closeBlocks(upTo column: Int) -> Int {
        while columns.count > 1, columns[columns.count - 1] > column { columns.removeLast() }
        return columns.count - 1
    }

    private func limited(_ blankLines: Int, level: Int) -> Int { isFirst ? 0 : min(blankLines, level == 0 ? 2 : 1) }

    /// Comments in front of a statement of a level, or of the end of the file. Those that stand deeper belong to the
    /// blocks that end here; a comment is never deeper than the one above it.
    private mutating func write(_ comments: [FormatterToken.Comment], level: Int, among open: [Int]) {
        var deepest = min(max(lastLevel, level), open.count - 1)
        for comment in comments {
            while deepest > level, open[deepest] > comment.column { deepest -= 1 }
            layout.comment(
                comment.text, indent: 4 * deepest, blankLines: limited(comment.blankLines, level: deepest))
            isFirst = false
        }
    }

    // MARK: Statements

    /// A line of the source: simple statements, or a header with or without statements behind its colon.
    private mutating func writeLine(_ line: [FormatterToken], level: Int) {
        var blankLines = line[0].blankLines
        var rest = line[...]
        var level = level
        if let colon = Self.suiteColon(line) {
            write(line[...colon], level: level, blankLines: blankLines)
            rest = line[(colon + 1)...]
            blankLines = 0
            level += 1
            isFirst = true
        }
        var start = rest.startIndex
        var depth = 0
        for index in rest.indices {
            if line[index].isOpening { depth += 1 }
            if line[index].isClosing { depth -= 1 }
            guard depth == 0, line[index].kind == .semicolon else { continue }
            var statement = line[start..<index]
            statement[index - 1].trailing = statement[index - 1].trailing ?? line[index].trailing
            write(statement, level: level, blankLines: blankLines)
            start = index + 1
            blankLines = 0
        }
        if start < rest.endIndex { write(line[start...], level: level, blankLines: blankLines) }
    }

    private mutating func write(_ statement: ArraySlice<FormatterToken>, level: Int, blankLines: Int) {
        layout.statement(Array(statement), indent: 4 * level, blankLines: limited(blankLines, level: level))
        isFirst = false
        lastLevel = level
    }

    /// The colon that ends the header of a compound statement.
    private static func suiteColon(_ line: [FormatterToken]) -> Int? {
        switch line[0].kind {
        case .def, .if, .elif, .else, .for, .while: break
        default: return nil
        }
        var depth = 0
        for (index, token) in line.enumerated() {
            if token.isOpening { depth += 1 }
            if token.isClosing { depth -= 1 }
            if depth == 0, token.kind == .colon, !token.endsLambdaParameters { return index }
        }
        return nil
    }
}
