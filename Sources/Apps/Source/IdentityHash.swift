internal import OCI

/// The hashes that name images and containers.
enum IdentityHash {
    /// Of everything that decides what the source is: paths with the digests of their contents, sorted.
    static func source(_ files: [(path: String, digest: String)]) -> String {
        combined(files.sorted { $0.path < $1.path }.flatMap { [$0.path, $0.digest] })
    }

    /// Of a map: keys sorted, key and value each ended by a zero byte.
    static func map(_ map: [String: String]) -> String {
        combined(map.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] })
    }

    /// Names the image.
    static func build(
        source: String, arguments: [String: String], containerFile: String, buildDirectory: String
    ) -> String {
        combined(["build", source, map(arguments), containerFile, buildDirectory])
    }

    /// What names the container.
    struct VersionInputs: Sendable {
        var source: String
        var environment: [String: String]
        var options: [String: String]
        var arguments: [String: String]
        var volumes: [String]
        var imageDigest: String
        var image: String
        var port: Int
        var scheme: String
        var health: String
        var lifetime: String
    }

    /// Names the container.
    static func version(_ inputs: VersionInputs) -> String {
        combined([
            "version", inputs.source, map(inputs.environment), map(inputs.options), map(inputs.arguments),
            combined(inputs.volumes), inputs.imageDigest, inputs.image, String(inputs.port), inputs.scheme,
            inputs.health,
            inputs.lifetime,
        ])
    }

    /// SHA-256, hexadecimal, of texts each ended by a zero byte.
    static func combined(_ parts: [String]) -> String {
        var hasher = DigestHasher()
        for part in parts {
            Array(part.utf8 + [0]).withUnsafeBytes { hasher.update($0) }
        }
        return hasher.finish().hex
    }
}
