internal import ArgumentParser
internal import Core
internal import Starlark
internal import Wire

/// `martlet starlark check`.
struct StarlarkCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Report what is wrong with programs without running them.",
        discussion: """
            Reports mistakes of syntax and names as file:line:column. The exit status is 1 when there are any.
            The openrun dialect knows the names ace, param, doc, table and config.

            Examples:
              martlet starlark check build.star
              martlet starlark check app.star --dialect openrun --json
              martlet starlark check defs.star --predeclared native --predeclared rule
            """)

    @OptionGroup var output: OutputOptions
    @Option(help: ArgumentHelp("The language: standard, openrun, permissive.", valueName: "dialect"))
    var dialect = DialectChoice.standard
    @Option(help: ArgumentHelp("A name that the program's host supplies; may be repeated.", valueName: "name"))
    var predeclared: [String] = []
    @Argument(help: ArgumentHelp("The programs; `-` is standard input.", valueName: "file")) var files: [String]

    func run() async throws {
        try Self.report(files, dialect: dialect, predeclared: Set(predeclared), json: output.json)
    }

    /// One mistake in the JSON answer.
    struct Finding: Encodable, Equatable {
        let file: String
        let line: Int
        let column: Int
        let phase: String
        let message: String
    }

    /// The JSON answer.
    struct Answer: Encodable {
        let files: Int
        let diagnostics: [Finding]
    }

    /// All mistakes of a text.
    static func diagnostics(_ source: StarlarkSource, dialect: DialectChoice, predeclared: Set<String>) -> [Diagnostic]
    {
        let names = Set(StarlarkHost.predeclared.keys).union(dialect.hostNames).union(predeclared)
        do {
            let analysis = try SourceAnalysis(
                source: source.text, name: source.name, dialect: dialect.dialect, predeclared: names)
            _ = try analysis.compile()  // some limits on size are the compiler's
            return []
        } catch {
            return error.diagnostics
        }
    }

    /// Checks all files and prints what is wrong with them.
    /// - Throws: `ExitCode` 1 when anything is.
    static func report(_ files: [String], dialect: DialectChoice, predeclared: Set<String>, json: Bool) throws {
        var findings: [Finding] = []
        var failed = false
        for file in files {
            do {
                let source = try StarlarkSource.read(file)
                for diagnostic in diagnostics(source, dialect: dialect, predeclared: predeclared) {
                    findings.append(finding(diagnostic))
                    if json { continue }
                    for line in StarlarkDiagnostics.lines(diagnostic, source: source.text) { Console.print(line) }
                }
            } catch let error as StarlarkCommandError {
                Console.report(error)
                failed = true
            }
        }
        if json { Console.print(try WireJSON.encodePretty(Answer(files: files.count, diagnostics: findings))) }
        if failed || !findings.isEmpty { throw ExitCode(1) }
    }

    private static func finding(_ diagnostic: Diagnostic) -> Finding {
        let phase =
            switch diagnostic.phase {
            case .syntax: "syntax"
            case .resolve: "resolve"
            }
        let position = diagnostic.position
        return Finding(
            file: position.file, line: position.line, column: position.column, phase: phase,
            message: diagnostic.message)
    }
}
