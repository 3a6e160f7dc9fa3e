/// One image of the local store.
package struct ImageInfo: Codable, Hashable, Sendable {
    /// Digest of its manifest: its identity.
    package var digest: String
    /// Its names, full form.
    package var references: [String]
    /// Bytes of its compressed layers.
    package var sizeBytes: Int64
    /// Milliseconds since 1970 at which it entered this store.
    package var createdAt: Int64
    /// `amd64` and the like.
    package var architecture: String
    /// `NAME=value` entries.
    package var environment: [String]
    /// First words of the process.
    package var entrypoint: [String]
    /// Further words, replaceable.
    package var command: [String]
    /// Working directory; empty means `/`.
    package var workingDirectory: String
    /// User; empty means root.
    package var user: String
    /// Exposed ports such as `80/tcp`.
    package var exposedPorts: [String]
    /// Volume paths.
    package var volumes: [String]
    /// Labels.
    package var labels: [String: String]
    /// Digests of its layers' uncompressed content, lowest first.
    package var layers: [String]

    /// An image; what else is known is set afterwards.
    package init(digest: String, references: [String], sizeBytes: Int64, createdAt: Int64, architecture: String) {
        self.digest = digest
        self.references = references
        self.sizeBytes = sizeBytes
        self.createdAt = createdAt
        self.architecture = architecture
        self.environment = []
        self.entrypoint = []
        self.command = []
        self.workingDirectory = ""
        self.user = ""
        self.exposedPorts = []
        self.volumes = []
        self.labels = [:]
        self.layers = []
    }
}

/// `POST /v1/images/pull`.
package struct PullImageRequest: Codable, Hashable, Sendable {
    /// The name as a person writes it.
    package var reference: String
    /// When the registry is asked; `always` by default.
    package var policy: PullChoice?
    /// Whether plain HTTP and unverified certificates are accepted; false by default.
    package var insecure: Bool?
    /// `user:password` for the registry; never shown again.
    package var credentials: String?

    /// A pull of `reference`.
    package init(reference: String) { self.reference = reference }
}

/// `POST /v1/images/build`, with a directory of the server's machine as context.
package struct BuildImageRequest: Codable, Hashable, Sendable {
    /// Absolute path of the build context on the server.
    package var context: String
    /// The container file, relative to the context; `Containerfile`, then `Dockerfile`, when nil.
    package var containerFile: String?
    /// The name the image gets.
    package var tag: String
    /// Build arguments.
    package var arguments: [String: String]?
    /// The stage to stop at.
    package var target: String?
    /// Labels put on the image.
    package var labels: [String: String]?
    /// Whether earlier layers are not reused; false by default.
    package var noCache: Bool?

    /// A build of the directory `context` named `tag`.
    package init(context: String, tag: String) {
        self.context = context
        self.tag = tag
    }
}

/// `POST /v1/images/load`, from a path of the server's machine.
package struct LoadImagesRequest: Codable, Hashable, Sendable {
    /// Absolute path of an OCI layout, an OCI archive or a docker archive on the server.
    package var path: String

    /// A load from `path`.
    package init(path: String) { self.path = path }
}

/// `POST /v1/images/prune`; the body may be left out.
package struct PruneImagesRequest: Codable, Hashable, Sendable {
    /// Whether all unused images go, not only the untagged; false by default.
    package var all: Bool?

    /// A prune.
    package init(all: Bool? = nil) { self.all = all }
}

/// What a prune removed.
package struct PruneImagesResult: Codable, Hashable, Sendable {
    /// Names or digests removed.
    package var removed: [String]
    /// Bytes freed on disk.
    package var freedBytes: Int64

    /// What was removed.
    package init(removed: [String], freedBytes: Int64) {
        self.removed = removed
        self.freedBytes = freedBytes
    }
}
