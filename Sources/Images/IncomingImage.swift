internal import Core
internal import Glibc
internal import LinuxKernel
internal import OCI

/// One layer that lies somewhere outside the store.
struct IncomingLayer: Sendable {
    /// Digest of its uncompressed content.
    let diffID: Digest
    /// Digest of the blob; nil where the source promises none.
    let digest: Digest?
    /// Path of the blob beneath the source.
    let path: String
    /// Size of the blob.
    let size: Int64

    /// The digest by which the manifest names the blob.
    var blobDigest: Digest { digest ?? diffID }
}

/// What becomes of the blobs of an image's layers once they are unpacked.
enum BlobKeeping: Sendable {
    /// They stay where they are; the image cannot be exported.
    case leave
    /// The source is ours: the store takes them over without copying.
    case takeOver
    /// The source is somebody else's.
    case copy
}

/// One image that lies somewhere outside the store, checked as far as its documents go.
struct IncomingImage: Sendable {
    let source: DirectoryHandle
    let manifest: [UInt8]
    let digest: Digest
    let configurationBytes: [UInt8]
    let configurationDigest: Digest
    let configuration: ImageConfiguration
    let layers: [IncomingLayer]
    var references: Set<ImageReference>
    var keeping = BlobKeeping.leave

    /// Reads the documents a manifest names.
    /// - Parameter blobPath: where the source keeps the blob of a digest.
    init(
        source: DirectoryHandle, manifest bytes: [UInt8], references: Set<ImageReference>, blobPath: (Digest) -> String
    ) throws {
        let manifest = try ImageManifest(parsing: bytes)
        self.source = source
        self.manifest = bytes
        self.references = references
        digest = Digest(of: bytes)
        configurationDigest = manifest.config.digest
        configurationBytes = try Self.document(manifest.config, "image configuration", in: source, blobPath)
        configuration = try ImageConfiguration(parsing: configurationBytes)
        let diffIDs = configuration.rootfs.layers
        guard diffIDs.count == manifest.layers.count else {
            throw ImageError(
                .invalidImage,
                "image `\(digest)` has \(manifest.layers.count) layers, its configuration names \(diffIDs.count)")
        }
        layers = zip(manifest.layers, diffIDs).map { layer, diffID in
            IncomingLayer(diffID: diffID, digest: layer.digest, path: blobPath(layer.digest), size: layer.size)
        }
    }

    /// An image whose parts were found in another way.
    init(
        source: DirectoryHandle, configurationBytes: [UInt8], configuration: ImageConfiguration,
        layers: [IncomingLayer],
        references: Set<ImageReference>
    ) throws {
        self.source = source
        self.configurationBytes = configurationBytes
        self.configuration = configuration
        self.layers = layers
        self.references = references
        configurationDigest = Digest(of: configurationBytes)
        let config = Descriptor(
            mediaType: MediaType.imageConfiguration, digest: configurationDigest, size: Int64(configurationBytes.count))
        let descriptors = layers.map {
            Descriptor(mediaType: MediaType.layer, digest: $0.blobDigest, size: $0.size)
        }
        manifest = try ImageDocument.encode(ImageManifest(config: config, layers: descriptors))
        digest = Digest(of: manifest)
    }

    /// Reads a document and checks its digest.
    static func document(
        _ descriptor: Descriptor, _ name: String, in source: DirectoryHandle, _ blobPath: (Digest) -> String
    ) throws -> [UInt8] {
        let bytes: [UInt8]
        do {
            bytes = try source.contents(blobPath(descriptor.digest), limit: ImageDocument.sizeLimit)
        } catch let error as KernelError {
            throw ImageError(
                .invalidImage, "the \(name) `\(descriptor.digest)` is missing or not readable", cause: error)
        }
        let found = Digest(of: bytes)
        guard found == descriptor.digest else {
            throw ImageError.mismatch(name, expected: descriptor.digest, found: found)
        }
        return bytes
    }
}

/// Reads image layouts. Source: OCI image spec 1.1, "Image Layout".
enum LayoutReader {
    static func blobPath(_ digest: Digest) -> String { "blobs/sha256/\(digest.hex)" }

    static func isLayout(_ root: DirectoryHandle) throws -> Bool { try root.status("index.json") != nil }

    /// Every image of the layout that this host can run; one per manifest, with all its names.
    /// - Parameter nameHint: the repository of entries that carry a tag only.
    static func images(in root: DirectoryHandle, nameHint: String?) throws -> [IncomingImage] {
        let index = try ImageIndex(parsing: try root.contents("index.json", limit: ImageDocument.sizeLimit))
        var names: [Digest: Set<ImageReference>] = [:]
        var found: [Descriptor] = []
        var refused: [String] = []
        for entry in index.manifests {
            guard let manifest = try manifest(of: entry, in: root, depth: 0) else {
                if let platform = entry.platform { refused.append("\(platform)") }
                continue
            }
            if names[manifest.digest] == nil { found.append(manifest) }
            names[manifest.digest, default: []].formUnion(references(of: entry, nameHint))
        }
        if found.isEmpty {
            throw ImageError(
                .invalidImage, "the layout holds no image for \(Platform.current)",
                hint: refused.isEmpty ? nil : "it holds \(refused.joined(separator: ", "))")
        }
        return try found.map { descriptor in
            let bytes = try IncomingImage.document(descriptor, "image manifest", in: root, blobPath)
            return try IncomingImage(
                source: root, manifest: bytes, references: names[descriptor.digest] ?? [], blobPath: blobPath)
        }
    }

