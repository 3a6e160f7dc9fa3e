import Foundation
import Testing

@testable import Starlark

@Suite("limits")
struct LimitTests {
    /// Runs a program under limits and gives the error.
    private func failure(
        _ source: String, _ limits: Limits = .default, dialect: Dialect = .permissive
    ) throws -> EvaluationError? {
        do {
            _ = try Evaluation(limits: limits).run(Program(source: source, name: "limit.star", dialect: dialect))
            return nil
        } catch let error as EvaluationError {
            return error
        }
    }

    @Test(
        "endless work ends",
        arguments: [
            "while True:\n    pass",
            "def f():\n    for i in range(1 << 60):\n        pass\nf()",
            "x = sorted(range(1 << 40))",
            "x = [0] * 100\nfor i in range(1 << 40):\n    x = sorted(x)",
            "x = all([True] * 1000)\nwhile x:\n    x = max(range(1000)) > 0",
        ])
    func steps(source: String) throws {
        let error = try #require(try failure(source, Limits(steps: 200_000, allocatedBytes: 50 << 20)))

        #expect(error.kind == .limitExceeded)
        #expect(error.message.hasPrefix("Starlark computation cancelled"))
    }

    @Test(
        "memory is refused before it is taken",
        arguments: [
            "x = 'a'\nwhile True:\n    x = x + x",
            "x = [1]\nwhile True:\n    x = x + x",
            "x = (1,)\nwhile True:\n    x = x * 2",
            "x = {}\nfor i in range(1 << 60):\n    x[i] = i",
            "x = []\nwhile True:\n    x = [x, x]",
            "x = []\nfor i in range(60):\n    x = [x, x]\ny = str(x)",
            "x = 'a' * (1 << 29)\ny = x.replace('a', x)",
            "x = list(range(1 << 50))",
            "x = bytes([1] * 1000) * (1 << 28)",
            "x = '{}'.format('a' * (1 << 28)) + '%s' % ('a' * (1 << 28))",
            "def f(*a):\n    pass\nf(*range(1 << 60))",
        ])
    func memory(source: String) throws {
        let error = try #require(try failure(source, Limits(steps: 20_000_000, allocatedBytes: 4 << 20)))

        #expect(error.kind == .limitExceeded || error.message.contains("excessive repeat"))
    }

    @Test("integers stay within their bound")
    func integers() throws {
        let error = try #require(try failure("x = 3\nwhile True:\n    x = x * x", Limits(integerBits: 10_000)))

        #expect(error.message.hasPrefix("integer too large"))
    }

    @Test("recursion ends at the depth limit, without native stack")
    func depth() throws {
        let error = try #require(try failure("def f(n):\n    return f(n + 1) + 1\nf(0)"))

        #expect(error.message == "Starlark stack overflow")
        #expect(error.description.contains("frames left out"))
    }

    @Test("recursion through native code ends")
    func nativeDepth() throws {
        let error = try #require(try failure("def f(n):\n    return max([n, n + 1], key = f)\nf(0)"))

        #expect(error.message == "Starlark stack overflow")
    }

    @Test("recursion is refused where the dialect has none")
    func recursion() throws {
        let error = try #require(
            try failure("def f(n):\n    return g(n)\ndef g(n):\n    return f(n)\nf(0)", dialect: .standard))

        #expect(error.message == "function f called recursively")
    }

    @Test(
        "deep values neither crash nor hang",
        arguments: [
            "x = []\nfor i in range(50000):\n    x = [x]",
            "x = ()\nfor i in range(50000):\n    x = (x,)\ny = str(x) if len(x) == 2 else ''",
            "x = {}\nfor i in range(50000):\n    x = {'k': x}\nx = None",
            "x = None\nfor i in range(30000):\n    x = (lambda v: lambda: v)(x)\nx = None",
            "x = ()\nfor i in range(30000):\n    x = (x,)\ny = {x: 1}",
            "x = []\nfor i in range(30000):\n    x = [x]\ny = x == [x]",
            "x = []\nfor i in range(30000):\n    x = [x]\ny = repr(x)[:10]",
        ])
    func deepValues(source: String) throws {
        _ = try failure(source, Limits(steps: 50_000_000))
    }

    @Test(
        "deep programs are refused",
        arguments: [
            String(repeating: "(", count: 100_000), String(repeating: "[", count: 100_000),
            "x = " + String(repeating: "-", count: 100_000) + "1",
            "x = " + String(repeating: "not ", count: 100_000) + "1",
            "x = " + String(repeating: "lambda: ", count: 100_000) + "1",
            "x = " + String(repeating: "{1: ", count: 100_000),
            "x = " + String(repeating: "1 if 1 else ", count: 100_000) + "1",
            "x = " + String(repeating: "f(", count: 100_000),
        ])
    func deepPrograms(source: String) {
        #expect(throws: StarlarkSyntaxError.self) { try Program(source: source, name: "deep.star") }
    }

    @Test("long chains are no nesting")
    func chains() throws {
        let sum = "x = 0" + String(repeating: " + 1", count: 20_000)
        let method = "y = ''" + String(repeating: ".strip()", count: 20_000)
        let logic = "z = True" + String(repeating: " and True", count: 20_000)
        let module = try Evaluation().run(
            Program(source: [sum, method, logic].joined(separator: "\n"), name: "chain.star"))

        #expect(module["x"]?.intValue == 20_000)
        #expect(module["z"]?.boolValue == true)
    }

    @Test("cancellation from another thread ends an endless loop")
    func cancellation() async throws {
        let program = try Program(source: "while True:\n    pass", name: "loop.star", dialect: .permissive)
        // Threads of their own: an endless loop on a thread of the pool could keep its canceller from ever running.
        let message = await withCheckedContinuation { (continuation: CheckedContinuation<String, Never>) in
            Thread {
                let evaluation = Evaluation()
                let cancellation = evaluation.cancellation
                Thread { cancellation.cancel("enough") }.start()
                do {
                    _ = try evaluation.run(program)
                    continuation.resume(returning: "finished")
                } catch {
                    continuation.resume(returning: (error as? EvaluationError)?.message ?? "\(error)")
                }
            }.start()
        }

        #expect(message == "Starlark computation cancelled: enough")
    }
}
