package import Core
package import OCI

/// One image of the local store, ready to run.
package struct StoredImage: Codable, Hashable, Sendable {
    /// Digest of its manifest: its identity.
    package let digest: Digest
    /// Its names in full form, sorted; empty for an image that lost its last name.
    package let references: [String]
    /// Bytes of its layers as a registry stores them.
    package let size: ByteCount
    /// Milliseconds since 1970 at which it entered this store.
    package let createdAt: Int64
    /// `amd64` and the like.
    package let architecture: String
    /// How it wants to be run.
    package let configuration: ImageRunParameters
    /// Digests of its layers' uncompressed content, lowest first.
    package let layers: [Digest]
}

/// When a pull goes to the registry.
package enum ImagePullRule: String, Codable, Sendable, CaseIterable {
    case always, missing, never
}

/// How an image is pulled.
package struct ImagePullSettings: Sendable {
    /// When the registry is asked.
    package var rule = ImagePullRule.missing
    /// Whether plain HTTP and unverified certificates are accepted; loopback registries always are.
    package var insecure = false
    /// `user:password` for the registry; it reaches the program that pulls by a private file.
    package var credentials: String?

    /// Pull when missing, verified.
    package init() {}
}

/// The file system of one container: the image's layers beneath a directory of its own.
package struct Snapshot: Hashable, Sendable {
    /// The name it was prepared under.
    package let id: String
    /// Where it is mounted.
    package let mountPoint: String
    /// The directory that receives changes.
    package let upperDirectory: String
    /// The image it shows.
    package let image: Digest
}

/// What was removed from the store.
package struct ImageRemoval: Hashable, Sendable {
    /// Names or digests removed.
    package var removed: [String] = []
    /// Bytes freed on disk.
    package var freed = ByteCount(0)

    /// Nothing.
    package init() {}
}