    /// The manifest an entry leads to on this platform; nil when there is none.
    private static func manifest(of entry: Descriptor, in root: DirectoryHandle, depth: Int) throws -> Descriptor? {
        if MediaType.isManifest(entry.mediaType) {
            return entry.platform.map(Platform.current.canRun) ?? true ? entry : nil
        }
        guard MediaType.isIndex(entry.mediaType), depth < 4 else { return nil }
        let bytes = try IncomingImage.document(entry, "image index", in: root, blobPath)
        guard let chosen = try ImageIndex(parsing: bytes).manifest(for: .current) else { return nil }
        return try manifest(of: chosen, in: root, depth: depth + 1)
    }

    /// The names of an entry. A name without registry is one of this host, as podman and buildah have it.
    private static func references(of entry: Descriptor, _ nameHint: String?) -> [ImageReference] {
        let annotations = entry.annotations ?? [:]
        let texts = [annotations[Descriptor.imageNameAnnotation], annotations[Descriptor.referenceAnnotation]]
            .compactMap { $0 }
        let full = texts.filter { $0.contains("/") || $0.contains(":") }
        if let text = full.first {
            return ImageReference(parsing: text, defaultRegistry: ImageReference.localRegistry).map { [$0] } ?? []
        }
        guard let tag = texts.first, let nameHint else { return [] }
        return ImageReference(parsing: "\(ImageReference.localRegistry)/\(nameHint):\(tag)").map { [$0] } ?? []
    }
}

/// Reads what `skopeo copy … dir:` writes: `manifest.json` beside blobs named by their digits. The manifest stays as the
/// registry had it, so that digests agree.
enum FlatReader {
    static func isFlat(_ root: DirectoryHandle) throws -> Bool {
        guard try root.status("manifest.json") != nil else { return false }
        return try root.status("version") != nil
    }

    static func image(in root: DirectoryHandle, references: Set<ImageReference>) throws -> IncomingImage {
        let bytes = try root.contents("manifest.json", limit: ImageDocument.sizeLimit)
        return try IncomingImage(source: root, manifest: bytes, references: references) { $0.hex }
    }
}

/// Reads what `docker save` writes: `manifest.json` names configurations and layer archives.
enum DockerArchiveReader {
    private struct Item: Decodable {
        let config: String
        let repoTags: [String]?
        let layers: [String]?

        private enum CodingKeys: String, CodingKey {
            case config = "Config"
            case repoTags = "RepoTags"
            case layers = "Layers"
        }
    }

    static func isArchive(_ root: DirectoryHandle) throws -> Bool { try root.status("manifest.json") != nil }

    static func images(in root: DirectoryHandle) throws -> [IncomingImage] {
        try items(in: root).map { try image($0, in: root) }
    }

    /// The names of each image by the digest of its configuration.
    static func references(in root: DirectoryHandle) throws -> [Digest: Set<ImageReference>] {
        var found: [Digest: Set<ImageReference>] = [:]
        for item in try items(in: root) {
            let bytes = try part(item.config) { try root.contents(item.config, limit: ImageDocument.sizeLimit) }
            found[Digest(of: bytes), default: []].formUnion(references(of: item))
        }
        return found
    }

    private static func items(in root: DirectoryHandle) throws -> [Item] {
        let bytes = try root.contents("manifest.json", limit: ImageDocument.sizeLimit)
        return try ImageDocument.decode([Item].self, "docker archive manifest", bytes)
    }

    private static func references(of item: Item) -> Set<ImageReference> {
        Set(
            (item.repoTags ?? []).compactMap {
                ImageReference(parsing: $0, defaultRegistry: ImageReference.localRegistry)
            })
    }

    private static func image(_ item: Item, in root: DirectoryHandle) throws -> IncomingImage {
        let bytes = try part(item.config) { try root.contents(item.config, limit: ImageDocument.sizeLimit) }
        let configuration = try ImageConfiguration(parsing: bytes)
        let diffIDs = configuration.rootfs.layers
        let paths = item.layers ?? []
        guard diffIDs.count == paths.count, paths.count <= ImageDocument.layerLimit else {
            throw ImageError(
                .invalidImage,
                "configuration `\(item.config)` names \(diffIDs.count) layers, the archive \(paths.count)",
                hint: "at most \(ImageDocument.layerLimit) layers can be stacked")
        }
        let layers = try zip(paths, diffIDs).map { path, diffID in
            let size = try part(path) { () -> Int64 in
                // May be a link to another layer's archive.
                let file = try root.open(path, flags: O_RDONLY | O_NONBLOCK)
                var status = stat()
                guard fstat(file.rawValue, &status) == 0 else { throw KernelError.last("fstat", path) }
                return Int64(status.st_size)
            }
            return IncomingLayer(diffID: diffID, digest: nil, path: path, size: size)
        }
        return try IncomingImage(
            source: root, configurationBytes: bytes, configuration: configuration, layers: layers,
            references: references(of: item))
    }

    private static func part<Value>(_ path: String, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as KernelError {
            throw ImageError(.invalidImage, "the docker archive lacks `\(path)`", cause: error)
        }
    }
}
