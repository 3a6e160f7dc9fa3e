internal import Core
internal import Glibc
internal import LinuxKernel
internal import Logging
package import OCI

/// What a snapshot shows, kept beside it: it outlives the image.
struct SnapshotRecord: Codable, Sendable {
    let image: Digest
    /// Lowest first.
    let layers: [Digest]

    static let fileName = "snapshot.json"
}

extension ImageStore {
    /// Mounts the file system of a container at `mountPoint`, which is made if it is missing.
    ///
    /// Idempotent: an existing snapshot is mounted again with its changes, a mounted one stays as it is. The image may have
    /// been removed in the meantime.
    /// - Throws: ``ImageError`` `.notFound` for an unknown image, `.snapshotFailed` when `id` shows another image.
    package func prepareSnapshot(id: String, image: Digest, mountPoint: String) async throws -> Snapshot {
        try checkSnapshotID(id)
        await released(id)  // the kernel may refuse directories that an earlier mount has not let go
        let record = try readableRecord(id, image) ?? createSnapshot(id, image)
        guard record.image == image else {
            throw ImageError(
                .snapshotFailed, "snapshot `\(id)` shows image `\(record.image)`, not `\(image)`",
                hint: "remove the container first")
        }
        let files = files
        let upper = files.path("\(files.snapshot(id))/upper")
        let work = files.path("\(files.snapshot(id))/work")
        try await BlockingWork.run {
            try StoreMounts.makeMountPoint(mountPoint)
            if let mounted = try StoreMounts.mounted(at: mountPoint) {
                if mounted.superOptions.contains("upperdir=\(upper)") { return }
                throw ImageError(.snapshotFailed, "something else is mounted at `\(mountPoint)`", hint: "unmount it")
            }
            let lower = try StoreMounts.visibleLayers(record.layers, files)
            try FileSystemMount.overlay(lower: lower, upper: upper, work: work, at: mountPoint)
        }
        return Snapshot(id: id, mountPoint: mountPoint, upperDirectory: upper, image: image)
    }

    /// Unmounts a snapshot; its changes stay, and so does the directory it was mounted at. Idempotent.
    ///
    /// It is out of sight at once; the kernel's waiting for the disk is left for later.
    package func unmountSnapshot(id: String, mountPoint: String) async throws {
        try checkSnapshotID(id)
        let upper = files.path("\(files.snapshot(id))/upper")
        let held = try await BlockingWork.run { () -> HeldMounts in
            guard let path = StoreMounts.canonical(mountPoint),
                let mounted = try StoreMounts.mounted(at: path),
                mounted.superOptions.contains("upperdir=\(upper)")
            else { return HeldMounts() }
            return try HeldMounts(detaching: [path])
        }
        release(held, of: id)
    }

    /// Removes a snapshot with its changes; if it is still mounted somewhere it is unmounted. Idempotent.
    ///
    /// The name is free at once; the files go later.
    package func removeSnapshot(id: String) async throws {
        try checkSnapshotID(id)
        guard try files.root.status(files.snapshot(id)) != nil else { return }
        let upper = files.path("\(files.snapshot(id))/upper")
        let aside = files.temporary(in: "snapshots", "trash")
        let files = files
        let held = try await BlockingWork.run {
            let mounted = try MountTable.read(naming: upper).entries.filter {
                $0.superOptions.contains("upperdir=\(upper)")
            }
            let held = try HeldMounts(detaching: mounted.map(\.mountPoint))
            do {
                try files.root.rename(files.snapshot(id), to: aside)
            } catch let error as KernelError where error.errorNumber == ENOENT {
                // Somebody else was faster.
            }
            return held
        }
        release(held, of: id)
        let logger = logger
        later(for: id) {
            do {
                try files.root.removeTree(aside)
            } catch {
                logger.warning(
                    "removed snapshot stays on disk until the next start",
                    metadata: ["snapshot": "\(id)", "error": "\(error)"])
            }
        }
    }

    private func release(_ held: HeldMounts, of id: String) {
        guard !held.isEmpty else { return }
        later(for: id) { held.close() }
    }

    /// The snapshots there are, by name.
    package func snapshots() async throws -> [String] {
        try files.root.directory("snapshots").names().filter { !$0.hasPrefix(StoreFiles.temporaryPrefix) }.sorted()
    }

    /// What every snapshot shows; unreadable records are reported and left alone.
    func snapshotRecords() throws -> [SnapshotRecord] {
        try files.root.directory("snapshots").names().compactMap { name in
            guard !name.hasPrefix(StoreFiles.temporaryPrefix) else { return nil }
            do {
                return try existingRecord(name)
            } catch {
                logger.error("snapshot cannot be read", metadata: ["snapshot": "\(name)", "error": "\(error)"])
                return nil
            }
        }
    }

