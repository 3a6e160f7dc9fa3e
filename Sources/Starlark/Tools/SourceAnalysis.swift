/// A source text that was parsed and resolved but not compiled: what a checker needs, and half of what ``Program`` does.
public struct SourceAnalysis {
    private let file: SourceFile
    private let dialect: Dialect
    private let resolver: Resolver

    /// Parses and resolves.
    /// - Throws: ``StarlarkSyntaxError`` with one diagnostic for bad syntax, or all that the resolver finds.
    public init(
        source: String, name: String, dialect: Dialect = .standard, predeclared: Set<String> = []
    ) throws(StarlarkSyntaxError) {
        file = SourceFile(name: name, text: source)
        self.dialect = dialect
        resolver = try Program.resolve(file, dialect, { predeclared.contains($0) }, { Universe.values[$0] })
    }

    /// The program, ready to run.
    public func compile() throws(StarlarkSyntaxError) -> Program {
        try Program(resolver, source: file, dialect: dialect)
    }
}

extension Program {
    init(_ resolver: Resolver, source: SourceFile, dialect: Dialect) throws(StarlarkSyntaxError) {
        do {
            code = try Compiler.compile(resolver, source: source, dialect: dialect)
        } catch {
            throw StarlarkSyntaxError([error], source, .resolve)
        }
        name = source.name
        self.dialect = dialect
    }
}
