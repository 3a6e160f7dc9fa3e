/// A ``Backend`` made ready for the data path: what is constant in the heads it is sent is kept as bytes. Each event loop
/// has its own.
final class ForwardingPlan {
    /// Host lines ready to be written.
    enum Host {
        case client
        case line([UInt8])
        /// The client's if its name is this one, else the line.
        case clientWithin(name: [UInt8], line: [UInt8])
    }
    /// A response field whose value may hold the forwarded path.
    struct ResponseField {
        /// `Name: ` and the value's parts between the `$url` marks.
        var name: [UInt8]
        var parts: [[UInt8]]
    }

    let backend: Backend
    let pool: UpstreamPool
    let basePath: [UInt8]
    let stripPrefix: [UInt8]
    let host: Host
    /// Lines every request gets: the prefix and the configured fields.
    let requestLines: [UInt8]
    /// Lower-case names dropped from requests, beyond the kinds that always are.
    let droppedFromRequests: [[UInt8]]
    let responseFields: [ResponseField]
    let rewritesLocation: Bool
    /// Lower-case names dropped from responses because they are set.
    let droppedFromResponses: [[UInt8]]
    /// `host:port` of the target in lower case, and `host` alone when the port is the scheme's.
    let ownAuthorities: [[UInt8]]

    init(_ backend: Backend, pool: UpstreamPool) {
        self.backend = backend
        self.pool = pool
        let options = backend.options
        basePath = Array(backend.basePath.utf8)
        stripPrefix = Self.withoutSlash(options.stripPrefix)
        let (authority, others) = Self.authority(of: backend)
        ownAuthorities = [Array(authority.lowercased().utf8)] + others.map { Array($0.lowercased().utf8) }
        switch options.host {
        case .target: host = .line(Array("Host: \(authority)\r\n".utf8))
        case .client: host = .client
        case .fixed(let name): host = .line(Array("Host: \(GatewayHeader("Host", name).value)\r\n".utf8))
        case .clientWithin(let domain):
            let clean = GatewayHeader("Host", domain).value
            host = .clientWithin(name: HostName.normalized(clean), line: Array("Host: \(clean)\r\n".utf8))
        }
        var lines: [UInt8] = []
        let prefix = Self.withoutSlash(options.forwardedPrefix)
        if !prefix.isEmpty { lines += Array("X-Forwarded-Prefix: ".utf8) + prefix + [0x0D, 0x0A] }
        for header in options.requestHeaders where Self.isSafeName(header.name) {
            lines += Array("\(header.name): \(header.value)\r\n".utf8)
        }
        requestLines = lines
        droppedFromRequests = (options.requestHeaders.map(\.name) + options.removedRequestHeaders)
            .map { Array($0.lowercased().utf8) }
            .filter { name in name.withUnsafeBufferPointer { !name.isEmpty && FieldKind(name: $0) != .spoofable } }
        responseFields = options.responseHeaders.filter { Self.isSafeName($0.name) }.map { header in
            ResponseField(
                name: Array("\(header.name): ".utf8), parts: Self.parts(of: header.value).map { Array($0.utf8) })
        }
        rewritesLocation = options.rewriteLocation
        droppedFromResponses = options.responseHeaders.map { Array($0.name.lowercased().utf8) }
    }

    /// The constant bytes of a request head.
    var requestOverhead: Int {
        let hostLength =
            switch host {
            case .client: 0
            case .line(let line), .clientWithin(_, let line): line.count
            }
        return basePath.count + hostLength + requestLines.count
    }

    /// The constant bytes of a response head; `path` bytes are added once for each `$url`.
    func responseOverhead(path: Int) -> Int {
        responseFields.reduce(0) { sum, field in
            sum + field.name.count + 2 + field.parts.reduce(0) { $0 + $1.count } + (field.parts.count - 1) * path
        }
    }

    private static func authority(of backend: Backend) -> (String, [String]) {
        switch backend.address {
        case .unix: return ("localhost", [])
        case .tcp(let host, let port):
            let name = host.contains(":") ? "[\(host)]" : host
            let usual: UInt16 = backend.scheme == .https ? 443 : 80
            return port == usual ? (name, ["\(name):\(port)"]) : ("\(name):\(port)", [])
        }
    }

    private static func withoutSlash(_ prefix: String) -> [UInt8] {
        var bytes = Array(prefix.utf8.filter { $0 > 0x20 && $0 != 0x7F })
        while bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        return bytes.isEmpty || bytes[0] == UInt8(ascii: "/") ? bytes : [UInt8(ascii: "/")] + bytes
    }

    private static func isSafeName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { ByteClass.isToken($0) }
    }

    private static func parts(of value: String) -> [Substring] {
        var parts: [Substring] = []
        var rest = value[...]
        while let mark = rest.firstRange(of: "$url") {
            parts.append(rest[..<mark.lowerBound])
            rest = rest[mark.upperBound...]
        }
        return parts + [rest]
    }
}

/// A ``Route`` made ready for the data path; each event loop has its own.
final class CompiledRoute {
    enum Target {
        case backend(ForwardingPlan)
        case wake(WakeCallback)
        case respond(any GatewayResponder)
    }

    let id: String
    /// Normalised; nil for any.
    let host: [UInt8]?
    /// Without a slash at the end: empty for "/".
    let prefix: [UInt8]
    let target: Target
    let policy: RoutePolicy
    /// Whether ``policy`` asks for anything before the request is forwarded.
    let checksRequests: Bool
    /// Whether it adds anything to responses.
    let marksResponses: Bool
    /// Whether the cross-origin fields of backends are replaced.
    let hidesCrossOrigin: Bool

    init(_ route: Route, target: Target) {
        id = route.id
        host = route.host.map { HostName.normalized($0) }
        var prefix = Array(route.pathPrefix.utf8)
        while prefix.last == UInt8(ascii: "/") { prefix.removeLast() }
        self.prefix = prefix
        self.target = target
        policy = route.policy
        marksResponses = policy.securityHeaders || policy.crossOrigin != nil
        hidesCrossOrigin = policy.crossOrigin != nil
        checksRequests = policy.crossSiteProtection || policy.writeRefusal != nil || policy.crossOrigin != nil
    }
}
