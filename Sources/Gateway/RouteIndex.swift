/// A route table made ready for look-up by bytes. Each event loop has its own copy, so that not even a reference count is
/// shared between threads.
///
/// Unchecked: immutable, made by the publisher and then used on its loop only, as are the pools it leads to.
final class RouteIndex: @unchecked Sendable {
    let routes: [CompiledRoute]
    let fallback: (any GatewayResponder)?
    private let anyHost: PathIndex
    private let hosts: [UInt64: [(name: [UInt8], paths: PathIndex)]]

    init(routes: [CompiledRoute], fallback: (any GatewayResponder)?) {
        self.routes = routes
        self.fallback = fallback
        var anyHost = PathIndex()
        var hosts: [UInt64: [(name: [UInt8], paths: PathIndex)]] = [:]
        for route in routes {
            guard let host = route.host else {
                anyHost.insert(route)
                continue
            }
            let hash = host.withUnsafeBufferPointer { HostName.hash($0) }
            var bucket = hosts[hash] ?? []
            if let known = bucket.firstIndex(where: { $0.name == host }) {
                bucket[known].paths.insert(route)
            } else {
                var paths = PathIndex()
                paths.insert(route)
                bucket.append((host, paths))
            }
            hosts[hash] = bucket
        }
        self.anyHost = anyHost
        self.hosts = hosts
    }

    /// The route for a host (without port, as the client sent it) and a path (as the client sent it).
    func route(host: Bytes, path: Bytes, hasEscapes: Bool) -> CompiledRoute? {
        if !hosts.isEmpty {
            let name = HostName.normalized(host)
            for entry in hosts[HostName.hash(name)] ?? [] where name.equalsIgnoringCase(entry.name) {
                if let found = entry.paths.longestMatch(path, hasEscapes: hasEscapes) { return found }
            }
        }
        return anyHost.longestMatch(path, hasEscapes: hasEscapes)
    }
}

/// Host names as routes compare them.
enum HostName {
    private static let localhost: StaticString = "localhost"

    /// Without a dot at the end; every name of this host as `localhost`.
    static func normalized(_ host: Bytes) -> Bytes {
        var name = host
        if name.count > 1, name[name.count - 1] == UInt8(ascii: ".") { name = Bytes(rebasing: name.dropLast()) }
        if name.equals("127.0.0.1") || name.equals("[::1]") {
            return Bytes(start: localhost.utf8Start, count: localhost.utf8CodeUnitCount)
        }
        return name
    }

    /// As above, lower case, of text.
    static func normalized(_ host: String) -> [UInt8] {
        Array(host.lowercased().utf8).withUnsafeBufferPointer { Array(normalized($0)) }
    }

    static func hash(_ name: Bytes) -> UInt64 {
        var hash = FNV.seed
        for byte in name { hash = FNV.combine(hash, ByteClass.lowercase(byte)) }
        return hash
    }
}

/// The hash of Fowler, Noll and Vo, 64 bits: good for short keys and for rolling over prefixes.
enum FNV {
    static let seed: UInt64 = 0xcbf2_9ce4_8422_2325

    @inline(__always)
    static func combine(_ hash: UInt64, _ byte: UInt8) -> UInt64 { (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
}

/// The prefixes of one host. A look-up costs one pass over the path, however many prefixes there are.
struct PathIndex {
    private var root: CompiledRoute?
    private var prefixes: [UInt64: [CompiledRoute]] = [:]
    private var longest = 0

    /// The first route inserted under a prefix stays.
    mutating func insert(_ route: CompiledRoute) {
        let prefix = route.prefix
        if prefix.isEmpty {
            if root == nil { root = route }
            return
        }
        var hash = FNV.seed
        for byte in prefix { hash = FNV.combine(hash, byte) }
        var bucket = prefixes[hash] ?? []
        guard !bucket.contains(where: { $0.prefix == prefix }) else { return }
        bucket.append(route)
        prefixes[hash] = bucket
        longest = max(longest, prefix.count)
    }

    /// The route with the longest prefix that ends on a segment border of `path`.
    func longestMatch(_ path: Bytes, hasEscapes: Bool) -> CompiledRoute? {
        guard !prefixes.isEmpty else { return root }
        var best = root
        var hash = FNV.seed
        var offset = 0
        var decodedCount = 0
        while offset < path.count, decodedCount < longest {
            let (byte, width) = PathBytes.next(path, at: offset, hasEscapes: hasEscapes)
            hash = FNV.combine(hash, byte)
            offset += width
            decodedCount += 1
            if offset == path.count || path[offset] == UInt8(ascii: "/") {
                let start = Bytes(rebasing: path[0..<offset])
                for route in prefixes[hash] ?? []
                where PathBytes.prefixLength(start, route.prefix, hasEscapes: hasEscapes) == offset {
                    best = route
                }
            }
        }
        return best
    }
}

/// Paths compared with the percent-encoding of unreserved characters undone, which changes nothing about their meaning
/// (RFC 3986 6.2.2.2): `/%61dmin` is `/admin` for routing too.
enum PathBytes {
    /// The byte at `offset` and how many bytes of the path spell it.
    @inline(__always)
    static func next(_ path: Bytes, at offset: Int, hasEscapes: Bool) -> (UInt8, Int) {
        let byte = path[offset]
        guard hasEscapes, byte == UInt8(ascii: "%"), offset + 2 < path.count else { return (byte, 1) }
        let high = ByteClass.hexadecimalValue(path[offset + 1])
        let low = ByteClass.hexadecimalValue(path[offset + 2])
        guard high < 16, low < 16 else { return (byte, 1) }
        let value = high << 4 | low
        return ByteClass.isUnreserved(value) ? (value, 3) : (byte, 1)
    }

    /// How many bytes of `path` spell `prefix`, if it begins with it on a segment border; else nil.
    static func prefixLength(_ path: Bytes, _ prefix: [UInt8], hasEscapes: Bool) -> Int? {
        var offset = 0
        for wanted in prefix {
            guard offset < path.count else { return nil }
            let (byte, width) = next(path, at: offset, hasEscapes: hasEscapes)
            guard byte == wanted else { return nil }
            offset += width
        }
        return offset == path.count || path[offset] == UInt8(ascii: "/") ? offset : nil
    }
}
