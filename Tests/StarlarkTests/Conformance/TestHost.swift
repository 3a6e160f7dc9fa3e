import Foundation
import Starlark

/// Collects what the helper functions of the test programs report.
final class TestHost {
    var failures: [String] = []
    var output: [String] = []
}

/// A mutable object that accepts any attribute except names beginning with `no`.
final class HasFields: HostValue, @unchecked Sendable {
    // Sendable: used by one evaluation, and only read after `freeze`.
    private var fields: [String: Value] = [:]
    private var isFrozen = false
    var typeName: String { "hasfields" }
    func attribute(_ name: String, in evaluation: Evaluation) throws -> Value? { fields[name] }
    var attributeNames: [String] { fields.keys.sorted() }
    func setAttribute(_ name: String, to value: Value, in evaluation: Evaluation) throws -> Bool {
        if isFrozen { throw StarlarkFailure("cannot set field on a frozen hasfields") }
        if name.hasPrefix("no") { return false }
        fields[name] = value
        return true
    }
    func binary(_ op: String, _ other: Value, onLeft: Bool, in evaluation: Evaluation) throws -> Value? {
        op == "+" && !onLeft && other.listValue != nil ? .int(42) : nil
    }
    func freeze() { isFrozen = true }
}

/// Equal only to itself; builds structs that carry it.
final class Symbol: HostValue {
    let name: String
    init(_ name: String) { self.name = name }
    var typeName: String { "symbol" }
    var description: String { name }
    var isCallable: Bool { true }
    func call(_ arguments: inout Arguments) throws -> Value {
        if !arguments.positional.isEmpty { throw StarlarkFailure("\(name): unexpected positional arguments") }
        return StandardModules.structure(arguments.named, constructor: .host(self))
    }
}

/// Supplies modules from sources and values.
final class TestLoader: ModuleLoader {
    private var loading: Set<String> = []
    var sources: [String: String] = [:]
    var values: [String: [(String, Value)]] = [:]
    var dialect = Dialect.standard
    var predeclared: [String: Value] = [:]

    init(
        sources: [String: String] = [:], values: [String: [(String, Value)]] = [:], dialect: Dialect = .standard,
        predeclared: [String: Value] = [:]
    ) {
        self.sources = sources
        self.values = values
        self.dialect = dialect
        self.predeclared = predeclared
    }

    func load(_ name: String, from: String, in evaluation: Evaluation) throws -> [(String, Value)] {
        if let values = values[name] { return values }
        guard let source = sources[name] else { throw StarlarkFailure("no such module") }
        guard loading.insert(name).inserted else { throw StarlarkFailure("cycle in load graph") }
        defer { loading.remove(name) }
        let program = try Program(
            source: source, name: name, dialect: dialect, predeclared: Set(predeclared.keys))
        return try evaluation.run(program, predeclared: predeclared).exports
    }
}

/// The values that test programs may use.
enum TestValues {
    static let time = StandardModules.time(zones: { name, seconds in
        guard let zone = TimeZone(identifier: name) else { return nil }
        let date = Date(timeIntervalSince1970: TimeInterval(seconds))
        return (zone.secondsFromGMT(for: date), zone.abbreviation(for: date) ?? name)
    })

    static let modules: [String: Value] = [
        "struct": StandardModules.structure, "json": StandardModules.json, "math": StandardModules.math, "time": time,
    ]

    static func helpers(_ host: TestHost) -> [String: Value] {
        nonisolated(unsafe) let host = host  // one evaluation, one thread
        return [
            "error": .function(
                NativeFunction("error") { call in
                    let text = call.positional.map(\.description).joined(separator: " ")
                    host.failures.append(
                        "\(call.evaluation.callStack.first { $0.position != nil }?.description ?? ""): \(text)")
                    return .none
                }),
            "catch": .function(
                NativeFunction("catch", [.required("f")]) { call in
                    do {
                        _ = try call.evaluation.call(call["f"])
                        return .none
                    } catch let error as EvaluationError {
                        return .string(error.message)
                    }
                }),
            "matches": .function(
                NativeFunction("matches", [.required("pattern", .string), .required("str", .string)]) { call in
                    .bool(try matches(call.string("pattern"), call.string("str")))
                }),
            "module": StandardModules.module,
            "_freeze": .function(
                NativeFunction("freeze", [.required("x")]) { call in
                    call["x"].freeze()
                    return call["x"]
                }),
            "_floateq": .function(
                NativeFunction("floateq", [.required("x", .float), .required("y", .float)]) { call in
                    let (x, y) = (try call.double("x"), try call.double("y"))
                    return .bool(x == y || (x.isNaN && y.isNaN) || (x - y).magnitude <= max(x.ulp, y.ulp))
                }),
            "struct": StandardModules.structure,
            "gensym": .function(
                NativeFunction("gensym", [.required("name", .string)]) { .host(Symbol(try $0.string("name"))) }),
            "hasfields": .function(NativeFunction("hasfields", []) { _ in .host(HasFields()) }),
            "fibonacci": .sequence("fibonacci") {
                var (a, b) = (0, 1)
                return {
                    defer { (a, b) = (b, a &+ b) }
                    return .int(a)
                }
            },
        ]
    }

    /// RE2 search. Constructs that Swift's engine spells differently are translated.
    static func matches(_ pattern: String, _ text: String) throws -> Bool {
        try text.firstMatch(of: Regex(pattern).dotMatchesNewlines(false)) != nil
    }
}
