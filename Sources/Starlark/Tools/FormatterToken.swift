/// A token with the comments and line breaks around it.
struct FormatterToken {
    /// A comment on a line of its own.
    struct Comment {
        let text: String
        /// Blank lines above.
        let blankLines: Int
        /// The column where it stands, from 0; tabs count to multiples of eight.
        let column: Int
    }

    let kind: Token
    /// As printed; empty for line ends and indentation.
    let text: String
    /// Comments on lines of their own between the previous token and this one.
    var leading: [Comment] = []
    /// The comment that follows on the same line.
    var trailing: String?
    /// Blank lines directly above: below the last leading comment, if there are any.
    var blankLines = 0
    /// Whether the previous token stands on an earlier line.
    var followsLineEnd = false
    /// The column of the first byte, as for comments.
    var column = 0
    /// A sign or star in front of its operand.
    var isPrefix = false
    /// The colon of a lambda.
    var endsLambdaParameters = false

    var width: Int { text.unicodeScalars.count }

    var isOpening: Bool { kind == .leftParen || kind == .leftBracket || kind == .leftBrace }
    var isClosing: Bool { kind == .rightParen || kind == .rightBracket || kind == .rightBrace }

    /// Whether an operand may end with this token, so that a bracket after it is a call or an index.
    var endsOperand: Bool {
        switch kind {
        case .identifier, .int, .float, .string, .bytes, .rightParen, .rightBracket, .rightBrace: return true
        default: return false
        }
    }

    /// Whether a line break beside this token is worth keeping: that of an operator, a dot, a conditional.
    var invitesBreak: Bool {
        switch kind {
        case .and, .or, .not, .in, .if, .else, .dot: return true
        case .equal, .comma, .colon, .semicolon: return false
        default:
            return !isPrefix && kind.rawValue >= Token.plus.rawValue && kind.rawValue <= Token.greaterEqual.rawValue
        }
    }

    /// Whether a space stands between two tokens of one line.
    static func needsSpace(_ previous: FormatterToken, _ next: FormatterToken, inIndex: Bool) -> Bool {
        switch next.kind {
        case .comma, .semicolon, .colon, .rightParen, .rightBracket, .rightBrace: return false
        case .dot: return previous.kind == .int || previous.kind == .float
        case .leftParen, .leftBracket: if previous.endsOperand || previous.kind == .load { return false }
        default: break
        }
        switch previous.kind {
        case .leftParen, .leftBracket, .leftBrace, .dot: return false
        case .colon: return !inIndex || previous.endsLambdaParameters
        default: return !previous.isPrefix
        }
    }
}

// MARK: - Reading

extension FormatterToken {
    /// All tokens of a file that parses, END included.
    static func all(of file: SourceFile) throws(SyntaxFault) -> [FormatterToken] {
        var scanner = Scanner(file.bytes, keepsComments: true)
        var reader = Reader(file.bytes)
        repeat {
            try scanner.next()
            reader.add(scanner)
        } while scanner.token != .endOfFile
        return reader.tokens
    }

    private struct Reader {
        let bytes: UnsafeBufferPointer<UInt8>
        var tokens: [FormatterToken] = []
        /// Comments taken so far.
        private var taken = 0
        private var depth = 0
        private var pendingLambdas: [Int] = [0]
        /// The end of the last token or comment.
        private var end = 0

        init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

        mutating func add(_ scanner: Scanner) {
            let leading = takeComments(scanner)
            let start = scanner.start
            var token = FormatterToken(kind: scanner.token, text: text(scanner))
            token.leading = leading
            let breaks = lineBreaks(end, start)
            token.blankLines = max(0, breaks - 1)
            token.followsLineEnd = breaks > 0 || !leading.isEmpty || tokens.last?.trailing != nil
            token.column = column(start)
            token.isPrefix = isPrefix(token.kind)
            track(&token)
            switch token.kind {
            case .newline:
                // The blank lines that follow are counted from the beginning of this line end.
                end = start
            case .indent, .outdent, .endOfFile: break
            default: end = scanner.end
            }
            tokens.append(token)
        }

