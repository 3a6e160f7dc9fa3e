import Foundation
import Starlark
import Testing

/// What `docs/starlark.md` shows is what stands and runs here.
@Suite("guide")
struct GuideTests {
    @Test("a program runs and its functions are called")
    func running() throws {
        var printed: [String] = []
        let program = try Program(
            source: "def double(x):\n    return 2 * x\n\nanswer = double(21)\n", name: "main.star")
        let evaluation = Evaluation(print: { text in printed.append(text) })
        let module = try evaluation.run(program)
        let answer = module["answer"]?.intValue  // 42

        #expect(answer == 42 && printed.isEmpty)

        let double = try #require(module["double"])
        let four = try Evaluation().call(double, [2])

        #expect(four.intValue == 4)
    }

    @Test("the host gives names")
    func predeclaring() throws {
        let greet = NativeFunction("greet", [.required("name", .string), .optional("times", .int, default: 1)]) {
            call in
            let words = Array(repeating: "hello \(try call.string("name"))", count: try call.int("times"))
            return .list(words.map { .string($0) })
        }
        let predeclared: [String: Value] = [
            "greet": .function(greet), "json": StandardModules.json, "limits": .structure([("memory", .int(64))]),
        ]
        let source = "text = json.encode(greet('you', times = 2))\nmemory = limits.memory\n"
        let module = try Evaluation().run(
            Program(source: source, name: "main.star", predeclared: Set(predeclared.keys)), predeclared: predeclared)
        let text = module["text"]?.stringValue  // ["hello you","hello you"]

        #expect(text == #"["hello you","hello you"]"#)
        #expect(module["memory"]?.intValue == 64)
    }

    @Test("a loader supplies modules")
    func loading() throws {
        struct Library: ModuleLoader {
            func load(_ name: String, from: String, in evaluation: Evaluation) throws -> [(String, Value)] {
                let program = try Program(source: "pi = 3", name: name)
                return try evaluation.run(program).exports
            }
        }
        let program = try Program(source: "load('round.star', 'pi')\narea = pi * 4\n", name: "main.star")
        let module = try Evaluation(loader: Library()).run(program)

        #expect(module["area"]?.intValue == 12)
    }

    @Test("an error tells the calls")
    func errors() throws {
        var traceback = ""
        do {
            let program = try Program(source: "def f(x):\n    return 1 // x\n\nf(0)\n", name: "main.star")
            _ = try Evaluation().run(program)
        } catch let error as EvaluationError {
            traceback = error.description
        }

        #expect(try Self.guide().contains("```\n\(traceback)\n```"))
    }

    @Test("limits end what would not end")
    func limits() throws {
        let evaluation = Evaluation(limits: Limits(steps: 100_000, allocatedBytes: 16 << 20))
        let endless = try Program(source: "while True:\n    pass\n", name: "endless.star", dialect: .permissive)
        #expect(throws: EvaluationError.self) { try evaluation.run(endless) }
    }

    @Test("a session keeps its globals, and the formatter lays out")
    func tools() throws {
        let session = Session(predeclared: ["math": StandardModules.math])
        try session.run("xs = [1, 2]", name: "<stdin>", in: Evaluation())
        try session.run("xs.append(math.floor(3.5))", name: "<stdin>", in: Evaluation())
        let value = try session.run("xs", name: "<stdin>", in: Evaluation())

        #expect(value?.repr == "[1, 2, 3]")

        let formatted = try Formatter.format("x=f( 'a',# why\n  b )", name: "main.star")

        #expect(try Self.guide().contains("```python\n\(formatted)```"))
    }

    @Test("the defaults are those of the table")
    func defaults() throws {
        let limits = Limits.default
        let guide = try Self.guide()

        #expect(limits.steps == nil && limits.allocatedBytes == 4 << 30 && limits.comparisonDepth == 10)
        #expect(limits.callDepth == 100_000 && guide.contains("| `callDepth` | 100,000 |"))
        #expect(limits.nativeDepth == 64 && guide.contains("| `nativeDepth` | 64 |"))
        #expect(limits.integerBits == 262_144 && guide.contains("| `integerBits` | 262,144 |"))
    }

    @Test("every Swift block of the guide is a part of this file")
    func blocks() throws {
        let code = Self.words(try String(contentsOfFile: #filePath, encoding: .utf8))
        let blocks = try Self.guide().components(separatedBy: "```swift\n").dropFirst()
            .map { $0.components(separatedBy: "\n```")[0] }

        #expect(blocks.count == 8)
        for block in blocks {
            let isHere = code.contains(Self.words(block))
            #expect(isHere, "\(block)")
        }
    }

    /// Lines may be broken differently here.
    private static func words(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    private static func guide() throws -> String {
        var folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        for _ in 0..<3 { folder.deleteLastPathComponent() }
        return try String(contentsOf: folder.appendingPathComponent("docs/starlark.md"), encoding: .utf8)
    }
}
