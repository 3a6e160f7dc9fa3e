internal import ArgumentParser
internal import Core
internal import Starlark
internal import Wire

/// `martlet starlark bench`.
struct StarlarkBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Time a program and print the medians.",
        discussion: """
            Prints a line of JSON: milliseconds to parse and resolve, milliseconds to compile and run with fresh globals,
            and the value of the global `result`. The dialect is permissive.

            Examples:
              martlet starlark bench --reps 7 fib.star
            """, shouldDisplay: false)

    @Option(help: ArgumentHelp("How often.", valueName: "count")) var reps = 7
    @Argument(help: ArgumentHelp("The program.", valueName: "file")) var file: String

    func validate() throws {
        guard reps > 0 else { throw ValidationError("--reps \(reps): at least 1") }
    }

    func run() async throws {
        let source = try StarlarkSource.read(file)
        let reps = reps
        Console.print(try await StarlarkHost.perform { try Self.measure(source, reps: reps) })
    }

    /// The line of JSON.
    static func measure(_ source: StarlarkSource, reps: Int) throws -> String {
        let names = Set(StarlarkHost.predeclared.keys)
        let clock = ContinuousClock()
        var parse: [Duration] = []
        var evaluate: [Duration] = []
        var result = "null"
        for _ in 0..<reps {
            let start = clock.now
            let analysis = try SourceAnalysis(
                source: source.text, name: source.name, dialect: .permissive, predeclared: names)
            let parsed = clock.now
            let evaluation = Evaluation(limits: StarlarkHost.limits)
            let module = try evaluation.run(try analysis.compile(), predeclared: StarlarkHost.predeclared)
            let done = clock.now
            parse.append(parsed - start)
            evaluate.append(done - parsed)
            result = try json(module["result"] ?? .none)
            module.dispose()
        }
        return #"{"parse_ms": \#(median(parse)), "eval_ms": \#(median(evaluate)), "result": \#(result)}"#
    }

    /// Milliseconds with microseconds after the point.
    private static func median(_ durations: [Duration]) -> Double {
        let sorted = durations.sorted()
        let middle = sorted[sorted.count / 2]
        let nanoseconds = sorted.count % 2 == 1 ? middle : (middle + sorted[sorted.count / 2 - 1]) / 2
        let (seconds, attoseconds) = nanoseconds.components
        return Double(seconds * 1_000_000 + attoseconds / 1_000_000_000_000) / 1000
    }

    private static func json(_ value: Value) throws -> String {
        if value.isNone { return "null" }
        if let flag = value.boolValue { return flag ? "true" : "false" }
        if let text = value.stringValue { return String(decoding: try WireJSON.encode(text), as: UTF8.self) }
        return value.typeName == "int" || value.typeName == "float"
            ? value.repr : String(decoding: try WireJSON.encode(value.repr), as: UTF8.self)
    }
}
