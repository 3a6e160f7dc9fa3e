import Glibc
import LinuxKernel
import OCI

/// A directory of its own for each test, removed with everything in it, mounts too.
final class ScratchDirectory: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/martlet-images-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    }

    deinit {
        try? FileSystemMount.unmountAll(beneath: path)  // nothing more can be done in a test's clean-up
        for _ in 0..<3 {  // a store may still be at its last work there
            if (try? DirectoryHandle(path: "/tmp").removeTree(String(path.dropFirst(5)))) != nil { break }
        }
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    @discardableResult
    func makeDirectory(_ name: String) -> String {
        try! DirectoryHandle(path: path).makeDirectories(name)
        return file(name)
    }

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) -> String {
        if let slash = name.lastIndex(of: "/") { makeDirectory(String(name[..<slash])) }
        let fd = open(file(name), O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        var done = 0
        while done < bytes.count {
            done += bytes[done...].withUnsafeBytes { Glibc.write(fd, $0.baseAddress!, $0.count) }
        }
        close(fd)
        return file(name)
    }

    func exists(_ name: String) -> Bool {
        var status = stat()
        return lstat(file(name), &status) == 0
    }

    func text(_ name: String) -> String? {
        (try? DirectoryHandle(path: path).contents(name)).map { String(decoding: $0, as: UTF8.self) }
    }

    func status(_ name: String) -> stat? {
        var status = stat()
        return lstat(file(name), &status) == 0 ? status : nil
    }

    func names(_ name: String = ".") -> [String] { ((try? DirectoryHandle(path: file(name)).names()) ?? []).sorted() }
}

/// Whether this process may mount, make device nodes and set trusted attributes.
let isPrivileged: Bool = {
    guard geteuid() == 0 else { return false }
    let scratch = ScratchDirectory()
    guard (try? FileSystemMount.mount(type: "tmpfs", source: "probe", at: scratch.path)) != nil else { return false }
    return (try? FileSystemMount.unmount(scratch.path)) == true
}()
