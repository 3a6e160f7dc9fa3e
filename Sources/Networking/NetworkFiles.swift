internal import FoundationEssentials
internal import Glibc
internal import LinuxKernel

/// The records of an instance's network.
///
/// The subnet is durable: containers keep their network across a reboot. Leases speak of things that a reboot ends, live in
/// the runtime directory and need no `fsync`: whoever loses the file loses the interface as well. Calls block.
struct NetworkFiles: Sendable {
    let stateDirectory: String
    let runtimeDirectory: String

    /// What ``loadLeases()`` found.
    struct Loaded: Sendable {
        var leases: [NetworkLease] = []
        /// Files that could not be read, renamed so that nobody meets them again.
        var quarantined: [String] = []
    }

    private struct SubnetRecord: Codable {
        let subnet: IPv4Subnet
    }

    private var subnetFile: String { stateDirectory + "/subnet.json" }
    private var leaseDirectory: String { runtimeDirectory + "/leases" }
    /// Where the name service reads its configuration.
    var nameDirectory: String { runtimeDirectory + "/names" }

    /// Makes the directories.
    func prepare() throws {
        for directory in [stateDirectory, leaseDirectory, nameDirectory] { try Self.makeDirectories(directory) }
    }

    /// The recorded subnet; nil when there is none, or none that can be read.
    func loadSubnet() -> IPv4Subnet? {
        // Unreadable is as good as absent: the bridge itself is asked next.
        guard let bytes = try? Self.read(subnetFile) else { return nil }
        // As above.
        return (try? JSONDecoder().decode(SubnetRecord.self, from: Data(bytes)))?.subnet
    }

    /// Records the subnet so that it survives a loss of power.
    func save(_ subnet: IPv4Subnet) throws {
        try Self.replace(subnetFile, with: Array(try JSONEncoder().encode(SubnetRecord(subnet: subnet))), durable: true)
    }

    /// Every lease on record.
    func loadLeases() throws -> Loaded {
        var loaded = Loaded()
        for name in try FileManager.default.contentsOfDirectory(atPath: leaseDirectory).sorted() {
            let path = leaseDirectory + "/" + name
            if name.hasSuffix(Self.unfinished) { _ = unlink(path) }
            guard name.hasSuffix(".json") else { continue }
            do {
                let lease = try JSONDecoder().decode(NetworkLease.self, from: Data(try Self.read(path)))
                guard path == leaseFile(lease.id) else { throw CocoaError(.fileReadCorruptFile) }
                loaded.leases.append(lease)
            } catch {
                guard rename(path, path + ".unreadable") == 0 else { throw KernelError.last("rename", path) }
                loaded.quarantined.append(name)
            }
        }
        return loaded
    }

    /// Records a lease; it is there before anything it speaks of.
    func save(_ lease: NetworkLease) throws {
        try Self.replace(leaseFile(lease.id), with: Array(try JSONEncoder().encode(lease)), durable: false)
    }

    /// Forgets a lease.
    func removeLease(_ id: String) throws {
        guard unlink(leaseFile(id)) == 0 || errno == ENOENT else { throw KernelError.last("unlink", leaseFile(id)) }
    }

    /// Forgets everything.
    func removeAll() throws {
        for directory in [stateDirectory, runtimeDirectory] where access(directory, F_OK) == 0 {
            try FileManager.default.removeItem(atPath: directory)
        }
    }

    private func leaseFile(_ id: String) -> String { "\(leaseDirectory)/\(id).json" }

    /// What the name of a file ends with while it is written.
    private static let unfinished = ".new"

    /// Makes a directory and those above it.
    static func makeDirectories(_ path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    /// Makes the directory a file shall be in.
    static func makeParent(of path: String) throws {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
        try makeDirectories(String(path[..<slash]))
    }

    /// The content of a small file.
    static func read(_ path: String) throws -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw KernelError.last("open", path) }
        let descriptor = OwnedDescriptor(adopting: file)
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = Glibc.read(descriptor.rawValue, &buffer, buffer.count)
            guard count >= 0 else { throw KernelError.last("read", path) }
            if count == 0 { return content }
            content += buffer[..<count]
        }
    }

    /// Puts a file in place of another in one step: a sibling directory entry `….new`, then rename.
    /// - Parameter sibling: where the new content is written first; beside the file when nil.
    static func replace(_ path: String, with content: [UInt8], durable: Bool, sibling: String? = nil) throws {
        let temporary = sibling ?? path + unfinished
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw KernelError.last("open", temporary) }
        let descriptor = OwnedDescriptor(adopting: file)
        var rest = content[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor.rawValue, $0.baseAddress, $0.count) }
            guard count > 0 else { throw KernelError.last("write", temporary) }
            rest = rest.dropFirst(count)
        }
        if durable, fsync(descriptor.rawValue) != 0 { throw KernelError.last("fsync", temporary) }
        guard rename(temporary, path) == 0 else { throw KernelError.last("rename", path) }
        if durable { try syncDirectory(of: path) }
    }

    private static func syncDirectory(of path: String) throws {
        let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        let file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { throw KernelError.last("open", directory) }
        defer { _ = close(file) }
        guard fsync(file) == 0 else { throw KernelError.last("fsync", directory) }
    }
}
