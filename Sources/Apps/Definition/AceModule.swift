internal import Starlark

/// The module `ace`: what app files declare things with.
enum AceModule {
    /// The module.
    static var value: Value {
        let functions = [
            app, proxy, api, action, permission, result, response, redirect, output, config, audit,
            unsupported("html"), unsupported("fragment"), ignored("style"), ignored("library"),
        ].map { ($0.name.split(separator: ".").last.map(String.init) ?? $0.name, Value.function($0)) }
        let constants = [
            "GET", "POST", "PUT", "DELETE", "JSON", "TEXT", "READ", "WRITE", "AUTO", "TABLE", "DOWNLOAD", "IMAGE",
        ].map { ($0, Value.string($0)) }
        return .module("ace", functions + constants + [("CONTAINER_URL", .string(PermissionPolicy.containerURL))])
    }

    private static let app = NativeFunction(
        "ace.app",
        [
            .required("name", .string), .optional("routes", .iterable, default: .tuple([])),
            .optional("actions", .iterable, default: .tuple([])), .optional("container"),
            .optional("permissions", .iterable, default: .tuple([])), .optional("settings", .dict),
            .optional("style"), .optional("libraries"), .optional("custom_layout", .bool, default: false),
            .optional("static_only", .bool, default: false), .optional("index", .string, default: ""),
            .optional("single_file", .bool, default: false), .optional("redirect_bare_path", .bool, default: false),
        ]
    ) { call in
        let isAudit = try EvaluationScope.of(call.evaluation).isAudit
        var declaration = AppDeclaration(name: try call.string("name"))
        guard !declaration.name.isEmpty else { throw AppError.missing("ace.app", "name") }
        declaration.redirectsBarePath = try call.bool("redirect_bare_path")
        if try call.bool("static_only") {
            let index = try call.string("index")
            declaration.staticScope =
                try call.bool("single_file") ? .single(index.isEmpty ? "index.html" : index) : .everything(index: index)
        }
        for item in try call.sequence("permissions") {
            guard let object = item.hostValue as? AceObject, case .permission(let grant) = object.content else {
                throw AppError.type(
                    "ace.app", "permissions", expected: "a list of ace.permission", actual: item.typeName)
            }
            declaration.permissions.append(grant)
        }
        declaration.separatesImages = separatesImages(JSONValue(call["settings"]))
        if isAudit { return .host(AceObject(.app(declaration))) }
        declaration.container = try AppDefinition.container(call["container"])
        for item in try call.sequence("routes") { try declaration.add(route: item) }
        for item in try call.sequence("actions") { try declaration.add(action: item) }
        try declaration.check()
        return .host(AceObject(.app(declaration)))
    }

    private static func separatesImages(_ settings: JSONValue) -> Bool {
        settings["container"]?["separate_stage_prod_images"] == .bool(true)
    }

    private static let proxy = NativeFunction("ace.proxy", [.required("path", .string), .required("config")]) { call in
        // The response is looked at by ace.app: a later plugin call must still see that nobody checked it.
        .host(AceObject(.proxy(path: AppDefinition.route(try call.string("path")), config: call["config"])))
    }

    private static let api = NativeFunction(
        "ace.api",
        [
            .required("path", .string), .optional("handler"), .optional("method", .string, default: "GET"),
            .optional("type", .string, default: "JSON"),
        ]
    ) { call in
        let type = try call.string("type")
        guard let format = EndpointDeclaration.Format(rawValue: type) else {
            throw AppError.argumentValue("ace.api", "type", "must be ace.JSON or ace.TEXT")
        }
        let handler = call["handler"]
        guard handler.isNone || handler.isCallable else {
            throw AppError.type("ace.api", "handler", expected: "a function", actual: handler.typeName)
        }
        return .host(
            AceObject(
                .endpoint(
                    EndpointDeclaration(
                        path: AppDefinition.route(try call.string("path")),
                        method: try call.string("method").uppercased(),
                        format: format, handler: handler.isNone ? nil : handler))))
    }

    private static let action = NativeFunction(
        "ace.action",
        [
            .required("name", .string), .required("path", .string), .required("run", .callable),
            .optional("suggest", .callable), .optional("description", .string, default: ""),
            .optional("hidden", .iterable, default: .tuple([])), .optional("show_validate", .bool, default: false),
            .optional("permit", .iterable, default: .tuple([])),
        ]
    ) { call in
        let suggest = call["suggest"]
        let description = ActionDescription(
            name: try call.string("name"), path: AppDefinition.route(try call.string("path")),
            description: try call.string("description"), hidden: Set(try call.strings("hidden")),
            showsValidate: try call.bool("show_validate"), hasSuggest: !suggest.isNone)
        return .host(
            AceObject(
                .action(
                    ActionDeclaration(
                        description: description, run: call["run"], suggest: suggest.isNone ? nil : suggest))))
    }

