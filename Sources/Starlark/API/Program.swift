/// A source text that was parsed, resolved and compiled. Immutable; run it as often as you like, on any thread.
public struct Program: Sendable {
    /// The name given at compilation; appears in positions.
    public let name: String
    /// The dialect it was compiled for.
    public let dialect: Dialect
    let code: ProgramCode

    /// Compiles a program.
    /// - Parameters:
    ///   - source: the text.
    ///   - name: the file's name for positions.
    ///   - dialect: the language options.
    ///   - predeclared: names the host will supply to ``Evaluation/run(_:predeclared:)``.
    /// - Throws: ``StarlarkSyntaxError`` with one diagnostic for bad syntax, or all that the resolver finds.
    public init(
        source: String, name: String, dialect: Dialect = .standard, predeclared: Set<String> = []
    ) throws(StarlarkSyntaxError) {
        let file = SourceFile(name: name, text: source)
        let resolver = try Program.resolve(file, dialect, { predeclared.contains($0) }, { Universe.values[$0] })
        do {
            code = try Compiler.compile(resolver, source: file, dialect: dialect)
        } catch {
            throw StarlarkSyntaxError([error], file, .resolve)
        }
        self.name = name
        self.dialect = dialect
    }

    /// The modules that the program loads, in order, without running it.
    public var loads: [(module: String, position: Position)] {
        code.loadSites.map { ($0.module, code.source.position(at: Int($0.offset))) }
    }

    /// Scans, parses and resolves.
    static func resolve(
        _ file: SourceFile, _ dialect: Dialect, _ isPredeclared: @escaping (String) -> Bool,
        _ universe: @escaping (String) -> Value?
    ) throws(StarlarkSyntaxError) -> Resolver {
        var parser = Parser(file.bytes)
        do {
            try parser.parseFile()
        } catch {
            throw StarlarkSyntaxError([error], file, .syntax)
        }
        var resolver = Resolver(
            tree: parser.tree, symbols: parser.scanner.symbols, dialect: dialect, isPredeclared: isPredeclared,
            universe: universe)
        resolver.resolve()
        if !resolver.faults.isEmpty { throw StarlarkSyntaxError(resolver.faults, file, .resolve) }
        return resolver
    }
}

extension StarlarkSyntaxError {
    init(_ faults: [SyntaxFault], _ file: SourceFile, _ phase: Diagnostic.Phase) {
        self.init(
            diagnostics: faults.map { fault in
                Diagnostic(
                    position: file.position(at: fault.offset), message: file.fillPositions(fault.message), phase: phase)
            })
    }
}

extension SourceFile {
    /// Replaces offsets between `@` signs by positions.
    fileprivate func fillPositions(_ message: String) -> String {
        guard let at = message.firstIndex(of: "@"), message.hasSuffix("@"),
            let offset = Int(message[message.index(after: at)...].dropLast())
        else { return message }
        return message[..<at] + position(at: offset).description
    }
}
