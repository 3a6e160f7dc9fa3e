internal import CLinux
internal import FoundationEssentials
internal import Glibc
internal import LinuxKernel
internal import OCI

/// The files of an image store. All calls block.
///
/// ```
///     index.json                      images with their names; written as a sibling, synced, renamed
///     blobs/sha256/<hex>              manifests, configurations and the layers of pulled and loaded images as they came
///     layers/<hex of diffID>/         unpacked layers, shared by images; renamed into place when complete
///     layers/.unsynced-<boot>-<hex>   that layer may not have reached the disk yet
///     snapshots/<id>/{upper,work,snapshot.json}
///     incoming/                       downloads and extracted archives under way
///     quarantine/                     what could not be read
///     empty/                          the only layer of an image without layers
///     …/.tmp-…                        unfinished; removed when the store is opened
/// ```
struct StoreFiles: Sendable {
    let directory: String
    let root: DirectoryHandle
    let bootID: String

    static let temporaryPrefix = ".tmp-"
    static let unsyncedPrefix = ".unsynced-"

    /// Opens the directory and makes what is missing.
    init(directory: String) throws {
        try Self.makeDirectories(directory)
        self.directory = directory
        root = try DirectoryHandle(path: directory, resolution: .beneath)
        for name in ["blobs/sha256", "layers", "snapshots", "incoming", "quarantine", "empty"] {
            try root.makeDirectories(name)
        }
        let boot = try DirectoryHandle(path: "/proc/sys/kernel/random").contents("boot_id")
        bootID = String(decoding: boot.filter { $0 != UInt8(ascii: "-") && $0 > 32 }, as: UTF8.self)
    }

    /// Makes the directory, for its owner alone: layers hold set-user-ID programs that are no business of this host's users.
    private static func makeDirectories(_ path: String) throws {
        var made = path.hasPrefix("/") ? "" : "."
        for component in path.split(separator: "/") {
            made += "/\(component)"
            guard mkdir(made, 0o755) == 0 || errno == EEXIST else { throw KernelError.last("mkdir", made) }
        }
        guard chmod(path, 0o700) == 0 else { throw KernelError.last("chmod", path) }
    }

    func path(_ name: String) -> String { "\(directory)/\(name)" }
    func layer(_ diffID: Digest) -> String { "layers/\(diffID.hex)" }
    func blob(_ digest: Digest) -> String { "blobs/sha256/\(digest.hex)" }
    func snapshot(_ id: String) -> String { "snapshots/\(id)" }

    /// A name in `folder` that is collected at the next start if it is still there then.
    func temporary(in folder: String, _ purpose: String) -> String {
        let random = String(UInt64.random(in: .min ... .max), radix: 36)
        return "\(folder)/\(Self.temporaryPrefix)\(purpose)-\(random)"
    }

    func hasLayer(_ diffID: Digest) throws -> Bool { try root.status(layer(diffID)) != nil }

    /// Writes a file so that after a crash either the old or the new content is there.
    /// - Parameter synced: whether that holds after a loss of power too. It costs a wait for the disk, which may be busy
    ///   with layers; documents that are checked by their digest do without.
    func writeAtomically(_ name: String, _ bytes: [UInt8], synced: Bool = true) throws {
        let folder = name.split(separator: "/").dropLast().joined(separator: "/")
        let sibling = temporary(in: folder.isEmpty ? "." : folder, "write")
        do {
            let file = try root.open(sibling, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
            var done = 0
            while done < bytes.count {
                let n = bytes[done...].withUnsafeBytes { write(file.rawValue, $0.baseAddress!, $0.count) }
                if n < 0, errno == EINTR { continue }
                guard n > 0 else { throw KernelError.last("write", path(name)) }
                done += n
            }
            if synced, fdatasync(file.rawValue) != 0 { throw KernelError.last("fdatasync", path(name)) }
            try root.rename(sibling, to: name)
        } catch {
            try? root.unlink(sibling)  // the first error counts; a leftover is collected at the next start
            throw error
        }
    }

    /// Moves something out of the way at once and removes it; bytes freed.
    @discardableResult
    func discard(_ name: String) throws -> Int64 {
        let folder = name.split(separator: "/").dropLast().joined(separator: "/")
        let aside = temporary(in: folder, "trash")
        do {
            try root.rename(name, to: aside)
        } catch let error as KernelError where error.errorNumber == ENOENT {
            return 0
        }
        return try root.removeTree(aside)
    }

    /// Removes what a process that was killed left unfinished.
    func removeLeftovers() throws -> [String] {
        var removed: [String] = []
        for folder in [".", "layers", "blobs/sha256", "snapshots", "incoming"] {
            for name in try root.directory(folder).names() {
                guard name.hasPrefix(Self.temporaryPrefix) || folder == "incoming" else { continue }
                try root.removeTree("\(folder)/\(name)")
                removed.append("\(folder)/\(name)")
            }
        }
        return removed
    }

    /// Keeps what cannot be read for a person to look at.
    func quarantine(_ name: String) throws -> String {
        let last = name.split(separator: "/").last.map(String.init) ?? name
        let kept = "quarantine/\(last)-\(Clock.milliseconds())"
        try root.rename(name, to: kept)
        return path(kept)
    }

    // MARK: Layers that may not have reached the disk

    private func marker(_ diffID: Digest, boot: String) -> String {
        "layers/\(Self.unsyncedPrefix)\(boot)-\(diffID.hex)"
    }

    /// Notes that a layer will be there before its content is sure to survive a loss of power.
    func markUnsynced(_ diffID: Digest) throws {
        _ = try root.open(marker(diffID, boot: bootID), flags: O_WRONLY | O_CREAT, mode: 0o600)
    }

    /// Layers noted by ``markUnsynced(_:)``: in this boot of the machine, and in earlier ones.
    func unsyncedLayers() throws -> (current: [Digest], lost: [Digest]) {
        var current: [Digest] = []
        var lost: [Digest] = []
        for name in try root.directory("layers").names() where name.hasPrefix(Self.unsyncedPrefix) {
            let parts = name.dropFirst(Self.unsyncedPrefix.count).split(separator: "-")
            guard parts.count == 2, let digest = Digest(rawValue: "sha256:\(parts[1])") else { continue }
            if parts[0] == bootID { current.append(digest) } else { lost.append(digest) }
        }
        return (current, lost)
    }

    /// Writes everything to disk, after which `layers` need no note any more.
    func sync(_ layers: [Digest]) throws {
        guard !layers.isEmpty else { return }
        let result = clx_syncfs(root.rawValue)
        guard result == 0 else { throw KernelError(call: "syncfs", errorNumber: -result, subject: directory) }
        for diffID in layers { try root.removeTree(marker(diffID, boot: bootID)) }
    }

    /// Removes a layer that an earlier boot may not have written completely, with its note.
    func discardLost(_ diffID: Digest) throws {
        try discard(layer(diffID))
        for name in try root.directory("layers").names()
        where name.hasPrefix(Self.unsyncedPrefix) && name.hasSuffix(diffID.hex) {
            try root.unlink("layers/\(name)")
        }
    }
}

/// The time of day.
enum Clock {
    /// Milliseconds since 1970.
    static func milliseconds() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }
}