        /// Comments between the last token and the next: one on the same line belongs to the last token.
        private mutating func takeComments(_ scanner: Scanner) -> [Comment] {
            var leading: [Comment] = []
            while taken < scanner.comments.count {
                let range = scanner.comments[taken]
                taken += 1
                let comment = commentText(range)
                let breaks = lineBreaks(end, range.lowerBound)
                let endsStatement = depth == 0 && scanner.token == .newline && scanner.start >= range.upperBound
                if leading.isEmpty, breaks == 0 || endsStatement, let last = tokens.indices.last,
                    tokens[last].kind != .newline, !tokens[last].text.isEmpty
                {
                    tokens[last].trailing = comment
                } else {
                    leading.append(
                        Comment(text: comment, blankLines: max(0, breaks - 1), column: column(range.lowerBound)))
                }
                end = range.upperBound
            }
            return leading
        }

        /// Follows brackets and lambdas.
        private mutating func track(_ token: inout FormatterToken) {
            switch token.kind {
            case .leftParen, .leftBracket, .leftBrace:
                depth += 1
                pendingLambdas.append(0)
            case .rightParen, .rightBracket, .rightBrace:
                depth -= 1
                pendingLambdas.removeLast()
            case .newline: pendingLambdas = [0]
            case .lambda: pendingLambdas[pendingLambdas.count - 1] += 1
            case .colon where pendingLambdas.last! > 0:
                pendingLambdas[pendingLambdas.count - 1] -= 1
                token.endsLambdaParameters = true
            default: break
            }
        }

        private func isPrefix(_ kind: Token) -> Bool {
            switch kind {
            case .plus, .minus, .tilde, .star, .starStar: return !(tokens.last?.endsOperand ?? false)
            default: return false
            }
        }

        // MARK: Text

        private func text(_ scanner: Scanner) -> String {
            switch scanner.token {
            case .newline, .indent, .outdent, .endOfFile: return ""
            case .string, .bytes: return quoted(UnsafeBufferPointer(rebasing: bytes[scanner.start..<scanner.end]))
            default: return String(decoding: bytes[scanner.start..<scanner.end], as: UTF8.self)
            }
        }

        private func commentText(_ range: Range<Int>) -> String {
            var end = range.upperBound
            while end > range.lowerBound, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
            return String(decoding: bytes[range.lowerBound..<end], as: UTF8.self)
        }

        /// A literal with double quotes, when it has single ones and no double quote inside.
        private func quoted(_ literal: UnsafeBufferPointer<UInt8>) -> String {
            let single = UInt8(ascii: "'")
            let double = UInt8(ascii: "\"")
            guard literal.last == single, !literal.contains(double), let first = literal.firstIndex(of: single) else {
                return String(decoding: literal, as: UTF8.self)
            }
            let isTriple = literal.count - first >= 6 && literal[first + 1] == single && literal[first + 2] == single
            let length = isTriple ? 3 : 1
            var result = Array(literal)
            for index in 0..<length {
                result[first + index] = double
                result[result.count - 1 - index] = double
            }
            return String(decoding: result, as: UTF8.self)
        }

        // MARK: Places

        /// Line ends between two offsets; CRLF is one.
        private func lineBreaks(_ from: Int, _ to: Int) -> Int {
            var count = 0
            var index = from
            while index < to {
                if bytes[index] == 0x0A {
                    count += 1
                } else if bytes[index] == 0x0D {
                    count += 1
                    if index + 1 < to, bytes[index + 1] == 0x0A { index += 1 }
                }
                index += 1
            }
            return count
        }

        private func column(_ offset: Int) -> Int {
            var start = offset
            while start > 0, bytes[start - 1] != 0x0A, bytes[start - 1] != 0x0D { start -= 1 }
            var column = 0
            for index in start..<offset {
                if bytes[index] == 0x09 { column += 8 - column % 8 } else { column += 1 }
            }
            return column
        }
    }
}
