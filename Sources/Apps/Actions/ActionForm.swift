/// One action of an app, as far as forms are concerned.
struct ActionDescription: Sendable, Hashable {
    let name: String
    /// Route inside the app, with leading slash.
    let path: String
    let description: String
    /// Params that are neither shown nor accepted.
    let hidden: Set<String>
    let showsValidate: Bool
    let hasSuggest: Bool
}

/// How a field is entered.
enum FormWidget: Sendable, Hashable {
    case text
    case checkBox
    case password
    case textArea(rows: Int)
    case file(accept: String?)
    /// One of the options; with `isOpen` other texts too.
    case choice(options: [String], isOpen: Bool)
}

/// One row of a form.
struct FormField: Sendable, Hashable {
    let name: String
    let description: String
    var widget: FormWidget
    /// The text shown; for check boxes `true` or empty.
    var value: String
    /// What is wrong with it.
    var error: String?
}

/// The form of one action: visible params, their widgets, and how submissions become values.
struct ActionForm: Sendable, Hashable {
    let action: ActionDescription
    let params: ParamSet
    private(set) var fields: [FormField]

    /// The form with the app's values.
    init(action: ActionDescription, params: ParamSet) {
        self.action = action
        self.params = params
        let optionParams = Set(params.definitions.compactMap { Self.optionsTarget($0, in: params) }.map(\.source))
        self.fields = params.definitions
            .filter { !action.hidden.contains($0.name) && !optionParams.contains($0.name) }
            .map { definition in
                FormField(
                    name: definition.name, description: definition.description,
                    widget: Self.widget(of: definition, in: params),
                    value: Self.text(params[definition.name] ?? definition.type.zero))
            }
    }

    /// Takes non-empty initial values from a query.
    mutating func prefill(_ body: FormBody) {
        for index in fields.indices {
            guard let text = body[fields[index].name], !text.isEmpty, !isFile(fields[index]) else { continue }
            if fields[index].widget == .checkBox {
                fields[index].value =
                    definition(fields[index].name).flatMap { try? $0.value(of: text) } == .bool(true)
                    ? "true" : ""  // an odd text leaves the box open
            } else {
                fields[index].value = text
            }
        }
    }

    /// Takes what a person submitted, so that an answer shows it again.
    mutating func keep(_ body: FormBody) {
        for index in fields.indices where !isFile(fields[index]) {
            if fields[index].widget == .checkBox {
                fields[index].value = body[fields[index].name] == nil ? "" : Self.isTrue(body[fields[index].name])
            } else if let text = body[fields[index].name] {
                fields[index].value = text
            }
        }
    }

    /// The values the handler gets: the app's, overwritten by the submission for visible params.
    /// - Returns: the values, and for params that cannot be converted or are no option, what is wrong.
    func values(of body: FormBody) -> (values: [String: JSONValue], problems: [(name: String, error: AppError)]) {
        var values = params.values
        var problems: [(String, AppError)] = []
        for field in fields {
            guard let definition = definition(field.name) else { continue }
            guard let text = body[field.name] else {
                if definition.type == .boolean { values[field.name] = .bool(false) }
                if isFile(field) { values[field.name] = .string("") }
                continue
            }
            if case .choice(let options, isOpen: false) = field.widget, !text.isEmpty, !options.contains(text) {
                problems.append((field.name, AppError.actionOption(field.name, value: text)))
                continue
            }
            if definition.type == .boolean, text.isEmpty || text == "on" {
                values[field.name] = .bool(text == "on")
                continue
            }
            do {
                values[field.name] = try definition.value(of: text)
            } catch let error as AppError {
                problems.append((field.name, error))
            } catch {
                problems.append((field.name, AppError(.actionForm, "\(error)")))
            }
        }
        return (values, problems)
    }

    /// Puts texts next to the fields named; texts for unknown fields are returned.
    mutating func show(errors: [(name: String, text: String)]) -> [(name: String, text: String)] {
        var left: [(name: String, text: String)] = []
        for index in fields.indices { fields[index].error = nil }
        for error in errors {
            if let index = fields.firstIndex(where: { $0.name == error.name }) {
                fields[index].error = error.text
            } else {
                left.append(error)
            }
        }
        return left
    }

    /// Applies what a suggest handler returned for params: a value, or a list of which the first entry is chosen.
    /// - Throws: ``AppError`` `.actionSuggest` for FILE params.
    mutating func suggest(_ suggestions: [JSONValue.Member]) throws {
        for suggestion in suggestions {
            guard let index = fields.firstIndex(where: { $0.name == suggestion.key }),
                let definition = definition(suggestion.key)
            else { continue }
            if isFile(fields[index]) {
                throw AppError(.actionResult, "suggest must not give a value for the FILE param `\(suggestion.key)`")
            }
            if case .array(let items) = suggestion.value, definition.type == .string {
                let options = items.map(\.plainText)
                guard let first = options.first else { continue }
                fields[index].widget = .choice(options: options, isOpen: definition.display == .combo)
                fields[index].value = first
            } else {
                fields[index].value = Self.text(suggestion.value)
            }
        }
    }

    /// The submitted values as a query for the address, without passwords and files.
    var addressQuery: String {
        FormBody.query(
            fields.compactMap { field in
                switch field.widget {
                case .password, .file: nil
                case .checkBox: field.value.isEmpty ? nil : (field.name, field.value)
                case .text, .textArea, .choice: (field.name, field.value)
                }
            })
    }

    /// Whether the form has a file chooser.
    var hasFiles: Bool { fields.contains(where: isFile) }

    func definition(_ name: String) -> ParamDefinition? { params.definitions.first { $0.name == name } }

    private func isFile(_ field: FormField) -> Bool {
        if case .file = field.widget { return true }
        return false
    }

    private static func isTrue(_ text: String?) -> String {
        ["1", "t", "T", "true", "TRUE", "True", "on"].contains(text ?? "") ? "true" : ""
    }

    private static func text(_ value: JSONValue) -> String {
        if case .bool(let flag) = value { return flag ? "true" : "" }
        return value.plainText
    }

    private static func widget(of definition: ParamDefinition, in params: ParamSet) -> FormWidget {
        if definition.type == .boolean { return .checkBox }
        switch definition.display {
        case .password: return .password
        case .textArea(let rows): return .textArea(rows: min(max(rows ?? 4, 2), 60))
        case .file(let accept): return .file(accept: accept)
        case .plain, .combo:
            guard definition.type == .string,
                let options = params.definitions.lazy.compactMap({ optionsTarget($0, in: params) })
                    .first(where: { $0.target == definition.name })?.options
            else { return .text }
            return .choice(options: options, isOpen: definition.display == .combo)
        }
    }

    /// For a LIST param `options-x` or `options_x` where `x` is a param: x and the options.
    private static func optionsTarget(
        _ definition: ParamDefinition, in params: ParamSet
    ) -> (source: String, target: String, options: [String])? {
        guard definition.type == .list, definition.name.hasPrefix("options-") || definition.name.hasPrefix("options_"),
            case .array(let items)? = params[definition.name]
        else { return nil }
        let target = String(definition.name.dropFirst(8))
        guard params[target] != nil else { return nil }
        return (definition.name, target, items.map(\.plainText))
    }
}
