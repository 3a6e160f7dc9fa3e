/// The media types that this host understands; each has an OCI and a Docker spelling.
package enum MediaType {
    /// A list of manifests.
    package static let imageIndex = "application/vnd.oci.image.index.v1+json"
    /// The manifest of one image.
    package static let imageManifest = "application/vnd.oci.image.manifest.v1+json"
    /// The configuration of an image.
    package static let imageConfiguration = "application/vnd.oci.image.config.v1+json"
    /// A layer without compression.
    package static let layer = "application/vnd.oci.image.layer.v1.tar"
    /// A layer compressed by gzip.
    package static let gzipLayer = "application/vnd.oci.image.layer.v1.tar+gzip"
    /// A layer compressed by zstd.
    package static let zstdLayer = "application/vnd.oci.image.layer.v1.tar+zstd"
    /// Docker's word for a list of manifests.
    package static let dockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json"
    /// Docker's word for a manifest.
    package static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
    /// Docker's word for a configuration.
    package static let dockerConfiguration = "application/vnd.docker.container.image.v1+json"
    /// Docker's word for a layer without compression.
    package static let dockerLayer = "application/vnd.docker.image.rootfs.diff.tar"
    /// Docker's word for a layer compressed by gzip.
    package static let dockerGzipLayer = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    /// Docker's word for a layer compressed by zstd.
    package static let dockerZstdLayer = "application/vnd.docker.image.rootfs.diff.tar.zstd"

    /// Whether it names a list of manifests.
    package static func isIndex(_ type: String) -> Bool { type == imageIndex || type == dockerManifestList }
    /// Whether it names the manifest of one image.
    package static func isManifest(_ type: String) -> Bool { type == imageManifest || type == dockerManifest }
    /// Whether it names a file system layer, compressed or not; foreign layers and artifacts are none.
    package static func isLayer(_ type: String) -> Bool {
        [layer, gzipLayer, zstdLayer, dockerLayer, dockerGzipLayer, dockerZstdLayer].contains(type)
    }
    /// OCI's word for a layer; what is none stays as it is.
    package static func ociLayer(_ type: String) -> String {
        switch type {
        case dockerLayer: layer
        case dockerGzipLayer: gzipLayer
        case dockerZstdLayer: zstdLayer
        default: type
        }
    }
}

/// Names content by digest and size. Source: OCI image spec 1.1, "Content Descriptors".
package struct Descriptor: Codable, Hashable, Sendable {
    /// What the content is.
    package var mediaType: String
    /// Its digest.
    package var digest: Digest
    /// Its size in bytes.
    package var size: Int64
    /// Free metadata.
    package var annotations: [String: String]?
    /// What an image needs to run.
    package var platform: Platform?

    /// Content of `mediaType`.
    package init(
        mediaType: String, digest: Digest, size: Int64, annotations: [String: String]? = nil, platform: Platform? = nil
    ) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
        self.annotations = annotations
        self.platform = platform
    }

    /// The annotation that holds a tag or a whole reference in an image layout.
    package static let referenceAnnotation = "org.opencontainers.image.ref.name"
    /// The annotation under which containerd and Docker keep the whole reference.
    package static let imageNameAnnotation = "io.containerd.image.name"
}

/// An operating system and a processor architecture.
package struct Platform: Codable, Hashable, Sendable, CustomStringConvertible {
    /// In Go's words: `amd64`, `arm64`.
    package var architecture: String
    /// `linux` and the like.
    package var os: String
    /// `v7`, `v8`.
    package var variant: String?

    /// A platform.
    package init(architecture: String, os: String = "linux", variant: String? = nil) {
        self.architecture = architecture
        self.os = os
        self.variant = variant
    }

    /// `linux/amd64`, `linux/arm/v7`.
    package var description: String { variant.map { "\(os)/\(architecture)/\($0)" } ?? "\(os)/\(architecture)" }

    /// The platform of this host.
    package static var current: Platform {
        #if arch(x86_64)
            Platform(architecture: "amd64")
        #elseif arch(arm64)
            Platform(architecture: "arm64")
        #elseif arch(i386)
            Platform(architecture: "386")
        #elseif arch(arm)
            Platform(architecture: "arm", variant: "v7")
        #elseif arch(riscv64)
            Platform(architecture: "riscv64")
        #elseif arch(s390x)
            Platform(architecture: "s390x")
        #elseif arch(powerpc64le)
            Platform(architecture: "ppc64le")
        #else
            Platform(architecture: "unknown")
        #endif
    }

    /// Whether what needs `wanted` runs on this platform; a missing variant on either side fits every variant.
    package func canRun(_ wanted: Platform) -> Bool {
        guard os == wanted.os, architecture == wanted.architecture else { return false }
        guard let variant, let other = wanted.variant else { return true }
        return variant == other
    }
}
