/// Cuts bytes into tokens, one at a time.
///
/// Works on a buffer that must outlive it. Comments are skipped; when `keepsComments` is set their ranges are recorded.
struct Scanner {
    let base: UnsafePointer<UInt8>
    let count: Int
    private(set) var symbols = SymbolTable()

    // The current token.
    var token = Token.newline
    var start = 0
    var end = 0
    /// The symbol of an identifier.
    private(set) var symbol: UInt32 = 0

    var offset = 0
    /// Columns of open blocks; tabs count to multiples of eight.
    var indents = [0]
    /// INDENT (positive) or OUTDENT (negative) tokens still to be delivered.
    var pendingIndents = 0
    var bracketDepth = 0
    var atLineStart = true
    private var endDelivered = false
    let keepsComments: Bool
    private(set) var comments: [Range<Int>] = []
    /// What is wrong so far, when the scanner goes on after mistakes.
    var recovery: Recovery?

    init(_ bytes: UnsafeBufferPointer<UInt8>, keepsComments: Bool = false) {
        base = bytes.baseAddress!
        count = bytes.count
        self.keepsComments = keepsComments
        if count >= 3, base[0] == 0xEF, base[1] == 0xBB, base[2] == 0xBF { offset = 3 }  // byte order mark
    }

    mutating func setConstant(_ constant: UInt32, of symbol: UInt32) { symbols.setConstant(constant, of: symbol) }
    mutating func intern(_ range: Range<Int>) -> UInt32 { symbols.intern(base + range.lowerBound, range.count) }
    mutating func intern(_ text: StaticString) -> UInt32 { symbols.intern(text.utf8Start, text.utf8CodeUnitCount) }

    @inline(__always) func byte(_ position: Int) -> UInt8 { position < count ? base[position] : 0 }

    /// Advances to the next token.
    mutating func next() throws(SyntaxFault) {
        if pendingIndents != 0 {
            start = offset
            end = offset
            if pendingIndents > 0 {
                pendingIndents -= 1
                token = .indent
            } else {
                pendingIndents += 1
                token = .outdent
            }
            return
        }
        if atLineStart {
            atLineStart = false
            if recovery?.isFull == true { offset = count }
            try measureIndentation()
            if pendingIndents != 0 { return try next() }
        }
        skipSpace()
        start = offset
        guard offset < count else { return finish() }
        let c = base[offset]
        if isNameStart(c) { return try scanName() }
        if isDigit(c) || (c == UInt8(ascii: ".") && isDigit(byte(offset + 1))) { return try scanNumber() }
        try scanPunctuation(c)
    }

    /// Delivers the tokens that close the file: NEWLINE after an unfinished line, OUTDENTs, END.
    private mutating func finish() {
        end = offset
        if token != .newline, token != .outdent, token != .endOfFile, bracketDepth == 0, !endDelivered {
            endDelivered = true
            token = .newline
        } else if indents.count > 1, bracketDepth == 0 {
            indents.removeLast()
            token = .outdent
        } else {
            token = .endOfFile
        }
    }

    // MARK: Space

    /// Skips spaces, comments, joined lines and, inside brackets, line ends.
    @inline(__always) private mutating func skipSpace() {
        while offset < count {
            switch base[offset] {
            case 0x20, 0x09: offset &+= 1
            case 0x0A, 0x0D:
                if bracketDepth == 0 { return }
                offset &+= 1
            case UInt8(ascii: "#"): skipComment()
            case UInt8(ascii: "\\"):
                let following = byte(offset + 1)
                if following == 0x0A {
                    offset += 2
                } else if following == 0x0D {
                    offset += byte(offset + 2) == 0x0A ? 3 : 2
                } else {
                    return
                }
            default: return
            }
        }
    }

    private mutating func skipComment() {
        let from = offset
        while offset < count, base[offset] != 0x0A, base[offset] != 0x0D { offset &+= 1 }
        if keepsComments { comments.append(from..<offset) }
    }

