import Testing

@testable import Starlark

@Suite("session")
struct SessionTests {
    @Test("globals last, stay mutable, and may be bound anew")
    func globals() throws {
        let session = Session()
        func run(_ text: String) throws -> String? { try session.run(text, name: "<in>", in: Evaluation())?.repr }

        #expect(try run("x = [1]") == nil)
        #expect(try run("x.append(2)") == "None")
        #expect(try run("x += [3]; x") == "[1, 2, 3]")
        #expect(try run("def f(): return len(x)") == nil)
        #expect(try run("f()") == "3")
        #expect(try run("len = 5") == nil)
        #expect(try run("len") == "5")
        #expect(session.names == ["x", "f", "len"])
    }

    @Test("what an input bound before it failed is kept")
    func failures() throws {
        let session = Session()
        do {
            try session.run("a = 1\nb = a // 0\nc = 2", name: "<in>", in: Evaluation())
            Issue.record("no error")
        } catch let error as EvaluationError {
            #expect(error.position == Position(file: "<in>", line: 2, column: 7))
        }

        #expect(session.names == ["a"])
        #expect(throws: StarlarkSyntaxError.self) { try session.run("b", name: "<in>", in: Evaluation()) }
    }

    @Test(
        "input is complete",
        arguments: [
            "1", "1 +", "f(1)", "x = ]", "'abc", "if x: y\n", "def f():\n  pass\n", "f(\n1)", "'''a\nb'''", "x = \"",
            "# c",
        ])
    func complete(text: String) { #expect(InteractiveInput.isComplete(text)) }

    @Test(
        "input needs more lines",
        arguments: [
            "(1,", "f(", "{", "def f():", "def f():\n  pass", "if x: y", "'''a", "r\"\"\"", "x = 1 + \\", "[\n",
        ])
    func incomplete(text: String) { #expect(!InteractiveInput.isComplete(text)) }
}