    private static let permission = NativeFunction(
        "ace.permission",
        [
            .required("plugin", .string), .required("method", .string),
            .optional("arguments", .iterable, default: .tuple([])), .optional("type", .string, default: ""),
            .optional("secrets", .iterable, default: .tuple([])), .optional("permit", .iterable, default: .tuple([])),
        ]
    ) { call in
        let type = try call.string("type")
        guard type.isEmpty || CallAccess(rawValue: type) != nil else {
            throw AppError.argumentValue("ace.permission", "type", "must be ace.READ or ace.WRITE")
        }
        let secrets = try call.sequence("secrets").map { item -> [String] in
            guard let keys = item.sequence?.map(\.stringValue), !keys.contains(nil) else {
                throw AppError.type(
                    "ace.permission", "secrets", expected: "a list of lists of strings", actual: item.typeName)
            }
            return keys.compactMap { $0 }
        }
        return .host(
            AceObject(
                .permission(
                    Grant(
                        plugin: try call.string("plugin"), method: try call.string("method"),
                        arguments: try call.strings("arguments"), access: CallAccess(rawValue: type), secrets: secrets,
                        permit: try call.strings("permit")))))
    }

    private static let result = NativeFunction(
        "ace.result",
        [
            .optional("status", .string, default: ""), .optional("values", default: .tuple([])),
            .optional("report", .string, default: "AUTO"), .optional("param_errors", .dict),
        ]
    ) { call in
        let errors = call["param_errors"].isNone ? [] : try call.entries("param_errors")
        let values = call["values"]
        return .host(
            AceObject(
                .result(
                    try ActionResult(
                        status: try call.string("status"), values: values.isNone ? .array([]) : JSONValue(values),
                        report: try call.string("report"),
                        paramErrors: errors.map { JSONValue.Member($0.description, .string($1.description)) }))))
    }

    private static let response = NativeFunction(
        "ace.response",
        [
            .required("data"), .optional("block", .string, default: ""), .optional("type", .string, default: ""),
            .optional("code", .int, default: 200), .optional("retarget", .string, default: ""),
            .optional("reswap", .string, default: ""), .optional("redirect", .string, default: ""),
            .optional("download", .string, default: ""), .optional("content_type", .string, default: ""),
        ]
    ) { call in
        let code = try call.int("code")
        guard (200...599).contains(code) else {
            throw AppError.argumentValue("ace.response", "code", "must be between 200 and 599")
        }
        let target = try call.string("redirect")
        return .host(
            AceObject(
                .response(
                    ResponseDeclaration(
                        data: JSONValue(call["data"]), type: try call.string("type").lowercased(), status: code,
                        contentType: try call.string("content_type"), location: target.isEmpty ? nil : target,
                        download: try call.string("download")))))
    }

    private static let redirect = NativeFunction(
        "ace.redirect",
        [.required("url", .string), .optional("code", .int, default: 303), .optional("refresh", .bool, default: false)]
    ) { call in
        .host(
            AceObject(
                .response(
                    ResponseDeclaration(
                        data: .null, type: "", status: try call.int("code"), contentType: "",
                        location: try call.string("url"), download: ""))))
    }

    private static let output = NativeFunction(
        "ace.output", [.optional("value"), .optional("error", .string, default: "")]
    ) { call in
        let scope = try EvaluationScope.of(call.evaluation)
        let text = try call.string("error")
        let response = PluginResponse(text.isEmpty ? .value(call["value"]) : .failure(AppError(.appOutput, text)))
        scope.record(response)
        return .host(response)
    }

    private static let config = NativeFunction("ace.config", [.required("key", .string), .optional("default")]) {
        call in
        try EvaluationScope.of(call.evaluation).node.value(try call.string("key"), default: call["default"])
    }

    private static let audit = NativeFunction(
        "ace.audit",
        [.required("operation", .string), .required("target", .string), .optional("detail", .string, default: "")]
    ) { call in
        try EvaluationScope.of(call.evaluation).customAudit = CustomAudit(
            operation: try call.string("operation"), target: try call.string("target"),
            detail: try call.string("detail"))
        return .none
    }

    private static func ignored(_ name: String) -> NativeFunction {
        NativeFunction("ace." + name) { _ in .host(AceObject(.ignored(name))) }
    }

    private static func unsupported(_ name: String) -> NativeFunction {
        NativeFunction("ace." + name) { _ in
            throw AppError(
                .appStar, "`ace.\(name)` pages are not supported", hint: "use ace.api, ace.proxy or ace.action")
        }
    }
}
