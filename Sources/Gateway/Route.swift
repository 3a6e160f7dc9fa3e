/// All routes at one moment. A value: publishing another one affects later requests only.
package struct RouteTable: Sendable {
    /// In any order; of two routes with the same host and prefix the first wins.
    package var routes: [Route]
    /// Answers what no route matches; nil for the gateway's own 404.
    package var fallback: (any GatewayResponder)?

    /// A table of these routes.
    package init(routes: [Route] = [], fallback: (any GatewayResponder)? = nil) {
        self.routes = routes
        self.fallback = fallback
    }
}

/// A host and a path prefix, and where requests for them go.
///
/// An exact host goes before any host; then the longest prefix wins. Prefixes match on segment borders: `/a` takes `/a`
/// and `/a/b`, not `/ab`.
package struct Route: Sendable {
    /// Names this route in the access log and in the bound on held requests.
    package var id: String
    /// Lower-case host name without port, nil for any. `localhost`, `127.0.0.1` and `[::1]` are one name.
    package var host: String?
    /// "/" or "/a/b".
    package var pathPrefix: String
    /// Where the request goes.
    package var target: RouteTarget
    /// What is checked before, and added after.
    package var policy: RoutePolicy

    /// A route.
    package init(
        id: String, host: String? = nil, pathPrefix: String = "/", target: RouteTarget,
        policy: RoutePolicy = RoutePolicy()
    ) {
        self.id = id
        self.host = host
        self.pathPrefix = pathPrefix
        self.target = target
        self.policy = policy
    }
}

/// Checks and additions that hold whatever the target is.
package struct RoutePolicy: Sendable {
    /// Refuses state-changing methods from other sites (Sec-Fetch-Site, else Origin against Host) with 403.
    package var crossSiteProtection: Bool
    /// When set, methods other than GET, HEAD and OPTIONS are refused with 403 and this text.
    package var writeRefusal: String?
    /// Sends a request for the prefix itself to the same with a slash at its end, by 307.
    package var redirectsBarePath = false
    /// Adds nosniff, frame SAMEORIGIN and a referrer policy where the app did not set them.
    package var securityHeaders: Bool
    /// Answers preflights and marks responses for other origins; nil for no cross-origin access.
    package var crossOrigin: CrossOriginPolicy?

    /// No checks, no additions.
    package init(
        crossSiteProtection: Bool = false,
        writeRefusal: String? = nil,
        securityHeaders: Bool = false,
        crossOrigin: CrossOriginPolicy? = nil
    ) {
        self.crossSiteProtection = crossSiteProtection
        self.writeRefusal = writeRefusal
        self.securityHeaders = securityHeaders
        self.crossOrigin = crossOrigin
    }
}

/// What pages of other origins may do (CORS).
package struct CrossOriginPolicy: Sendable, Equatable {
    /// `*`, one origin, or `origin` to reflect the caller's.
    package var allowOrigin: String
    /// Sent with the answer to a preflight.
    package var allowMethods: String
    /// Sent with the answer to a preflight.
    package var allowHeaders: String
    /// Whether cookies may be sent along.
    package var allowCredentials: Bool
    /// Seconds a browser may remember the answer.
    package var maxAgeSeconds: Int

    /// Common methods and headers, one day.
    package init(
        allowOrigin: String,
        allowMethods: String = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        allowHeaders: String = "Content-Type, Authorization, Accept, X-Requested-With",
        allowCredentials: Bool = false,
        maxAgeSeconds: Int = 86_400
    ) {
        self.allowOrigin = allowOrigin
        self.allowMethods = allowMethods
        self.allowHeaders = allowHeaders
        self.allowCredentials = allowCredentials
        self.maxAgeSeconds = maxAgeSeconds
    }
}

/// Where the requests of a route go.
package enum RouteTarget: Sendable {
    /// Straight to a backend: the fast path.
    case backend(Backend)
    /// Held, body unread, until the callback has found or started a backend.
    case wake(WakeCallback)
    /// Handed over whole.
    case respond(any GatewayResponder)
}

/// Finds where a held request goes. Cancelled when the client goes away.
package typealias WakeCallback = @Sendable (GatewayRequestHead) async -> WakeResult

/// Where a held request goes.
package enum WakeResult: Sendable {
    case backend(Backend)
    case respond(GatewayResponse)
}
