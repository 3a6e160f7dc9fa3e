/// The kinds of tokens. Keywords are symbols too; their raw values are their symbol identifiers.
enum Token: UInt8 {
    // Keywords, in the order of `keywordTexts`.
    case and, `break`, `continue`, def, elif, `else`, `for`, `if`, `in`, lambda, load, not, or, pass, `return`, `while`
    // Reserved words: never valid.
    case `as`, `async`, await, `class`, del, except, finally, from, global, `import`, `is`, nonlocal, raise, `try`
    case with, yield

    case identifier, int, float, string, bytes
    case newline, indent, outdent, endOfFile

    case plus, minus, star, slash, slashSlash, percent, ampersand, pipe, circumflex, tilde, shiftLeft, shiftRight
    case plusEqual, minusEqual, starEqual, slashEqual, slashSlashEqual, percentEqual, ampersandEqual, pipeEqual
    case circumflexEqual, shiftLeftEqual, shiftRightEqual
    case equal, equalEqual, notEqual, less, lessEqual, greater, greaterEqual
    case dot, comma, semicolon, colon, starStar
    case leftParen, rightParen, leftBracket, rightBracket, leftBrace, rightBrace
    /// Made by the parser of `not` and `in`.
    case notIn
    /// Bytes that make no token, when the scanner goes on after mistakes.
    case bad

    /// The words that the scanner must know, in the order of their tokens.
    static let keywordTexts: [StaticString] = [
        "and", "break", "continue", "def", "elif", "else", "for", "if", "in", "lambda", "load", "not", "or", "pass",
        "return", "while",
        "as", "async", "await", "class", "del", "except", "finally", "from", "global", "import", "is", "nonlocal",
        "raise", "try", "with", "yield",
    ]

    /// The token as it appears in messages.
    var text: String {
        switch self {
        case .identifier: return "identifier"
        case .int: return "int literal"
        case .float: return "float literal"
        case .string: return "string literal"
        case .bytes: return "bytes literal"
        case .newline: return "newline"
        case .indent: return "indent"
        case .outdent: return "outdent"
        case .endOfFile: return "end of file"
        case .notIn: return "not in"
        case .bad: return "bad token"
        default: return isWord ? spelling : "'\(spelling)'"
        }
    }

    var isWord: Bool { rawValue < Token.identifier.rawValue }

    /// The characters of an operator or keyword.
    var spelling: String {
        if isWord { return "\(Token.keywordTexts[Int(rawValue)])" }
        switch self {
        case .plus: return "+"
        case .minus: return "-"
        case .star: return "*"
        case .slash: return "/"
        case .slashSlash: return "//"
        case .percent: return "%"
        case .ampersand: return "&"
        case .pipe: return "|"
        case .circumflex: return "^"
        case .tilde: return "~"
        case .shiftLeft: return "<<"
        case .shiftRight: return ">>"
        case .plusEqual: return "+="
        case .minusEqual: return "-="
        case .starEqual: return "*="
        case .slashEqual: return "/="
        case .slashSlashEqual: return "//="
        case .percentEqual: return "%="
        case .ampersandEqual: return "&="
        case .pipeEqual: return "|="
        case .circumflexEqual: return "^="
        case .shiftLeftEqual: return "<<="
        case .shiftRightEqual: return ">>="
        case .equal: return "="
        case .equalEqual: return "=="
        case .notEqual: return "!="
        case .less: return "<"
        case .lessEqual: return "<="
        case .greater: return ">"
        case .greaterEqual: return ">="
        case .dot: return "."
        case .comma: return ","
        case .semicolon: return ";"
        case .colon: return ":"
        case .starStar: return "**"
        case .leftParen: return "("
        case .rightParen: return ")"
        case .leftBracket: return "["
        case .rightBracket: return "]"
        case .leftBrace: return "{"
        case .rightBrace: return "}"
        default: return text
        }
    }

    /// The operator that an augmented assignment applies.
    var augmentedOperator: Token? {
        guard rawValue >= Token.plusEqual.rawValue, rawValue <= Token.shiftRightEqual.rawValue else { return nil }
        switch self {
        case .plusEqual: return .plus
        case .minusEqual: return .minus
        case .starEqual: return .star
        case .slashEqual: return .slash
        case .slashSlashEqual: return .slashSlash
        case .percentEqual: return .percent
        case .ampersandEqual: return .ampersand
        case .pipeEqual: return .pipe
        case .circumflexEqual: return .circumflex
        case .shiftLeftEqual: return .shiftLeft
        default: return .shiftRight
        }
    }
}

/// A mistake found while scanning or parsing, at a byte offset.
struct SyntaxFault: Error {
    let offset: Int
    /// The text, without the position that ``reference`` adds to it.
    let message: String
    /// The offset of what the message speaks of last, to be shown as a position.
    var reference = SyntaxFault.noReference

    static let noReference = UInt32.max
}
