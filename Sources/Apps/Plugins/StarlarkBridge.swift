internal import Starlark

// Values of programs as values of ours, and back.
extension JSONValue {
    /// The Starlark value; lists and dicts are new and mutable.
    var starlark: Value {
        switch self {
        case .null: .none
        case .bool(let flag): .bool(flag)
        case .int(let number): .int(Int(number))
        case .double(let number): .float(number)
        case .string(let text): .string(text)
        case .array(let items): .list(items.map(\.starlark))
        case .object(let members): .dict(members.map { ($0.key, $0.value.starlark) })
        }
    }

    /// Reads a value; structs become objects, what has no JSON form becomes its printed text.
    init(_ value: Value) {
        self = Self.read(value, depth: 0)
    }

    private static func read(_ value: Value, depth: Int) -> JSONValue {
        if value.isNone { return .null }
        if let flag = value.boolValue { return .bool(flag) }
        if let number = value.intValue { return .int(Int64(number)) }
        if value.typeName == "float", let number = value.doubleValue { return .double(number) }
        if let text = value.stringValue { return .string(text) }
        guard depth < 100 else { return .string(value.repr) }  // A value may hold itself.
        if let entries = value.dictEntries {
            return .object(
                entries.map { key, value in
                    Member(key.stringValue ?? key.repr, read(value, depth: depth + 1))
                })
        }
        if let items = value.sequence { return .array(items.map { read($0, depth: depth + 1) }) }
        if let fields = value.fields { return .object(fields.map { Member($0, read($1, depth: depth + 1)) }) }
        if let response = value.hostValue as? PluginResponse, case .value(let inner) = response.outcome {
            return read(inner, depth: depth + 1)
        }
        return .string(value.description)
    }
}

extension AppError {
    /// The failure behind an error of an evaluation: the one a host function threw, else where and why it ended.
    init(evaluating error: EvaluationError) {
        if let cause = error.cause {
            if let inner = cause as? AppError {
                self = inner
                return
            }
            if let inner = cause as? EvaluationError {
                self.init(evaluating: inner)
                return
            }
            if let inner = cause as? StarlarkSyntaxError {
                self.init(syntax: inner)
                return
            }
        }
        let place = error.position.map { "`\($0.file)`, line \($0.line), column \($0.column): " } ?? ""
        self.init(.appEvaluation, place + error.message)
    }

    /// The failure for a file that is no program.
    init(syntax error: StarlarkSyntaxError) {
        let lines = error.diagnostics.prefix(10).map {
            "`\($0.position.file)`, line \($0.position.line), column \($0.position.column): \($0.message)"
        }
        self.init(.appEvaluation, lines.joined(separator: "; "))
    }

    /// Any error as a failure of an app.
    init(any error: any Error) {
        switch error {
        case let error as AppError: self = error
        case let error as EvaluationError: self.init(evaluating: error)
        case let error as StarlarkSyntaxError: self.init(syntax: error)
        default: self.init(.appEvaluation, String(describing: error))
        }
    }
}
