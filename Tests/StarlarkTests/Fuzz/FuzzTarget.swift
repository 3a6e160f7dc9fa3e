internal import Starlark

/// What the fuzzer does with bytes, and the tests with the files of the corpus.
enum FuzzTarget {
    /// A law of the library that some input broke.
    struct BrokenLaw: Error {
        let law: String
    }

    /// Text through scanner, parser, resolver, compiler and formatter.
    static func syntax(_ bytes: UnsafeBufferPointer<UInt8>) throws {
        let source = String(decoding: bytes, as: UTF8.self)
        let fails = try checkMistakes(source)
        let once: String
        do {
            once = try Formatter.format(source, name: "f")
        } catch {
            return try require(fails, "what compiles can be formatted")
        }
        do {
            try require(try Formatter.format(once, name: "f") == once, "formatting again changes nothing")
            let remains = try !mistakes { _ = try Program(source: once, name: "f", dialect: .permissive) }.isEmpty
            try require(remains == fails, "formatting changes no meaning")
        } catch is StarlarkSyntaxError {
            throw BrokenLaw(law: "what was formatted can be formatted")
        }
    }

    /// A program, as text or made of the bytes by ``ProgramGenerator`` if the first one is not ASCII.
    static func evaluation(_ bytes: UnsafeBufferPointer<UInt8>) throws {
        if let first = bytes.first, first >= 0x80 {
            var generator = ProgramGenerator(bytes.dropFirst())
            let statements = generator.statements()
            try run(statements)
        } else {
            let source = String(decoding: bytes, as: UTF8.self)
            let first = try outcome(source)
            try require(first == outcome(source), "the same result twice")
        }
    }

    // MARK: Syntax

    /// Compares the checker, which reports all mistakes, with the compiler, which reports the first. True if there is one.
    private static func checkMistakes(_ source: String) throws -> Bool {
        let all = try mistakes { _ = try SourceAnalysis(source: source, name: "f", dialect: .permissive).compile() }
        let one = try mistakes { _ = try Program(source: source, name: "f", dialect: .permissive) }
        try require(all.isEmpty == one.isEmpty && all.count <= 101, "both find mistakes or none")
        if one.first?.phase == .syntax {
            try require(all.count > 100 || all.contains(one[0]), "the mistake that stops a program is among all")
        } else {
            try require(all == one, "the same mistakes")
        }
        for mistake in all {
            try require(mistake.position.line >= 1 && mistake.position.column >= 1, "a position")
        }
        return !all.isEmpty
    }

    private static func mistakes(_ work: () throws -> Void) throws -> [Diagnostic] {
        do {
            try work()
            return []
        } catch let error as StarlarkSyntaxError {
            try require(!error.diagnostics.isEmpty, "an error says something")
            return error.diagnostics
        }
    }

    // MARK: Evaluation

    private static let limits = Limits(
        steps: 20_000, allocatedBytes: 8 << 20, callDepth: 200, nativeDepth: 16, integerBits: 1 << 14)

    private static var modules: [String: Value] {
        [
            "json": StandardModules.json, "math": StandardModules.math, "time": StandardModules.time(),
            "struct": StandardModules.structure, "module": StandardModules.module,
        ]
    }

    /// Everything that can be observed of a program.
    private static func outcome(_ source: String) throws -> [String] {
        var output: [String] = []
        let evaluation = Evaluation(limits: limits, print: { output.append($0) })
        do {
            let session = Session(predeclared: modules)
            let value = try session.run(source, name: "f", in: evaluation)
            output.append("\(value?.typeName ?? "nothing") \(session.names)")
            runFrozen(source)
        } catch {
            output.append("\(error)")
        }
        return output
    }

    /// Runs a program that is known to end well, then calls its functions, now frozen, as a host would.
    private static func runFrozen(_ source: String) {
        let known = modules
        guard
            let program = try? Program(
                source: source, name: "f", dialect: .permissive, predeclared: Set(known.keys)),
            let module = try? Evaluation(limits: limits).run(program, predeclared: known)
        else { return }  // the last expression or a load may fail otherwise
        defer { module.dispose() }
        let evaluation = Evaluation(limits: limits)
        for name in module.names {
            guard let value = module[name], value.typeName == "function" else { continue }
            // A failure is as good as a result here.
            _ = try? evaluation.call(value)
            _ = try? evaluation.call(value, [.int(1), .list([value])])
        }
    }

    /// Runs statements one by one, so that one failure does not hide what follows.
    private static func run(_ statements: [String]) throws {
        let session = Session(predeclared: modules)
        for statement in statements {
            let evaluation = Evaluation(limits: limits, print: { _ in })
            do {
                _ = try session.run(statement, name: "f", in: evaluation)
            } catch {
                try require(!"\(error)".isEmpty, "an error says something")
            }
        }
    }

    private static func require(_ holds: Bool, _ law: String) throws {
        if !holds { throw BrokenLaw(law: law) }
    }
}
