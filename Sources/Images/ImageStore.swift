internal import Dispatch
internal import Core
internal import Glibc
internal import LinuxKernel
package import Logging
package import OCI

/// The local image store: images with their names, layers unpacked once and shared, snapshots for containers.
///
/// ```
///     pull ──┐                                   ┌──▶ layers/<diffID>   (each unpacked once, in parallel)
///     load ──┼─▶ documents read and checked ─▶ ingest ─▶ blobs ─▶ index.json        prune: what nothing needs is removed
///     ingest ┘                                                └──▶ prepareSnapshot: overlay of layers + own upper directory
/// ```
/// An image is in the index only when all its layers are complete, so that being killed at any instant leaves the store as
/// it was plus leftovers, which the next start collects. The actor runs on a queue of its own: it may touch the disk.
/// The blobs of layers are kept beside the unpacked layers where that costs no second download, so that an image can be
/// handed on as it came: see ``export(_:to:)``.
package actor ImageStore {
    /// The directory that holds everything.
    package nonisolated let directory: String
    let logger: Logger
    let files: StoreFiles
    let limits: LayerLimits
    let unpackers = WorkLimiter(BlockingWork.processors)

    var index: StoreIndex
    var pulls: [String: JoinedWork<StoredImage>] = [:]
    var layersUnderWay: [Digest: JoinedWork<UnpackedLayer>] = [:]
    /// Layers and blobs that a running operation relies on before the index names them.
    var pins: [Digest: Int] = [:]
    private var syncing: Task<Void, Never>?
    private var needsSync = false
    /// What is still to be released of a snapshot, in order.
    private var releases: [String: [Task<Void, Never>]] = [:]

    private nonisolated let executor = QueueExecutor(label: "martlet.images.store")
    /// A queue on which waiting for the disk holds up nobody else.
    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Opens the store in `directory`, which is made if it is missing.
    ///
    /// Leftovers of a killed process are collected. What cannot be read is kept under `quarantine/` and reported, and an
    /// image whose layers are gone is forgotten; neither makes this fail.
    package init(directory: String, logger: Logger) async throws {
        try await self.init(directory: directory, logger: logger, limits: LayerLimits())
    }

    /// As above, with other bounds on layers.
    init(directory: String, logger: Logger, limits: LayerLimits) async throws {
        self.directory = directory
        self.logger = logger
        self.limits = limits
        (files, index) = try await BlockingWork.run { try Self.open(directory, logger) }
        startSyncing()
    }

    private static func open(_ directory: String, _ logger: Logger) throws -> (StoreFiles, StoreIndex) {
        let files = try StoreFiles(directory: directory)
        let leftovers = try files.removeLeftovers()
        if !leftovers.isEmpty {
            logger.notice("unfinished image work removed", metadata: ["count": "\(leftovers.count)"])
        }
        for diffID in try files.unsyncedLayers().lost {
            logger.warning("layer may be incomplete after a restart of the machine", metadata: ["layer": "\(diffID)"])
            try files.discardLost(diffID)
        }
        var index = try StoreIndex.read(from: files, logger)
        var isChanged = false
        for entry in index.images.values {
            guard let missing = try entry.configuration.rootfs.layers.first(where: { try !files.hasLayer($0) }) else {
                continue
            }
            try files.writeAtomically("quarantine/\(entry.digest.hex).json", ImageDocument.encode(entry))
            index.remove(entry.digest)
            isChanged = true
            logger.error(
                "image is incomplete and was forgotten: fetch it again",
                metadata: [
                    "image": "\(entry.digest)", "names": "\(entry.stored.references)", "layer.missing": "\(missing)",
                ])
        }
        if isChanged { try index.write(to: files) }
        return (files, index)
    }

    /// Waits until everything has reached the disk and what was removed is gone. The store may be used on.
    package func close() async {
        while let task = syncing ?? releases.first?.value.last { await task.value }
    }

    // MARK: Questions

    /// All images, newest first.
    package func images() async throws -> [StoredImage] {
        index.images.values.map(\.stored).sorted {
            ($0.createdAt, $0.digest.rawValue) > ($1.createdAt, $1.digest.rawValue)
        }
    }

    /// The image by reference, digest or unique prefix (6 digits or more) of its digest; nil when absent.
    ///
    /// A name without host means `docker.io` first and then what was built or loaded here: `busybox:1` finds
    /// `docker.io/library/busybox:1` or else `localhost/busybox:1`.
    package func image(_ name: String) async throws -> StoredImage? { try index.find(name)?.stored }

    func entry(_ name: String) throws -> StoreIndex.Entry {
        guard let entry = try index.find(name) else { throw ImageError.notFound(name) }
        return entry
    }

    // MARK: Names

    /// Gives an image a further name; the name leaves the image that had it.
    @discardableResult
    package func tag(_ name: String, as reference: ImageReference) async throws -> StoredImage {
        let entry = try entry(name)
        try change { $0.tag(entry.digest, reference) }
        return index.images[entry.digest]?.stored ?? entry.stored
    }

    /// Takes a name away; the image stays. An unknown name is no error.
    package func untag(_ reference: ImageReference) async throws {
        guard let entry = index.find(reference) else { return }
        guard let name = reference.localCandidates.first(where: entry.references.contains) else { return }
        try change { $0.untag(name) }
    }

    /// Applies a change to the index, and keeps it only if it could be written.
    func change(_ body: (inout StoreIndex) -> Void) throws {
        var changed = index
        body(&changed)
        try changed.write(to: files)
        index = changed
    }

    // MARK: Later

    /// Does what remains of a snapshot's end after the caller has gone on; ``released(_:)`` and ``close()`` wait for it.
    func later(for snapshot: String, _ body: @escaping @Sendable () -> Void) {
        let earlier = releases[snapshot]?.last
        // Owned by `releases`.
        let task = Task {
            await earlier?.value
            await BlockingWork.runLater(body)
            releases[snapshot]?.removeFirst()
            if releases[snapshot]?.isEmpty == true { releases[snapshot] = nil }
        }
        releases[snapshot, default: []].append(task)
    }

    /// Waits until nothing remains to be done for a snapshot of that name.
    func released(_ snapshot: String) async {
        while let task = releases[snapshot]?.last { await task.value }
    }

    /// Writes new layers to disk in the background; until then a note says which would not survive a loss of power.
    func startSyncing() {
        needsSync = true
        guard syncing == nil else { return }
        // Owned by `syncing`; `close()` awaits it.
        syncing = Task {
            while needsSync {
                needsSync = false
                await sync()
            }
            syncing = nil
        }
    }

    private func sync() async {
        let files = files
        do {
            try await BlockingWork.run { try files.sync(try files.unsyncedLayers().current) }
        } catch {
            logger.warning("layers could not be synced", metadata: ["error": "\(error)"])
        }
    }
}

/// Runs an actor on a serial dispatch queue, so that it may wait for the disk.
///
/// Safe to share: a dispatch queue is.
private final class QueueExecutor: SerialExecutor {
    private let queue: DispatchQueue

    init(label: String) { queue = DispatchQueue(label: label, qos: .userInitiated) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}
