import Glibc
import LinuxKernel
import Synchronization
import Testing

@Suite("Watching a tree", .timeLimit(.minutes(1)))
struct TreeWatcherTests {
    private static func withDirectory(_ body: (String) async throws -> Void) async throws {
        var template = Array("/tmp/martlet-watch-XXXXXX".utf8CString)
        let path = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer {
            if let parent = try? DirectoryHandle(path: "/tmp", resolution: .beneath) {  // a leftover is only litter
                _ = try? parent.removeTree(String(path.dropFirst(5)))
            }
        }
        try await body(path)
    }

    private static func write(_ path: String) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        _ = Glibc.write(descriptor, "x", 1)
        close(descriptor)
    }

    /// Waits until the watcher has told of more than `count` changes.
    private static func wait(_ watcher: TreeWatcher, beyond count: Int) async {
        for await _ in watcher.changes where watcher.changeCount > count { return }
    }

    @Test("files, new directories and what is written in them are told of")
    func recursive() async throws {
        try await Self.withDirectory { root in
            mkdir(root + "/a", 0o755)
            let watcher = try TreeWatcher(root: root, limit: 100) { $0 == "node_modules" }
            defer { watcher.close() }

            #expect(watcher.directoryCount == 2)
            Self.write(root + "/a/one")
            await Self.wait(watcher, beyond: 0)

            mkdir(root + "/a/b", 0o755)
            while watcher.directoryCount < 3 { await Task.yield() }
            let seen = watcher.changeCount
            Self.write(root + "/a/b/two")
            await Self.wait(watcher, beyond: seen)

            rename(root + "/a/b", root + "/c")
            while watcher.directoryCount < 3 || watcher.changeCount < seen + 3 { await Task.yield() }
            let moved = watcher.changeCount
            Self.write(root + "/c/three")
            await Self.wait(watcher, beyond: moved)
        }
    }

    @Test("ignored names tell nothing and are not watched")
    func ignored() async throws {
        try await Self.withDirectory { root in
            mkdir(root + "/node_modules", 0o755)
            let watcher = try TreeWatcher(root: root, limit: 100) { $0 == "node_modules" || $0.hasSuffix("~") }
            defer { watcher.close() }

            #expect(watcher.directoryCount == 1)
            Self.write(root + "/node_modules/x")
            Self.write(root + "/file~")
            Self.write(root + "/file")
            await Self.wait(watcher, beyond: 0)

            // Created and closed: nothing of the other two.
            #expect(watcher.changeCount <= 2)
        }
    }

    @Test("a bound on directories is kept")
    func bound() async throws {
        try await Self.withDirectory { root in
            for name in ["a", "b", "c"] { mkdir(root + "/" + name, 0o755) }

            #expect(throws: TreeWatchFailure.tooManyDirectories(limit: 3)) {
                _ = try TreeWatcher(root: root, limit: 3) { _ in false }
            }
        }
    }

    @Test("what is no directory cannot be watched, and a closed watcher ends")
    func ends() async throws {
        #expect(throws: TreeWatchFailure.self) { _ = try TreeWatcher(root: "/nowhere/x", limit: 3) { _ in false } }
        try await Self.withDirectory { root in
            let watcher = try TreeWatcher(root: root, limit: 3) { _ in false }
            watcher.close()
            watcher.close()

            for await _ in watcher.changes {}
        }
    }
}
