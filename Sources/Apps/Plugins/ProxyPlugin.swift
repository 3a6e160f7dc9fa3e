internal import Starlark

/// What `proxy.config` was told.
struct ProxyConfig: Sendable, Hashable {
    /// An address, or the marker of the own container.
    var url: String
    var stripPath: String
    var preserveHost: Bool
    var stripApp: Bool
    var responseHeaders: [ProxyRouteOptions.ResponseHeader]

    /// Whether requests go to the app's own container.
    var isOwnContainer: Bool { url == PermissionPolicy.containerURL }
}

/// A ``ProxyConfig`` in the hands of a program.
final class ProxyConfigValue: HostValue {
    let config: ProxyConfig
    init(_ config: ProxyConfig) { self.config = config }
    let typeName = "proxy_config"
}

/// The plugin `proxy.in`.
enum ProxyPlugin {
    static let name = "proxy.in"

    /// The module `proxy`.
    static var module: Value { .module("proxy", [("config", .function(config.native))]) }

    static let config = PluginFunction(
        plugin: name, name: "config", access: .read,
        parameters: [
            PluginParameter("url", .string, nil), PluginParameter("strip_path", .string, .string("")),
            PluginParameter("preserve_host", .bool, .bool(false)), PluginParameter("strip_app", .bool, .bool(true)),
            PluginParameter("response_headers", .dict, .object([])),
        ]
    ) { arguments, _ in
        let url = arguments.string("url")
        if url != PermissionPolicy.containerURL { _ = try ProxyTarget(url) }
        let headers = arguments.entries("response_headers").compactMap { member -> ProxyRouteOptions.ResponseHeader? in
            guard case .string(let value) = member.value else { return nil }
            return ProxyRouteOptions.ResponseHeader(name: member.key, value: value)
        }
        for header in headers where !Self.isHeader(header) {
            throw AppError.argumentValue("config", "response_headers", "has the malformed header `\(header.name)`")
        }
        let config = ProxyConfig(
            url: url, stripPath: arguments.string("strip_path"), preserveHost: arguments.bool("preserve_host"),
            stripApp: arguments.bool("strip_app"), responseHeaders: headers)
        return .value(.host(ProxyConfigValue(config)))
    }

    static func isHeader(_ header: ProxyRouteOptions.ResponseHeader) -> Bool {
        !header.name.isEmpty
            && header.name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"()<>@,;:\\\"/[]?={}".utf8.contains($0) }
            && header.value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }
}

/// The parts of a target URL.
struct ProxyTarget: Sendable, Hashable {
    let scheme: ProxyRouteOptions.Scheme
    let host: String
    let port: UInt16
    /// Without slash at its end; empty for none.
    let path: String

    init(_ url: String) throws {
        func refuse(_ rule: String) -> AppError {
            AppError.argumentValue("config", "url", "`\(url.prefix(200))` \(rule)")
        }
        guard let separator = url.range(of: "://"),
            let scheme = ProxyRouteOptions.Scheme(rawValue: url[..<separator.lowerBound].lowercased())
        else { throw refuse("must begin with http:// or https://") }
        let rest = url[separator.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        var path = String(rest.dropFirst(authority.count).prefix { $0 != "?" && $0 != "#" })
        while path.hasSuffix("/") { path.removeLast() }
        var host = authority
        var port: UInt16 = scheme == .https ? 443 : 80
        if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
            guard let number = UInt16(authority[authority.index(after: colon)...]), number > 0 else {
                throw refuse("has no valid port")
            }
            port = number
            host = authority[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard !host.isEmpty, !host.contains("@") else { throw refuse("names no host") }
        self.scheme = scheme
        self.host = String(host)
        self.port = port
        self.path = path
    }
}
