/// Going on after mistakes, for tools that report all of them.
extension Scanner {
    /// The mistakes that were found, without those that only follow from others.
    struct Recovery {
        /// More than these are not worth reading.
        static let limit = 100

        private(set) var faults: [SyntaxFault] = []
        /// True when there were more; the rest of the text is not read.
        private(set) var isFull = false
        /// Mistakes in text that is skipped do not count.
        var isSkipping = false
        /// The line of the last mistake; others in it probably come of that one.
        private var line = 0..<0

        /// A wrong indentation that was reported, and the number of open blocks there.
        private var tolerated = (column: 0, levels: 0)

        mutating func tolerate(_ column: Int, levels: Int) { tolerated = (column, levels) }
        func tolerates(_ column: Int, levels: Int) -> Bool { tolerated == (column, levels) }

        mutating func report(_ fault: SyntaxFault, in text: UnsafeBufferPointer<UInt8>) {
            if isSkipping || isFull || line.contains(fault.offset) { return }
            faults.append(fault)
            isFull = faults.count > Self.limit
            var start = min(fault.offset, text.count)
            var end = start
            while start > 0, text[start - 1] != 0x0A, text[start - 1] != 0x0D { start -= 1 }
            while end < text.count, text[end] != 0x0A, text[end] != 0x0D { end += 1 }
            line = start..<end + 1
        }
    }

    /// Reports a mistake after which scanning can go on; throws it unless mistakes are collected.
    @inline(never)
    mutating func complain(_ fault: SyntaxFault) throws(SyntaxFault) {
        if recovery == nil { throw fault }
        report(fault)
    }

    /// Meets bytes that make no token: an error, or a token of its own when mistakes are collected.
    @inline(never)
    mutating func refuse(_ message: String) throws(SyntaxFault) {
        try complain(SyntaxFault(offset: offset, message: message))
        if offset < count { passBadToken() }
        end = offset
        token = .bad
    }

    /// Collects a mistake. After too many the text ends with the line.
    mutating func report(_ fault: SyntaxFault) {
        recovery?.report(fault, in: UnsafeBufferPointer(start: base, count: count))
    }

    /// Advances to the next token when mistakes are collected.
    mutating func skip() {
        do {
            try next()
        } catch {
            report(error)  // does not happen: nothing is thrown then
        }
    }

    /// Goes behind bytes that make no token: a string without end, or one byte.
    private mutating func passBadToken() {
        var position = offset
        while position < count, isNamePart(base[position]) { position += 1 }  // the prefix
        let mark = byte(position)
        guard mark == UInt8(ascii: "\"") || mark == UInt8(ascii: "'") else {
            offset += 1
            return
        }
        if byte(position + 1) == mark, byte(position + 2) == mark {
            offset = count
            return
        }
        while position < count, base[position] != 0x0A, base[position] != 0x0D {
            if base[position] == UInt8(ascii: "\\") {
                position += byte(position + 1) == 0x0D && byte(position + 2) == 0x0A ? 2 : 1
            }
            position += 1
        }
        offset = min(position, count)
    }

    /// True when the token, although inside brackets, seems to begin a statement: the brackets were not closed.
    var seemsToBeginStatement: Bool {
        guard bracketDepth > 0, let column = columnOfFirstToken else { return false }
        switch token {
        case .def, .load, .return, .pass, .break, .continue, .while: return true
        case .identifier, .for, .if: return column <= indents[indents.count - 1]
        default: return false
        }
    }

    /// The column of the token if it is the first one of its line.
    private var columnOfFirstToken: Int? {
        guard let from = startOfLine else { return nil }
        return (from..<start).reduce(0) { column, at in base[at] == 0x09 ? column + 8 - column % 8 : column + 1 }
    }

    /// The beginning of the token's line if only blanks lie between.
    private var startOfLine: Int? {
        var position = start
        while position > 0, base[position - 1] == 0x20 || base[position - 1] == 0x09 { position -= 1 }
        return position == 0 || base[position - 1] == 0x0A || base[position - 1] == 0x0D ? position : nil
    }

    /// Takes brackets as closed before the line of the current token.
    mutating func closeBrackets() {
        offset = startOfLine ?? start
        bracketDepth = 0
        pendingIndents = 0
        atLineStart = true
        token = .newline
    }
}
