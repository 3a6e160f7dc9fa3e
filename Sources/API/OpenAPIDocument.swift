internal import Core
internal import HTTPTypes
internal import Wire

/// The description of the API, made from the routes themselves. Source: OpenAPI 3.1.
struct OpenAPIDocument {
    private var builder = SchemaBuilder()
    private var problem: JSONDocument = .null

    /// The document as JSON text.
    static func text(_ routes: [APIRoute.Description]) -> String {
        var document = OpenAPIDocument()
        return document.build(routes).text
    }

    private mutating func build(_ routes: [APIRoute.Description]) -> JSONDocument {
        problem = builder.schema(of: Problem.self)
        var paths: [(path: String, operations: [JSONDocument.Member])] = []
        for route in routes {
            let member = JSONDocument.Member(key: route.method.rawValue.lowercased(), value: operation(route))
            if let index = paths.firstIndex(where: { $0.path == route.path }) {
                paths[index].operations.append(member)
            } else {
                paths.append((route.path, [member]))
            }
        }
        let schemas = builder.components.sorted { $0.key < $1.key }.map {
            JSONDocument.Member(key: $0.key, value: $0.value)
        }
        return .members([
            "openapi": .string("3.1.0"),
            "info": .members([
                "title": .string("Martlet"), "version": .string(ProductVersion.current),
                "description": .string(
                    "The native API of the container host. Errors are `application/problem+json` (RFC 9457) with `kind`, "
                        + "`code`, `hint` and `requestID` in addition. Unknown fields and query parameters are refused by name."
                ),
            ]),
            "servers": .array([.members(["url": .string("/v1")])]),
            "paths": .object(paths.map { .init(key: $0.path, value: .object($0.operations)) }),
            "components": .members(["schemas": .object(schemas)]),
        ])
    }

    private mutating func operation(_ route: APIRoute.Description) -> JSONDocument {
        var members: [JSONDocument.Member] = [
            .init(key: "operationId", value: .string(route.name)), .init(key: "summary", value: .string(route.summary)),
            .init(key: "tags", value: .array([.string(route.tag)])),
        ]
        let parameters = route.parameters.map(Self.pathParameter) + route.query.map(Self.queryParameter)
        if !parameters.isEmpty { members.append(.init(key: "parameters", value: .array(parameters))) }
        if let body = route.body {
            let contents = body.contents.map { content in
                JSONDocument.Member(
                    key: content.mediaType,
                    value: .members(["schema": content.schema?(&builder) ?? Self.bytes]))
            }
            members.append(
                .init(
                    key: "requestBody",
                    value: .members(["required": .bool(body.isRequired), "content": .object(contents)])))
        }
        var answers = route.answers.map { answer in
            var parts: [JSONDocument.Member] = [.init(key: "description", value: .string(answer.summary))]
            if let mediaType = answer.mediaType {
                let schema = answer.schema?(&builder) ?? Self.bytes
                parts.append(
                    .init(key: "content", value: .object([.init(key: mediaType, value: .members(["schema": schema]))])))
            }
            return JSONDocument.Member(key: "\(answer.status)", value: .object(parts))
        }
        answers.append(
            .init(
                key: "default",
                value: .members([
                    "description": .string("What went wrong."),
                    "content": .object([.init(key: Problem.mediaType, value: .members(["schema": problem]))]),
                ])))
        members.append(.init(key: "responses", value: .object(answers)))
        return .object(members)
    }

    private static let bytes = JSONDocument.members(["type": .string("string"), "format": .string("binary")])

    private static func pathParameter(_ name: String) -> JSONDocument {
        .members([
            "name": .string(name), "in": .string("path"), "required": .bool(true),
            "schema": .members(["type": .string("string")]),
        ])
    }

    private static func queryParameter(_ parameter: APIRoute.QueryParameter) -> JSONDocument {
        let type =
            switch parameter.kind {
            case .flag: "boolean"
            case .number: "integer"
            case .text: "string"
            }
        return .members([
            "name": .string(parameter.name), "in": .string("query"), "description": .string(parameter.summary),
            "schema": .members(["type": .string(type)]),
        ])
    }
}
