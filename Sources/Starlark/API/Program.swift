/// A source text that was parsed, resolved and compiled. Immutable; run it as often as you like, on any thread.
public struct Program: Sendable {
    /// The name given at compilation; appears in positions.
    public let name: String
    /// The dialect it was compiled for.
    public let dialect: Dialect
    let code: ProgramCode

    /// Compiles a program.
    /// - Parameters:
    ///   - source: the text, UTF-8.
    ///   - name: the file's name for positions.
    ///   - dialect: the language options.
    ///   - predeclared: names the host will supply to ``Evaluation/run(_:predeclared:)``.
    /// - Throws: ``StarlarkSyntaxError`` with one diagnostic for bad syntax, or all that the resolver finds.
    public init(
        source: String, name: String, dialect: Dialect = .standard, predeclared: Set<String> = []
    ) throws(StarlarkSyntaxError) {
        throw StarlarkSyntaxError(diagnostics: [])
    }

    /// The modules that the program loads, in order, without running it.
    public var loads: [(module: String, position: Position)] { [] }
}
