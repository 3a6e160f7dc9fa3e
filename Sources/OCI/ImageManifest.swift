package import Core
internal import FoundationEssentials

/// A list of manifests, one per platform or one per name. Source: OCI image spec 1.1, "Image Index".
package struct ImageIndex: Codable, Hashable, Sendable {
    /// Always 2.
    package var schemaVersion = 2
    /// ``MediaType/imageIndex`` or Docker's word for it; often absent.
    package var mediaType: String?
    /// The manifests, or further indexes.
    package var manifests: [Descriptor]
    /// Free metadata.
    package var annotations: [String: String]?

    /// An index of `manifests`.
    package init(manifests: [Descriptor]) { self.manifests = manifests }

    /// Reads an index of at most ``ImageDocument/sizeLimit`` bytes and 4096 manifests.
    /// - Throws: ``ImageDocumentError``.
    package init(parsing bytes: [UInt8]) throws {
        self = try ImageDocument.decode(ImageIndex.self, "image index", bytes)
        guard schemaVersion == 2, manifests.count <= 4096 else {
            throw ImageDocumentError(
                document: "image index", problem: "schema version 2 with at most 4096 manifests is needed")
        }
    }

    /// The manifest that runs on `platform`: an exact match first, then one that fits, then one that names no platform.
    package func manifest(for platform: Platform) -> Descriptor? {
        let images = manifests.filter { MediaType.isManifest($0.mediaType) || MediaType.isIndex($0.mediaType) }
        return images.first { $0.platform == platform }
            ?? images.first { $0.platform.map(platform.canRun) ?? false }
            ?? images.first { $0.platform == nil }
    }
}

/// What one image consists of. Source: OCI image spec 1.1, "Image Manifest".
package struct ImageManifest: Codable, Hashable, Sendable {
    /// Always 2.
    package var schemaVersion = 2
    /// ``MediaType/imageManifest`` or Docker's word for it; often absent.
    package var mediaType: String?
    /// The image's configuration.
    package var config: Descriptor
    /// The layers, lowest first.
    package var layers: [Descriptor]
    /// Free metadata.
    package var annotations: [String: String]?

    /// A manifest of a configuration and layers.
    package init(config: Descriptor, layers: [Descriptor]) {
        mediaType = MediaType.imageManifest
        self.config = config
        self.layers = layers
    }

    /// Reads a manifest of at most ``ImageDocument/sizeLimit`` bytes whose layers are all file system layers, at most
    /// ``ImageDocument/layerLimit``.
    /// - Throws: ``ImageDocumentError``.
    package init(parsing bytes: [UInt8]) throws {
        self = try ImageDocument.decode(ImageManifest.self, "image manifest", bytes)
        func problem(_ text: String) -> ImageDocumentError {
            ImageDocumentError(document: "image manifest", problem: text)
        }
        guard schemaVersion == 2 else { throw problem("schema version \(schemaVersion) is not supported, 2 is needed") }
        guard layers.count <= ImageDocument.layerLimit else {
            throw problem("it has \(layers.count) layers, at most \(ImageDocument.layerLimit) can be stacked")
        }
        if let other = layers.first(where: { !MediaType.isLayer($0.mediaType) }) {
            throw problem("`\(other.mediaType)` is not a file system layer")
        }
        if let odd = (layers + [config]).first(where: { $0.size < 0 }) {
            throw problem("`\(odd.digest)` has a negative size")
        }
    }

    /// The same manifest with OCI's media types: `bytes`, from which it was read, when it has them already.
    package func inOCIWords(_ bytes: [UInt8]) throws -> [UInt8] {
        guard mediaType == MediaType.dockerManifest || config.mediaType == MediaType.dockerConfiguration else {
            return bytes
        }
        var manifest = self
        manifest.mediaType = MediaType.imageManifest
        manifest.config.mediaType = MediaType.imageConfiguration
        for index in layers.indices { manifest.layers[index].mediaType = MediaType.ociLayer(layers[index].mediaType) }
        return try ImageDocument.encode(manifest)
    }

    /// Bytes of the layers as they are stored in a registry.
    package var layerSize: Int64 { layers.reduce(0) { $0 &+ $1.size } }
}

/// The `oci-layout` file at the top of an image layout. Source: OCI image spec 1.1, "Image Layout".
package struct ImageLayoutMarker: Codable, Hashable, Sendable {
    /// `1.0.0`.
    package var imageLayoutVersion = "1.0.0"

    /// The marker of version 1.0.0.
    package init() {}
}

/// Bounds and reading of the JSON documents an image consists of.
package enum ImageDocument {
    /// The largest index, manifest or configuration that is read, in bytes.
    package static let sizeLimit = 8 << 20
    /// The most layers an image may have: what the kernel's overlay can stack, less one for the container.
    package static let layerLimit = 499

    /// Reads a document of at most ``sizeLimit`` bytes; unknown fields are ignored.
    /// - Throws: ``ImageDocumentError``.
    package static func decode<Value: Decodable>(_: Value.Type, _ name: String, _ bytes: [UInt8]) throws -> Value {
        guard bytes.count <= sizeLimit else {
            throw ImageDocumentError(document: name, problem: "it is larger than \(ByteCount(Int64(sizeLimit)))")
        }
        do {
            return try JSONDecoder().decode(Value.self, from: Data(bytes))
        } catch let error as DecodingError {
            throw ImageDocumentError(document: name, problem: describe(error))
        }
    }

    /// Writes a document; equal values give equal bytes.
    package static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }

    private static func describe(_ error: DecodingError) -> String {
        func at(_ context: DecodingError.Context, _ last: (any CodingKey)? = nil) -> String {
            (context.codingPath + (last.map { [$0] } ?? [])).map { $0.intValue.map(String.init) ?? $0.stringValue }
                .joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, let context): return "`\(at(context, key))` is missing"
        case .valueNotFound(_, let context): return "`\(at(context))` is null"
        case .typeMismatch(_, let context): return "`\(at(context))` is of the wrong type"
        case .dataCorrupted(let context) where context.codingPath.isEmpty: return "it is not JSON"
        case .dataCorrupted(let context): return "`\(at(context))` is not valid"
        @unknown default: return "it cannot be read"
        }
    }
}

/// A document of an image that cannot be used.
package struct ImageDocumentError: MartletError, Equatable {
    package let kind = ErrorKind.invalidArgument
    package var stableCode: String? { "image-document-invalid" }
    package let message: String

    /// `document` cannot be used because of `problem`.
    package init(document: String, problem: String) { message = "\(document) is not valid: \(problem)" }
}
