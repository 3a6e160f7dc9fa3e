package import Core
internal import Glibc
internal import LinuxKernel
internal import Logging
package import OCI

extension ImageStore {
    /// Takes one image over from an OCI layout, such as a builder writes, and names it `reference`.
    ///
    /// Where the layout holds several images, the one with that name or tag is taken. The layout stays as it is.
    package func ingest(
        layout path: String, reference: ImageReference, progress: @escaping ProgressSink
    ) async throws -> StoredImage {
        let images = try await BlockingWork.run {
            let root = try DirectoryHandle(path: path)
            return try LayoutReader.images(in: root, nameHint: "layout")
        }
        let named = images.first { image in
            image.references.contains { $0 == reference || $0.repository == "layout" && $0.tag == reference.tag }
        }
        guard var image = named ?? (images.count == 1 ? images.first : nil) else {
            throw ImageError(
                .loadFailed, "the layout at `\(path)` holds \(images.count) images and none is named `\(reference)`")
        }
        image.references = [reference]
        return try await ingest(image, progress: progress)
    }

    /// Unpacks what is missing of an image and enters it into the index.
    func ingest(_ image: IncomingImage, progress: @escaping ProgressSink) async throws -> StoredImage {
        let needed = image.layers.flatMap { [$0.diffID, $0.blobDigest] }
        pin(needed, by: 1)
        defer { pin(needed, by: -1) }
        if !Platform.current.canRun(image.configuration.platform) {
            logger.warning(
                "image is for another platform",
                metadata: [
                    "image": "\(image.digest)", "platform": "\(image.configuration.platform)",
                    "host": "\(Platform.current)",
                ])
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            var seen: Set<Digest> = []
            for layer in image.layers where seen.insert(layer.diffID).inserted {
                group.addTask { try await self.ensure(layer, of: image.source, progress) }
            }
            try await group.waitForAll()
        }
        let files = files
        try await BlockingWork.run { try BlobKeeper(files: files).keep(image) }
        return try enter(image)
    }

    /// Writes the documents and the index; from here on the image exists.
    private func enter(_ image: IncomingImage) throws -> StoredImage {
        if index.images[image.digest] == nil {
            try files.writeAtomically(files.blob(image.configurationDigest), image.configurationBytes, synced: false)
            try files.writeAtomically(files.blob(image.digest), image.manifest, synced: false)
        }
        let entry = StoreIndex.Entry(
            digest: image.digest, configurationDigest: image.configurationDigest,
            layerDigests: image.layers.map(\.blobDigest), references: image.references,
            size: ByteCount(image.layers.reduce(0) { $0 &+ $1.size }), createdAt: Clock.milliseconds(),
            configuration: image.configuration)
        try change { $0.add(entry) }
        startSyncing()
        logger.info(
            "image stored",
            metadata: [
                "image": "\(image.digest)", "names": "\(entry.stored.references)", "layers": "\(image.layers.count)",
            ])
        return index.images[image.digest]?.stored ?? entry.stored
    }

    private func pin(_ digests: [Digest], by count: Int) {
        for digest in digests {
            let total = (pins[digest] ?? 0) + count
            pins[digest] = total == 0 ? nil : total
        }
    }

    /// Returns once the layer is there, unpacked now or before, by this caller or by another one at the same time.
    private func ensure(_ layer: IncomingLayer, of source: DirectoryHandle, _ progress: @escaping ProgressSink)
        async throws
    {
        while try !files.hasLayer(layer.diffID) {
            if let other = layersUnderWay[layer.diffID] {
                // The other one's source may be damaged where ours is not: after its failure it is our turn.
                do { _ = try await other.join(progress) } catch { try Task.checkCancellation() }
                continue
            }
            let arrival = LayerArrival(files: files, layer: layer, source: source, limits: limits)
            let unpackers = unpackers
            let work = JoinedWork { report in
                let result = await Result { try await unpackers.run { try await arrival.run(report) } }
                await self.finished(layer.diffID)
                return try result.get()
            }
            layersUnderWay[layer.diffID] = work
            _ = try await work.join(progress)
        }
    }

    private func finished(_ diffID: Digest) { layersUnderWay[diffID] = nil }
}

/// Unpacks one layer beside its place and renames it when it is complete and right.
private struct LayerArrival {
    let files: StoreFiles
    let layer: IncomingLayer
    let source: DirectoryHandle
    let limits: LayerLimits

    func run(_ progress: @escaping ProgressSink) async throws -> UnpackedLayer {
        let item = "layer \(layer.diffID.hex.prefix(12))"
        let total = ByteCount(layer.size)
        return try await BlockingWork.runOnThread { [self] flag in
            let temporary = files.temporary(in: "layers", String(layer.diffID.hex.prefix(12)))
            try files.root.makeDirectory(temporary)
            do {
                let result = try unpack(into: temporary, flag) { done in
                    progress(.bytes(item: item, done: ByteCount(done), total: total))
                }
                try files.markUnsynced(layer.diffID)
                try files.root.rename(temporary, to: files.layer(layer.diffID))
                return result
            } catch {
                // The first error counts; a leftover is collected at the next start.
                _ = try? files.root.removeTree(temporary)
                throw error
            }
        }
    }

    private func unpack(
        into temporary: String, _ flag: CancellationFlag, _ progress: @escaping @Sendable (Int64) -> Void
    ) throws -> UnpackedLayer {
        let blob = try source.open(layer.path, flags: O_RDONLY | O_NONBLOCK)
        var status = stat()
        guard fstat(blob.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw ImageError(.invalidImage, "layer `\(layer.path)` is no regular file")
        }
        posix_fadvise(blob.rawValue, 0, 0, POSIX_FADV_SEQUENTIAL)
        let target = try files.root.directory(temporary)
        var unpacker = LayerUnpacker()
        unpacker.limits = limits
        let result = try unpacker.unpack(blob: blob.rawValue, into: target.rawValue, flag: flag, progress: progress)
        if let digest = layer.digest, digest != result.digest {
            throw ImageError.mismatch("digest of a layer", expected: digest, found: result.digest)
        }
        guard result.diffID == layer.diffID else {
            throw ImageError.mismatch("digest of a layer's content", expected: layer.diffID, found: result.diffID)
        }
        return result
    }
}
