internal import Glibc

/// One line of the kernel's table of mounts.
package struct MountEntry: Hashable, Sendable {
    /// Number of this mount; reused after an unmount.
    package let id: Int
    /// Number of the mount it lies on.
    package let parent: Int
    /// `major:minor` of the file system.
    package let device: String
    /// The part of the file system that is shown.
    package let root: String
    /// Where it is shown.
    package let mountPoint: String
    /// Options of this mount, such as `ro`.
    package let options: [Substring]
    /// Such as `overlay`.
    package let fileSystem: String
    /// What is mounted, by the file system's own idea; `none` or a name for file systems without device.
    package let source: String
    /// Options of the file system, such as `upperdir=…`.
    package let superOptions: [String]

    /// Whether the mount refuses writes.
    package var isReadOnly: Bool { options.contains("ro") }
}

/// The mounts of the calling process's namespace, in the order in which they were made.
///
/// Source: proc(5), `/proc/pid/mountinfo`.
package struct MountTable: Sendable {
    /// All mounts.
    package let entries: [MountEntry]

    /// Reads a table; lines that are no mount are left out.
    /// - Parameter word: only lines that hold this, as the kernel writes it, are looked at: much faster in a long table.
    package init(parsing text: [UInt8], holding word: String = "") {
        let word = Array(word.utf8)
        entries = text.split(separator: UInt8(ascii: "\n")).compactMap { line in
            Self.holds(line, word) ? Self.entry(line) : nil
        }
    }

    /// The table of this process, or of the process with that identifier.
    /// - Parameter path: only mounts that name this path somewhere are wanted.
    package static func read(process: Int32? = nil, naming path: String = "") throws -> MountTable {
        let name = process.map { "/proc/\($0)/mountinfo" } ?? "/proc/thread-self/mountinfo"
        // Up to the first character that the kernel may escape; what is too much is harmless.
        let plain = path.prefix { $0.isASCII && !" \t\n\\,=:#".contains($0) }
        return MountTable(parsing: try ReadFile.bytes(name), holding: String(plain))
    }

    private static func holds(_ line: ArraySlice<UInt8>, _ word: [UInt8]) -> Bool {
        guard let first = word.first else { return true }
        return line.withUnsafeBufferPointer { line in
            guard line.count >= word.count else { return false }
            return word.withUnsafeBufferPointer { word in
                (0...line.count - word.count).contains { start in
                    line[start] == first && memcmp(line.baseAddress! + start, word.baseAddress!, word.count) == 0
                }
            }
        }
    }

    /// The mounts at `path` and beneath it, deepest and latest last; `path` must be canonical.
    package func beneath(_ path: String) -> [MountEntry] {
        let prefix = path == "/" ? "/" : path + "/"
        return entries.filter { $0.mountPoint == path || $0.mountPoint.hasPrefix(prefix) }
    }

    /// The mount that is seen at `path`; nil when `path` is no mount point.
    package func mount(at path: String) -> MountEntry? { entries.last { $0.mountPoint == path } }

    private static func entry(_ line: ArraySlice<UInt8>) -> MountEntry? {
        let fields = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        let words = fields.map(unescaped)
        guard words.count >= 10, let dash = words[6...].firstIndex(of: "-"), words.count > dash + 3,
            let id = Int(words[0]), let parent = Int(words[1])
        else { return nil }
        return MountEntry(
            id: id, parent: parent, device: words[2], root: words[3], mountPoint: words[4],
            options: words[5].split(separator: ","), fileSystem: words[dash + 1], source: words[dash + 2],
            superOptions: fields[dash + 3].split(separator: UInt8(ascii: ",")).map(unescaped))
    }

    /// Undoes the kernel's octal escapes of blank, tab, newline, backslash and number sign.
    private static func unescaped(_ word: ArraySlice<UInt8>) -> String {
        guard word.contains(UInt8(ascii: "\\")) else { return String(decoding: word, as: UTF8.self) }
        var out: [UInt8] = []
        var rest = word
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            let isOctal = digits.count == 3 && digits.allSatisfy { (0x30...0x37).contains($0) }
            guard byte == UInt8(ascii: "\\"), isOctal else {
                out.append(byte)
                continue
            }
            out.append(UInt8(truncatingIfNeeded: digits.reduce(0) { $0 * 8 + Int($1 - 0x30) }))
            rest = rest.dropFirst(3)
        }
        return String(decoding: out, as: UTF8.self)
    }
}

/// Reads small files of the kernel, which have no size.
enum ReadFile {
    static func bytes(_ path: String) throws -> [UInt8] {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { throw KernelError.last("open", path) }
        let owned = OwnedDescriptor(adopting: fd)
        var out: [UInt8] = []
        while true {
            let chunk = try [UInt8](unsafeUninitializedCapacity: 65536) { buffer, count in
                let n = Glibc.read(owned.rawValue, buffer.baseAddress!, buffer.count)
                guard n >= 0 else { throw KernelError.last("read", path) }
                count = n
            }
            if chunk.isEmpty { return out }
            out += chunk
        }
    }
}
