internal import Core
internal import LinuxKernel
package import OCI

extension ImageStore {
    /// Removes a name, and the image with its last name. An image given by digest goes with all its names; if it has
    /// several, only with `force`.
    ///
    /// Layers that a snapshot shows stay until it is removed.
    @discardableResult
    package func remove(_ name: String, force: Bool = false) async throws -> ImageRemoval {
        let entry = try entry(name)
        var removal = ImageRemoval()
        let reference = ImageReference(parsing: name)?.localCandidates.first(where: entry.references.contains)
        if let reference, entry.references.count > 1 {
            try change { $0.untag(reference) }
            removal.removed = [reference.description]
            return removal
        }
        guard reference != nil || entry.references.count < 2 || force else {
            throw ImageError(
                .inUse, "image `\(name)` has \(entry.references.count) names",
                hint: "remove them one by one, or all of them with --force")
        }
        try change { $0.remove(entry.digest) }
        removal.removed = entry.stored.references + [entry.digest.rawValue]
        removal.freed = ByteCount(try await collect())
        return removal
    }

    /// Removes images that are neither in `inUse` nor shown by a snapshot: those without name, or all. Layers that nothing
    /// needs any more go with them.
    @discardableResult
    package func prune(inUse: Set<Digest>, all: Bool) async throws -> ImageRemoval {
        let kept = try inUse.union(snapshotRecords().map(\.image))
        let doomed = index.images.values.filter { (all || $0.references.isEmpty) && !kept.contains($0.digest) }
        var removal = ImageRemoval()
        if !doomed.isEmpty {
            try change { index in
                for entry in doomed { index.remove(entry.digest) }
            }
        }
        removal.removed = doomed.map { $0.references.map(\.description).min() ?? $0.digest.rawValue }.sorted()
        removal.freed = ByteCount(try await collect())
        return removal
    }

    /// Removes layers and documents that no image, no snapshot and no running operation needs; bytes freed.
    func collect() async throws -> Int64 {
        let layers = try index.layers.union(pins.keys).union(snapshotRecords().flatMap(\.layers))
        let blobs = index.blobs.union(pins.keys)
        var garbage: [String] = []
        // Moved aside here, where nobody can begin to use them; removed outside.
        for name in try files.root.directory("layers").names() {
            guard let digest = Digest(rawValue: "sha256:\(name)"), !layers.contains(digest) else { continue }
            garbage.append(try setAside("layers/\(name)"))
        }
        for name in try files.root.directory("blobs/sha256").names() {
            guard let digest = Digest(rawValue: "sha256:\(name)"), !blobs.contains(digest) else { continue }
            garbage.append(try setAside("blobs/sha256/\(name)"))
        }
        let files = files
        let doomed = garbage
        return try await BlockingWork.run { try doomed.reduce(0) { $0 + (try files.root.removeTree($1)) } }
    }

    private func setAside(_ name: String) throws -> String {
        let folder = name.split(separator: "/").dropLast().joined(separator: "/")
        let aside = files.temporary(in: folder, "trash")
        try files.root.rename(name, to: aside)
        return aside
    }
}
