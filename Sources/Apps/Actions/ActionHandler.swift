internal import Starlark

/// Answers the requests of one action.
struct ActionHandler: Sendable {
    let handlers: AppHandlers
    let action: ActionDeclaration

    private var address: AppAddress { handlers.live.version.address }
    private var target: String { address.joined(action.description.path) }

    // MARK: The form

    /// The form, filled from the query.
    func form(_ request: AppRequest) -> AppResponse {
        var form = newForm
        form.prefill(FormBody(query: request.head.query.utf8))
        if request.head.wantsJSON { return .text(Self.json(form).text() + "\n", type: "application/json") }
        return page(form, .none)
    }

    private var newForm: ActionForm { ActionForm(action: action.description, params: handlers.loaded.params) }

    private static func json(_ form: ActionForm) -> JSONValue {
        let fields = form.fields.map { field -> JSONValue in
            var members = [
                JSONValue.Member("name", .string(field.name)),
                JSONValue.Member("description", .string(field.description)),
                JSONValue.Member("type", .string(form.definition(field.name)?.type.rawValue ?? "STRING")),
            ]
            if field.widget != .password { members.append(JSONValue.Member("value", .string(field.value))) }
            if case .choice(let options, let isOpen) = field.widget {
                members.append(JSONValue.Member("options", .array(options.map(JSONValue.string))))
                members.append(JSONValue.Member("strict", .bool(!isOpen)))
            }
            return .object(members)
        }
        return .object([
            JSONValue.Member("name", .string(form.action.name)),
            JSONValue.Member("description", .string(form.action.description)),
            JSONValue.Member("params", .array(fields)),
        ])
    }

    private func page(
        _ form: ActionForm, _ outcome: ActionPage.Outcome, status: Int = 200, keepsAddress: Bool = false
    ) -> AppResponse {
        let links = handlers.loaded.declaration.actions.map(\.description).map {
            ActionPage.Link(name: $0.name, href: address.joined($0.path), isCurrent: $0.path == action.description.path)
        }
        var page = ActionPage(
            appName: handlers.loaded.declaration.name, links: links, target: target, form: form, outcome: outcome)
        if keepsAddress { page.address = target + "?" + form.addressQuery }
        var response = AppResponse.text(page.html, status: status, type: "text/html; charset=utf-8")
        response.headers.append(("content-security-policy", ActionPage.securityPolicy))
        response.headers.append(("x-content-type-options", "nosniff"))
        if let address = page.address { response.headers.append(("content-location", address)) }
        return response
    }

    // MARK: Submissions

    /// Runs, validates or suggests with what was submitted.
    func submit(_ request: AppRequest, _ step: ActionStep) async -> AppResponse {
        var form = newForm
        do {
            let body = try FormBody(request: request)
            form.keep(body)
            let (values, problems) = form.values(of: body)
            if let first = problems.first {
                await handlers.audit(step.operation, target: action.description.name, failure: first.error)
                return invalid(form, problems, request)
            }
            let uploads = try await Uploads.store(
                body.uploads, for: form, in: handlers.world.runDirectory, id: handlers.runtime.id)
            let all = values.merging(uploads.values) { $1 }
            let response: AppResponse
            do {
                response = try await perform(step, all, &form, request)
            } catch {
                await uploads.remove(handlers.world.logger)
                throw error
            }
            await uploads.remove(handlers.world.logger)
            await handlers.audit(step.operation, target: action.description.name, failure: nil)
            return response
        } catch {
            let failure = AppError(any: error)
            await handlers.audit(step.operation, target: action.description.name, failure: failure)
            return failed(form, failure, request)
        }
    }

