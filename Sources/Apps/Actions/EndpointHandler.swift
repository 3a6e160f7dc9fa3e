internal import Starlark

/// Answers the requests of one `ace.api` route.
struct EndpointHandler: Sendable {
    let handlers: AppHandlers
    let endpoint: EndpointDeclaration

    /// Calls the route's handler; when it fails, the app's error handler.
    func respond(to request: AppRequest, path: String) async -> AppResponse {
        guard let handler = endpoint.handler ?? handlers.loaded.defaultHandler else {
            return handlers.failure(AppError(.appStar, "the route `\(endpoint.path)` has no handler"), request.head)
        }
        let argument = self.argument(request, path)
        do {
            return try await call(
                handler, takesNothing: handler.functionName?.hasSuffix("_no_args") == true, [argument])
        } catch {
            let failure = AppError(any: error)
            guard let errorHandler = handlers.loaded.errorHandler else {
                return handlers.failure(failure, request.head)
            }
            let answer = JSONValue.object([JSONValue.Member("error", .string(failure.message))])
            do {
                return try await call(errorHandler, takesNothing: false, [argument, answer], isErrorHandler: true)
            } catch {
                return handlers.failure(AppError(any: error), request.head)
            }
        }
    }

    private func call(
        _ handler: Value, takesNothing: Bool, _ arguments: [JSONValue], isErrorHandler: Bool = false
    ) async throws -> AppResponse {
        let format = endpoint.format
        let answer = try await handlers.call(
            handler,
            arguments: {
                guard !takesNothing, case .object(let fields)? = arguments.first else { return [] }
                let request = Value.structure(fields.map { ($0.key, $0.value.starlark) }, constructor: "request")
                return [request] + arguments.dropFirst().map(\.starlark)
            }
        ) { value -> Answer in
            if let command = (value.hostValue as? PluginResponse)?.streamed { return .output(of: command) }
            return .whole(try Self.response(value, format))
        }
        switch answer {
        case .whole(let response): return response
        case .output(let command):
            var response = AppResponse.text("")
            response.stream = try await handlers.runtime.stream(command, for: handlers.live)
            return response
        }
    }

    /// What a handler's value means.
    private enum Answer: Sendable {
        case whole(AppResponse)
        /// What a command writes, as it writes it.
        case output(of: RunCommand)
    }

    /// The fields of the request as handlers see them.
    private func argument(_ request: AppRequest, _ path: String) -> JSONValue {
        let head = request.head
        let address = handlers.live.version.address
        let url = ContainerEnvironment.url(of: address, publicURL: handlers.world.configuration.publicURL)
        let query = FormBody(query: head.query.utf8).fields
        // Another type of body is not a form; the handler reads Data then.
        let form = head.method == "GET" ? [] : ((try? FormBody(request: request))?.fields ?? [])
        let page = path == "/" ? "" : path
        var members: [JSONValue.Member] = []
        func add(_ name: String, _ value: JSONValue) { members.append(JSONValue.Member(name, value)) }
        add("AppName", .string(handlers.loaded.declaration.name))
        add("AppPath", .string(address.environmentPath))
        add("AppUrl", .string(url))
        add("PagePath", .string(address.environmentPath + page))
        add("PageUrl", .string(url + page))
        add("Method", .string(head.method))
        add("IsDev", .bool(handlers.live.version.isDevelopment))
        add("IsPartial", .bool(head.header("hx-request") == "true"))
        add("PushEvents", .bool(false))
        add("HtmxVersion", .string(""))
        add("Headers", Self.grouped(head.headers.map { ($0.name, $0.value) }))
        add("RemoteIP", .string(head.remoteAddress))
        add("UrlParams", .object([]))
        add("Form", Self.grouped(query + form))
        add("Query", Self.grouped(query))
        add("PostForm", Self.grouped(form))
        add("UserId", .string("anonymous"))
        add("UserSubject", .string(""))
        add("UserEmail", .string(""))
        add("CustomPerms", .array([]))
        add("AppRBACEnabled", .bool(false))
        add("Data", .string(String(decoding: request.body, as: UTF8.self)))
        return .object(members)
    }

    /// Names with the lists of their values, in order of first appearance.
    private static func grouped(_ fields: [(name: String, value: String)]) -> JSONValue {
        var members: [JSONValue.Member] = []
        for (name, value) in fields {
            if let index = members.firstIndex(where: { $0.key == name }), case .array(let values) = members[index].value
            {
                members[index].value = .array(values + [.string(value)])
            } else {
                members.append(JSONValue.Member(name, .array([.string(value)])))
            }
        }
        return .object(members)
    }

    /// What a handler's value becomes.
    private static func response(_ value: Value, _ format: EndpointDeclaration.Format) throws -> AppResponse {
        guard let object = value.hostValue as? AceObject else {
            return body(JSONValue(value), value.isNone ? "" : value.description, format, status: 200)
        }
        guard case .response(let declared) = object.content else {
            throw AppError(.actionResult, "a handler of ace.api cannot return \(object.typeName)")
        }
        if let location = declared.location {
            guard !location.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
                throw AppError(.actionResult, "the address to redirect to has control characters")
            }
            let status = declared.status == 200 ? 303 : declared.status
            return AppResponse(status: status, headers: [("location", location)])
        }
        let wanted = EndpointDeclaration.Format(rawValue: declared.type.uppercased()) ?? format
        var response = body(declared.data, declared.data.plainText, wanted, status: declared.status)
        if !declared.contentType.isEmpty { response.headers[0].value = declared.contentType }
        if !declared.download.isEmpty {
            let name = declared.download.filter { $0 != "\"" && $0 != "\\" && !$0.isNewline }
            response.headers.append(("content-disposition", "attachment; filename=\"\(name)\""))
        }
        return response
    }

    private static func body(
        _ json: JSONValue, _ text: String, _ format: EndpointDeclaration.Format, status: Int
    ) -> AppResponse {
        switch format {
        case .json: .text(json.text() + "\n", status: status, type: "application/json")
        case .text: .text(text, status: status)
        }
    }
}
