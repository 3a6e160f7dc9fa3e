import Foundation
import Testing

@testable import Starlark

@Suite("conformance", .enabled(if: ConformanceData.isPresent, "the conformance data is not beside the package"))
struct ConformanceTests {
    /// Runs the chunks of one folder and prints how many passed.
    private func run(
        _ prefix: String, where include: (ConformanceData.Chunk) -> Bool = { _ in true },
        _ check: (ConformanceData.Chunk) throws -> [String]
    ) throws {
        var passed = 0
        var failed = 0
        for chunk in ConformanceData.manifest where chunk.file.hasPrefix(prefix) && include(chunk) {
            if chunk.verdict.hasPrefix("skip") || chunk.verdict.hasPrefix("support") { continue }
            if chunk.file.hasPrefix("observed/") { continue }
            let problems = try check(chunk)
            if problems.isEmpty { passed += 1 } else { failed += 1 }
            for problem in problems { Issue.record("\(chunk.file) chunk \(chunk.index): \(problem)") }
        }
        print("conformance \(prefix): \(passed) passed, \(failed) failed")
        #expect(passed > 0)
    }

    // MARK: Chunks with expected errors on their lines

    private struct Expectation {
        let line: Int
        let pattern: String
    }

    private func expectations(_ source: String) -> [Expectation] {
        var result: [Expectation] = []
        for (index, line) in source.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            guard let mark = line.range(of: "###") else { continue }
            let quoted = line[mark.upperBound...].trimmingCharacters(in: .whitespaces)
            if let pattern = unquote(quoted) { result.append(Expectation(line: index + 1, pattern: pattern)) }
        }
        return result
    }

    /// A Go string literal's text.
    private func unquote(_ literal: String) -> String? {
        guard let first = literal.first, literal.count >= 2 else { return nil }
        if first == "`" { return String(literal.dropFirst().prefix { $0 != "`" }) }
        guard first == "\"" else { return nil }
        var result = ""
        var escaped = false
        for c in literal.dropFirst() {
            if escaped {
                result.append(c == "n" ? "\n" : c)
                escaped = false
            } else if c == "\\" {
                escaped = true
            } else if c == "\"" {
                return result
            } else {
                result.append(c)
            }
        }
        return nil
    }

    private func dialect(_ source: String) -> Dialect {
        Dialect(
            allowsWhile: source.contains("option:while"), allowsRecursion: source.contains("option:recursion"),
            allowsSet: source.contains("option:set"), allowsTopLevelControl: source.contains("option:toplevelcontrol"),
            allowsGlobalReassign: source.contains("option:globalreassign"),
            loadBindsGlobally: source.contains("option:loadbindsglobally"))
    }

    /// Compares errors (line and message) with the expectations in the source.
    private func compare(_ errors: [(line: Int, message: String)], _ source: String) throws -> [String] {
        var open = expectations(source)
        var problems: [String] = []
        for error in errors {
            guard let index = open.firstIndex(where: { $0.line == error.line }) else {
                problems.append("unexpected error at line \(error.line): \(error.message)")
                continue
            }
            if try !TestValues.matches(open[index].pattern, error.message) {
                problems.append("line \(error.line): got \(error.message), want \(open[index].pattern)")
            }
            open.remove(at: index)
        }
        return problems + open.map { "line \($0.line): no error, want \($0.pattern)" }
    }

    private func evaluate(_ chunk: ConformanceData.Chunk, extra: Dialect = .standard) throws -> [String] {
        // starlark-rust calls the helper `asserts`.
        let source = try ConformanceData.source(chunk).replacingOccurrences(of: "asserts", with: "assert")
        var dialect = dialect(source)
        dialect.allowsSet = dialect.allowsSet || extra.allowsSet
        let host = TestHost()
        let helpers = TestValues.helpers(host)
        let assertSource = try ConformanceData.text("go/starlarktest/assert.star")
        let loader = TestLoader(
            sources: ["assert.star": assertSource],
            values: [
                "json.star": [("json", StandardModules.json)], "math.star": [("math", StandardModules.math)],
                "time.star": [("time", TestValues.time)],
            ], predeclared: helpers)
        let visible = helpers.filter { ["struct", "gensym", "hasfields", "fibonacci"].contains($0.key) }
        var errors: [(line: Int, message: String)] = []
        do {
            let program = try Program(
                source: source, name: chunk.file, dialect: dialect, predeclared: Set(visible.keys))
            let evaluation = Evaluation(print: { host.output.append($0) }, loader: loader)
            _ = try evaluation.run(program, predeclared: visible)
        } catch let error as StarlarkSyntaxError {
            errors = error.diagnostics.map { ($0.position.line, $0.message) }
        } catch let error as EvaluationError {
            let frame = error.backtrace.last { $0.position?.file == chunk.file }
            errors = [(frame?.position?.line ?? 0, error.message)]
        }
        return try compare(errors, source) + host.failures
    }

    @Test("programs of starlark-go evaluate as expected")
    func goEvaluation() throws {
        try run("go/starlark/") { try evaluate($0) }
        try run("go/starlarkstruct/") { try evaluate($0) }
    }

    @Test("programs of starlark-rust's copy evaluate as expected")
    func rustEvaluation() throws {
        try run("rust/eval-go/") { try evaluate($0, extra: Dialect(allowsSet: true)) }
    }

    @Test("resolver and parser report what starlark-go does")
    func goStatic() throws {
        try run("go/resolve/") { chunk in
            let source = try ConformanceData.source(chunk)
            let file = SourceFile(name: chunk.file, text: source)
            var errors: [(line: Int, message: String)] = []
            do throws(StarlarkSyntaxError) {
                _ = try Program.resolve(
                    file, dialect(source), { $0 == "M" }, { ["U", "float"].contains($0) ? Value.none : nil })
            } catch {
                errors = error.diagnostics.map { ($0.position.line, $0.message) }
            }
            return try compare(errors, source)
        }
        try run("go/syntax/errors") { chunk in
            let source = try ConformanceData.source(chunk)
            let errors = parse(source, chunk.file)
            // Where the text ends, the error belongs to the last line.
            return try compare(errors, source)
        }
    }

    private func parse(_ source: String, _ name: String) -> [(line: Int, message: String)] {
        let file = SourceFile(name: name, text: source)
        var parser = Parser(file.bytes)
        do throws(SyntaxFault) {
            try parser.parseFile()
            return []
        } catch {
            return [(file.position(at: error.offset).line, error.message)]
        }
    }

    @Test("real-world build files parse")
    func parseFiles() throws {
        try run("rust/parse/") { chunk in
            let errors = parse(try ConformanceData.text(chunk.file), chunk.file)
            if chunk.verdict.hasPrefix("reject") { return errors.isEmpty ? ["accepted"] : [] }
            return errors.map { "line \($0.line): \($0.message)" }
        }
        #expect(parse(try ConformanceData.text("go/syntax/scan.star"), "scan.star").isEmpty)
    }

    @Test("programs with mistakes are refused")
    func golden() throws {
        try run("rust/golden/") { chunk in
            let text = try ConformanceData.text(chunk.file)
            let sections = text.components(separatedBy: "Program:\n").dropFirst()
            guard chunk.index < sections.count else { return ["no such section"] }
            let body = sections[sections.startIndex + chunk.index]
            let program = body.components(separatedBy: "\nError:")[0]
            var isAccepted = true
            do {
                let file = SourceFile(name: chunk.file, text: program)
                _ = try Program.resolve(file, .standard, { _ in true }, { _ in nil })
            } catch {
                isAccepted = false
            }
            let wanted = chunk.verdict == "go: accept"
            return isAccepted == wanted ? [] : ["\(isAccepted ? "accepted" : "refused"): \(program)"]
        }
    }

    // MARK: Bazel's suite

    private static let bazelHelpers = """
        def assert_eq(x, y):
            if x != y:
                print("%r != %r" % (x, y))

        def assert_ne(x, y):
            if x == y:
                print("%r == %r" % (x, y))

        def assert_(cond, msg = "assertion failed"):
            if not cond:
                print(msg)
        """

    @Test("Bazel's language suite passes")
    func bazel() throws {
        let helpers = try Evaluation().run(Program(source: Self.bazelHelpers, name: "helpers.star"))
        let predeclared = Dictionary(uniqueKeysWithValues: helpers.exports)
        // Only the helpers' own printing is wanted, so they run with the chunk's evaluation.
        try run("bazel/") { chunk in
            let source = try ConformanceData.source(chunk)
            var wanted: [String] = []
            let lines = source.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
                guard let mark = line.range(of: "###") else { return String(line) }
                let text = line[mark.upperBound...].trimmingCharacters(in: .whitespaces)
                if text.hasPrefix("go:") {
                    wanted.append(text.dropFirst(3).trimmingCharacters(in: .whitespaces))
                } else if !text.hasPrefix("java:"), !text.hasPrefix("rust:") {
                    wanted.append(text)
                }
                return String(line[..<mark.lowerBound])
            }
            var output: [String] = []
            do {
                let program = try Program(
                    source: lines.joined(separator: "\n"), name: chunk.file, predeclared: Set(predeclared.keys))
                let evaluation = Evaluation(print: { output.append($0) })
                _ = try evaluation.run(program, predeclared: predeclared)
            } catch {
                output.append("\(error)")
            }
            let text = output.joined(separator: "\n")
            if wanted.isEmpty { return output.isEmpty ? [] : ["unexpected output: \(text)"] }
            return try wanted.compactMap { want in
                if text.lowercased().contains(want.lowercased()) { return nil }
                if try TestValues.matches("(?i)" + want, text) { return nil }
                return "want \(want), got \(text)"
            }
        }
    }

    // MARK: Recorded results

    private struct Observation: Decodable {
        struct Expect: Decodable {
            let prints: [String]
            let kind: String
            let messages: [String]?
            let backtrace: String?
        }
        let id: String
        let options: [String]
        let files: [String: String]
        let main: String
        let max_steps: Int?
        let expect: Expect
    }

    @Test("results recorded from starlark-go are reproduced")
    func observed() throws {
        var passed = 0
        let folder = try #require(ConformanceData.directory).appendingPathComponent("observed")
        for file in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        where file.hasSuffix(".jsonl") {
            for line in try ConformanceData.text("observed/\(file)").split(separator: "\n") {
                let observation = try JSONDecoder().decode(Observation.self, from: Data(line.utf8))
                let problems = check(observation)
                if problems.isEmpty { passed += 1 }
                for problem in problems { Issue.record("\(observation.id): \(problem)") }
            }
        }
        print("conformance observed/: \(passed) passed")
    }

    private func check(_ observation: Observation) -> [String] {
        let dialect = dialect(observation.options.map { "option:\($0)" }.joined(separator: " "))
        let predeclared = TestValues.modules
        let loader = TestLoader(sources: observation.files, dialect: dialect, predeclared: predeclared)
        var limits = Limits.default
        limits.steps = observation.max_steps
        var prints: [String] = []
        var kind = "ok"
        var messages: Set<String> = []
        var backtrace = ""
        do {
            let program = try Program(
                source: observation.files[observation.main] ?? "", name: observation.main, dialect: dialect,
                predeclared: Set(predeclared.keys))
            let evaluation = Evaluation(limits: limits, print: { prints.append($0) }, loader: loader)
            _ = try evaluation.run(program, predeclared: predeclared)
        } catch let error as StarlarkSyntaxError {
            kind = error.diagnostics.first?.phase == .syntax ? "syntax" : "resolve"
            messages = Set(error.diagnostics.map(\.description))
        } catch let error as EvaluationError {
            kind = "eval"
            messages = [error.message]
            backtrace = error.description
        } catch {
            kind = "\(error)"
        }
        var problems: [String] = []
        let expect = observation.expect
        if kind != expect.kind { problems.append("kind \(kind), want \(expect.kind): \(messages)") }
        if prints != expect.prints { problems.append("prints \(prints), want \(expect.prints)") }
        if kind == expect.kind, kind == "eval" || kind == "resolve", messages != Set(expect.messages ?? []) {
            problems.append("messages \(messages), want \(expect.messages ?? [])")
        }
        if kind == "eval", let wanted = expect.backtrace, observation.max_steps == nil, backtrace != wanted {
            problems.append("backtrace\n\(backtrace)\nwant\n\(wanted)")
        }
        return problems
    }
}
