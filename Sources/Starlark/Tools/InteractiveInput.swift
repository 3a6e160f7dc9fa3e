/// Decides when lines typed at a prompt make up an input.
public enum InteractiveInput {
    /// False while more lines must follow: a bracket or triple-quoted string is open, the last line ends in a backslash,
    /// or a block (`def`, `if`, `for`, `while`) has not been ended by a blank line. Text with a mistake that no further
    /// line can mend is complete, so that the mistake is reported at once.
    public static func isComplete(_ text: String) -> Bool {
        let file = SourceFile(name: "", text: text)
        var scanner = Scanner(file.bytes)
        var depth = 0
        var hasBlock = false
        var isFirst = true
        do {
            while true {
                try scanner.next()
                switch scanner.token {
                case .endOfFile: return depth == 0 && (!hasBlock || endsInBlankLine(text))
                case .leftParen, .leftBracket, .leftBrace: depth += 1
                case .rightParen, .rightBracket, .rightBrace: depth -= 1
                case .def, .if, .for, .while, .elif, .else: if isFirst { hasBlock = true }
                default: break
                }
                switch scanner.token {
                case .newline, .indent, .outdent: isFirst = true
                default: isFirst = false
                }
            }
        } catch {
            if error.message == "unexpected EOF in string" { return !opensTriple(file, at: error.offset) }
            return !(error.offset == lastByte(of: file) && file.bytes[error.offset] == UInt8(ascii: "\\"))
        }
    }

    private static func endsInBlankLine(_ text: String) -> Bool {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        // The text may or may not end with the line end that closes the blank line.
        guard let last = lines.last else { return true }
        let isBlank = last.allSatisfy { $0 == " " || $0 == "\t" || $0 == "\r" }
        return isBlank && lines.count > 1
    }

    private static func opensTriple(_ file: SourceFile, at offset: Int) -> Bool {
        var start = offset
        while start < file.bytes.count, file.bytes[start] != UInt8(ascii: "\""), file.bytes[start] != UInt8(ascii: "'")
        {
            start += 1
        }
        guard start + 2 < file.bytes.count else { return false }
        return file.bytes[start + 1] == file.bytes[start] && file.bytes[start + 2] == file.bytes[start]
    }

    /// The offset of the last byte that is no line end.
    private static func lastByte(of file: SourceFile) -> Int {
        var last = file.bytes.count - 1
        while last >= 0, file.bytes[last] == 0x0A || file.bytes[last] == 0x0D { last -= 1 }
        return last
    }
}
