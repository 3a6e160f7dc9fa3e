internal import Core
internal import FoundationEssentials
internal import Glibc
internal import LinuxKernel
internal import Logging
internal import OCI

/// Which images there are and what they are called. A value: the store writes it after each change.
struct StoreIndex: Codable, Sendable {
    struct Entry: Codable, Sendable {
        var digest: Digest
        var configurationDigest: Digest
        /// The layers' blobs as the manifest names them; they need not be kept.
        var layerDigests: [Digest]
        var references: Set<ImageReference>
        var size: ByteCount
        var createdAt: Int64
        var configuration: ImageConfiguration

        var stored: StoredImage {
            StoredImage(
                digest: digest, references: references.map(\.description).sorted(), size: size, createdAt: createdAt,
                architecture: configuration.architecture, configuration: configuration.config ?? ImageRunParameters(),
                layers: configuration.rootfs.layers)
        }
    }

    private(set) var version = 1
    private(set) var images: [Digest: Entry] = [:]

    static let fileName = "index.json"

    private enum CodingKeys: String, CodingKey { case version, images }

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        version = try container.decode(Int.self, forKey: .version)
        let entries = try container.decode([Entry].self, forKey: .images)
        images = Dictionary(entries.map { ($0.digest, $0) }) { first, _ in first }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(version, forKey: .version)
        try container.encode(images.values.sorted { $0.digest.rawValue < $1.digest.rawValue }, forKey: .images)
    }

    // MARK: Questions

    /// The image a name means: a reference, a digest, or a unique prefix of 6 or more digits of one.
    func find(_ name: String) throws -> Entry? {
        if let digest = Digest(rawValue: name) { return images[digest] }
        if let reference = ImageReference(parsing: name), let entry = find(reference) { return entry }
        let digits = name.hasPrefix("sha256:") ? name.dropFirst(7) : name[...]
        guard digits.utf8.count >= 6, digits.allSatisfy({ $0.isHexDigit && !$0.isUppercase }) else { return nil }
        let matches = images.values.filter { $0.digest.hex.hasPrefix(digits) }
        guard matches.count < 2 else {
            throw ImageError(
                .ambiguous, "`\(name)` is the beginning of \(matches.count) digests", hint: "write more digits")
        }
        return matches.first
    }

    /// The image that bears a name, or that the reference pins by digest.
    func find(_ reference: ImageReference) -> Entry? {
        for candidate in reference.localCandidates {
            if let entry = images.values.first(where: { $0.references.contains(candidate) }) { return entry }
        }
        return reference.digest.flatMap { images[$0] }
    }

    /// Every layer that some image needs.
    var layers: Set<Digest> { Set(images.values.flatMap(\.configuration.rootfs.layers)) }
    /// Every document and layer blob.
    var blobs: Set<Digest> {
        Set(images.values.flatMap { [$0.digest, $0.configurationDigest] + $0.layerDigests })
    }

    // MARK: Changes

    /// Adds an image, or names to one that is there already; the names leave whoever had them.
    mutating func add(_ entry: Entry) {
        for reference in entry.references { untag(reference) }
        if var existing = images[entry.digest] {
            existing.references.formUnion(entry.references)
            images[entry.digest] = existing
        } else {
            images[entry.digest] = entry
        }
    }

    /// Gives an image a name; the name leaves whoever had it.
    mutating func tag(_ digest: Digest, _ reference: ImageReference) {
        untag(reference)
        images[digest]?.references.insert(reference)
    }

    /// Takes a name away from whoever has it.
    mutating func untag(_ reference: ImageReference) {
        for digest in images.keys { images[digest]?.references.remove(reference) }
    }

    /// Forgets an image.
    mutating func remove(_ digest: Digest) { images[digest] = nil }

    // MARK: Disk

    func write(to files: StoreFiles) throws { try files.writeAtomically(Self.fileName, ImageDocument.encode(self)) }

    /// Reads the index. What cannot be read is quarantined; images are then found again by their manifests, without names.
    static func read(from files: StoreFiles, _ logger: Logger) throws -> StoreIndex {
        guard try files.root.status(fileName) != nil else { return StoreIndex() }
        do {
            let bytes = try files.root.contents(fileName, limit: 256 << 20)
            let index = try JSONDecoder().decode(StoreIndex.self, from: Data(bytes))
            guard index.version == 1 else {
                throw ImageError(.storeFailed, "index version \(index.version) is unknown")
            }
            return index
        } catch let error where !(error is KernelError) {
            let kept = try files.quarantine(fileName)
            let index = try recovered(from: files)
            logger.error(
                "image index cannot be read",
                metadata: [
                    "error": "\(error)", "kept.as": "\(kept)", "images.recovered": "\(index.images.count)",
                ])
            try index.write(to: files)
            return index
        }
    }

    /// Finds images by their manifests.
    private static func recovered(from files: StoreFiles) throws -> StoreIndex {
        var index = StoreIndex()
        for name in try files.root.directory("blobs/sha256").names() {
            guard let digest = Digest(rawValue: "sha256:\(name)"),
                // Most blobs are configurations or damaged: not being a manifest is a normal answer.
                let bytes = try? files.root.contents(files.blob(digest), limit: ImageDocument.sizeLimit),
                Digest(of: bytes) == digest, let manifest = try? ImageManifest(parsing: bytes),
                let text = try? files.root.contents(files.blob(manifest.config.digest), limit: ImageDocument.sizeLimit),
                let configuration = try? ImageConfiguration(parsing: text)
            else { continue }
            index.add(
                Entry(
                    digest: digest, configurationDigest: manifest.config.digest,
                    layerDigests: manifest.layers.map(\.digest), references: [],
                    size: ByteCount(manifest.layerSize), createdAt: Clock.milliseconds(), configuration: configuration))
        }
        return index
    }
}