    private func perform(
        _ step: ActionStep, _ values: [String: JSONValue], _ form: inout ActionForm, _ request: AppRequest
    ) async throws -> AppResponse {
        let names = handlers.loaded.params.definitions.map(\.name)
        let arguments: @Sendable () -> Value = {
            .structure(names.map { ($0, (values[$0] ?? .null).starlark) }, constructor: "args")
        }
        switch step {
        case .suggest:
            guard let suggest = action.suggest else {
                throw AppError(.actionSuggest, "the action `\(action.description.name)` has no suggest handler")
            }
            let value = try await handlers.call(suggest, arguments: { [arguments()] }) { JSONValue($0) }
            return try suggested(value, &form, request)
        case .run, .validate:
            let isDryRun = step == .validate
            var result = try await handlers.call(action.run, arguments: { [.bool(isDryRun), arguments()] }) {
                try Self.result($0)
            }
            if isDryRun { result.values = [] }
            return shown(result, isDryRun: isDryRun, &form, request)
        }
    }

    /// An `ace.result`, or any other value as the status.
    private static func result(_ value: Value) throws -> ActionResult {
        if let object = value.hostValue as? AceObject, case .result(let result) = object.content { return result }
        if let response = value.hostValue as? PluginResponse { _ = try response.unwrapped() }  // a stream: refused
        return try ActionResult(status: value.isNone ? "" : value.description)
    }

    private func shown(
        _ result: ActionResult, isDryRun: Bool, _ form: inout ActionForm, _ request: AppRequest
    ) -> AppResponse {
        if request.head.wantsJSON { return .text(result.json.text() + "\n", type: "application/json") }
        let left = form.show(errors: result.paramErrors.map { ($0.key, $0.value.plainText) })
        if isDryRun {
            let texts = [result.status].filter { !$0.isEmpty } + left.map { "\($0.name): \($0.text)" }
            return page(form, .message(texts.joined(separator: "; ")), keepsAddress: true)
        }
        return page(form, .result(result), keepsAddress: true)
    }

    private func suggested(_ value: JSONValue, _ form: inout ActionForm, _ request: AppRequest) throws -> AppResponse {
        switch value {
        case .object(let members):
            try form.suggest(members)
            if request.head.wantsJSON {
                return .text(
                    JSONValue.object([JSONValue.Member("suggestions", value)]).text() + "\n", type: "application/json")
            }
            return page(form, .none, keepsAddress: true)
        case .string(let message):
            if request.head.wantsJSON {
                return .text(
                    JSONValue.object([JSONValue.Member("message", value)]).text() + "\n", type: "application/json")
            }
            return page(form, .message(message))
        default: throw AppError(.actionResult, "a suggest handler returns a dict or a string")
        }
    }

    // MARK: Failures

    private func invalid(
        _ form: ActionForm, _ problems: [(name: String, error: AppError)], _ request: AppRequest
    ) -> AppResponse {
        let first = problems[0].error.naming(app: address.description)
        if request.head.wantsJSON {
            var members: [JSONValue.Member] = []
            if case .object(let error) = ErrorAnswer.json(first) { members = error }
            let texts = problems.map { JSONValue.Member($0.name, .string($0.error.message)) }
            members.append(JSONValue.Member("param_errors", .object(texts)))
            return .text(JSONValue.object(members).text() + "\n", status: 400, type: "application/json")
        }
        var form = form
        _ = form.show(errors: problems.map { ($0.name, $0.error.message) })
        let summary = problems.map(\.error.message).joined(separator: "; ")
        return page(form, .failure(code: problems[0].error.code.rawValue, message: summary, log: []), status: 400)
    }

    private func failed(_ form: ActionForm, _ error: AppError, _ request: AppRequest) -> AppResponse {
        if request.head.wantsJSON { return handlers.failure(error, request.head) }
        let log = handlers.world.configuration.showLogsForFailure ? error.logTail : []
        let outcome = ActionPage.Outcome.failure(code: error.code.rawValue, message: error.message, log: log)
        var response = page(form, outcome, status: error.httpStatus)
        if let seconds = error.retryAfterSeconds { response.headers.append(("retry-after", String(seconds))) }
        return response
    }
}
