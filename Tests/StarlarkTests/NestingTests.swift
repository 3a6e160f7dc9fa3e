import Foundation
import Testing

@testable import Starlark

/// Deep nesting in source text, on threads with more and with less stack.
@Suite("nesting")
struct NestingTests {
    /// Programs nested `depth` levels deep.
    private static func programs(_ depth: Int) -> [String] {
        func nested(_ open: String, _ inner: String, _ close: String) -> String {
            "x = " + String(repeating: open, count: depth) + inner + String(repeating: close, count: depth) + "\n"
        }
        let blocks = (0..<depth).map { String(repeating: " ", count: $0 + 1) + "if 1:\n" }.joined()
        return [
            nested("[", "", "]"), nested("(", "1", ",)"), nested("{1: ", "1", "}"), nested("str(", "1", ")"),
            nested("[0][", "0", "]"), nested("-", "1", ""), nested("not ", "1", ""), nested("lambda: ", "1", ""),
            nested("1 if 1 else ", "1", ""), nested("[y for y in ", "[]", "]"), nested("1 + (", "1", ")"),
            nested("f(a = ", "1", ")").replacingOccurrences(of: "x = ", with: "x = lambda f: "),
            "def f():\n" + blocks + String(repeating: " ", count: depth + 1) + "pass\n",
        ]
    }

    private func onThread(stackSize: Int, _ work: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let thread = Thread {
                work()
                continuation.resume()
            }
            thread.stackSize = stackSize
            thread.start()
        }
    }

    @Test(
        "nearly a thousand levels work in debug and release, whatever the stack",
        arguments: [256 << 10, 512 << 10, 8 << 20])
    func deep(stackSize: Int) async {
        await onThread(stackSize: stackSize) {
            for (number, source) in Self.programs(Parser.maximumNesting - 2).enumerated() {
                do {
                    let program = try Program(source: source, name: "n", dialect: .permissive)
                    _ = try Evaluation().run(program)
                    _ = try SourceAnalysis(source: source, name: "n", dialect: .permissive)
                    guard stackSize == 512 << 10, number % 4 == 0 else { continue }  // writes megabytes
                    let once = try Formatter.format(source, name: "n")
                    #expect(try Formatter.format(once, name: "n") == once)
                } catch {
                    Issue.record("\(source.prefix(20)): \(error)")
                }
            }
        }
    }

    @Test("more levels are refused, whatever the stack", arguments: [256 << 10, 512 << 10, 8 << 20])
    func tooDeep(stackSize: Int) async {
        await onThread(stackSize: stackSize) {
            for depth in [Parser.maximumNesting + 1, 3000] {
                for source in Self.programs(depth) {
                    let error = #expect(throws: StarlarkSyntaxError.self) { try Program(source: source, name: "n") }
                    #expect(error?.diagnostics.first?.message == "nesting too deep", "\(source.prefix(20))")
                    #expect(throws: StarlarkSyntaxError.self) { try SourceAnalysis(source: source, name: "n") }
                    #expect(throws: StarlarkSyntaxError.self) { try Formatter.format(source, name: "n") }
                }
            }
        }
    }

    @Test("a session reads deep input as well")
    func session() throws {
        let depth = Parser.maximumNesting - 2
        let source = String(repeating: "(", count: depth) + "7" + String(repeating: ")", count: depth)

        #expect(try Session().run(source, name: "n", in: Evaluation())?.intValue == 7)
    }
}
