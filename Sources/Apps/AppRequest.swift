/// The head of a request to an app, as it came through the gateway.
package struct AppRequestHead: Sendable {
    /// The method, upper case.
    package var method: String
    /// The whole path as sent, still percent-encoded, beginning with the app's own path.
    package var path: String
    /// What follows the question mark; empty without one.
    package var query: String
    /// Header fields in the order received; names in any case.
    package var headers: [(name: String, value: String)]
    /// `http` or `https`, as the client spoke it.
    package var scheme: String
    /// The client's IP address.
    package var remoteAddress: String

    /// A request without headers.
    package init(
        method: String = "GET", path: String, query: String = "", headers: [(name: String, value: String)] = [],
        scheme: String = "http", remoteAddress: String = "127.0.0.1"
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.scheme = scheme
        self.remoteAddress = remoteAddress
    }

    /// The first value of a header field; names compare without case.
    package func header(_ name: String) -> String? {
        let wanted = name.lowercased()
        return headers.first { $0.name.lowercased() == wanted }?.value
    }
}

/// A whole request to an app, body included.
package struct AppRequest: Sendable {
    /// Method, path, headers.
    package var head: AppRequestHead
    /// The body, within the responder's limit.
    package var body: [UInt8]

    /// A request.
    package init(_ head: AppRequestHead, body: [UInt8] = []) {
        self.head = head
        self.body = body
    }
}

/// A whole answer of an app.
package struct AppResponse: Sendable {
    /// The status code.
    package var status: Int
    /// Header fields; the length is added by whoever sends it.
    package var headers: [(name: String, value: String)]
    /// The body.
    package var body: [UInt8]
    /// Sent instead of the body, each element at once; the answer ends with it.
    package var stream: AsyncThrowingStream<[UInt8], any Error>?

    /// An answer.
    package init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A text answer that no cache keeps.
    package static func text(_ text: String, status: Int = 200, type: String = "text/plain; charset=utf-8")
        -> AppResponse
    {
        AppResponse(
            status: status, headers: [("content-type", type), ("cache-control", "no-store")], body: Array(text.utf8))
    }

    /// The body as text.
    package var bodyText: String { String(decoding: body, as: UTF8.self) }

    /// The first value of a header field; names compare without case.
    package func header(_ name: String) -> String? {
        let wanted = name.lowercased()
        return headers.first { $0.name.lowercased() == wanted }?.value
    }
}

/// Answers whole requests; the gateway reads the body first, up to ``bodyLimit`` bytes.
package protocol AppResponder: Sendable {
    /// Largest body that is accepted; the gateway answers 413 beyond it.
    var bodyLimit: Int { get }
    /// Answers. Cancelling the task ends what the request started; it never throws.
    func respond(to request: AppRequest) async -> AppResponse
}
