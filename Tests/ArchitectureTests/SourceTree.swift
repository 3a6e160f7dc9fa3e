import FoundationEssentials

/// The sources of this package as the architecture tests read them.
enum SourceTree {
    /// One Swift file: its module, its path below the package and its lines.
    struct File: Sendable, CustomStringConvertible {
        let module: String
        let path: String
        let lines: [Substring]
        var description: String { path }
    }

    /// The folder that holds `Package.swift`.
    static let root: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(3)
        return parts.joined(separator: "/")
    }()

    /// Every Swift file below `Sources`.
    static let files: [File] = {
        var found: [File] = []
        let manager = FileManager.default
        for module in (try? manager.contentsOfDirectory(atPath: root + "/Sources"))?.sorted() ?? [] {
            collect(root + "/Sources/" + module, module: module, into: &found)
        }
        return found
    }()

    private static func collect(_ directory: String, module: String, into found: inout [File]) {
        let manager = FileManager.default
        for name in (try? manager.contentsOfDirectory(atPath: directory))?.sorted() ?? [] {
            let path = directory + "/" + name
            var isDirectory = false
            guard manager.fileExists(atPath: path, isDirectory: &isDirectory) else { continue }
            if isDirectory {
                collect(path, module: module, into: &found)
            } else if name.hasSuffix(".swift"), let data = manager.contents(atPath: path) {
                let text = String(decoding: data, as: UTF8.self)
                found.append(
                    File(
                        module: module, path: String(path.dropFirst(root.count + 1)),
                        lines: text.split(separator: "\n", omittingEmptySubsequences: false)))
            }
        }
    }
}
