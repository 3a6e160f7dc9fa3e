internal import Core
internal import Glibc
internal import Starlark

/// Loads modules from files beneath one directory, each once.
///
/// Names are relative to the directory, whichever file loads. Links are followed, but not out of the directory.
final class StarlarkModules: ModuleLoader {
    private enum Entry {
        case loading
        case loaded([(String, Value)])
    }

    /// The directory as the user wrote it; begins the names in messages.
    private let directory: String
    private let root: String?
    private let dialect: Dialect
    private let predeclared: [String: Value]
    private var entries: [String: Entry] = [:]
    /// The modules being loaded, outermost first.
    private var path: [(file: String, name: String)] = []

    /// Loads beneath a directory, which ends with a slash or is empty for the current one.
    init(directory: String, dialect: Dialect, predeclared: [String: Value]) {
        self.directory = directory
        root = Self.realPath(directory.isEmpty ? "." : directory)
        self.dialect = dialect
        self.predeclared = predeclared
    }

    /// Loads beneath the directory of `main`, which counts as being loaded.
    convenience init(main: String, dialect: Dialect, predeclared: [String: Value]) {
        let name = main.lastIndex(of: "/").map { main.index(after: $0) } ?? main.startIndex
        self.init(directory: String(main[..<name]), dialect: dialect, predeclared: predeclared)
        if let file = Self.realPath(main) {
            entries[file] = .loading
            path = [(file, String(main[name...]))]
        }
    }

    func load(_ name: String, from: String, in evaluation: Evaluation) throws -> [(String, Value)] {
        let file = try resolve(name)
        switch entries[file] {
        case .loaded(let members): return members
        case .loading:
            let start = path.firstIndex { $0.file == file } ?? 0
            let cycle = (path[start...].map(\.name) + [name]).joined(separator: " -> ")
            throw StarlarkFailure("cycle in load graph: \(cycle)")
        case nil: break
        }
        entries[file] = .loading
        path.append((file, name))
        defer { path.removeLast() }
        do {
            let source = try StarlarkSource.read(file)
            let program = try Program(
                source: source.text, name: directory + name, dialect: dialect, predeclared: Set(predeclared.keys))
            let module = try evaluation.run(program, predeclared: predeclared)
            entries[file] = .loaded(module.exports)
            return module.exports
        } catch {
            entries[file] = nil
            throw error
        }
    }

    /// The real path of a module.
    private func resolve(_ name: String) throws -> String {
        guard !name.isEmpty, !name.hasPrefix("/"), !name.utf8.contains(0) else {
            throw StarlarkFailure("module name is not a relative path")
        }
        guard let root, let file = Self.realPath(root + "/" + name) else {
            throw StarlarkFailure("\(directory + name): \(String(cString: strerror(errno)).lowercased())")
        }
        guard file.hasPrefix(root == "/" ? "/" : root + "/") else {
            throw StarlarkFailure("\(directory + name): outside the directory of the program")
        }
        return file
    }

    private static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
