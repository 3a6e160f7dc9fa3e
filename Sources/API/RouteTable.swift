internal import HTTPTypes
internal import Wire

/// All routes, and the way from a request line to one of them.
struct RouteTable: Sendable {
    let routes: [APIRoute]
    private let root: Node

    /// Fixed parts win over parts that vary.
    private struct Node: Sendable {
        var fixed: [String: Node] = [:]
        var varying: [Node] = []
        var endpoints: [HTTPRequest.Method: Int] = [:]

        mutating func add(_ parts: ArraySlice<Substring>, _ method: HTTPRequest.Method, _ index: Int) {
            guard let part = parts.first else {
                endpoints[method] = index
                return
            }
            if part.hasPrefix("{") {
                if varying.isEmpty { varying.append(Node()) }
                varying[0].add(parts.dropFirst(), method, index)
            } else {
                fixed[String(part), default: Node()].add(parts.dropFirst(), method, index)
            }
        }

        func find(_ parts: ArraySlice<String>) -> (node: Node, values: [String])? {
            guard let part = parts.first else { return endpoints.isEmpty ? nil : (self, []) }
            if let found = fixed[part]?.find(parts.dropFirst()) { return found }
            guard !part.isEmpty, let found = varying.first?.find(parts.dropFirst()) else { return nil }
            return (found.node, [part] + found.values)
        }
    }

    init(_ routes: [APIRoute]) {
        self.routes = routes
        var root = Node()
        for (index, route) in routes.enumerated() {
            root.add(route.description.path.split(separator: "/")[...], route.description.method, index)
        }
        self.root = root
    }

    /// The route for a method and a path, with the decoded parts that vary.
    /// - Throws: ``APIError`` `.noRoute`, `.methodNotAllowed`.
    func find(_ method: HTTPRequest.Method, path: String) throws -> (route: APIRoute, parameters: [String: String]) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(PercentEncoding.decode)
        guard parts.first == "v1", !parts.contains(nil), let found = root.find(parts.compactMap { $0 }.dropFirst())
        else {
            throw APIError.noRoute(method.rawValue, path)
        }
        guard let index = found.node.endpoints[method == .head ? .get : method] else {
            let allowed = found.node.endpoints.keys.map(\.rawValue).sorted()
            throw APIError.methodNotAllowed(method.rawValue, path, allowed: allowed)
        }
        let route = routes[index]
        let names = route.description.parameters
        return (route, Dictionary(zip(names, found.values), uniquingKeysWith: { first, _ in first }))
    }

    /// The query as names and decoded values; what the route does not know is refused by name.
    static func query(_ text: String?, of route: APIRoute.Description) throws -> [String: String] {
        var values: [String: String] = [:]
        for pair in (text ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = PercentEncoding.decode(parts[0]) ?? String(parts[0])
            let known = route.query.map(\.name)
            guard known.contains(name) else { throw WireError.unknownQueryParameter(name, known: known) }
            let raw = parts.count > 1 ? parts[1].replacing("+", with: "%20") : ""
            guard let value = PercentEncoding.decode(raw) else {
                throw WireError.unknownQueryParameter(String(pair), known: known)
            }
            values[name] = value
        }
        return values
    }
}
