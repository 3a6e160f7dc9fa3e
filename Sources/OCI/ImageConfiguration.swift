/// The configuration of an image: how to run it and which layers it has. Source: OCI image spec 1.1, "Image Configuration".
package struct ImageConfiguration: Codable, Hashable, Sendable {
    /// RFC 3339.
    package var created: String?
    /// `amd64` and the like.
    package var architecture: String
    /// `linux` and the like.
    package var os: String
    /// `v7`, `v8`.
    package var variant: String?
    /// How to run it.
    package var config: ImageRunParameters?
    /// Its layers.
    package var rootfs: ImageRootFileSystem

    /// A configuration for a platform.
    package init(platform: Platform, layers: [Digest], config: ImageRunParameters? = nil) {
        architecture = platform.architecture
        os = platform.os
        variant = platform.variant
        rootfs = ImageRootFileSystem(layers: layers)
        self.config = config
    }

    /// Reads a configuration of at most ``ImageDocument/sizeLimit`` bytes.
    /// - Throws: ``ImageDocumentError``.
    package init(parsing bytes: [UInt8]) throws {
        self = try ImageDocument.decode(ImageConfiguration.self, "image configuration", bytes)
        guard rootfs.type == "layers" else {
            throw ImageDocumentError(document: "image configuration", problem: "`rootfs.type` is not `layers`")
        }
    }

    /// The platform the image is for.
    package var platform: Platform { Platform(architecture: architecture, os: os, variant: variant) }
}

/// The layers of an image by the digests of their uncompressed content.
package struct ImageRootFileSystem: Codable, Hashable, Sendable {
    /// Always `layers`.
    package var type: String
    /// Lowest first.
    package var layers: [Digest]

    /// A root file system of `layers`, lowest first.
    package init(layers: [Digest]) {
        type = "layers"
        self.layers = layers
    }

    private enum CodingKeys: String, CodingKey {
        case type
        case layers = "diff_ids"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        type = try container.decodeIfPresent(String.self, forKey: .type) ?? "layers"
        layers = try container.decodeIfPresent([Digest].self, forKey: .layers) ?? []
    }
}

/// How an image wants to be run. What an image leaves out or sets to null is empty.
package struct ImageRunParameters: Codable, Hashable, Sendable {
    /// User; empty means root.
    package var user = ""
    /// Exposed ports such as `80/tcp`, sorted.
    package var exposedPorts: [String] = []
    /// `NAME=value` entries.
    package var environment: [String] = []
    /// First words of the process.
    package var entrypoint: [String] = []
    /// Further words, replaceable.
    package var command: [String] = []
    /// Volume paths, sorted.
    package var volumes: [String] = []
    /// Working directory; empty means `/`.
    package var workingDirectory = ""
    /// Labels.
    package var labels: [String: String] = [:]
    /// The signal that asks the process to end; empty means SIGTERM.
    package var stopSignal = ""

    /// Nothing set.
    package init() {}

    private enum CodingKeys: String, CodingKey {
        case user = "User"
        case exposedPorts = "ExposedPorts"
        case environment = "Env"
        case entrypoint = "Entrypoint"
        case command = "Cmd"
        case volumes = "Volumes"
        case workingDirectory = "WorkingDir"
        case labels = "Labels"
        case stopSignal = "StopSignal"
    }

    /// A Go map used as a set: the values say nothing.
    private struct Nothing: Codable { init() {}; init(from _: any Decoder) {} }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func words(_ key: CodingKeys) throws -> [String] {
            // Images of the first years hold a single text instead of a list.
            if let text = try? container.decode(String.self, forKey: key) { return [text] }
            return try container.decodeIfPresent([String].self, forKey: key) ?? []
        }
        func members(_ key: CodingKeys) throws -> [String] {
            try container.decodeIfPresent([String: Nothing?].self, forKey: key)?.keys.sorted() ?? []
        }
        user = try container.decodeIfPresent(String.self, forKey: .user) ?? ""
        exposedPorts = try members(.exposedPorts)
        environment = try words(.environment)
        entrypoint = try words(.entrypoint)
        command = try words(.command)
        volumes = try members(.volumes)
        workingDirectory = try container.decodeIfPresent(String.self, forKey: .workingDirectory) ?? ""
        labels = try container.decodeIfPresent([String: String].self, forKey: .labels) ?? [:]
        stopSignal = try container.decodeIfPresent(String.self, forKey: .stopSignal) ?? ""
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        func set(_ members: [String]) -> [String: Nothing]? {
            members.isEmpty ? nil : Dictionary(members.map { ($0, Nothing()) }) { first, _ in first }
        }
        func text(_ value: String) -> String? { value.isEmpty ? nil : value }
        func words(_ value: [String]) -> [String]? { value.isEmpty ? nil : value }
        try container.encodeIfPresent(text(user), forKey: .user)
        try container.encodeIfPresent(set(exposedPorts), forKey: .exposedPorts)
        try container.encodeIfPresent(words(environment), forKey: .environment)
        try container.encodeIfPresent(words(entrypoint), forKey: .entrypoint)
        try container.encodeIfPresent(words(command), forKey: .command)
        try container.encodeIfPresent(set(volumes), forKey: .volumes)
        try container.encodeIfPresent(text(workingDirectory), forKey: .workingDirectory)
        try container.encodeIfPresent(labels.isEmpty ? nil : labels, forKey: .labels)
        try container.encodeIfPresent(text(stopSignal), forKey: .stopSignal)
    }
}
