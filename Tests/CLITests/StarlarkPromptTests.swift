import Foundation
import Synchronization
import Testing

@testable import CLI

@Suite("starlark prompt")
struct StarlarkPromptTests {
    // MARK: Input

    @Test("lines become inputs")
    func input() {
        var input = PromptInput()
        #expect(input.prompt == ">>> ")
        #expect(input.line("") == .ask)
        #expect(input.line("1 + 1") == .run("1 + 1"))
        #expect(input.line("def f():") == .ask)
        #expect(input.prompt == "... ")
        #expect(input.line("  return (1,") == .ask)
        #expect(input.line("    2)") == .ask)
        #expect(input.line("") == .run("def f():\n  return (1,\n    2)\n"))
        #expect(input.prompt == ">>> ")
        #expect(input.line("1 +") == .run("1 +"))
    }

    @Test("Ctrl-C forgets, Ctrl-D runs what is there or ends")
    func controls() {
        var input = PromptInput()
        #expect(input.line("[1,") == .ask)
        #expect(input.interrupt() == .ask)
        #expect(input.prompt == ">>> ")
        #expect(input.line("if x:") == .ask)
        #expect(input.line("  y()") == .ask)
        #expect(input.end() == .run("if x:\n  y()"))
        #expect(input.end() == .quit)
    }

    // MARK: Evaluation

    @Test("inputs share globals, and the last value is _")
    func evaluation() throws {
        let files = try ScratchFiles(["m.star": "v = 7"])
        let printed = Mutex("")
        let evaluator = PromptEvaluator(directory: files.path + "/") { text in printed.withLock { $0 += text } }
        let target = InterruptTarget()
        func answer(_ text: String) -> PromptEvaluator.Answer { evaluator.evaluate(text, interrupts: target) }

        #expect(answer("x = [1]") == .nothing)
        #expect(answer("x.append('a')") == .nothing)
        #expect(answer("x") == .value("[1, \"a\"]"))
        #expect(answer("_ + [2]") == .value("[1, \"a\", 2]"))
        #expect(answer("print(_)") == .nothing)
        #expect(answer("_[2]") == .value("2"))
        #expect(answer("load('m.star', 'v')") == .nothing)
        #expect(answer("v") == .value("7"))
        #expect(answer("for i in x:\n  print(i)\n") == .nothing)
        #expect(printed.withLock { $0 } == "[1, \"a\", 2]1a")
        #expect(
            answer("1 // 0")
                == .failure([
                    "Traceback (most recent call last):", "  <stdin>:1:3: in <toplevel>",
                    "Error: floored division by zero",
                ]))
        #expect(answer("y") == .failure(["<stdin>:1:1: undefined: y", " 1 | y", "   | ^"]))
        #expect(answer("_") == .value("7"))
    }

    // MARK: Editing

    private func type(_ bytes: String, history: [String] = []) -> (editor: LineEditor, outcome: LineEditor.Outcome) {
        var decoder = KeyDecoder()
        var editor = LineEditor(history: history)
        var outcome = LineEditor.Outcome.editing
        for byte in bytes.utf8 {
            if let key = decoder.key(byte) { outcome = editor.handle(key) }
        }
        return (editor, outcome)
    }

    @Test(
        "keys edit the line",
        arguments: [
            ("abc\r", "abc"), ("ac\u{1B}[Db\r", "abc"), ("xabc\u{01}\u{1B}[3~\r", "abc"), ("abcx\u{7F}\r", "abc"),
            ("bc\u{1B}[Ha\u{1B}[F\u{7F}c\r", "abc"), ("x y z\u{17}\u{17}abc\r", "x abc"),
            ("abc d\u{1B}[D\u{1B}[D\u{0B}\r", "abc"),
            ("xyz\u{15}abc\r", "abc"), ("äöü\u{7F}\r", "äö"), ("a\u{1B}[99~b\u{1B}xc\r", "abc"), ("\tx\r", "    x"),
            ("one two\u{1B}b\u{1B}bx\u{1B}f!\r", "xone! two"),
        ])
    func editing(keys: String, expected: String) {
        #expect(type(keys).outcome == .entered(expected))
    }

    @Test("arrows go through the history and back to the draft")
    func recall() {
        let up = "\u{1B}[A"
        let down = "\u{1B}[B"
        let history = ["first", "second"]

        #expect(type("\(up)\r", history: history).outcome == .entered("second"))
        #expect(type("\(up)\(up)\(up)\r", history: history).outcome == .entered("first"))
        #expect(type("dra\(up)\(down)ft\r", history: history).outcome == .entered("draft"))
        #expect(type("\(down)x\r", history: history).outcome == .entered("x"))
    }

    @Test("Ctrl-C, Ctrl-D and Ctrl-L")
    func outcomes() {
        #expect(type("abc\u{03}").outcome == .interrupted)
        #expect(type("\u{04}").outcome == .ended)
        #expect(type("ab\u{01}\u{04}").editor.text == ["b"])
        #expect(type("\u{0C}").outcome == .clearScreen)
    }

    @Test("a line that is longer than the terminal shows the part around the cursor")
    func drawing() {
        let editor = type("0123456789abcdef").editor

        #expect(editor.drawing(prompt: ">>> ", columns: 80) == "\r>>> 0123456789abcdef\u{1B}[K\r\u{1B}[20C")
        #expect(editor.drawing(prompt: ">>> ", columns: 15) == "\r>>> 6789abcdef\u{1B}[K\r\u{1B}[14C")
    }

    // MARK: History

    @Test("the history is kept in a file for its user, without repetitions, and shortened")
    func history() throws {
        let files = try ScratchFiles()
        let path = files.path + "/data/martlet/starlark_history"
        var history = PromptHistory(path: path)
        for line in ["a", "a", " ", "b"] { history.add(line) }

        #expect(PromptHistory(path: path).lines == ["a", "b"])
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        let many = (0..<2 * PromptHistory.limit).map { "x\($0)" }
        try many.joined(separator: "\n").write(toFile: path, atomically: false, encoding: .utf8)
        #expect(PromptHistory(path: path).lines.last == many.last)
        #expect(PromptHistory(path: path).lines.count == PromptHistory.limit)
        #expect(try files.read("data/martlet/starlark_history").split(separator: "\n").count == PromptHistory.limit)
        #expect(PromptHistory(path: nil).lines.isEmpty)
    }

    @Test("the history's place follows XDG_DATA_HOME")
    func historyPath() {
        #expect(PromptHistory.defaultPath(["XDG_DATA_HOME": "/d", "HOME": "/h"]) == "/d/martlet/starlark_history")
        #expect(PromptHistory.defaultPath(["HOME": "/h"]) == "/h/.local/share/martlet/starlark_history")
        #expect(PromptHistory.defaultPath([:]) == nil)
    }
}
