import Glibc
import LinuxKernel
import Testing

/// A directory of its own for each test, removed with everything in it.
final class ScratchDirectory: Sendable {
    let path: String
    init() {
        var template = Array("/tmp/martlet-test-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    }
    deinit {
        try? FileSystemMount.unmountAll(beneath: path)  // nothing more can be done in a test's clean-up
        _ = try? DirectoryHandle(path: "/tmp").removeTree(String(path.dropFirst(5)))  // as above
    }
    func write(_ name: String, _ text: String) {
        let fd = open(path + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        _ = Glibc.write(fd, text, text.utf8.count)
        close(fd)
    }
    func exists(_ name: String) -> Bool { access(path + "/" + name, F_OK) == 0 }
}

@Suite("Paths beneath a directory")
struct DirectoryHandleTests {
    @Test(
        "in root, `..` and absolute links end at the root", arguments: ["../../x", "up/x", "abs/x", "/x", "a/../../x"])
    func inRoot(path: String) throws {
        let scratch = ScratchDirectory()
        mkdir(scratch.path + "/root", 0o755)
        let root = try DirectoryHandle(path: scratch.path + "/root")
        try root.makeDirectory("a")
        try root.makeSymbolicLink("up", to: "../..")
        try root.makeSymbolicLink("abs", to: "/")

        _ = try root.open(path, flags: O_WRONLY | O_CREAT, mode: 0o600)

        #expect(scratch.exists("root/x"))
        #expect(!scratch.exists("x"))
    }

    @Test("beneath, whatever leaves is refused", arguments: ["../x", "up/x", "abs/x", "/x", "a/../../x", ".."])
    func beneath(path: String) throws {
        let scratch = ScratchDirectory()
        mkdir(scratch.path + "/root", 0o755)
        let root = try DirectoryHandle(path: scratch.path + "/root", resolution: .beneath)
        try root.makeDirectory("a")
        try root.makeSymbolicLink("up", to: "../..")
        try root.makeSymbolicLink("abs", to: "/")

        #expect(throws: KernelError(call: "openat2", errorNumber: EXDEV, subject: path)) {
            _ = try root.open(path, flags: O_WRONLY | O_CREAT, mode: 0o600)
        }
        #expect(!scratch.exists("x"))
    }

    @Test("names are made, changed and removed beneath the root")
    func operations() throws {
        let scratch = ScratchDirectory()
        let root = try DirectoryHandle(path: scratch.path)
        try root.makeDirectories("a/b/c")
        try root.makeDirectories("a/b/c")
        scratch.write("a/b/f", "text")

        try root.makeHardLink("a/g", to: "a/b/f")
        try root.rename("a/g", to: "a/b/h")
        try root.setMode("a/b/h", 0o640)
        try root.setTimes("a/b/h", accessed: timespec(tv_sec: 1, tv_nsec: 2), modified: timespec(tv_sec: 3, tv_nsec: 4))
        try root.setAttribute("a/b/h", name: "user.test", value: [1, 2])
        try root.unlink("a/b/f")
        try root.removeDirectory("a/b/c/")

        #expect(try root.contents("a/b/h") == Array("text".utf8))
        let status = try #require(try root.status("a/b/h"))
        #expect(status.st_mode & 0o7777 == 0o640)
        #expect(status.st_mtim.tv_sec == 3)
        #expect(try root.attribute("a/b/h", name: "user.test") == [1, 2])
        #expect(try root.attribute("a/b/h", name: "user.other") == nil)
        #expect(try root.status("a/b/c") == nil)
        #expect(try root.status("a/b/h/below") == nil)
    }

    @Test("the last component is not followed when it is a link")
    func lastComponent() throws {
        let scratch = ScratchDirectory()
        scratch.write("victim", "text")
        chmod(scratch.path + "/victim", 0o600)
        mkdir(scratch.path + "/root", 0o755)
        let root = try DirectoryHandle(path: scratch.path + "/root")
        try root.makeSymbolicLink("link", to: scratch.path + "/victim")

        #expect(throws: KernelError.self) { try root.setMode("link", 0o777) }
        try root.setTimes("link", accessed: timespec(), modified: timespec())
        try root.unlink("link")

        var status = stat()
        stat(scratch.path + "/victim", &status)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(status.st_mtim.tv_sec != 0)
    }

    @Test("a file over the limit is not read")
    func limit() throws {
        let scratch = ScratchDirectory()
        scratch.write("f", "12345")
        let root = try DirectoryHandle(path: scratch.path)

        #expect(throws: KernelError(call: "read", errorNumber: EFBIG, subject: "f")) {
            _ = try root.contents("f", limit: 4)
        }
        #expect(try root.contents("f", limit: 5).count == 5)
    }

    @Test("a tree is removed, links are not followed, depth does not matter")
    func removeTree() throws {
        let scratch = ScratchDirectory()
        scratch.write("victim", "text")
        let root = try DirectoryHandle(path: scratch.path)
        let deep = (0..<300).map { _ in "d" }.joined(separator: "/")
        try root.makeDirectories("tree/" + deep)
        try root.makeSymbolicLink("tree/link", to: scratch.path)
        try root.makeHardLink("tree/hard", to: "victim")

        try root.removeTree("tree")
        try root.removeTree("tree")

        #expect(try root.names() == ["victim"])
    }
}
