internal import Containers
internal import Starlark

/// One request that a handler makes.
struct HTTPCall: Sendable, Hashable {
    var method: String
    /// Secrets resolved, query added; may begin with the marker of the own container.
    var url: String
    /// As the program wrote it, for messages.
    var shownURL: String
    var headers: [HTTPCaller.Field] = []
    var body: [UInt8] = []
    var timeoutSeconds = 60
    /// Whether a status from 400 on is a failure.
    var failsOnStatus = true
}

/// An answer in the hands of a program: `url`, `status_code`, `headers`, `encoding`, `body()`, `json()`.
final class HTTPResultValue: HostValue {
    private let result: HTTPCaller.Answer
    private let url: String

    init(_ result: HTTPCaller.Answer, url: String) {
        self.result = result
        self.url = url
    }

    let typeName = "http_response"
    let attributeNames = ["url", "status_code", "headers", "encoding", "body", "json"]

    func attribute(_ name: String, in evaluation: Evaluation) throws -> Value? {
        switch name {
        case "url": return .string(url)
        case "status_code": return .int(result.status)
        case "headers":
            var merged: [JSONValue.Member] = []
            for header in result.headers {
                if let index = merged.firstIndex(where: { $0.key == header.name }) {
                    merged[index].value = .string(merged[index].value.plainText + "," + header.value)
                } else {
                    merged.append(JSONValue.Member(header.name, .string(header.value)))
                }
            }
            return JSONValue.object(merged).starlark
        case "encoding":
            return .string(result.headers.first { $0.name == "transfer-encoding" }?.value ?? "")
        case "body":
            let text = String(decoding: result.body, as: UTF8.self)
            return .function(NativeFunction("body") { _ in .string(text) })
        case "json":
            return .function(
                NativeFunction("json") { [result, url] _ in
                    do {
                        return try JSONValue(parsing: result.body).starlark
                    } catch {
                        throw AppError(.httpFailed, "the answer of `\(url)` is no json: \(error)")
                    }
                })
        default: return nil
        }
    }
}

/// The plugin `http.in`: requests to the app's own container, and to addresses that permissions name.
///
/// Redirects are not followed: an address nobody permitted must not be reached by the way of one that is.
enum HTTPPlugin {
    static let name = "http.in"

    /// The module `http`.
    static var module: Value {
        .module("http", functions.map { ($0.name, Value.function($0.native)) })
    }

    static let functions: [PluginFunction] =
        ["get", "head", "options"].map { function($0, .read) }
        + ["post", "put", "delete", "patch"].map { function($0, .write) }

    private static func function(_ method: String, _ access: CallAccess) -> PluginFunction {
        PluginFunction(
            plugin: name, name: method, access: access,
            parameters: [
                PluginParameter("url", .string, nil), PluginParameter("params", .dict, .object([])),
                PluginParameter("headers", .dict, .object([])), PluginParameter("body", .string, .string("")),
                PluginParameter("form_body", .dict, .object([])),
                PluginParameter("form_encoding", .string, .string("")), PluginParameter("json_body", .any, .null),
                PluginParameter("auth_basic", .any, .null), PluginParameter("auth_signature", .dict, .object([])),
                PluginParameter("error_on_fail", .bool, .bool(true)), PluginParameter("timeout", .int, .int(60)),
            ]
        ) { arguments, scope in
            guard case .handler(let runner) = scope.purpose else {
                throw AppError(.pluginArgument, "`\(method)` works only inside a handler or an action")
            }
            let call = try HTTPCall(method, arguments)
            let result = try runner.fetch(call)
            guard !call.failsOnStatus || result.status < 400 else {
                throw AppError(
                    .httpFailed, "`\(method)` of `\(call.shownURL)` was answered with status \(result.status)")
            }
            return .value(.host(HTTPResultValue(result, url: call.shownURL)))
        }
    }
}

extension HTTPCall {
    /// Reads the arguments of a call.
    init(_ method: String, _ arguments: PluginArguments) throws {
        self.method = method.uppercased()
        shownURL = arguments.written("url").plainText
        url = arguments.string("url")
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw AppError.argumentValue(method, "url", "has blanks or control characters")
        }
        let query = Self.form(arguments.entries("params"))
        if !query.isEmpty { url += (url.contains("?") ? "&" : "?") + query }
        timeoutSeconds = arguments.int("timeout")
        guard (1...3600).contains(timeoutSeconds) else {
            throw AppError.argumentValue(method, "timeout", "must be between 1 and 3600 seconds")
        }
        failsOnStatus = arguments.bool("error_on_fail")
        try readBody(method, arguments)
        for header in arguments.entries("headers") {
            let field = ProxyRouteOptions.ResponseHeader(name: header.key, value: header.value.plainText)
            guard ProxyPlugin.isHeader(field) else {
                throw AppError.argumentValue(method, "headers", "has the malformed header `\(header.key)`")
            }
            headers.removeAll { $0.name.lowercased() == header.key.lowercased() }
            headers.append(HTTPCaller.Field(name: header.key, value: field.value))
        }
        switch arguments.values["auth_basic"] ?? .null {
        case .null: break
        case .array(let words) where words.count == 2:
            let pair = Array("\(words[0].plainText):\(words[1].plainText)".utf8)
            headers.append(HTTPCaller.Field(name: "Authorization", value: "Basic " + Base64.encoded(pair)))
        default: throw AppError.argumentValue(method, "auth_basic", "must be a name and a password")
        }
        guard arguments.entries("auth_signature").isEmpty else {
            throw AppError.argumentValue(method, "auth_signature", "is not supported")
        }
    }

    private mutating func readBody(_ method: String, _ arguments: PluginArguments) throws {
        let form = arguments.entries("form_body")
        let json = arguments.values["json_body"] ?? .null
        let text = arguments.string("body")
        guard [!form.isEmpty, json != .null, !text.isEmpty].count(where: { $0 }) <= 1 else {
            throw AppError.argumentValue(method, "body", "goes neither with form_body nor with json_body")
        }
        let encoding = arguments.string("form_encoding")
        guard ["", "application/x-www-form-urlencoded"].contains(encoding) else {
            throw AppError.argumentValue(method, "form_encoding", "must be `application/x-www-form-urlencoded`")
        }
        if !form.isEmpty {
            body = Array(Self.form(form).utf8)
            headers.append(HTTPCaller.Field(name: "Content-Type", value: "application/x-www-form-urlencoded"))
        } else if json != .null {
            body = Array(json.text().utf8)
            headers.append(HTTPCaller.Field(name: "Content-Type", value: "application/json"))
        } else {
            body = Array(text.utf8)
        }
    }

    /// Names and values as a form; a list stands for its name several times.
    private static func form(_ members: [JSONValue.Member]) -> String {
        members.flatMap { member -> [String] in
            let values: [JSONValue] = if case .array(let items) = member.value { items } else { [member.value] }
            return values.map { FormBody.encoded(member.key) + "=" + FormBody.encoded($0.plainText) }
        }.joined(separator: "&")
    }
}