    /// Reads white space at the beginning of a line, skipping lines without tokens, and compares with open blocks.
    private mutating func measureIndentation() throws(SyntaxFault) {
        var column = 0
        loop: while offset < count {
            switch base[offset] {
            case 0x20:
                column += 1
                offset &+= 1
            case 0x09:
                column += 8 - column % 8
                offset &+= 1
            case 0x0A, 0x0D:
                column = 0
                offset &+= 1
            case UInt8(ascii: "#"): skipComment()
            default: break loop
            }
        }
        guard offset < count else { return }  // the end closes all blocks
        let current = indents[indents.count - 1]
        if column > current {
            indents.append(column)
            pendingIndents = 1
        } else if column < current {
            if recovery?.tolerates(column, levels: indents.count) == true { return }
            var last = current
            while indents[indents.count - 1] > column {
                last = indents.removeLast()
                pendingIndents -= 1
            }
            if indents[indents.count - 1] != column {
                try complain(
                    SyntaxFault(offset: offset, message: "unindent does not match any outer indentation level"))
                // Going on: the line belongs to the block that it is indented less than.
                indents.append(last)
                pendingIndents += 1
                recovery?.tolerate(column, levels: indents.count)
            }
        }
    }

    // MARK: Names

    private mutating func scanName() throws(SyntaxFault) {
        var hash: UInt32 = 2_166_136_261
        var position = offset
        while position < count {
            let c = base[position]
            guard isNamePart(c) else { break }
            hash = (hash ^ UInt32(c)) &* 16_777_619
            position &+= 1
        }
        // A quote right after a prefix begins a string.
        let length = position - offset
        if length <= 2, position < count, base[position] == UInt8(ascii: "\"") || base[position] == UInt8(ascii: "'") {
            let first = base[offset]
            if length == 1, first == UInt8(ascii: "r") {
                return try scanString(quote: position, raw: true, kind: .string)
            }
            if length == 1
                ? first == UInt8(ascii: "b") : first == UInt8(ascii: "r") && base[offset + 1] == UInt8(ascii: "b")
            {
                return try scanString(quote: position, raw: length == 2, kind: .bytes)
            }
            if length == 1, first == UInt8(ascii: "f") {
                try complain(SyntaxFault(offset: offset, message: "f-strings are not supported; use format or %"))
                return try scanString(quote: position, raw: false, kind: .string)
            }
        }
        if hasHighBytes(offset, position) { try checkLetters(offset, position) }
        symbol = symbols.intern(base + offset, length, hash)
        end = position
        offset = position
        token = symbol < UInt32(Token.identifier.rawValue) ? Token(rawValue: UInt8(symbol))! : .identifier
    }

    private func hasHighBytes(_ from: Int, _ to: Int) -> Bool {
        for position in from..<to where base[position] >= 0x80 { return true }
        return false
    }

