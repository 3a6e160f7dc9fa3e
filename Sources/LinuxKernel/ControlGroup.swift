internal import CLinux
internal import Glibc

/// How the control groups of this host are laid out.
package enum ControlGroupMode: String, Sendable {
    /// One hierarchy.
    case unified
    /// A hierarchy per controller, with a further unified one beside them.
    case hybrid
    /// A hierarchy per controller.
    case legacy

    /// The layout found under `/sys/fs/cgroup`.
    package static func detect() -> ControlGroupMode {
        let magic = 0x6367_7270
        if clx_is_file_system("/sys/fs/cgroup", magic) == 1 { return .unified }
        return clx_is_file_system("/sys/fs/cgroup/unified", magic) == 1 ? .hybrid : .legacy
    }
}

/// A control group by its path in every hierarchy, such as `/martlet-1a2b3c4d/web`.
package struct ControlGroup: Sendable {
    /// The layout of the host.
    package let mode: ControlGroupMode
    /// An absolute path from the root of the hierarchies.
    package let path: String
    private static let root = "/sys/fs/cgroup"

    /// A group, whether or not it exists.
    package init(mode: ControlGroupMode, path: String) {
        self.mode = mode
        self.path = path
    }

    /// The controllers of the host: directories of the separate hierarchies, or `cgroup.controllers`.
    package static func controllers(_ mode: ControlGroupMode) -> [String] {
        guard mode == .unified else {
            return DirectoryListing.names(root).filter { $0 != "unified" && access("\(root)/\($0)/tasks", F_OK) == 0 }
        }
        return SmallFile.text("\(root)/cgroup.controllers").split(separator: " ").map(String.init)
    }

    /// The group's directory for one controller.
    package func directory(_ controller: String) -> String {
        mode == .unified ? Self.root + path : "\(Self.root)/\(controller)\(path)"
    }

    /// A file of the group, without white space at its end; empty when it cannot be read.
    package func text(_ controller: String, _ file: String) -> String {
        SmallFile.text("\(directory(controller))/\(file)")
    }

    /// The number in a file of the group; nil for `max` and when it cannot be read.
    package func number(_ controller: String, _ file: String) -> Int64? { Int64(text(controller, file)) }

    /// The number behind `key` in a file of `key number` lines.
    package func number(_ controller: String, _ file: String, key: String) -> Int64? {
        for line in text(controller, file).split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count >= 2, words[0] == key { return Int64(words[1]) }
        }
        return nil
    }

    /// Writes into a file of the group.
    package func write(_ controller: String, _ file: String, _ text: String) throws {
        let name = "\(directory(controller))/\(file)"
        let descriptor = open(name, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw KernelError.last("open", name) }
        defer { close(descriptor) }
        guard Glibc.write(descriptor, text, text.utf8.count) >= 0 else { throw KernelError.last("write", name) }
    }

    /// Removes the group and those beneath it from every hierarchy; groups that still have processes stay.
    package func remove() {
        let directories: [String]
        switch mode {
        case .unified: directories = [Self.root + path]
        case .hybrid, .legacy: directories = DirectoryListing.names(Self.root).map { "\(Self.root)/\($0)\(path)" }
        }
        for directory in directories { Self.removeTree(directory) }
    }

    /// Identifiers of the processes in the group and in those beneath it.
    package func processes() -> [Int32] {
        let top: String
        switch mode {
        case .unified: top = Self.root + path
        case .hybrid, .legacy: top = directory("pids")
        }
        return Self.processes(top)
    }

    private static func processes(_ directory: String) -> [Int32] {
        var found = SmallFile.text("\(directory)/cgroup.procs").split(separator: "\n").compactMap { Int32($0) }
        for name in DirectoryListing.directories(directory) { found += processes("\(directory)/\(name)") }
        return found
    }

    private static func removeTree(_ directory: String) {
        guard access(directory, F_OK) == 0 else { return }
        for name in DirectoryListing.directories(directory) { removeTree("\(directory)/\(name)") }
        rmdir(directory)  // busy groups stay: the caller ends their processes first
    }
}

/// Reads small files of the kernel's own file systems.
package enum SmallFile {
    /// The text of at most 64 KiB, without white space at its end; empty when it cannot be read.
    package static func text(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        return withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 1) { buffer in
            var count = 0
            while count < buffer.count {
                let more = read(descriptor, buffer.baseAddress! + count, buffer.count - count)
                guard more > 0 else { break }
                count += more
            }
            while count > 0, [10, 13, 32].contains(buffer[count - 1]) { count -= 1 }
            return String(decoding: buffer[..<count], as: UTF8.self)
        }
    }
}

/// Lists directories.
package enum DirectoryListing {
    /// The names in a directory, without `.` and `..`, sorted; empty when it cannot be read.
    package static func names(_ path: String) -> [String] { entries(path).map(\.name) }

    /// The names of the directories in a directory, sorted; links are not followed.
    package static func directories(_ path: String) -> [String] {
        entries(path).filter(\.isDirectory).map(\.name)
    }

    private static func entries(_ path: String) -> [(name: String, isDirectory: Bool)] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var found: [(name: String, isDirectory: Bool)] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name != ".", name != ".." else { continue }
            var isDirectory = entry.pointee.d_type == UInt8(DT_DIR)
            if entry.pointee.d_type == UInt8(DT_UNKNOWN) {
                var status = stat()
                isDirectory = lstat("\(path)/\(name)", &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
            }
            found.append((name, isDirectory))
        }
        return found.sorted { $0.name < $1.name }
    }
}
