internal import Engines

extension AppRuntime {
    /// Publishes the routes as they are now.
    func publishRoutes() { world.board.set(published(), of: id) }

    /// The app as the board shows it.
    func published() -> PublishedApp {
        PublishedApp(name: live.version.details.name, address: address, routes: routes())
    }

    /// The app's routes as they are now.
    func routes() -> [PublishedRoute] {
        var shapes: [(path: String, target: PublishedTarget)]
        switch live.outcome {
        case .failure(let error):
            let named = error.naming(app: address.description)
            shapes = [("/", .respond(failureResponder(named)))]
        case .success(let loaded): shapes = targets(of: loaded)
        }
        if let browsers {
            shapes.append((BrowserEvents.path, .respond(BrowserEventsResponder(events: browsers))))
        }
        let names: [String?] =
            address.domain.isEmpty
            ? (world.configuration.fallbackUnknownDomains ? [nil] : [world.configuration.defaultDomain])
            : [address.domain]
        return names.flatMap { host in
            shapes.enumerated().map { index, shape in
                var route = PublishedRoute(
                    id: "\(id)/\(index)", host: host, pathPrefix: address.joined(shape.path), target: shape.target)
                if shape.path == "/", case .success(let loaded) = live.outcome {
                    route.redirectsBarePath = loaded.declaration.redirectsBarePath
                }
                if live.refusesWrites { route.writeRefusal = Self.writeRefusal(shape.target, address) }
                return route
            }
        }
    }

    /// What a proxied write is answered; the app's own functions are refused call by call.
    private static func writeRefusal(_ target: PublishedTarget, _ address: AppAddress) -> String? {
        switch target {
        case .proxy, .wake:
            AppError(.permissionWrite, "writes are refused here: this is a stage without write access")
                .naming(app: address.description).message
        case .respond: nil
        }
    }

    private func targets(of loaded: LoadedApp) -> [(path: String, target: PublishedTarget)] {
        let responder = AppHandlers(runtime: self, live: live, loaded: loaded, world: world)
        var shapes: [(path: String, target: PublishedTarget)] = []
        let declared = loaded.declaration
        for path in loaded.rootFiles.prefix(StaticFiles.routeLimit) {
            shapes.append(("/" + path, .respond(files(.folders))))
        }
        for proxy in loaded.declaration.proxies { shapes.append((proxy.path, target(of: proxy, loaded))) }
        for path in loaded.declaration.actions.map(\.description.path) + loaded.declaration.endpoints.map(\.path)
        where !shapes.contains(where: { $0.path == path }) {
            shapes.append((path, .respond(responder)))
        }
        let hasRootProxy = declared.proxies.contains { $0.path == "/" }
        if loaded.hasStaticFiles, !hasRootProxy, !shapes.contains(where: { $0.path == "/static" }) {
            shapes.append(("/static", .respond(files(.folders))))
        }
        guard !shapes.contains(where: { $0.path == "/" }) else { return shapes }
        guard let scope = declared.staticScope else { return shapes + [("/", .respond(responder))] }
        return shapes + [("/", .respond(files(scope)))]
    }

    private func files(_ scope: StaticFiles.Scope) -> StaticFiles {
        StaticFiles(address: address, directory: live.version.directory, scope: scope)
    }

    private func target(of proxy: ProxyDeclaration, _ loaded: LoadedApp) -> PublishedTarget {
        let options = options(of: proxy, loaded)
        guard proxy.config.isOwnContainer else {
            guard let target = try? ProxyTarget(proxy.config.url) else {  // checked when the app was loaded
                let error = AppError(.appStar, "`\(proxy.config.url)` is no address")
                return .respond(failureResponder(error))
            }
            var options = options
            options.scheme = target.scheme
            options.targetPath = target.path
            return .proxy(
                PublishedBackend(
                    id: proxy.config.url, endpoint: Endpoint(host: target.host, port: target.port), options: options))
        }
        guard let running else { return .wake { [self] head in await wake(head, options) } }
        return .proxy(backend(running, options))
    }

    func backend(_ service: RunningService, _ options: ProxyRouteOptions) -> PublishedBackend {
        PublishedBackend(id: service.backendID, endpoint: service.endpoint, options: options) { [self] head in
            await wake(head, options)
        }
    }

    private func failureResponder(_ error: AppError) -> FailureResponder {
        FailureResponder(error: error, bodyLimit: world.configuration.actionBodyLimit, script: refreshScript)
    }

    /// What makes the page of a development app's failure come again once the source has changed.
    var refreshScript: String? {
        live.version.isDevelopment ? address.joined(BrowserEvents.path + "/" + BrowserEvents.scriptName) : nil
    }

    private func options(of proxy: ProxyDeclaration, _ loaded: LoadedApp) -> ProxyRouteOptions {
        var options = ProxyRouteOptions()
        let strip = AppDefinition.route(proxy.config.stripPath)
        if proxy.config.stripApp {
            options.stripPrefix = address.joined(strip)
        } else {
            options.stripPrefix = strip
        }
        if options.stripPrefix == "/" { options.stripPrefix = "" }
        if address.path != "/" { options.forwardedPrefix = address.path }
        options.preserveHost = proxy.config.preserveHost
        options.responseHeaders = proxy.config.responseHeaders
        if proxy.config.preserveHost {
            options.allowedHost = address.domain.isEmpty ? world.configuration.defaultDomain : address.domain
        }
        if proxy.config.isOwnContainer, let container = loaded.declaration.container {
            options.scheme = container.scheme
        }
        return options
    }
}

/// Answers every request with one failure.
struct FailureResponder: AppResponder {
    let error: AppError
    let bodyLimit: Int
    /// The address of a script for its page.
    var script: String?

    func respond(to request: AppRequest) async -> AppResponse {
        ErrorAnswer.response(error, for: request.head, showsLog: false, script: script)
    }
}
