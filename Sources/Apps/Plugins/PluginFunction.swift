internal import Starlark

/// What a parameter of a plugin function accepts; nothing is converted silently.
enum PluginParameterType: Sendable, Hashable {
    case string, int, bool, strings, dict
    /// Anything that has a JSON form.
    case any

    var noun: String {
        switch self {
        case .string: "a string"
        case .int: "an int"
        case .bool: "a bool"
        case .strings: "a list of strings"
        case .dict: "a dict"
        case .any: "a value"
        }
    }

    func accepts(_ value: Value) -> Bool {
        switch self {
        case .string: value.stringValue != nil
        case .int: value.intValue != nil
        case .bool: value.boolValue != nil
        case .strings: (value.listValue ?? value.tupleValue)?.allSatisfy { $0.stringValue != nil } ?? false
        case .dict: value.dictEntries != nil
        case .any: true
        }
    }
}

/// One parameter of a plugin function.
struct PluginParameter: Sendable {
    let name: String
    let type: PluginParameterType
    /// Nil makes it required.
    let defaultValue: JSONValue?
    let isKeywordOnly: Bool

    init(_ name: String, _ type: PluginParameterType, _ defaultValue: JSONValue?, keywordOnly: Bool = false) {
        self.name = name
        self.type = type
        self.defaultValue = defaultValue
        self.isKeywordOnly = keywordOnly
    }
}

/// The arguments of a plugin call, bound, checked, secrets replaced.
struct PluginArguments: Sendable {
    fileprivate(set) var values: [String: JSONValue] = [:]
    /// The values as the program wrote them: templates instead of secrets.
    fileprivate var unresolved: [String: JSONValue] = [:]
    /// Parameters for which the caller gave a value.
    fileprivate(set) var given: Set<String> = []
    /// The grant that allowed the call.
    let grant: Grant

    /// A parameter as the program wrote it: templates instead of secrets.
    func written(_ name: String) -> JSONValue { unresolved[name] ?? .null }

    /// The text of a string parameter.
    func string(_ name: String) -> String {
        guard case .string(let text)? = values[name] else { return "" }
        return text
    }

    /// The value of an int parameter.
    func int(_ name: String) -> Int {
        guard case .int(let number)? = values[name] else { return 0 }
        return Int(number)
    }

    /// The value of a bool parameter.
    func bool(_ name: String) -> Bool { values[name] == .bool(true) }

    /// The texts of a list parameter.
    func strings(_ name: String) -> [String] {
        guard case .array(let items)? = values[name] else { return [] }
        return items.map(\.plainText)
    }

    /// The entries of a dict parameter.
    func entries(_ name: String) -> [JSONValue.Member] {
        guard case .object(let members)? = values[name] else { return [] }
        return members
    }
}

/// One function of a plugin with all that happens around its body: unseen earlier failures, binding, permission,
/// types, secrets, and the response.
struct PluginFunction: Sendable {
    let plugin: String
    let name: String
    let access: CallAccess
    let parameters: [PluginParameter]
    /// The function itself; what it throws becomes the response's error.
    let body: @Sendable (PluginArguments, EvaluationScope) throws -> PluginResponse.Outcome

    /// The function as programs call it.
    var native: NativeFunction {
        NativeFunction("\(plugin).\(name)") { [self] arguments in
            let scope = try EvaluationScope.of(arguments.evaluation)
            return try call(positional: arguments.positional, named: arguments.named, scope)
        }
    }

    private func call(positional: [Value], named: [(String, Value)], _ scope: EvaluationScope) throws -> Value {
        if case .audit = scope.purpose { return .host(PluginResponse(.value(.none))) }
        try scope.raisePending()
        let (bound, problem) = bind(positional, named)
        let grant = try scope.check.authorize(
            PluginCall(
                plugin: plugin, method: name, arguments: texts(bound), access: access,
                defaulted: Set(bound.indices.filter { bound[$0] == nil })))
        let outcome: PluginResponse.Outcome
        do {
            if let problem { throw problem }
            outcome = try body(try resolved(try checked(bound, grant), scope), scope)
        } catch let error as AppError where !error.code.isSecretProblem {
            outcome = .failure(error)
        }
        let response = PluginResponse(outcome)
        scope.record(response)
        return .host(response)
    }

    /// Gives each parameter its argument; the first problem is told, binding goes on so that values can be judged.
    private func bind(_ positional: [Value], _ named: [(String, Value)]) -> (bound: [Value?], problem: AppError?) {
        var bound = [Value?](repeating: nil, count: parameters.count)
        var problem: AppError?
        let byPosition = parameters.prefix { !$0.isKeywordOnly }.count
        for (index, value) in positional.enumerated() where index < byPosition { bound[index] = value }
        if positional.count > byPosition {
            problem = .tooManyArguments(name, given: positional.count, accepted: byPosition)
        }
        for (keyword, value) in named {
            guard let index = parameters.firstIndex(where: { $0.name == keyword }) else {
                problem = problem ?? .unknownKeyword(name, keyword, known: parameters.map(\.name))
                continue
            }
            if bound[index] != nil { problem = problem ?? .givenTwice(name, keyword) }
            bound[index] = value
        }
        return (bound, problem)
    }

    private func texts(_ bound: [Value?]) -> [String?] {
        zip(parameters, bound).map { parameter, value in
            guard let value else { return parameter.defaultValue.map { $0.starlark }.map(Self.text) }
            return Self.text(value)
        }
    }

    private static func text(_ value: Value) -> String { value.stringValue ?? value.repr }

    private func checked(_ bound: [Value?], _ grant: Grant) throws -> PluginArguments {
        var arguments = PluginArguments(grant: grant)
        for (parameter, value) in zip(parameters, bound) {
            guard let value else {
                guard let defaultValue = parameter.defaultValue else { throw AppError.missing(name, parameter.name) }
                arguments.values[parameter.name] = defaultValue
                continue
            }
            if value.isNone, parameter.type == .strings || parameter.type == .dict, let empty = parameter.defaultValue {
                arguments.values[parameter.name] = empty
                continue
            }
            guard parameter.type.accepts(value) else {
                throw AppError.type(name, parameter.name, expected: parameter.type.noun, actual: value.typeName)
            }
            arguments.values[parameter.name] = JSONValue(value)
            arguments.given.insert(parameter.name)
        }
        return arguments
    }

    /// Replaces secrets in strings and in strings directly inside lists and dicts.
    private func resolved(_ arguments: PluginArguments, _ scope: EvaluationScope) throws -> PluginArguments {
        func replace(_ value: JSONValue) throws -> JSONValue {
            guard case .string(let text) = value else { return value }
            return .string(try scope.secrets.resolve(text, granted: arguments.grant.secrets).text)
        }
        var copy = arguments
        copy.unresolved = arguments.values
        copy.values = try arguments.values.mapValues { value in
            switch value {
            case .string: return try replace(value)
            case .array(let items): return .array(try items.map(replace))
            case .object(let members):
                return .object(try members.map { JSONValue.Member($0.key, try replace($0.value)) })
            case .null, .bool, .int, .double: return value
            }
        }
        return copy
    }
}

extension AppError.Code {
    /// Failures that end the evaluation instead of becoming a response.
    var isSecretProblem: Bool { self == .secretNone || self == .secretDenied || self == .secretProvider }
}
