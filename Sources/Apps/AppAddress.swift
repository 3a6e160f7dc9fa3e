/// Where an app is reached: `[domain:]path`.
///
/// The path begins with `/` and bears no slash at its end, except for `/` itself. Without a domain the app belongs to
/// the server's default domain.
package struct AppAddress: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The domain in lower case; empty for the default domain.
    package let domain: String
    /// The path, `/` or `/a/b`.
    package let path: String

    /// Paths below this one belong to the server.
    package static let reservedPath = "/_martlet"

    /// Reads an address.
    /// - Parameters:
    ///   - defaultDomain: completes a domain that ends in a dot.
    ///   - isStaging: whether it is that of a staging twin, which may hold what is reserved for those.
    /// - Throws: ``AppError`` `.appAddress` that names the rule.
    package init(parsing text: String, defaultDomain: String = "localhost", isStaging: Bool = false) throws {
        func refuse(_ rule: String) -> AppError { AppError(.appAddress, "app address `\(text.prefix(200))`: \(rule)") }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, text.utf8.count <= 512 else { throw refuse("it has the form [domain:]path") }
        var domain = parts.count == 2 ? parts[0].lowercased() : ""
        if domain.hasSuffix(".") { domain += defaultDomain }
        if parts.count == 2, !Self.isDomain(domain) { throw refuse("`\(domain)` is not a domain name") }
        var path = String(parts[parts.count - 1])
        guard path.hasPrefix("/") else { throw refuse("the path must begin with `/`") }
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        let bytes = path.utf8
        guard bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7F && !"?#%\\*\"'<>`{}|^".utf8.contains($0) }) else {
            throw refuse("the path has a character that addresses must not have")
        }
        let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        if path != "/" {
            guard !segments.contains("") else { throw refuse("the path has an empty segment") }
            guard !path.contains(".."), !segments.contains(".") else {
                throw refuse("the path must not hold `..` or `.`")
            }
            guard isStaging || segments.last?.contains("_cl_") != true else {
                throw refuse("`_cl_` in the last segment is reserved")
            }
            guard let first = segments.first, !first.hasPrefix("_martlet"), !first.hasPrefix("_openrun") else {
                throw refuse("the path is reserved for the server")
            }
        }
        self.domain = domain == defaultDomain ? "" : domain
        self.path = path
    }

    /// The path alone in the default domain, else `domain:path`.
    package var description: String { domain.isEmpty ? path : "\(domain):\(path)" }

    /// Whether both are in one domain and the path of one begins, on a segment border, with that of the other.
    package func overlaps(_ other: AppAddress) -> Bool {
        domain == other.domain && (Self.covers(path, other.path) || Self.covers(other.path, path))
    }

    /// Whether `path` lies at or below `prefix`, on a segment border.
    package static func covers(_ prefix: String, _ path: String) -> Bool {
        guard prefix != "/" else { return true }
        return path.hasPrefix(prefix)
            && (path.utf8.count == prefix.utf8.count
                || path.utf8.dropFirst(prefix.utf8.count).first == UInt8(ascii: "/"))
    }

    /// The route's path in front of the gateway: the app's path joined with one of its own.
    package func joined(_ route: String) -> String {
        if route == "/" || route.isEmpty { return path }
        return path == "/" ? route : path + route
    }

    /// The value of `CL_APP_PATH`: empty for `/`.
    package var environmentPath: String { path == "/" ? "" : path }

    /// Reads the text form.
    package init(from decoder: any Decoder) throws {
        try self.init(parsing: try decoder.singleValueContainer().decode(String.self))
    }

    /// Writes the text form.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    private static func isDomain(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count <= 253 else { return false }
        return text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            !label.isEmpty && label.utf8.count <= 63 && label.first != "-" && label.last != "-"
                && label.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
        }
    }
}
