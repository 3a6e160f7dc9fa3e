/// The name of an image: `[host[:port]/]path[:tag][@sha256:…]`, normalised.
///
/// A name without a host is looked for locally first and then on `docker.io`; short official names (`alpine`) get the
/// `library/` prefix there. Source: OCI distribution spec 1.1, "Pulling manifests"; the host rule is Docker's.
package struct ImageReference: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The registry with its port; `localhost` for images that were only ever built or loaded here.
    package let registry: String
    /// The path in the registry, lower case.
    package let repository: String
    /// The tag; `latest` when neither tag nor digest was given.
    package let tag: String?
    /// The pinned digest.
    package let digest: Digest?

    /// A reference made of its parts; they must be valid.
    package init(registry: String, repository: String, tag: String?, digest: Digest?) {
        self.registry = registry
        self.repository = repository
        self.tag = tag
        self.digest = digest
    }

    /// Reads a reference as a person writes it; nil when it is malformed or longer than 512 bytes.
    /// - Parameter defaultRegistry: where a name without a host lives; `localhost` for what is built or loaded here.
    package init?(parsing text: String, defaultRegistry: String = ImageReference.hub) {
        guard text.utf8.count <= 512 else { return nil }
        var rest = text[...]
        var digest: Digest?
        if let at = rest.firstIndex(of: "@") {
            guard let parsed = Digest(rawValue: String(rest[rest.index(after: at)...])) else { return nil }
            digest = parsed
            rest = rest[..<at]
        }
        var registry = defaultRegistry
        if let slash = rest.firstIndex(of: "/") {
            let first = rest[..<slash]
            if first.contains(".") || first.contains(":") || first == "localhost" {
                guard Self.isHost(first) else { return nil }
                registry = first == "index.docker.io" ? Self.hub : first.lowercased()
                rest = rest[rest.index(after: slash)...]
            }
        }
        var tag: String?
        if let colon = rest.lastIndex(of: ":") {
            let text = rest[rest.index(after: colon)...]
            guard Self.isTag(text) else { return nil }
            tag = String(text)
            rest = rest[..<colon]
        }
        let components = rest.split(separator: "/", omittingEmptySubsequences: false)
        guard !components.isEmpty, rest.utf8.count <= 255, components.allSatisfy(Self.isPathComponent) else {
            return nil
        }
        let isOfficial = registry == Self.hub && components.count == 1
        self.registry = registry
        self.repository = isOfficial ? "library/\(rest)" : String(rest)
        self.tag = tag ?? (digest == nil ? "latest" : nil)
        self.digest = digest
    }

    /// The registry of names without a host.
    package static let hub = "docker.io"
    /// The registry part of images that were only ever built or loaded here.
    package static let localRegistry = "localhost"

    /// The names under which a local store may hold what this reference means, best first: a name of the hub may have
    /// been written without host and mean an image that was built here.
    package var localCandidates: [ImageReference] {
        guard registry == Self.hub else { return [self] }
        let path = repository.hasPrefix("library/") ? String(repository.dropFirst(8)) : repository
        return [self, ImageReference(registry: Self.localRegistry, repository: path, tag: tag, digest: digest)]
    }

    /// Whether the image can only come from this host: its registry part is no registry.
    package var isLocalOnly: Bool { registry == Self.localRegistry }

    /// Whether the registry is on this machine, where plain HTTP is the rule.
    package var isOnLoopback: Bool {
        let host = registry.hasPrefix("[") ? registry.prefix { $0 != "]" }.dropFirst() : registry.prefix { $0 != ":" }
        let isIPv4 = host.split(separator: ".").allSatisfy { UInt8($0) != nil }
        return host == "localhost" || host == "::1" || isIPv4 && host.hasPrefix("127.")
    }

    /// The full form, which ``init(parsing:)`` reads back to the same value.
    package var description: String {
        var text = "\(registry)/\(repository)"
        if let tag { text += ":\(tag)" }
        if let digest { text += "@\(digest)" }
        return text
    }

    /// The shortest form that people write: without `docker.io/library/`, `docker.io/` or `localhost/`.
    package var familiar: String {
        let full = description
        for prefix in ["docker.io/library/", "docker.io/", "localhost/"] where full.hasPrefix(prefix) {
            let short = String(full.dropFirst(prefix.count))
            return short
        }
        return full
    }

    /// The same name pinned to `digest`, without tag.
    package func pinned(to digest: Digest) -> ImageReference {
        ImageReference(registry: registry, repository: repository, tag: nil, digest: digest)
    }

    /// A name, an IPv4 address or an IPv6 address in brackets, with or without a port.
    private static func isHost(_ text: Substring) -> Bool {
        var name = text
        if let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") {
            guard let port = UInt16(text[text.index(after: colon)...]), port > 0 else { return false }
            name = text[..<colon]
        }
        if name.hasPrefix("[") {
            return name.hasSuffix("]") && name.dropFirst().dropLast().allSatisfy { $0.isHexDigit || ":.".contains($0) }
        }
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        return labels.allSatisfy { label in
            !label.isEmpty && label.first != "-" && label.last != "-"
                && label.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
        }
    }

    private static func isTag(_ text: Substring) -> Bool {
        guard let first = text.first, text.utf8.count <= 128, first != ".", first != "-" else { return false }
        return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_.-".contains($0)) }
    }

    private static func isPathComponent(_ text: Substring) -> Bool {
        guard let first = text.first, let last = text.last else { return false }
        let isWord: (Character) -> Bool = { $0.isASCII && ($0.isLowercase || $0.isNumber) }
        guard isWord(first), isWord(last), text.allSatisfy({ isWord($0) || "._-".contains($0) }) else { return false }
        // Separators: one dot, one or two underscores, any number of dashes.
        return text.split(whereSeparator: isWord).allSatisfy {
            $0 == "." || $0 == "_" || $0 == "__" || $0.allSatisfy { $0 == "-" }
        }
    }
}
