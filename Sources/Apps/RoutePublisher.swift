package import Engines

/// Makes routes of apps visible to users; the gateway's side of this module.
package protocol RoutePublisher: Sendable {
    /// Replaces all routes of apps at once; requests that arrive after it returns see the new ones. Never blocks.
    func publish(_ routes: [PublishedRoute])
    /// Waits until no request to that backend is in flight, at most for `deadline`; false when some still are.
    func drain(_ backend: String, deadline: Duration) async -> Bool
    /// What happened on that backend so far.
    func activity(of backend: String) -> PublishedActivity
}

/// What the gateway has seen of one backend.
package struct PublishedActivity: Sendable, Hashable {
    /// Requests sent and not yet answered to the end.
    package var inFlight: Int
    /// Open web sockets and other upgrades.
    package var tunnels: Int
    /// Requests so far.
    package var requests: Int
    /// Bytes moved so far, both directions.
    package var bytes: Int64

    /// Nothing seen.
    package init(inFlight: Int = 0, tunnels: Int = 0, requests: Int = 0, bytes: Int64 = 0) {
        self.inFlight = inFlight
        self.tunnels = tunnels
        self.requests = requests
        self.bytes = bytes
    }
}

/// One route: host and path prefix, and where requests go. The longest matching prefix of an exact host wins.
package struct PublishedRoute: Sendable {
    /// Unique among all routes: `<app id>/<number>`.
    package var id: String
    /// Lower case, without port; nil matches every host. `localhost` also stands for `127.0.0.1` and `[::1]`.
    package var host: String?
    /// `/` or `/a/b`; matches on segment borders.
    package var pathPrefix: String
    /// Where requests go.
    package var target: PublishedTarget
    /// Whether a request for the prefix itself is sent, by 307, to the same with a slash at its end.
    package var redirectsBarePath = false
    /// When set, methods other than GET, HEAD and OPTIONS are answered 403 with this text.
    package var writeRefusal: String?

    /// A route.
    package init(
        id: String, host: String?, pathPrefix: String, target: PublishedTarget, writeRefusal: String? = nil
    ) {
        self.writeRefusal = writeRefusal
        self.id = id
        self.host = host
        self.pathPrefix = pathPrefix
        self.target = target
    }
}

/// Where the requests of a route go.
package enum PublishedTarget: Sendable {
    /// To a running container.
    case proxy(PublishedBackend)
    /// The request is held, its body unread, until the callback has said where it goes.
    case wake(@Sendable (AppRequestHead) async -> WakeOutcome)
    /// To Swift code of ours, with the body read.
    case respond(any AppResponder)
}

/// Answers what belongs to no app.
package struct UnknownAppResponder: AppResponder {
    /// Enough for any form; nothing of it is read.
    package let bodyLimit = 1 << 20

    /// A responder.
    package init() {}

    /// 404 with the host and the path.
    package func respond(to request: AppRequest) async -> AppResponse {
        let error = AppError.notFound(host: request.head.header("host") ?? "", path: request.head.path)
        return ErrorAnswer.response(error, for: request.head, showsLog: false)
    }
}

/// What became of a held request.
package enum WakeOutcome: Sendable {
    /// Forward it.
    case proxy(PublishedBackend)
    /// Answer it.
    case respond(AppResponse)
}

/// A running server requests are forwarded to.
package struct PublishedBackend: Sendable {
    /// `<container>@<endpoint>`, or the address of an outside server; requests in flight are counted by it.
    package var id: String
    /// Where it listens.
    package var endpoint: Endpoint
    /// How requests are changed on the way.
    package var options: ProxyRouteOptions
    /// Asked when the connection is refused: a request without body is sent once more to what it returns, all others
    /// get 502. Nil means 502 at once.
    package var onRefused: (@Sendable (AppRequestHead) async -> WakeOutcome)?

    /// A backend.
    package init(
        id: String, endpoint: Endpoint, options: ProxyRouteOptions,
        onRefused: (@Sendable (AppRequestHead) async -> WakeOutcome)? = nil
    ) {
        self.id = id
        self.endpoint = endpoint
        self.options = options
        self.onRefused = onRefused
    }
}

/// How a proxy route changes requests and answers.
package struct ProxyRouteOptions: Sendable, Hashable, Codable {
    /// How to speak to the backend.
    package enum Scheme: String, Sendable, Hashable, Codable {
        case http, https
    }

    /// How to speak to the backend.
    package var scheme = Scheme.http
    /// Removed from the front of the path; empty removes nothing. A path that does not begin with it is answered 404.
    package var stripPrefix = ""
    /// Put in front of the path after stripping; empty for none. (The path of the target URL.)
    package var targetPath = ""
    /// The value of `X-Forwarded-Prefix`; empty sends none.
    package var forwardedPrefix = ""
    /// Whether the client's Host is sent; else ``hostHeader``. Web socket upgrades always carry the client's.
    package var preserveHost = false
    /// The Host sent without ``preserveHost``; nil means the endpoint's.
    package var hostHeader: String?
    /// With ``preserveHost``, the only host names passed on besides `localhost`; others are replaced by it. Nil: any.
    package var allowedHost: String?
    /// Set on every answer; `$url` is replaced by the forwarded path.
    package var responseHeaders: [ResponseHeader] = []
    /// Whether `Location` answers are rewritten to what the client sees.
    package var rewriteLocation = true

    /// A header set on answers.
    package struct ResponseHeader: Sendable, Hashable, Codable {
        /// The field's name.
        package var name: String
        /// The value, with `$url` unreplaced.
        package var value: String

        /// A header.
        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Plain HTTP, nothing changed but `Location`.
    package init() {}
}
