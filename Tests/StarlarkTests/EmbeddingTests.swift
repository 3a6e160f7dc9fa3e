import Testing

@testable import Starlark

@Suite("embedding")
struct EmbeddingTests {
    private func run(_ source: String, _ predeclared: [String: Value] = [:]) throws -> Module {
        try Evaluation().run(
            Program(source: source, name: "main.star", dialect: .openRun, predeclared: Set(predeclared.keys)),
            predeclared: predeclared)
    }

    @Test("globals come out, in order, frozen")
    func globals() throws {
        let module = try run(
            "b = [1]\na = {'k': b}\n_c = 3\ndef f(x, y = 1, *args, **kw):\n    \"Doc.\"\n    return x\n")

        #expect(module.names == ["b", "a", "_c", "f"])
        #expect(module.exports.map(\.0) == ["b", "a", "f"])
        #expect(module["a"]?.isFrozen == true)
        #expect(module["f"]?.parameterNames == ["x", "y", "*args", "**kw"])
        #expect(module["f"]?.documentation == "Doc.")
        #expect(module["missing"] == nil)
    }

    @Test("native functions bind declared parameters")
    func nativeFunctions() throws {
        let greet = NativeFunction("greet", [.required("name", .string), .optional("times", .int, default: 1)]) {
            call in
            .string(String(repeating: try call.string("name"), count: try call.int("times")))
        }
        let predeclared = ["greet": Value.function(greet)]

        #expect(try run("x = greet('a', times = 3)", predeclared)["x"]?.stringValue == "aaa")
        func message(_ call: String) -> String {
            do {
                _ = try run("x = \(call)", predeclared)
                return "none"
            } catch {
                return (error as? EvaluationError)?.message ?? "\(error)"
            }
        }
        #expect(message("greet()") == "greet: missing argument for name")
        #expect(message("greet(1)") == "greet: for parameter name: got int, want string")
        #expect(message("greet('a', tmes = 1)") == "greet: unexpected keyword argument \"tmes\" (did you mean times?)")
        #expect(message("greet('a', name = 'b')") == "greet: got multiple values for keyword argument \"name\"")
        #expect(message("greet('a', 1, 2)") == "greet: got 3 arguments, want at most 2")
    }

    private final class Marker: HostValue {
        let typeName = "marker"
    }

    @Test("a program that fails, and a module that is disposed of, leave nothing in memory")
    func freesMemory() throws {
        weak var failed: Marker?
        weak var disposed: Marker?
        weak var kept: Marker?
        do {
            let marker = Marker()
            failed = marker
            #expect(throws: EvaluationError.self) {
                _ = try run("def f():\n    return (f, m)\nx = [f]\n1 // 0\n", ["m": .host(marker)])
            }
        }
        let module: Module
        do {
            let marker = Marker()
            kept = marker
            module = try run("def f():\n    return (f, m)\nx = [f]\n", ["m": .host(marker)])
        }
        do {
            let marker = Marker()
            disposed = marker
            try run("def f():\n    return (f, m)\nx = [f]\n", ["m": .host(marker)]).dispose()
        }

        #expect(failed == nil && disposed == nil)
        withExtendedLifetime(module) { #expect(kept != nil) }
        module.dispose()
    }

    private struct Refusal: Error, Equatable { let code: Int }

    @Test("an error of the host can be recovered")
    func causes() throws {
        let refuse = NativeFunction("refuse", []) { _ in throw Refusal(code: 7) }
        do {
            _ = try run("def f():\n    refuse()\nf()", ["refuse": .function(refuse)])
            Issue.record("no error")
        } catch let error as EvaluationError {
            #expect(error.cause as? Refusal == Refusal(code: 7))
            #expect(error.backtrace.map(\.functionName) == ["<toplevel>", "f", "refuse"])
            #expect(error.position?.line == 2)
        }
    }

    @Test("loads are known without running")
    func loads() throws {
        let program = try Program(source: "load('a.star', 'x')\nload(\"b.star\", y = 'z')\n", name: "main.star")

        #expect(program.loads.map(\.module) == ["a.star", "b.star"])
        #expect(program.loads[1].position.line == 2)
    }

    @Test("one frozen module serves many evaluations at once")
    func concurrency() async throws {
        let module = try run(
            """
            table = {"k%d" % i: [i] for i in range(100)}
            def total(n):
                sum = 0
                for key, value in table.items():
                    for element in value:
                        sum += element * n
                    if key not in table:
                        fail("lost")
                return sum + len(sorted(table, key = lambda k: k))
            """)
        let function = try #require(module["total"])
        try await withThrowingTaskGroup(of: Int?.self) { group in
            for n in 0..<64 {
                group.addTask { try Evaluation().call(function, [.int(n)]).intValue.map { $0 - 4950 * n } }
            }
            for try await rest in group { #expect(rest == 100) }
        }
    }

    @Test("the context reaches native functions")
    func context() throws {
        final class Request { var seen = 0 }
        let touch = NativeFunction("touch", []) { call in
            call.evaluation.context(as: Request.self)?.seen += 1
            return .none
        }
        let request = Request()
        let evaluation = Evaluation()
        evaluation.context = request
        _ = try evaluation.run(
            Program(source: "touch()\ntouch()", name: "main.star", predeclared: ["touch"]),
            predeclared: ["touch": .function(touch)])

        #expect(request.seen == 2)
    }
}
