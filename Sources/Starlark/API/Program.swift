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
    /// - Throws: ``StarlarkSyntaxError`` with the first mistake of syntax, or all that the resolver finds.
    public init(
        source: String, name: String, dialect: Dialect = .standard, predeclared: Set<String> = []
    ) throws(StarlarkSyntaxError) {
        let file = SourceFile(name: name, text: source)
        code = try NativeStack.withRoom { () -> Result<ProgramCode, StarlarkSyntaxError> in
            Result { () throws(StarlarkSyntaxError) in
                let resolver = try Program.resolve(
                    file, dialect, { predeclared.contains($0) }, { Universe.values[$0] })
                return try Program.compile(resolver, file, dialect)
            }
        }
        self.name = name
        self.dialect = dialect
    }

    init(_ code: ProgramCode, name: String, dialect: Dialect) {
        self.code = code
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
        var parser = try parse(file)
        return try resolve(&parser, file, dialect, isPredeclared, universe)
    }

    /// Scans and parses.
    static func parse(_ file: SourceFile) throws(StarlarkSyntaxError) -> Parser {
        var parser = Parser(file.bytes)
        do {
            try parser.parseFile()
        } catch {
            throw StarlarkSyntaxError([error], file, .syntax)
        }
        return parser
    }

    /// Resolves; takes the tree.
    static func resolve(
        _ parser: inout Parser, _ file: SourceFile, _ dialect: Dialect, _ isPredeclared: @escaping (String) -> Bool,
        _ universe: @escaping (String) -> Value?
    ) throws(StarlarkSyntaxError) -> Resolver {
        var resolver = Resolver(
            tree: parser.takeTree(), symbols: parser.scanner.symbols, dialect: dialect, isPredeclared: isPredeclared,
            universe: universe)
        resolver.resolve()
        if !resolver.faults.isEmpty { throw StarlarkSyntaxError(resolver.faults, file, .resolve) }
        return resolver
    }

    /// Makes code of what was resolved.
    static func compile(
        _ resolver: Resolver, _ file: SourceFile, _ dialect: Dialect
    ) throws(StarlarkSyntaxError) -> ProgramCode {
        do {
            return try Compiler.compile(resolver, source: file, dialect: dialect)
        } catch {
            throw StarlarkSyntaxError([error], file, .resolve)
        }
    }
}

extension StarlarkSyntaxError {
    /// More diagnostics than these are cut off.
    static let limit = 100

    init(_ faults: [SyntaxFault], _ file: SourceFile, _ phase: Diagnostic.Phase) {
        self.init(faults.map { ($0, phase) }, file)
    }

    /// Sorts by position.
    init(_ faults: [(fault: SyntaxFault, phase: Diagnostic.Phase)], _ file: SourceFile) {
        let table = LineTable(file)
        let sorted = faults.count > 1 ? faults.sorted { $0.fault.offset < $1.fault.offset } : faults
        var diagnostics = sorted.prefix(Self.limit).map { fault, phase in
            var message = fault.message
            if fault.reference != SyntaxFault.noReference {
                message += table.position(at: Int(fault.reference)).description
            }
            return Diagnostic(position: table.position(at: fault.offset), message: message, phase: phase)
        }
        if sorted.count > Self.limit {
            let (next, phase) = sorted[Self.limit]
            diagnostics.append(
                Diagnostic(position: table.position(at: next.offset), message: "too many errors", phase: phase))
        }
        self.init(diagnostics: diagnostics)
    }
}
