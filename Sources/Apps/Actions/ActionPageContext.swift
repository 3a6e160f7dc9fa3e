/// What the template reads; names are those in the template.
struct PageContext {
    struct Option {
        let text: String
        let isSelected: Bool
    }

    struct Field {
        let name: String, id: String, hintID: String, errorID: String
        let isCheckBox: Bool, isChecked: Bool, isInput: Bool, isArea: Bool, isSelect: Bool
        let inputType: String
        let value: String?
        let rows: Int
        let list: String?
        let accept: String?
        let options: [Option]
        let description: String?
        let error: String?
        let described: String?
    }

    struct Failure {
        let message: String
        let hasLog: Bool
        let log: String
    }

    struct Text {
        let text: String
        let rows: Int
    }

    struct Row {
        let cells: [String]
    }

    struct Table {
        let columns: [String]
        let rows: [Row]
    }

    struct Tree {
        let title: String
        let json: String
    }

    struct Resource {
        let url: String
        let name: String
    }

    let app: String, action: String, legend: String, target: String, validate: String, suggest: String
    let address: String?
    let hasLinks: Bool, multipart: Bool, showsValidate: Bool, hasSuggest: Bool
    let links: [ActionPage.Link]
    let fields: [Field]
    var failure: Failure?
    var status: String?
    var isEmpty = false
    var text: Text?
    var table: Table?
    var trees: [Tree] = []
    var downloads: [Resource] = []
    var images: [Resource] = []

    init(_ page: ActionPage) {
        let description = page.form.action
        app = page.appName
        action = description.name
        legend = description.description.isEmpty ? description.name : description.description
        target = page.target
        let base = page.target == "/" ? "" : page.target
        validate = base + "/validate"
        suggest = base + "/suggest"
        address = page.address
        links = page.links
        hasLinks = page.links.count > 1
        multipart = page.form.hasFiles
        showsValidate = description.showsValidate
        hasSuggest = description.hasSuggest
        fields = page.form.fields.map(Self.field)
        switch page.outcome {
        case .none: break
        case .message(let text): status = text
        case .failure(let code, let message, let log):
            failure = Failure(
                message: message.hasPrefix(code) ? message : "\(code): \(message)", hasLog: !log.isEmpty,
                log: log.joined(separator: "\n"))
        case .result(let result): show(result)
        }
    }

    private mutating func show(_ result: ActionResult) {
        status = result.status.isEmpty ? nil : result.status
        guard result.paramErrors.isEmpty || !result.values.isEmpty else { return }
        switch result.report {
        case .none: isEmpty = true
        case .text:
            let lines = result.values.map(\.plainText)
            text = Text(text: lines.joined(separator: "\n"), rows: min(max(lines.count, 3), 20))
        case .table:
            let content = ReportTable(result.values)
            table = Table(columns: content.columns, rows: content.rows.map(Row.init))
        case .json:
            trees = result.values.enumerated().map { Tree(title: "row \($0 + 1)", json: $1.text(indent: true)) }
        case .download: downloads = result.values.compactMap(Self.resource)
        case .image: images = result.values.compactMap(Self.resource)
        }
    }

    private static func resource(_ value: JSONValue) -> Resource? {
        guard case .string(let url)? = value["url"] else { return nil }
        let scheme = url.prefix { $0 != ":" && $0 != "/" }.lowercased()
        // Links that run script are not shown.
        guard url.hasPrefix("/") || !url.contains(":") || scheme == "http" || scheme == "https" else { return nil }
        return Resource(url: url, name: value["name"]?.plainText ?? url)
    }

    private static func field(_ field: FormField) -> Field {
        let id = "param-" + field.name
        let options: [Option]
        if case .choice(let texts, let isOpen) = field.widget {
            var all = texts
            if !isOpen, !all.contains(field.value) { all.insert(field.value.isEmpty ? "" : field.value, at: 0) }
            options = all.map { Option(text: $0, isSelected: $0 == field.value) }
        } else {
            options = []
        }
        let hint = field.description.isEmpty ? nil : field.description
        let described = [hint.map { _ in id + "-hint" }, field.error.map { _ in id + "-error" }].compactMap { $0 }
        let kind = Kind(field.widget)
        return Field(
            name: field.name, id: id, hintID: id + "-hint", errorID: id + "-error", isCheckBox: kind == .checkBox,
            isChecked: !field.value.isEmpty, isInput: kind.inputType != nil, isArea: kind == .area,
            isSelect: kind == .select, inputType: kind.inputType ?? "text",
            value: kind == .password || kind == .file || field.value.isEmpty ? nil : field.value,
            rows: kind.rows(field.widget),
            list: kind == .openChoice ? id + "-options" : nil, accept: kind.accept(field.widget), options: options,
            description: hint, error: field.error, described: described.isEmpty ? nil : described.joined(separator: " ")
        )
    }

    private enum Kind {
        case checkBox, text, password, file, area, select, openChoice

        init(_ widget: FormWidget) {
            switch widget {
            case .text: self = .text
            case .checkBox: self = .checkBox
            case .password: self = .password
            case .textArea: self = .area
            case .file: self = .file
            case .choice(_, let isOpen): self = isOpen ? .openChoice : .select
            }
        }

        var inputType: String? {
            switch self {
            case .text, .openChoice: "text"
            case .password: "password"
            case .file: "file"
            case .checkBox, .area, .select: nil
            }
        }

        func rows(_ widget: FormWidget) -> Int {
            if case .textArea(let rows) = widget { return rows }
            return 4
        }

        func accept(_ widget: FormWidget) -> String? {
            if case .file(let accept) = widget { return accept }
            return nil
        }
    }
}
