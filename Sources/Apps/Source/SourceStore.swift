internal import Dispatch
internal import Glibc
internal import LinuxKernel
internal import OCI

/// One stored source: a directory that never changes.
struct StoredSource: Sendable, Hashable {
    /// Absolute path.
    let directory: String
    /// Of own files and spec files.
    let hash: String
    /// Files that came from the app spec.
    let specFiles: [String]
    /// Paths that were not copied.
    let skipped: [String]
}

/// The sources of all versions: `<root>/<app id>/<number>`.
///
/// A copy is made under a temporary name and renamed when it is whole; what has a temporary name is a leftover.
struct SourceStore: Sendable {
    let root: String
    let bounds: SourceTree.Bounds

    /// What the source would be identified by, without copying it; nil for apps without own source.
    func hash(of source: String, spec: AppSpec?) async throws -> String {
        try await Blocking.run {
            var digests: [(path: String, digest: String)] = []
            if let handle = try open(source) {
                digests = try SourceTree.scan(handle, name: source, bounds: bounds).digests(in: handle)
            }
            return IdentityHash.source(Self.adding(spec, to: digests).all)
        }
    }

    /// Copies a source and the spec's files it lacks.
    func store(_ source: String, spec: AppSpec?, app id: String, version: Int) async throws -> StoredSource {
        try await Blocking.run {
            let base = try base()
            try base.makeDirectories(id, mode: 0o700)
            let temporary = "\(id)/.new-\(version)"
            try base.removeTree(temporary)
            try base.makeDirectory(temporary)
            do {
                let target = try base.directory(temporary)
                var digests: [(path: String, digest: String)] = []
                var skipped: [String] = []
                if let handle = try open(source) {
                    let tree = try SourceTree.scan(handle, name: source, bounds: bounds)
                    digests = try tree.copy(from: handle, to: target)
                    skipped = tree.skipped
                }
                let merged = Self.adding(spec, to: digests)
                for file in merged.added { try Self.write(file.text, to: file.name, in: target) }
                let final = "\(id)/\(version)"
                try base.removeTree(final)  // left by a change that was interrupted before it was recorded
                try base.rename(temporary, to: final)
                return StoredSource(
                    directory: "\(root)/\(final)", hash: IdentityHash.source(merged.all),
                    specFiles: merged.added.map(\.name), skipped: skipped)
            } catch {
                _ = try? base.removeTree(temporary)  // found again by its name at the next start
                throw error
            }
        }
    }

    /// Removes one version's copy.
    func remove(app id: String, version: Int) async throws {
        try await Blocking.run { _ = try base().removeTree("\(id)/\(version)") }
    }

    /// Removes all copies of an app.
    func remove(app id: String) async throws {
        try await Blocking.run { _ = try base().removeTree(id) }
    }

    /// Removes what no app knows: other apps' directories, unknown versions, half-made copies.
    func collect(known: [String: Set<Int>]) async throws -> [String] {
        try await Blocking.run {
            let base = try base()
            var removed: [String] = []
            for id in try base.names() {
                guard let versions = known[id] else {
                    try base.removeTree(id)
                    removed.append(id)
                    continue
                }
                for name in try base.directory(id).names() where Int(name).map(versions.contains) != true {
                    try base.removeTree("\(id)/\(name)")
                    removed.append("\(id)/\(name)")
                }
            }
            return removed
        }
    }

    /// The Starlark files of a version; for a development app those of its spec fill in what the source lacks.
    func programs(of version: AppVersion) async throws -> AppFiles {
        guard version.isDevelopment else { return try await programs(in: version.directory) }
        let own = try await programs(in: version.directory, ignoring: IgnoredNames.contains)
        guard let directory = version.details.specDirectory else { return own }
        return AppFiles(
            programs: try await programs(in: directory).programs.merging(own.programs) { $1 },
            rootFiles: own.rootFiles, hasStaticFiles: own.hasStaticFiles)
    }

    private func programs(
        in directory: String, ignoring isIgnored: @escaping @Sendable (String) -> Bool = SourceTree.isIgnored
    ) async throws -> AppFiles {
        try await Blocking.run {
            let handle = try open(directory) ?? DirectoryHandle(path: directory, resolution: .beneath)
            let tree = try SourceTree.scan(handle, name: directory, bounds: bounds, ignoring: isIgnored)
            var programs: [String: String] = [:]
            for entry in tree.entries where entry.path.hasSuffix(".star") {
                guard case .file = entry.kind else { continue }
                let bytes = try handle.contents(entry.path, limit: 4 << 20)
                programs[entry.path] = String(decoding: bytes, as: UTF8.self)
            }
            let isFile: (SourceTree.Entry) -> Bool = { if case .directory = $0.kind { false } else { true } }
            let paths = tree.entries.filter(isFile).map(\.path)
            return AppFiles(
                programs: programs,
                rootFiles: paths.filter { $0.hasPrefix("static_root/") }.map { String($0.dropFirst(12)) },
                hasStaticFiles: paths.contains { $0.hasPrefix("static/") })
        }
    }

    /// The text of one file of a stored source; nil when there is none.
    func text(of path: String, in directory: String) async throws -> String? {
        try await Blocking.run {
            let handle = try DirectoryHandle(path: directory, resolution: .beneath)
            do {
                return String(decoding: try handle.contents(path, limit: 4 << 20), as: UTF8.self)
            } catch let error as KernelError where error.errorNumber == ENOENT || error.errorNumber == ENOTDIR {
                return nil
            }
        }
    }

    /// Makes sure that a source can be read where it is.
    /// - Throws: ``AppError`` `.appSource`.
    func check(_ source: String) async throws {
        try await Blocking.run { _ = try open(source) }
    }

    private func base() throws -> DirectoryHandle {
        try Directories.make(root)
        return try DirectoryHandle(path: root, resolution: .beneath)
    }

    private func open(_ source: String) throws -> DirectoryHandle? {
        if source == "-" { return nil }
        guard source.hasPrefix("/") else {
            throw AppError(
                .appSource, "source `\(source)` is no absolute path", hint: "the command line makes it absolute")
        }
        do {
            return try DirectoryHandle(path: source, resolution: .beneath)
        } catch let error as KernelError {
            throw AppError(
                .appSource, "source `\(source)` cannot be read: \(error.message)", hint: "it must be a directory here")
        }
    }

    private static func adding(
        _ spec: AppSpec?, to own: [(path: String, digest: String)]
    ) -> (all: [(path: String, digest: String)], added: [AppSpec.File]) {
        let paths = Set(own.map(\.path))
        let added = (spec?.files ?? []).filter { !paths.contains($0.name) }
        return (own + added.map { ($0.name, Digest(of: Array($0.text.utf8)).hex) }, added)
    }

    private static func write(_ text: String, to name: String, in target: DirectoryHandle) throws {
        let output = try target.open(name, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o644)
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(output.rawValue, $0.baseAddress, $0.count) }
            guard count > 0 else { throw KernelError.last("write", name) }
            rest = rest.dropFirst(count)
        }
    }
}

/// Runs blocking calls on a queue instead of the thread pool.
enum Blocking {
    private static let queue = DispatchQueue(label: "martlet.apps.files", attributes: .concurrent)

    static func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result(catching: body)) }
        }
    }
}
