import ArgumentParser
import Foundation
import Starlark
import Synchronization
import Testing

@testable import CLI

@Suite("martlet starlark")
struct StarlarkCommandTests {
    private struct Tree: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "martlet", subcommands: CLICommands.all)
    }

    private func parse<Command: ParsableCommand>(_ words: String..., as type: Command.Type) throws -> Command {
        try #require(try Tree.parseAsRoot(["starlark"] + words) as? Command)
    }

    // MARK: The command line

    @Test("a file runs without the word run; verbs are verbs")
    func defaultVerb() throws {
        #expect(try parse("a.star", as: StarlarkRun.self).files == ["a.star"])
        #expect(try parse(as: StarlarkRun.self).files.isEmpty)
        #expect(try parse("-", as: StarlarkRun.self).files == ["-"])
        let run = try parse("run", "a.star", "-c", "f(1)", "--dialect", "openrun", as: StarlarkRun.self)
        #expect(run.files == ["a.star"] && run.code == "f(1)" && run.dialect == .openrun)
        #expect(try parse("--check", "a.star", "b.star", "--json", as: StarlarkRun.self).files.count == 2)
        #expect(try parse("check", "a.star", as: StarlarkCheck.self).files == ["a.star"])
        #expect(try parse("fmt", "--check", "-", as: StarlarkFormat.self).check)
        #expect(try parse("bench", "--reps", "3", "a.star", as: StarlarkBench.self).reps == 3)
        #expect(CommandRunner.unknownCommand(["starlark", "a.star"], under: Tree.self) == nil)
    }

    @Test(
        "what does not fit together is refused",
        arguments: [
            ["a.star", "b.star"], ["--check"], ["--check", "a.star", "-c", "1"], ["a.star", "--json"],
            ["bench", "--reps", "0", "a.star"], ["fmt"], ["check"], ["--dialect", "basic", "a.star"],
        ])
    func refused(words: [String]) {
        #expect(throws: (any Error).self) { try Tree.parseAsRoot(["starlark"] + words) }
    }

    // MARK: run

    private struct Outcome: Equatable {
        var status: Int32
        var output: String
        var report: [String]
    }

    private func run(_ file: String?, code: String? = nil, dialect: DialectChoice? = nil) throws -> Outcome {
        let output = Mutex("")
        let report = Mutex<[String]>([])
        let status = try ProgramRunner(file: file, code: code, dialect: dialect).run(
            InterruptTarget(),
            output: PrintedOutput(limit: 0) { bytes in
                output.withLock { $0 += String(decoding: bytes, as: UTF8.self) }
            },
            report: { line in report.withLock { $0.append(line) } })
        return Outcome(status: status, output: output.withLock { $0 }, report: report.withLock { $0 })
    }

    @Test("a program prints, and an expression sees its globals and the modules")
    func running() throws {
        let files = try ScratchFiles(["main.star": "def f(x):\n    return x * 2\nprint('hi', 1)\n"])
        let main = files.path + "/main.star"

        #expect(try run(main) == Outcome(status: 0, output: "hi 1\n", report: []))
        #expect(try run(main, code: "f(21)").output == "hi 1\n42\n")
        #expect(try run(nil, code: "x = []; x.append('a'); x").output == "[\"a\"]\n")
        #expect(try run(nil, code: "None").output == "")
        #expect(
            try run(nil, code: "print(json.encode({'a': math.floor(2.5)}), struct(b = 1).b)").output == "{\"a\":2} 1\n")
        #expect(try run(nil, code: "type(time.now())").output == "\"time.time\"\n")
    }

    @Test("a failure shows the calls; a mistake shows its line")
    func failing() throws {
        let files = try ScratchFiles([
            "main.star": "def f(x):\n    return x // 0\nf(1)\n", "bad.star": "x = 1\n\ty = \n",
        ])
        let main = files.path + "/main.star"
        let bad = files.path + "/bad.star"

        #expect(
            try run(main)
                == Outcome(
                    status: 1, output: "",
                    report: [
                        "Traceback (most recent call last):", "  \(main):3:2: in <toplevel>", "  \(main):2:14: in f",
                        "Error: floored division by zero",
                    ]))
        #expect(try run(bad).report.first?.hasPrefix("\(bad):2:") == true)
        #expect(
            try run(nil, code: "while True: pass", dialect: .openrun).report == [
                "<expr>:1:1: while loop not within a function", " 1 | while True: pass", "   | ^",
            ])
        #expect(throws: StarlarkCommandError.self) { try run(files.path + "/missing.star") }
    }

    @Test("an interrupt ends a program that would never end")
    func interrupted() async throws {
        let target = InterruptTarget()
        #expect(target.interrupt() == .idle)
        async let status = StarlarkHost.perform {
            try ProgramRunner(file: nil, code: "while True: pass", dialect: nil).run(target, report: { _ in })
        }
        while target.interrupt() == .idle { await Task.yield() }

        #expect(try await status == 130)
    }

    // MARK: load

    @Test("modules come from beneath the program's directory, once each")
    func loading() throws {
        let files = try ScratchFiles([
            "main.star": "load('lib/a.star', 'a')\nload('b.star', 'b')\nprint(a, b)",
            "lib/a.star": "load('b.star', 'b')\na = b + 1", "b.star": "print('once')\nb = 1",
            "out.star": "load('link.star', 'x')", "up.star": "load('../x.star', 'x')",
            "gone.star": "load('nothing.star', 'x')",
        ])
        let outside = try ScratchFiles(["x.star": "x = 1"])
        try FileManager.default.createSymbolicLink(
            atPath: files.path + "/link.star", withDestinationPath: outside.path + "/x.star")

        #expect(try run(files.path + "/main.star").output == "once\n2 1\n")
        #expect(
            try run(files.path + "/out.star").report.last?.hasSuffix("outside the directory of the program") == true)
        #expect(try run(files.path + "/up.star").status == 1)
        #expect(try run(files.path + "/gone.star").report.last?.hasSuffix("no such file or directory") == true)
    }

    @Test("a cycle of loads is named")
    func cycles() throws {
        let files = try ScratchFiles(["a.star": "load('b.star', 'y')\nx = 1", "b.star": "load('a.star', 'x')\ny = 1"])

        let outcome = try run(files.path + "/a.star")

        #expect(outcome.status == 1)
        #expect(outcome.report[2].hasSuffix("cycle in load graph: a.star -> b.star -> a.star"))
    }

    // MARK: check, fmt, bench

    @Test("check reports everything, with the line and a caret below the column")
    func checking() throws {
        let text = "def f():\n\treturn undefinedd + ä\nx = 1\nx = 2\n"
        let diagnostics = StarlarkCheck.diagnostics(
            StarlarkSource(name: "bad.star", text: text), dialect: .standard, predeclared: [])

        #expect(
            diagnostics.map(\.description) == [
                "bad.star:2:9: undefined: undefinedd", "bad.star:2:22: undefined: ä",
                "bad.star:4:1: cannot reassign global x declared at bad.star:3:1",
            ])
        #expect(
            StarlarkDiagnostics.lines(diagnostics[0], source: text) == [
                "bad.star:2:9: undefined: undefinedd", " 2 | \treturn undefinedd + ä", "   | \t       ^",
            ])
        let app = StarlarkSource(name: "app.star", text: "app = ace.app(param.x, native)")
        #expect(StarlarkCheck.diagnostics(app, dialect: .openrun, predeclared: ["native"]).isEmpty)
        #expect(StarlarkCheck.diagnostics(app, dialect: .standard, predeclared: []).count == 3)
    }

    @Test("text that is not UTF-8 is refused with its line")
    func notText() throws {
        let files = try ScratchFiles()
        try Data([0x78, 0x0A, 0x22, 0xFF, 0x22]).write(to: URL(fileURLWithPath: files.path + "/x.star"))

        let error = #expect(throws: StarlarkCommandError.self) { try StarlarkSource.read(files.path + "/x.star") }
        #expect(error?.message == "`\(files.path)/x.star` is not UTF-8: line 2")
    }

    @Test("fmt replaces the file, its mode and links stay")
    func formatting() async throws {
        let files = try ScratchFiles(["x.star": "x='a'\n", "good.star": "y = 1\n", "bad.star": "(\n"])
        let target = files.path + "/x.star"
        let link = files.path + "/link.star"
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: target)
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "x.star")

        await #expect(throws: ExitCode(1)) { try await StarlarkFormat.parse(["--check", link]).run() }
        #expect(try files.read("x.star") == "x='a'\n")
        try await StarlarkFormat.parse([link, files.path + "/good.star"]).run()
        #expect(try files.read("x.star") == "x = \"a\"\n")
        #expect(try FileManager.default.attributesOfItem(atPath: target)[.posixPermissions] as? Int == 0o640)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "x.star")
        await #expect(throws: ExitCode(1)) { try await StarlarkFormat.parse([files.path + "/bad.star"]).run() }
        #expect(try FileManager.default.contentsOfDirectory(atPath: files.path).count == 4)
    }

    @Test("bench prints medians and the result as JSON")
    func bench() throws {
        struct Line: Decodable {
            let parse_ms: Double
            let eval_ms: Double
            let result: Int
        }
        let source = StarlarkSource(
            name: "x.star", text: "def f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)\nresult = f(10)")

        let line = try JSONDecoder().decode(Line.self, from: Data(try StarlarkBench.measure(source, reps: 2).utf8))

        #expect(line.result == 55 && line.parse_ms >= 0 && line.eval_ms > 0)
    }
}
