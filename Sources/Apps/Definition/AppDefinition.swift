internal import Starlark

/// Reads declarations out of the values of a program.
enum AppDefinition {
    /// A route with one leading slash and none at its end.
    static func route(_ path: String) -> String {
        let parts = path.split(separator: "/")
        return "/" + parts.joined(separator: "/")
    }

    /// The configuration behind the value of `container=`; raises the failure of `container.config`.
    static func container(_ value: Value) throws -> ContainerConfig? {
        if value.isNone { return nil }
        guard let response = value.hostValue as? PluginResponse else {
            throw AppError.type(
                "ace.app", "container", expected: "the result of container.config", actual: value.typeName)
        }
        guard let config = try response.unwrapped().hostValue as? ContainerConfigValue else {
            throw AppError.type(
                "ace.app", "container", expected: "the result of container.config", actual: "a response")
        }
        return config.config
    }

    static func proxy(_ value: Value) throws -> ProxyConfig {
        guard let response = value.hostValue as? PluginResponse else {
            throw AppError.type("ace.proxy", "config", expected: "the result of proxy.config", actual: value.typeName)
        }
        guard let config = try response.unwrapped().hostValue as? ProxyConfigValue else {
            throw AppError.type("ace.proxy", "config", expected: "the result of proxy.config", actual: "a response")
        }
        return config.config
    }
}

extension EvaluationScope {
    /// Whether only loads and permissions are wanted.
    var isAudit: Bool {
        if case .audit = purpose { return true }
        return false
    }
}

extension AppDeclaration {
    mutating func add(route value: Value) throws {
        guard let object = value.hostValue as? AceObject else {
            throw AppError.type("ace.app", "routes", expected: "a list of routes", actual: value.typeName)
        }
        switch object.content {
        case .proxy(let path, let config):
            proxies.append(ProxyDeclaration(path: path, config: try AppDefinition.proxy(config)))
        case .endpoint(let endpoint): endpoints.append(endpoint)
        case .ignored: break
        case .app, .action, .permission, .result, .response:
            throw AppError.type("ace.app", "routes", expected: "a list of routes", actual: object.typeName)
        }
    }

    mutating func add(action value: Value) throws {
        guard let object = value.hostValue as? AceObject, case .action(let action) = object.content else {
            throw AppError.type("ace.app", "actions", expected: "a list of ace.action", actual: value.typeName)
        }
        actions.append(action)
    }

    /// Checks what only shows when everything is known.
    func check() throws {
        if container == nil, proxies.contains(where: \.config.isOwnContainer) {
            throw AppError(
                .appStar, "a route proxies to container.URL and the app has no container=container.config(…)")
        }
        if staticScope != nil, proxies.contains(where: { $0.path == "/" }) {
            throw AppError(.appStar, "a static_only app cannot proxy its root")
        }
        var paths = Set<String>()
        for action in actions.map(\.description) {
            guard paths.insert(action.path).inserted else {
                throw AppError(.appStar, "two actions have the path `\(action.path)`")
            }
            guard !proxies.contains(where: { $0.path == action.path }) else {
                throw AppError(.appStar, "the action `\(action.name)` and a proxy have the path `\(action.path)`")
            }
        }
        var proxied = Set<String>()
        for proxy in proxies where !proxied.insert(proxy.path).inserted {
            throw AppError(.appStar, "two proxies have the path `\(proxy.path)`")
        }
    }
}
