/// The type of a param.
package enum ParamType: String, Codable, Hashable, Sendable, CaseIterable {
    case string = "STRING"
    case int = "INT"
    case boolean = "BOOLEAN"
    case list = "LIST"
    case dict = "DICT"

    /// The value of an optional param without default.
    package var zero: JSONValue {
        switch self {
        case .string: .string("")
        case .int: .int(0)
        case .boolean: .bool(false)
        case .list: .array([])
        case .dict: .object([])
        }
    }

    /// Whether `value` is of this type.
    package func accepts(_ value: JSONValue) -> Bool {
        switch (self, value) {
        case (.string, .string), (.int, .int), (.boolean, .bool), (.list, .array), (.dict, .object): true
        default: false
        }
    }

    /// How messages name it.
    package var noun: String {
        switch self {
        case .string: "a string"
        case .int: "a decimal integer"
        case .boolean: "a boolean (true or false)"
        case .list: "a JSON list"
        case .dict: "a JSON object"
        }
    }
}

/// How a STRING param is entered in a form.
package enum ParamDisplay: Hashable, Sendable {
    case plain
    case password
    /// With the number of rows, when given.
    case textArea(rows: Int?)
    /// With the accepted file types, when given.
    case file(accept: String?)
    case combo

    /// Reads `PASSWORD`, `TEXTAREA:6`, `FILE:.csv`, `COMBO` or nothing; nil for anything else.
    package init?(parsing text: String) {
        let parts = text.split(separator: ":", maxSplits: 1)
        let option = parts.count == 2 ? String(parts[1]) : nil
        switch parts.first ?? "" {
        case "": self = .plain
        case "PASSWORD": self = .password
        case "TEXTAREA": self = .textArea(rows: option.flatMap { Int($0) })
        case "FILE": self = .file(accept: option)
        case "COMBO": self = .combo
        default: return nil
        }
    }
}

/// One `param(…)` of a `params.star`.
package struct ParamDefinition: Hashable, Sendable {
    /// Without blanks.
    package let name: String
    /// What its values are.
    package let type: ParamType
    /// Of ``type``; nil without one.
    package let defaultValue: JSONValue?
    /// Shown in forms.
    package let description: String
    /// Whether a value must exist.
    package let isRequired: Bool
    /// How it is entered in a form.
    package let display: ParamDisplay

    /// Checks name, default and display.
    package init(
        name: String, type: ParamType = .string, defaultValue: JSONValue? = nil, description: String = "",
        isRequired: Bool = true, display: ParamDisplay = .plain
    ) throws {
        guard !name.isEmpty, !name.contains(where: \.isWhitespace) else { throw AppError.paramName(name) }
        if let defaultValue, !type.accepts(defaultValue) {
            throw AppError.paramType(name, expected: type.noun, value: defaultValue.plainText)
        }
        if type != .string, display != .plain {
            throw AppError(.paramType, "param `\(name)`: only STRING params have a display type")
        }
        self.name = name
        self.type = type
        self.defaultValue = defaultValue
        self.description = description
        self.isRequired = isRequired
        self.display = display
    }

    /// Converts text as given at install or in a form.
    package func value(of text: String) throws -> JSONValue {
        func refuse() -> AppError { AppError.paramType(name, expected: type.noun, value: text) }
        switch type {
        case .string: return .string(text)
        case .int:
            guard let number = Int64(text) else { throw refuse() }
            return .int(number)
        case .boolean:
            switch text {
            case "1", "t", "T", "true", "TRUE", "True": return .bool(true)
            case "0", "f", "F", "false", "FALSE", "False": return .bool(false)
            default: throw refuse()
            }
        case .list, .dict:
            // What is not JSON is refused like JSON of another type.
            guard let value = try? JSONValue(parsing: text), type.accepts(value) else { throw refuse() }
            return value
        }
    }
}

/// The params of an app with their values, in order of definition.
package struct ParamSet: Hashable, Sendable {
    /// Definitions in the order of display.
    package let definitions: [ParamDefinition]
    /// A value for every definition, secrets as templates.
    package let values: [String: JSONValue]
    /// Given values of names that are not declared, sorted by name.
    package let extras: [(name: String, value: String)]

    /// Gives every param its value.
    /// - Throws: ``AppError`` `.paramDuplicate`, `.paramRequired`, `.paramEmpty`, `.paramType`.
    package init(definitions: [ParamDefinition], given: [String: String]) throws {
        var values: [String: JSONValue] = [:]
        for definition in definitions {
            guard values[definition.name] == nil else { throw AppError.paramDuplicate(definition.name) }
            if let text = given[definition.name] {
                let value = try definition.value(of: text)
                if definition.isRequired, value == .string("") { throw AppError.paramEmpty(definition.name) }
                values[definition.name] = value
            } else if let value = definition.defaultValue {
                values[definition.name] = value
            } else if definition.isRequired {
                throw AppError.paramRequired(definition.name)
            } else {
                values[definition.name] = definition.type.zero
            }
        }
        self.definitions = definitions
        self.values = values
        let names = Set(definitions.map(\.name))
        self.extras = given.filter { !names.contains($0.key) }.sorted { $0.key < $1.key }.map {
            (name: $0.key, value: $0.value)
        }
    }

    /// No params.
    package static let none = ParamSet()

    private init() {
        self.definitions = []
        self.values = [:]
        self.extras = []
    }

    /// The value of a declared param.
    package subscript(name: String) -> JSONValue? { values[name] }

    package static func == (left: ParamSet, right: ParamSet) -> Bool {
        left.definitions == right.definitions && left.values == right.values
            && left.extras.map(\.name) == right.extras.map(\.name)
            && left.extras.map(\.value) == right.extras.map(\.value)
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(values) }
}
