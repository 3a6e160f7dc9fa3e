/// A source text that was parsed and resolved but not compiled: what a checker needs, and half of what ``Program`` does.
public struct SourceAnalysis {
    private let file: SourceFile
    private let dialect: Dialect
    private let resolver: Resolver

    /// Parses and resolves.
    /// - Throws: ``StarlarkSyntaxError`` with all that is wrong: after a mistake the parser goes on with the next
    ///   statement. The mistake that ``Program`` stops at is among them. After 100 the list ends with
    ///   `too many errors`.
    public init(
        source: String, name: String, dialect: Dialect = .standard, predeclared: Set<String> = []
    ) throws(StarlarkSyntaxError) {
        let file = SourceFile(name: name, text: source)
        self.file = file
        self.dialect = dialect
        resolver = try NativeStack.withRoom { () -> Result<Resolver, StarlarkSyntaxError> in
            Result { () throws(StarlarkSyntaxError) in
                try SourceAnalysis.resolve(file, dialect) { predeclared.contains($0) }
            }
        }
    }

    /// The program, ready to run.
    public func compile() throws(StarlarkSyntaxError) -> Program {
        let code = try NativeStack.withRoom { () -> Result<ProgramCode, StarlarkSyntaxError> in
            Result { () throws(StarlarkSyntaxError) in try Program.compile(resolver, file, dialect) }
        }
        return Program(code, name: file.name, dialect: dialect)
    }

    private static func resolve(
        _ file: SourceFile, _ dialect: Dialect, _ isPredeclared: @escaping (String) -> Bool
    ) throws(StarlarkSyntaxError) -> Resolver {
        var parser = Parser(file.bytes)
        parser.recoverFromMistakes()
        do {
            try parser.parseFile()
        } catch {
            throw StarlarkSyntaxError([error], file, .syntax)  // does not happen: mistakes are collected
        }
        var resolver = Resolver(
            tree: parser.takeTree(), symbols: parser.scanner.symbols, doubtful: parser.doubtful, dialect: dialect,
            isPredeclared: isPredeclared, universe: { Universe.values[$0] })
        resolver.resolve()
        let mistakes = (parser.scanner.recovery?.faults ?? []).map { ($0, Diagnostic.Phase.syntax) }
        let unresolved = resolver.faults.map { ($0, Diagnostic.Phase.resolve) }
        if mistakes.isEmpty, unresolved.isEmpty { return resolver }
        throw StarlarkSyntaxError(mistakes + unresolved, file)
    }
}
