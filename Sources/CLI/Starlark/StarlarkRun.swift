internal import ArgumentParser
internal import Core
internal import Starlark
internal import Wire

/// `martlet starlark [run]`.
struct StarlarkRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a program, an expression, or a prompt.",
        discussion: """
            `-` is standard input. `load` finds files beneath the directory of the program. Without a file and an
            expression, standard input is run; when that is a terminal, there is a prompt instead.

            Examples:
              martlet starlark run build.star
              martlet starlark run -c 6*7
              martlet starlark run build.star -c targets
              martlet starlark run --check app.star --dialect openrun
            """)

    @Option(
        help: ArgumentHelp(
            "The language: standard, openrun (with while and recursion), permissive (everything; what -c and the prompt use).",
            valueName: "dialect"))
    var dialect: DialectChoice?
    @Option(
        name: .customShort("c"),
        help: ArgumentHelp("Run this, after the file if there is one, and print its value.", valueName: "code"))
    var code: String?
    @Flag(help: "Run nothing; report what is wrong, as `martlet starlark check` does.") var check = false
    @Flag(help: "With --check: print the answer as JSON.") var json = false
    @Argument(help: ArgumentHelp("The program.", valueName: "file")) var files: [String] = []

    func validate() throws {
        if check, code != nil { throw ValidationError("--check and -c exclude each other") }
        if check, files.isEmpty { throw ValidationError("--check needs a file; `-` is standard input") }
        if !check, json { throw ValidationError("--json goes with --check only") }
        if !check, files.count > 1 {
            throw ValidationError("one program at a time, and there are \(files.count); --check takes many")
        }
    }

    func run() async throws {
        if check {
            return try StarlarkCheck.report(
                files, dialect: dialect ?? .standard, predeclared: [], json: json)
        }
        if files.isEmpty, code == nil, Console.inputIsTerminal {
            return try await StarlarkPrompt.run(dialect: dialect?.dialect)
        }
        let runner = ProgramRunner(file: files.first ?? (code == nil ? "-" : nil), code: code, dialect: dialect)
        let target = InterruptTarget()
        let status = try await target.whileWatching { try await StarlarkHost.perform { try runner.run(target) } }
        if status != 0 { throw ExitCode(status) }
    }
}

/// Runs a file, a text, or a text over the globals of a file.
struct ProgramRunner: Sendable {
    /// A path, `-`, or nil.
    let file: String?
    let code: String?
    let dialect: DialectChoice?

    /// - Parameters:
    ///   - output: takes what the program prints.
    ///   - report: takes the lines that tell why the program failed.
    /// - Returns: the exit status.
    func run(
        _ target: InterruptTarget, output: PrintedOutput = PrintedOutput(), report: (String) -> Void = Console.note
    ) throws -> Int32 {
        defer { output.flush() }
        var current = StarlarkSource(name: "<expr>", text: code ?? "")
        do {
            let language = dialect?.dialect ?? .standard
            let modules = StarlarkModules(
                main: file ?? "-", dialect: language, predeclared: StarlarkHost.predeclared)
            let evaluation = Evaluation(limits: StarlarkHost.limits, print: output.print, loader: modules)
            target.aim(at: evaluation.cancellation)
            defer { target.aim(at: nil) }
            var globals: [(String, Value)] = []
            if let file {
                current = try StarlarkSource.read(file, hint: hint(file))
                let program = try Program(
                    source: current.text, name: current.name, dialect: language,
                    predeclared: Set(StarlarkHost.predeclared.keys))
                let module = try evaluation.run(program, predeclared: StarlarkHost.predeclared)
                globals = module.names.map { ($0, module[$0]!) }
            }
            if let code {
                current = StarlarkSource(name: "<expr>", text: code)
                let session = Session(
                    predeclared: StarlarkHost.predeclared, dialect: dialect?.dialect ?? Session.dialect)
                for (name, value) in globals { session.bind(name, to: value) }
                let value = try session.run(code, name: current.name, in: evaluation)
                if let value, !value.isNone { output.print(value.repr) }
            }
            return 0
        } catch {
            guard let lines = StarlarkDiagnostics.report(of: error, source: current.text) else { throw error }
            output.flush()
            for line in lines { report(line) }
            return (error as? EvaluationError)?.kind == .cancelled ? 130 : 1
        }
    }

    /// A missing file may be a mistyped verb.
    private func hint(_ file: String) -> String? {
        NearestName.find(file, in: ["run", "check", "fmt"]).map { "did you mean `martlet starlark \($0)`?" }
    }
}
