package import Core
internal import Glibc
internal import LinuxKernel
internal import Logging
internal import OCI

extension ImageStore {
    /// Loads every image of an OCI layout (directory), an OCI archive or a docker archive; archives may be compressed by
    /// gzip, zstd, xz or bzip2. What it is, is found by content.
    ///
    /// Names come from the layout's annotations or the archive's tags; a name without registry becomes one of `localhost`.
    /// - Returns: the images in the order of the archive; at least one.
    /// - Throws: ``ImageError`` `.loadFailed` for what is none of these, `.invalidImage` or `.digestMismatch` for a damaged one.
    package func load(from path: String, progress: @escaping ProgressSink) async throws -> [StoredImage] {
        progress(.step("reading `\(path)`"))
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw ImageError(.loadFailed, "no file or directory `\(path)`", cause: KernelError.last("stat", path))
        }
        let hint = Self.nameHint(path)
        if status.st_mode & S_IFMT == S_IFDIR {
            return try await load(directory: path, shown: path, hint, .copy, progress)
        }
        return try await withTemporaryDirectory("load") { name in
            try await self.extract(path, into: name)
            return try await self.load(directory: self.files.path(name), shown: path, hint, .takeOver, progress)
        }
    }

    private func load(
        directory: String, shown: String, _ nameHint: String?, _ keeping: BlobKeeping,
        _ progress: @escaping ProgressSink
    ) async throws -> [StoredImage] {
        let incoming = try await BlockingWork.run {
            let root = try DirectoryHandle(path: directory)
            do {
                if try LayoutReader.isLayout(root) {
                    return try Self.named(try LayoutReader.images(in: root, nameHint: nameHint), in: root)
                }
                if try FlatReader.isFlat(root) { return [try FlatReader.image(in: root, references: [])] }
                if try DockerArchiveReader.isArchive(root) { return try DockerArchiveReader.images(in: root) }
            } catch let error as KernelError {
                throw ImageError(.loadFailed, "`\(shown)` cannot be read as an image", cause: error)
            }
            throw ImageError(
                .loadFailed, "`\(shown)` is no image: it holds neither `index.json` nor `manifest.json`",
                hint: "an OCI layout, an OCI archive or the output of `docker save` is needed")
        }
        var stored: [StoredImage] = []
        for var image in incoming {
            image.keeping = keeping
            progress(
                .step(
                    "unpacking \(image.references.map(\.familiar).sorted().first ?? "image \(image.digest.hex.prefix(12))")"
                ))
            stored.append(try await ingest(image, progress: progress))
        }
        return stored
    }

    /// Newer `docker save` writes a layout and its old `manifest.json` side by side; names that the layout lacks are there.
    private static func named(_ images: [IncomingImage], in root: DirectoryHandle) throws -> [IncomingImage] {
        guard images.contains(where: { $0.references.isEmpty }), try DockerArchiveReader.isArchive(root) else {
            return images
        }
        let tagged = try DockerArchiveReader.references(in: root)
        return images.map { image in
            var image = image
            if image.references.isEmpty { image.references = tagged[image.configurationDigest] ?? [] }
            return image
        }
    }

    private func extract(_ path: String, into name: String) async throws {
        let files = files
        let limits = limits
        try await BlockingWork.runOnThread { flag in
            let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            guard descriptor >= 0 else {
                throw ImageError(.loadFailed, "`\(path)` cannot be opened", cause: KernelError.last("open", path))
            }
            let archive = OwnedDescriptor(adopting: descriptor)
            let target = try files.root.directory(name)
            let unpacker = LayerUnpacker(
                limits: limits, options: LayerWriter.Options(hasWhiteouts: false, keepsOwners: false))
            do {
                _ = try unpacker.unpack(blob: archive.rawValue, into: target.rawValue, flag: flag)
            } catch let error as LayerError {
                throw ImageError(
                    .loadFailed, "`\(path)` is no image archive",
                    hint: "an OCI layout, an OCI archive or the output of `docker save` is needed", cause: error)
            }
        }
    }

    /// Runs `body` with the name of a directory of its own, which is removed whatever happens.
    func withTemporaryDirectory<Value: Sendable>(
        _ purpose: String, _ body: @Sendable (String) async throws -> Value
    ) async throws -> Value {
        let name = files.temporary(in: "incoming", purpose)
        try files.root.makeDirectory(name, mode: 0o700)
        let result = await Result { try await body(name) }
        let files = files
        do {
            try await BlockingWork.run { _ = try files.root.removeTree(name) }
        } catch {
            logger.warning(
                "temporary directory stays until the next start", metadata: ["path": "\(name)", "error": "\(error)"])
        }
        return try result.get()
    }

    /// The repository for entries that carry a tag only: the file's name without endings, if that can be a repository.
    private static func nameHint(_ path: String) -> String? {
        guard var name = path.split(separator: "/").last.map(String.init) else { return nil }
        for ending in [".gz", ".tgz", ".zst", ".xz", ".bz2", ".tar", ".oci"] where name.hasSuffix(ending) {
            name.removeLast(ending.count)
        }
        let hint = name.lowercased()
        return ImageReference(parsing: "\(ImageReference.localRegistry)/\(hint)") == nil ? nil : hint
    }
}
