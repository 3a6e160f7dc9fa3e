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
    package init?(parsing text: String) {
        guard text.utf8.count <= 512 else { return nil }
        var rest = text[...]
        var digest: Digest?
        if let at = rest.firstIndex(of: "@") {
            guard let parsed = Digest(rawValue: String(rest[rest.index(after: at)...])) else { return nil }
            digest = parsed
            rest = rest[..<at]
        }
        var registry = "docker.io"
        var hasHost = false
        if let slash = rest.firstIndex(of: "/") {
            let first = rest[..<slash]
            if first.contains(".") || first.contains(":") || first == "localhost" {
                guard first.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || ".:-[]".contains($0)) }) else {
                    return nil
                }
                registry = String(first)
                hasHost = true
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
        guard !components.isEmpty, components.allSatisfy(Self.isPathComponent) else { return nil }
        let isOfficial = !hasHost && components.count == 1
        self.registry = registry
        self.repository = isOfficial ? "library/\(rest)" : String(rest)
        self.tag = tag ?? (digest == nil ? "latest" : nil)
        self.digest = digest
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

    private static func isTag(_ text: Substring) -> Bool {
        guard let first = text.first, text.utf8.count <= 128, first != ".", first != "-" else { return false }
        return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_.-".contains($0)) }
    }

    private static func isPathComponent(_ text: Substring) -> Bool {
        guard let first = text.first, let last = text.last else { return false }
        let isWord: (Character) -> Bool = { $0.isASCII && ($0.isLowercase || $0.isNumber) }
        return isWord(first) && isWord(last) && text.allSatisfy { isWord($0) || "._-".contains($0) }
    }
}
