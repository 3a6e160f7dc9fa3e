internal import Glibc
internal import LinuxKernel
internal import OCI

extension ImageStore {
    /// Writes an image into a new image layout at `path`, as it came, under the tag `latest`: what a builder reads to build
    /// upon it. A manifest in Docker's words is written in OCI's, and has another digest there.
    ///
    /// Layers are shared with the store where the file systems agree; the layout must not be changed in place.
    /// - Throws: ``ImageError`` `.notFound`; `.notKept` for an image that was built here, whose blobs are the builder's.
    package func export(_ name: String, to path: String) async throws -> StoredImage {
        let entry = try entry(name)
        let digests = entry.layerDigests + [entry.configurationDigest]
        guard
            let missing = try (digests + [entry.digest]).first(where: { try files.root.status(files.blob($0)) == nil })
        else {
            return try await write(entry, digests, to: path)
        }
        throw ImageError(
            .notKept, "image `\(name)` cannot be exported: `\(missing)` is not kept", hint: "pull or load it again")
    }

    private func write(_ entry: StoreIndex.Entry, _ digests: [Digest], to path: String) async throws -> StoredImage {
        let files = files
        for digest in digests { pins[digest, default: 0] += 1 }
        defer {
            for digest in digests { pins[digest] = pins[digest].flatMap { $0 > 1 ? $0 - 1 : nil } }
        }
        try await BlockingWork.run {
            guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw KernelError.last("mkdir", path) }
            let layout = try DirectoryHandle(path: path, resolution: .beneath)
            try layout.makeDirectories("blobs/sha256")
            for digest in Set(digests) {
                let blob = try files.root.open(files.blob(digest), flags: O_RDONLY)
                try BlobKeeper.link(blob.rawValue, into: layout, as: files.blob(digest), files)
            }
            let original = try files.root.contents(files.blob(entry.digest), limit: ImageDocument.sizeLimit)
            let manifest = try ImageManifest(parsing: original).inOCIWords(original)
            let descriptor = Descriptor(
                mediaType: MediaType.imageManifest, digest: Digest(of: manifest), size: Int64(manifest.count),
                annotations: [Descriptor.referenceAnnotation: "latest"])
            for (name, bytes) in [
                (files.blob(descriptor.digest), manifest),
                ("index.json", try ImageDocument.encode(ImageIndex(manifests: [descriptor]))),
                ("oci-layout", try ImageDocument.encode(ImageLayoutMarker())),
            ] {
                let file = try layout.open(name, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
                guard Glibc.write(file.rawValue, bytes, bytes.count) == bytes.count else {
                    throw KernelError.last("write", name)
                }
            }
        }
        return entry.stored
    }
}