    private func existingRecord(_ id: String) throws -> SnapshotRecord? {
        guard try files.root.status(files.snapshot(id)) != nil else { return nil }
        let bytes = try files.root.contents("\(files.snapshot(id))/\(SnapshotRecord.fileName)")
        return try ImageDocument.decode(SnapshotRecord.self, "snapshot record", bytes)
    }

    /// The record of a snapshot; one that a loss of power damaged is written anew from the image.
    private func readableRecord(_ id: String, _ image: Digest) throws -> SnapshotRecord? {
        do {
            return try existingRecord(id)
        } catch {
            guard let entry = index.images[image] else { throw error }
            logger.warning("snapshot record written anew", metadata: ["snapshot": "\(id)", "error": "\(error)"])
            let record = SnapshotRecord(image: image, layers: entry.configuration.rootfs.layers)
            try files.writeAtomically("\(files.snapshot(id))/\(SnapshotRecord.fileName)", ImageDocument.encode(record))
            return record
        }
    }

    /// Makes the directories of a snapshot beside their place and renames them when they are complete.
    private func createSnapshot(_ id: String, _ image: Digest) throws -> SnapshotRecord {
        guard let entry = index.images[image] else { throw ImageError.notFound(image.rawValue) }
        let record = SnapshotRecord(image: image, layers: entry.configuration.rootfs.layers)
        let temporary = files.temporary(in: "snapshots", "new")
        let root = files.root
        do {
            try root.makeDirectory(temporary, mode: 0o700)
            try root.makeDirectory("\(temporary)/work", mode: 0o700)
            try root.makeDirectory("\(temporary)/upper")
            // The upper directory gives the container's `/` its owner and mode: those of the image's uppermost layer.
            if let top = record.layers.last, let status = try root.status(files.layer(top)) {
                try root.setOwner("\(temporary)/upper", user: status.st_uid, group: status.st_gid)
                try root.setMode("\(temporary)/upper", status.st_mode & 0o7777)
            }
            let file = try root.open("\(temporary)/\(SnapshotRecord.fileName)", flags: O_WRONLY | O_CREAT, mode: 0o600)
            let bytes = try ImageDocument.encode(record)
            guard write(file.rawValue, bytes, bytes.count) == bytes.count else {
                throw KernelError.last("write", temporary)
            }
            try root.rename(temporary, to: files.snapshot(id))
        } catch {
            _ = try? root.removeTree(temporary)  // the first error counts; a leftover is collected at the next start
            throw error
        }
        return record
    }

    private func checkSnapshotID(_ id: String) throws {
        let isPlain = id.utf8.allSatisfy { $0 != UInt8(ascii: "/") && $0 != 0 }
        guard isPlain, !id.isEmpty, !id.hasPrefix("."), id.utf8.count <= 200 else {
            throw InvalidArgument(
                field: "snapshot", value: id, rule: "1...200 bytes without `/`, not beginning with a dot")
        }
    }
}

/// File systems that are out of sight and go when they are let go.
private struct HeldMounts: Sendable {
    private var descriptors: [CInt] = []
    var isEmpty: Bool { descriptors.isEmpty }

    init() {}

    init(detaching mountPoints: [String]) throws {
        for path in mountPoints {
            if let held = try FileSystemMount.detach(path) { descriptors.append(held.release()) }
        }
    }

    /// Lets them go; waits for the disk.
    func close() { for descriptor in descriptors { Glibc.close(descriptor) } }
}

/// What snapshots ask of the kernel.
private enum StoreMounts {
    static func makeMountPoint(_ path: String) throws {
        var made = path.hasPrefix("/") ? "" : "."
        for component in path.split(separator: "/") {
            made += "/\(component)"
            guard mkdir(made, 0o755) == 0 || errno == EEXIST else { throw KernelError.last("mkdir", made) }
        }
    }

    static func canonical(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The mount at `path`; reads the kernel's table only when something is mounted there.
    static func mounted(at path: String) throws -> MountEntry? {
        var inside = stat()
        var above = stat()
        guard stat(path, &inside) == 0, stat(path + "/..", &above) == 0 else { return nil }
        guard inside.st_dev != above.st_dev || inside.st_ino == above.st_ino else { return nil }
        return try canonical(path).flatMap { try MountTable.read(naming: $0).mount(at: $0) }
    }

    /// Directories for the overlay, uppermost first. A layer whose own root is opaque hides all beneath it, which the kernel
    /// does not look for at the root.
    static func visibleLayers(_ layers: [Digest], _ files: StoreFiles) throws -> [String] {
        var paths: [String] = []
        for diffID in layers.reversed() {
            let path = files.path(files.layer(diffID))
            // The kernel takes a layer once; the upper one shows all of it.
            if !paths.contains(path) { paths.append(path) }
            if try files.root.attribute(files.layer(diffID), name: "trusted.overlay.opaque") != nil { break }
        }
        return paths.isEmpty ? [files.path("empty")] : paths
    }
}
