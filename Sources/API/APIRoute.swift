internal import HTTPTypes
internal import Hummingbird
internal import Wire

/// One operation: what the OpenAPI document says of it and what the server does, in one value.
struct APIRoute: Sendable {
    /// What is said of an operation.
    struct Description: Sendable {
        let method: HTTPRequest.Method
        /// Below `/v1`, with `{name}` for a part that varies.
        let path: String
        /// The operation's name in generated clients.
        let name: String
        let summary: String
        var query: [QueryParameter] = []
        var body: Body?
        var answers: [Answer] = []

        /// The group of operations: the first part of the path.
        var tag: String { String(path.split(separator: "/").first ?? "") }
        /// The names of the parts that vary.
        var parameters: [String] {
            path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
        }
    }

    /// A query parameter; none is required.
    struct QueryParameter: Sendable {
        enum Kind: Sendable {
            case flag, number, text
        }
        let name: String
        let kind: Kind
        let summary: String
    }

    /// What is sent.
    struct Body: Sendable {
        let isRequired: Bool
        /// Media types with the schema, nil for bytes.
        let contents: [(mediaType: String, schema: (@Sendable (inout SchemaBuilder) -> JSONDocument)?)]
    }

    /// One possible answer.
    struct Answer: Sendable {
        let status: Int
        let summary: String
        let mediaType: String?
        let schema: (@Sendable (inout SchemaBuilder) -> JSONDocument)?
    }

    let description: Description
    let handle: @Sendable (APIRequest) async throws -> Response
}

extension APIRoute {
    /// A route whose operation answers with JSON.
    init(
        _ method: HTTPRequest.Method, _ path: String, _ name: String, _ summary: String,
        query: [QueryParameter] = [], body: Body? = nil, answers: [Answer],
        handle: @escaping @Sendable (APIRequest) async throws -> Response
    ) {
        description = Description(
            method: method, path: path, name: name, summary: summary, query: query, body: body, answers: answers)
        self.handle = handle
    }
}

extension APIRoute.Body {
    /// A JSON body that must be there.
    static func json<Value: Decodable & Sendable>(_ type: Value.Type) -> Self {
        Self(isRequired: true, contents: [("application/json", { $0.schema(of: type) })])
    }

    /// A JSON body that may be left out.
    static func optional<Value: Decodable & Sendable>(_ type: Value.Type) -> Self {
        Self(isRequired: false, contents: [("application/json", { $0.schema(of: type) })])
    }
}

extension APIRoute.Answer {
    /// JSON of a type.
    static func json<Value: Decodable & Sendable>(_ status: Int, _ type: Value.Type, _ summary: String) -> Self {
        Self(status: status, summary: summary, mediaType: "application/json") { $0.schema(of: type) }
    }

    /// Lines of JSON.
    static func lines<Value: Decodable & Sendable>(_ type: Value.Type, _ summary: String) -> Self {
        Self(status: 200, summary: summary, mediaType: "application/x-ndjson") { $0.schema(of: type) }
    }

    /// No content.
    static func empty(_ status: Int, _ summary: String) -> Self {
        Self(status: status, summary: summary, mediaType: nil, schema: nil)
    }

    /// The job, when the client does not wait.
    static let accepted = Self.json(202, JobInfo.self, "The job that does it, unless the request waits.")
}

extension APIRoute.QueryParameter {
    static let wait = Self(name: "wait", kind: .flag, summary: "Answer when it is done, as `Prefer: wait` does.")
    static let limit = Self(name: "limit", kind: .number, summary: "Elements in this part, 1000 at most.")
    static let `internal` = Self(name: "internal", kind: .flag, summary: "Staging twins, too.")
    static let after = Self(name: "after", kind: .text, summary: "Begin after this one, the `next` of the part before.")
    static let force = Self(name: "force", kind: .flag, summary: "Do it although it is in use or running.")
    static let follow = Self(name: "follow", kind: .flag, summary: "Go on until the container ends.")
    static let tail = Self(name: "tail", kind: .number, summary: "Only the last entries.")
    static let since = Self(name: "since", kind: .number, summary: "Only entries since then, milliseconds since 1970.")
}