    /// Outside ASCII only letters (and, after the first, digits) are part of names.
    private mutating func checkLetters(_ from: Int, _ to: Int) throws(SyntaxFault) {
        var position = from
        for scalar in String(decoding: UnsafeBufferPointer(start: base + from, count: to - from), as: UTF8.self)
            .unicodeScalars
        {
            let allowed: Bool
            switch scalar.properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: allowed = true
            case .decimalNumber: allowed = position > from
            default: allowed = scalar.isASCII
            }
            if !allowed {
                try complain(SyntaxFault(offset: position, message: "unexpected input character '\(scalar)'"))
            }
            position += UTF8.width(scalar)
        }
    }

    // MARK: Punctuation

    private mutating func scanPunctuation(_ c: UInt8) throws(SyntaxFault) {
        let second = byte(offset + 1)
        let equals = UInt8(ascii: "=")
        switch c {
        case 0x0A, 0x0D:
            accept(.newline, c == 0x0D && second == 0x0A ? 2 : 1)
            atLineStart = true
        case UInt8(ascii: "\""), UInt8(ascii: "'"): try scanString(quote: offset, raw: false, kind: .string)
        case UInt8(ascii: "("): open(.leftParen)
        case UInt8(ascii: "["): open(.leftBracket)
        case UInt8(ascii: "{"): open(.leftBrace)
        case UInt8(ascii: ")"): try close(.rightParen)
        case UInt8(ascii: "]"): try close(.rightBracket)
        case UInt8(ascii: "}"): try close(.rightBrace)
        case UInt8(ascii: ","): accept(.comma, 1)
        case UInt8(ascii: ":"): accept(.colon, 1)
        case UInt8(ascii: "."): accept(.dot, 1)
        case UInt8(ascii: ";"): accept(.semicolon, 1)
        case UInt8(ascii: "~"): accept(.tilde, 1)
        case equals: second == equals ? accept(.equalEqual, 2) : accept(.equal, 1)
        case UInt8(ascii: "+"): second == equals ? accept(.plusEqual, 2) : accept(.plus, 1)
        case UInt8(ascii: "-"): second == equals ? accept(.minusEqual, 2) : accept(.minus, 1)
        case UInt8(ascii: "%"): second == equals ? accept(.percentEqual, 2) : accept(.percent, 1)
        case UInt8(ascii: "&"): second == equals ? accept(.ampersandEqual, 2) : accept(.ampersand, 1)
        case UInt8(ascii: "|"): second == equals ? accept(.pipeEqual, 2) : accept(.pipe, 1)
        case UInt8(ascii: "^"): second == equals ? accept(.circumflexEqual, 2) : accept(.circumflex, 1)
        case UInt8(ascii: "*"):
            if second == c {
                accept(.starStar, 2)
            } else if second == equals {
                accept(.starEqual, 2)
            } else {
                accept(.star, 1)
            }
        case UInt8(ascii: "/"):
            if second == c {
                byte(offset + 2) == equals ? accept(.slashSlashEqual, 3) : accept(.slashSlash, 2)
            } else {
                second == equals ? accept(.slashEqual, 2) : accept(.slash, 1)
            }
        case UInt8(ascii: "<"):
            if second == c {
                byte(offset + 2) == equals ? accept(.shiftLeftEqual, 3) : accept(.shiftLeft, 2)
            } else {
                second == equals ? accept(.lessEqual, 2) : accept(.less, 1)
            }
        case UInt8(ascii: ">"):
            if second == c {
                byte(offset + 2) == equals ? accept(.shiftRightEqual, 3) : accept(.shiftRight, 2)
            } else {
                second == equals ? accept(.greaterEqual, 2) : accept(.greater, 1)
            }
        case UInt8(ascii: "!") where second == equals: accept(.notEqual, 2)
        case UInt8(ascii: "\\"):
            return try refuse("stray backslash in program")
        default:
            return try refuse("unexpected input character '\(Unicode.Scalar(c))'")
        }
    }

    @inline(__always) private mutating func accept(_ kind: Token, _ length: Int) {
        token = kind
        offset &+= length
        end = offset
    }

    private mutating func open(_ kind: Token) {
        bracketDepth += 1
        accept(kind, 1)
    }

    private mutating func close(_ kind: Token) throws(SyntaxFault) {
        guard bracketDepth > 0 else { return try refuse("unexpected \(kind.text)") }
        bracketDepth -= 1
        accept(kind, 1)
    }
}

@inline(__always) func isDigit(_ c: UInt8) -> Bool { c &- UInt8(ascii: "0") < 10 }

@inline(__always) private func isNameStart(_ c: UInt8) -> Bool {
    (c | 0x20) &- UInt8(ascii: "a") < 26 || c == UInt8(ascii: "_") || c >= 0x80
}

@inline(__always) func isNamePart(_ c: UInt8) -> Bool { isNameStart(c) || isDigit(c) }

/// The value of a digit in any base up to 36; 255 for other bytes.
@inline(__always) func digitValue(_ c: UInt8) -> UInt8 {
    if isDigit(c) { return c - UInt8(ascii: "0") }
    let letter = (c | 0x20) &- UInt8(ascii: "a")
    return letter < 26 ? letter + 10 : 255
}
