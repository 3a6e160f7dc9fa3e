package import Core
package import Engines
internal import Images
internal import Logging
package import OCI

extension NativeEngine {
    package func pullImage(
        _ reference: ImageReference, options: ImagePullOptions, progress: @escaping ProgressSink
    ) async throws -> ImageRecord {
        var settings = ImagePullSettings()
        switch options.policy {
        case .always: settings.rule = .always
        case .missing: settings.rule = .missing
        case .never: settings.rule = .never
        }
        settings.insecure = options.insecure
        settings.credentials = options.credentials
        return try await translated(.pullFailed) {
            ImageRecord(try await context.images.pull(reference, options: settings, progress: progress))
        }
    }

    package func buildImage(
        _ request: ImageBuildRequest, progress: @escaping ProgressSink
    ) async throws -> ImageRecord {
        try await translated(.buildFailed) {
            ImageRecord(try await builder.build(request, progress: progress))
        }
    }

    package func loadImages(from path: String, progress: @escaping ProgressSink) async throws -> [ImageRecord] {
        try await translated(.loadFailed) {
            try await context.images.load(from: path, progress: progress).map { ImageRecord($0) }
        }
    }

    package func images() async throws -> [ImageRecord] { try await context.images.images().map { ImageRecord($0) } }

    package func image(_ name: String) async throws -> ImageRecord? {
        try await context.images.image(name).map { ImageRecord($0) }
    }

    package func removeImage(_ name: String, force: Bool) async throws {
        guard let image = try await context.images.image(name) else { throw EngineError.imageNotFound(name) }
        let isLastName = image.references.count <= 1 || image.digest.rawValue == name || force
        if isLastName, let user = imagesInUse.first(where: { $0.value == image.digest })?.key {
            throw EngineError(
                .imageInUse, "image `\(name)` is used by container `\(user)`", hint: "delete that container first")
        }
        try await translated(.loadFailed) { _ = try await context.images.remove(name, force: force) }
    }

    package func pruneImages(all: Bool) async throws -> ImagePruneReport {
        let removal = try await context.images.prune(inUse: Set(imagesInUse.values), all: all)
        return ImagePruneReport(removed: removal.removed, freed: removal.freed)
    }

    private var builder: ImageBuilder {
        ImageBuilder(
            directory: context.layout.stateDirectory + "/buildah", store: context.images, logger: context.logger)
    }

    /// The store's errors in the engine's words.
    private func translated<Result: Sendable>(
        _ otherwise: EngineError.Code, _ body: () async throws -> Result
    ) async throws -> Result {
        do {
            return try await body()
        } catch let error as ImageError {
            let code: EngineError.Code =
                error.kind == .notFound && otherwise != .loadFailed ? .imageNotFound : otherwise
            throw EngineError(code, error.message, hint: error.hint, cause: error.cause)
        }
    }
}

extension ImageRecord {
    /// The engine's view of an image of the store.
    init(_ image: StoredImage) {
        self.init(
            digest: image.digest, references: image.references, size: image.size, createdAt: image.createdAt,
            architecture: image.architecture, configuration: ImageRunConfiguration(image.configuration),
            layers: image.layers)
    }
}

extension ImageRunConfiguration {
    /// The engine's view of how an image is run.
    init(_ parameters: ImageRunParameters) {
        self.init()
        environment = parameters.environment
        entrypoint = parameters.entrypoint
        command = parameters.command
        workingDirectory = parameters.workingDirectory
        user = parameters.user
        exposedPorts = parameters.exposedPorts
        volumes = parameters.volumes
        labels = parameters.labels
        stopSignal = parameters.stopSignal
    }
}
