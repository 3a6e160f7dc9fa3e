/// Lays programs out in one way, in the manner of buildifier, and keeps their meaning and their comments.
///
/// Four spaces per level; one statement per line; double quotes where that changes nothing; brackets that were on
/// several lines, or would pass ``columns``, get one element per line and a trailing comma; at most two blank lines
/// between top-level statements and one elsewhere. Formatting what is formatted changes nothing.
public enum Formatter {
    /// Where brackets are broken into lines. Text that offers no bracket may be longer.
    public static let columns = 100

    /// The program in the one layout; ends with a line end unless empty.
    /// - Throws: ``StarlarkSyntaxError`` for text that does not parse.
    public static func format(_ source: String, name: String) throws(StarlarkSyntaxError) -> String {
        let file = SourceFile(name: name, text: source)
        return try NativeStack.withRoom { () -> Result<String, StarlarkSyntaxError> in
            do throws(SyntaxFault) {
                return .success(try layOut(file))
            } catch {
                return .failure(StarlarkSyntaxError([error], file, .syntax))
            }
        }
    }

    /// Native stack that one level of brackets needs at most, in a debug build.
    private static let stackPerLevel = 48 << 10

    private static func layOut(_ file: SourceFile) throws(SyntaxFault) -> String {
        var parser = Parser(file.bytes)
        try parser.parseFile()
        if parser.deepest * stackPerLevel > NativeStack().remaining {
            throw SyntaxFault(offset: 0, message: NativeStack.complaint)
        }
        var blocks = FormatterBlocks(try FormatterToken.all(of: file))
        return blocks.format()
    }
}
