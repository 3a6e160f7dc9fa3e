internal import Apps
internal import Core
internal import Engines
internal import Gateway

/// Puts the routes of apps into the gateway: the two modules do not know each other.
struct GatewayRoutes: RoutePublisher {
    let gateway: Gateway

    func publish(_ routes: [PublishedRoute]) {
        gateway.publish(
            RouteTable(
                routes: routes.map(Self.route), fallback: AppGatewayResponder(responder: UnknownAppResponder())))
    }

    func drain(_ backend: String, deadline: Duration) async -> Bool {
        await gateway.drain(BackendID(backend), deadline: deadline)
    }

    func activity(of backend: String) -> PublishedActivity {
        let activity = gateway.activity(of: BackendID(backend))
        return PublishedActivity(
            inFlight: activity.inFlight, tunnels: activity.tunnels, requests: activity.requests,
            bytes: Int64(activity.bytesSent) + Int64(activity.bytesReceived))
    }

    private static func route(_ route: PublishedRoute) -> Route {
        var policy = RoutePolicy(crossSiteProtection: true, securityHeaders: true)
        policy.redirectsBarePath = route.redirectsBarePath
        policy.writeRefusal = route.writeRefusal
        return Route(
            id: route.id, host: route.host, pathPrefix: route.pathPrefix, target: target(route.target), policy: policy)
    }

    private static func target(_ target: PublishedTarget) -> RouteTarget {
        switch target {
        case .proxy(let published): .backend(backend(published))
        case .wake(let wake): .wake { head in result(await wake(AppRequestHead(head))) }
        case .respond(let responder): .respond(AppGatewayResponder(responder: responder))
        }
    }

    static func result(_ outcome: WakeOutcome) -> WakeResult {
        switch outcome {
        case .proxy(let published): .backend(backend(published))
        case .respond(let response): .respond(GatewayResponse(response))
        }
    }

    static func backend(_ published: PublishedBackend) -> Backend {
        let options = published.options
        let host: ProxyOptions.HostPolicy =
            if options.preserveHost {
                options.allowedHost.map { .clientWithin(domain: $0) } ?? .client
            } else {
                options.hostHeader.map { .fixed($0) } ?? .target
            }
        var wake: WakeCallback?
        if let onRefused = published.onRefused { wake = { head in result(await onRefused(AppRequestHead(head))) } }
        return Backend(
            id: BackendID(published.id), address: .tcp(host: published.endpoint.host, port: published.endpoint.port),
            scheme: options.scheme == .https ? .https : .http, basePath: options.targetPath,
            options: ProxyOptions(
                stripPrefix: options.stripPrefix, host: host, forwardedPrefix: options.forwardedPrefix,
                responseHeaders: options.responseHeaders.map { GatewayHeader($0.name, $0.value) },
                rewriteLocation: options.rewriteLocation), wake: wake)
    }
}

/// An app's own answers behind the gateway.
private struct AppGatewayResponder: GatewayResponder {
    let responder: any AppResponder
    var bodyLimit: Int { responder.bodyLimit }

    func respond(to request: GatewayRequest) async -> GatewayResponse {
        GatewayResponse(await responder.respond(to: AppRequest(AppRequestHead(request.head), body: request.body)))
    }
}

extension AppRequestHead {
    /// What the gateway tells of a request.
    init(_ head: GatewayRequestHead) {
        self.init(
            method: head.method, path: String(head.path), query: head.query.map(String.init) ?? "",
            headers: head.headers.map { ($0.name, $0.value) }, scheme: head.scheme, remoteAddress: head.clientAddress)
    }
}

extension GatewayResponse {
    /// An app's answer as the gateway sends it.
    init(_ response: AppResponse) {
        let whole = response.body.isEmpty ? Body.none : .bytes(response.body)
        self.init(
            status: response.status, headers: response.headers.map { GatewayHeader($0.name, $0.value) },
            body: response.stream.map { .stream($0) } ?? whole)
    }
}
