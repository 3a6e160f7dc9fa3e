/// What an action's handler returned, checked.
struct ActionResult: Sendable, Hashable {
    var status: String
    var values: [JSONValue]
    var report: ActionReport
    /// Texts next to params, in the order given.
    var paramErrors: [JSONValue.Member]

    /// Checks the parts of an `ace.result`.
    /// - Throws: ``AppError`` `.actionResult` for values that are neither all strings nor all objects.
    init(status: String, values: JSONValue = .array([]), report: String = "AUTO", paramErrors: [JSONValue.Member] = [])
        throws
    {
        guard case .array(let items) = values else {
            throw AppError(.actionResult, "the values of ace.result must be a list")
        }
        let areTexts = items.allSatisfy { if case .string = $0 { true } else { false } }
        let areObjects = items.allSatisfy { if case .object = $0 { true } else { false } }
        guard areTexts || areObjects else {
            throw AppError(.actionResult, "the values of ace.result must be all strings or all dicts")
        }
        self.status = status
        self.values = items
        self.report = try ActionReport(report, values: items)
        self.paramErrors = paramErrors
    }

    /// The answer to clients that accept JSON.
    var json: JSONValue {
        .object([
            JSONValue.Member("status", .string(status)), JSONValue.Member("values", .array(values)),
            JSONValue.Member("report", .string(report.rawValue)),
            JSONValue.Member("param_errors", .object(paramErrors)),
        ])
    }
}

/// How values are shown.
enum ActionReport: String, Sendable, Hashable {
    case none = "NONE"
    case text = "TEXT"
    case table = "TABLE"
    case json = "JSON"
    case download = "DOWNLOAD"
    case image = "IMAGE"

    /// What `report` means for `values`; AUTO looks at the first row.
    init(_ report: String, values: [JSONValue]) throws {
        guard report == "AUTO" || report.isEmpty else {
            guard let fixed = ActionReport(rawValue: report) else {
                throw AppError(.actionResult, "report `\(report.prefix(80))` is not known")
            }
            self = fixed
            return
        }
        switch values.first {
        case nil: self = .none
        case .object(let members): self = members.allSatisfy { $0.value.isSimple } ? .table : .json
        default: self = .text
        }
    }
}

/// A table made of rows: the columns are the keys of the first one, in its order.
struct ReportTable: Sendable, Hashable {
    let columns: [String]
    let rows: [[String]]

    /// Missing cells are empty, further keys are left out, long cells are cut at 100 characters.
    init(_ values: [JSONValue]) {
        guard case .object(let first)? = values.first else {
            columns = []
            rows = []
            return
        }
        let names = first.map(\.key)
        columns = names
        rows = values.map { row in
            names.map { name in
                let text = row[name].map { $0 == .null ? "" : $0.plainText } ?? ""
                return text.count > 100 ? text.prefix(100) + "…" : text
            }
        }
    }
}
