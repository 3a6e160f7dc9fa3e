/// One header field.
package struct GatewayHeader: Hashable, Sendable {
    /// As sent; compared without case.
    package var name: String
    /// Without white space around it.
    package var value: String

    /// A field; control characters in either are dropped, so that a value can never begin a new line.
    package init(_ name: String, _ value: String) {
        self.name = Self.clean(name)
        self.value = Self.clean(value)
    }

    private static func clean(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return text }
        return String(decoding: text.utf8.filter { $0 >= 0x20 && $0 != 0x7F }, as: UTF8.self)
    }
}

/// The head of a request, for callbacks. The data path itself never makes one.
package struct GatewayRequestHead: Sendable {
    /// Upper case as sent.
    package var method: String
    /// Path and query as sent, percent-encoded: always begins with "/".
    package var target: String
    /// The host the client asked for, lower case, without port; "" when it named none.
    package var host: String
    /// Host and port as sent; "" when the client named none.
    package var authority: String
    /// Every field in order, hop-by-hop fields included.
    package var headers: [GatewayHeader]
    /// The client's address (the one behind trusted proxies), without port.
    package var clientAddress: String
    /// `http` or `https`, as the client sees it.
    package var scheme: String
    /// ``Route/id`` of the matching route, "" for the fallback.
    package var routeID: String
    /// Whether the client asks for another protocol (a web socket).
    package var isUpgrade: Bool

    /// A head, for tests and for responders called without a socket.
    package init(
        method: String, target: String, host: String = "", authority: String = "", headers: [GatewayHeader] = [],
        clientAddress: String = "", scheme: String = "http", routeID: String = "", isUpgrade: Bool = false
    ) {
        self.method = method
        self.target = target
        self.host = host
        self.authority = authority
        self.headers = headers
        self.clientAddress = clientAddress
        self.scheme = scheme
        self.routeID = routeID
        self.isUpgrade = isUpgrade
    }

    /// The path as sent, without query.
    package var path: Substring { target.prefix { $0 != "?" } }

    /// The query as sent, without "?"; nil when there is none.
    package var query: Substring? {
        guard let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) else { return nil }
        return target[target.utf8.index(after: mark)...]
    }

    /// The first value of a field.
    package func header(_ name: String) -> String? {
        let wanted = name.lowercased()
        return headers.first { $0.name.lowercased() == wanted }?.value
    }
}

/// A whole request, for responders.
package struct GatewayRequest: Sendable {
    /// Its head.
    package var head: GatewayRequestHead
    /// Its body, transfer coding removed, at most the responder's limit.
    package var body: [UInt8]

    /// A request.
    package init(head: GatewayRequestHead, body: [UInt8] = []) {
        self.head = head
        self.body = body
    }
}

/// Answers whole requests inside this process.
package protocol GatewayResponder: Sendable {
    /// Bytes of body accepted; more is answered 413 without calling the responder.
    var bodyLimit: Int { get }
    /// The answer. Cancelled when the client goes away.
    func respond(to request: GatewayRequest) async -> GatewayResponse
}

/// A responder made of a closure.
package struct ClosureResponder: GatewayResponder {
    package let bodyLimit: Int
    private let body: @Sendable (GatewayRequest) async -> GatewayResponse

    /// Answers with the closure's result.
    package init(bodyLimit: Int = 1 << 20, _ body: @escaping @Sendable (GatewayRequest) async -> GatewayResponse) {
        self.bodyLimit = bodyLimit
        self.body = body
    }

    package func respond(to request: GatewayRequest) async -> GatewayResponse { await body(request) }
}
