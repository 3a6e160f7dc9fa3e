internal import Glibc
internal import LinuxKernel
internal import OCI

/// What one version's source is made of.
struct SourceTree: Sendable, Hashable {
    /// One entry of the tree.
    struct Entry: Sendable, Hashable {
        enum Kind: Sendable, Hashable {
            case directory
            case file(size: Int64, isExecutable: Bool)
            case link(target: String)
        }

        let path: String
        let kind: Kind
    }

    /// Parents before children, sorted by path.
    let entries: [Entry]
    /// Paths that are no part of the copy: sockets, devices, links that lead out.
    let skipped: [String]

    /// Most files and bytes a source may have.
    struct Bounds: Sendable {
        var files: Int
        var bytes: Int64
    }

    /// Names that are no part of a copy.
    static func isIgnored(_ name: String) -> Bool { name == ".git" }
    private static let depthLimit = 64

    /// Lists a directory; links are listed, never followed. Blocks.
    /// - Parameter isIgnored: judges names; what it accepts is no part of the tree.
    /// - Throws: ``AppError`` `.appSource` when it is too large, too deep or cannot be read.
    static func scan(
        _ root: DirectoryHandle, name: String, bounds: Bounds,
        ignoring isIgnored: (String) -> Bool = isIgnored
    ) throws -> SourceTree {
        var entries: [Entry] = []
        var skipped: [String] = []
        var bytes: Int64 = 0
        var pending: [(path: String, depth: Int)] = [("", 0)]
        while let directory = pending.popLast() {
            guard directory.depth <= depthLimit else {
                throw AppError(.appSource, "source `\(name)` is nested deeper than \(depthLimit) directories")
            }
            let handle = directory.path.isEmpty ? root : try root.directory(directory.path)
            for child in try handle.names() where !isIgnored(child) {
                let path = directory.path.isEmpty ? child : directory.path + "/" + child
                guard let status = try handle.status(child) else { continue }  // removed meanwhile
                switch status.st_mode & S_IFMT {
                case S_IFDIR:
                    entries.append(Entry(path: path, kind: .directory))
                    pending.append((path, directory.depth + 1))
                case S_IFREG:
                    bytes += Int64(status.st_size)
                    let isExecutable = status.st_mode & 0o111 != 0
                    entries.append(
                        Entry(path: path, kind: .file(size: Int64(status.st_size), isExecutable: isExecutable)))
                case S_IFLNK:
                    let target = try handle.linkTarget(child)
                    if staysInside(path, target) {
                        entries.append(Entry(path: path, kind: .link(target: target)))
                    } else {
                        skipped.append(path)
                    }
                default: skipped.append(path)
                }
                guard entries.count <= bounds.files, bytes <= bounds.bytes else {
                    throw AppError(
                        .appSource,
                        "source `\(name)` has more than \(bounds.files) files or \(bounds.bytes) bytes",
                        hint: "give a directory that holds only the app")
                }
            }
        }
        return SourceTree(entries: entries.sorted { $0.path < $1.path }, skipped: skipped.sorted())
    }

    /// Whether a link at `path` with a relative `target` stays beneath the root, judged by its text.
    private static func staysInside(_ path: String, _ target: String) -> Bool {
        guard !target.hasPrefix("/") else { return false }
        var depth = path.split(separator: "/").count - 1
        for part in target.split(separator: "/") where part != "." {
            depth += part == ".." ? -1 : 1
            if depth < 0 { return false }
        }
        return true
    }

    /// The identity of every file, for ``IdentityHash``; reads all contents. Blocks.
    func digests(in root: DirectoryHandle) throws -> [(path: String, digest: String)] {
        try entries.compactMap { entry in
            switch entry.kind {
            case .directory: nil
            case .link(let target): (entry.path, "link:" + target)
            case .file(_, let isExecutable):
                (entry.path, (isExecutable ? "x:" : "") + (try Self.copy(entry.path, from: root, to: nil)))
            }
        }
    }

    /// Copies everything beneath `target`, an empty directory, and returns the identities of what was copied. Blocks.
    func copy(from root: DirectoryHandle, to target: DirectoryHandle) throws -> [(path: String, digest: String)] {
        var digests: [(path: String, digest: String)] = []
        for entry in entries {
            switch entry.kind {
            case .directory: try target.makeDirectory(entry.path)
            case .link(let destination):
                try target.makeSymbolicLink(entry.path, to: destination)
                digests.append((entry.path, "link:" + destination))
            case .file(_, let isExecutable):
                let output = try target.open(
                    entry.path, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: isExecutable ? 0o755 : 0o644)
                let digest = try Self.copy(entry.path, from: root, to: output.rawValue)
                digests.append((entry.path, (isExecutable ? "x:" : "") + digest))
            }
        }
        return digests
    }

    /// Reads a file, writes what was read where wanted, and returns its digest.
    private static func copy(_ path: String, from root: DirectoryHandle, to output: CInt?) throws -> String {
        let input = try root.open(path, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        var hasher = DigestHasher()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = read(input.rawValue, buffer.baseAddress, buffer.count)
            guard count >= 0 else { throw KernelError.last("read", path) }
            if count == 0 { break }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            var written = 0
            while let output, written < count {
                let part = write(output, buffer.baseAddress?.advanced(by: written), count - written)
                guard part >= 0 else { throw KernelError.last("write", path) }
                written += part
            }
        }
        return hasher.finish().hex
    }
}
