import Glibc
import LinuxKernel
import Testing

/// Mounting needs root with CAP_SYS_ADMIN.
private let canMount: Bool = {
    guard geteuid() == 0 else { return false }
    let scratch = ScratchDirectory()
    do {
        try FileSystemMount.mount(type: "tmpfs", source: "probe", at: scratch.path)
        return try FileSystemMount.unmount(scratch.path)
    } catch {
        return false
    }
}()

@Suite("Mounts", .enabled(if: canMount, "needs root with CAP_SYS_ADMIN"))
struct FileSystemMountTests {
    @Test("an overlay of 200 layers with long paths shows all of them")
    func manyLayers() throws {
        let scratch = ScratchDirectory()
        let filler = String(repeating: "x", count: 60)
        let layers = (0..<200).map { "\(scratch.path)/\(filler)-layer-\($0)" }
        for (index, layer) in layers.enumerated() {
            mkdir(layer, 0o755)
            mkdir("\(layer)/from-\(index)", 0o755)
        }
        for name in ["upper", "work", "merged"] { mkdir("\(scratch.path)/\(name)", 0o755) }

        try FileSystemMount.overlay(
            lower: layers, upper: "\(scratch.path)/upper", work: "\(scratch.path)/work", at: "\(scratch.path)/merged")

        #expect((0..<200).allSatisfy { scratch.exists("merged/from-\($0)") })
        scratch.write("merged/new", "x")
        #expect(scratch.exists("upper/new"))
        #expect(try FileSystemMount.unmount("\(scratch.path)/merged"))
        #expect(try FileSystemMount.unmount("\(scratch.path)/merged") == false)
    }

    @Test("a path over 255 bytes, and one with colons and commas, is a layer too")
    func oddPaths() throws {
        let scratch = ScratchDirectory()
        let long = scratch.path + "/" + String(repeating: "l", count: 250) + "/" + String(repeating: "m", count: 100)
        let odd = scratch.path + "/a:b,c\\d e"
        mkdir(String(long.prefix(scratch.path.count + 251)), 0o755)
        for path in [long, odd, scratch.path + "/merged"] { mkdir(path, 0o755) }
        mkdir(long + "/one", 0o755)
        mkdir(odd + "/two", 0o755)

        try FileSystemMount.overlay(lower: [long, odd], upper: nil, work: nil, at: scratch.path + "/merged")

        #expect(scratch.exists("merged/one"))
        #expect(scratch.exists("merged/two"))
    }

    @Test("a missing layer is an error that names it")
    func missingLayer() throws {
        let scratch = ScratchDirectory()
        mkdir(scratch.path + "/merged", 0o755)

        let error = #expect(throws: KernelError.self) {
            try FileSystemMount.overlay(
                lower: [scratch.path + "/absent", scratch.path], upper: nil, work: nil, at: scratch.path + "/merged")
        }
        #expect(error?.errorNumber == ENOENT)
        #expect(error?.subject?.contains("/absent") == true)
    }

    @Test("a read-only bind refuses writes, also in what is mounted beneath")
    func readOnlyBind() throws {
        let scratch = ScratchDirectory()
        for name in ["source", "source/sub", "target"] { mkdir("\(scratch.path)/\(name)", 0o755) }
        try FileSystemMount.mount(type: "tmpfs", source: "tmpfs", at: scratch.path + "/source/sub")

        try FileSystemMount.bind(scratch.path + "/source", at: scratch.path + "/target", readOnly: true)

        for name in ["target/f", "target/sub/f"] {
            #expect(open("\(scratch.path)/\(name)", O_WRONLY | O_CREAT, 0o600) == -1)
            #expect(errno == EROFS)
        }
        #expect(try MountTable.read().beneath(scratch.path + "/target").map(\.isReadOnly) == [true, true])
        try FileSystemMount.unmountAll(beneath: scratch.path)
        #expect(try MountTable.read().beneath(scratch.path).isEmpty)
    }
}
