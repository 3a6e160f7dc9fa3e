package import Core
package import OCI

extension InMemoryEngine {
    package func pullImage(
        _ reference: ImageReference, options: ImagePullOptions, progress: @escaping ProgressSink
    ) async throws -> ImageRecord {
        record(.pull(reference.description))
        try require(.pull, "pulling images")
        if options.policy != .always, let image = findImage(reference.description) { return image.record }
        guard options.policy != .never else { throw EngineError.imageNotFound(reference.description) }
        progress(.step("pull \(reference.familiar)"))
        if let pullGate { try await pullGate.pass() }
        guard let script = registry[reference.description] else {
            throw EngineError(.pullFailed, "image `\(reference)` is not in its registry")
        }
        progress(.bytes(item: "layer", done: .mebibytes(1), total: .mebibytes(1)))
        self.script(image: reference.description, script)
        return try await found(reference.description)
    }

    package func buildImage(
        _ request: ImageBuildRequest, progress: @escaping ProgressSink
    ) async throws -> ImageRecord {
        record(.build(request.tag.description))
        try require(.build, "building images")
        var script = try await builder(request, progress)
        try Task.checkCancellation()
        script.configuration.labels.merge(request.labels) { $1 }
        self.script(image: request.tag.description, script)
        return try await found(request.tag.description)
    }

    package func loadImages(from path: String, progress: @escaping ProgressSink) async throws -> [ImageRecord] {
        record(.load(path))
        guard let images = archives[path] else {
            throw EngineError(.loadFailed, "`\(path)` is neither an OCI layout nor an image archive")
        }
        progress(.step("load \(path)"))
        for (name, script) in images { self.script(image: name, script) }
        return images.keys.sorted().compactMap { findImage($0)?.record }
    }

    package func images() async throws -> [ImageRecord] {
        local.values.map(\.record).sorted { ($0.createdAt, $0.digest.rawValue) > ($1.createdAt, $1.digest.rawValue) }
    }

    package func image(_ name: String) async throws -> ImageRecord? { findImage(name)?.record }

    package func removeImage(_ name: String, force: Bool) async throws {
        record(.removeImage(name))
        guard let image = findImage(name) else { throw EngineError.imageNotFound(name) }
        if let user = cells.values.first(where: { $0.image.digest == image.digest }) {
            throw EngineError(
                .imageInUse, "image `\(name)` is used by container `\(user.id)`", hint: "delete that container first")
        }
        local[image.name] = nil
    }

    package func pruneImages(all: Bool) async throws -> ImagePruneReport {
        let used = Set(cells.values.map(\.image.digest))
        let removed = all ? local.values.filter { !used.contains($0.digest) }.map(\.name).sorted() : []
        for name in removed { local[name] = nil }
        return ImagePruneReport(removed: removed, freed: .mebibytes(Int64(removed.count)))
    }

    func findImage(_ name: String) -> SimulatedImage? {
        if let image = local[Self.fullName(name)] ?? local[Self.fullName("localhost/" + name)] { return image }
        let digits = name.hasPrefix("sha256:") ? String(name.dropFirst(7)) : name
        guard digits.utf8.count >= 6 else { return nil }
        let matches = local.values.filter { $0.digest.hex.hasPrefix(digits) }
        return matches.count == 1 ? matches[0] : nil
    }

    static func fullName(_ name: String) -> String { ImageReference(parsing: name)?.description ?? name }

    private func found(_ name: String) async throws -> ImageRecord {
        guard let image = findImage(name) else { throw EngineError.imageNotFound(name) }
        return image.record
    }
}
