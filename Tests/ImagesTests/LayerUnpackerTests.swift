import Glibc
import LinuxKernel
import OCI
import Testing

@testable import Images

/// Unpacks `archive` into `scratch/layer`.
@discardableResult
func unpack(
    _ archive: [UInt8], in scratch: ScratchDirectory, limits: LayerLimits = LayerLimits(),
    options: LayerWriter.Options = LayerWriter.Options()
) async throws -> UnpackedLayer {
    let blob = scratch.write("blob", archive)
    let layer = scratch.makeDirectory("layer")
    return try await BlockingWork.runOnThread { flag in
        let source = OwnedDescriptor(adopting: open(blob, O_RDONLY | O_CLOEXEC))
        let root = try DirectoryHandle(path: layer)
        return try LayerUnpacker(limits: limits, options: options).unpack(
            blob: source.rawValue, into: root.rawValue, flag: flag)
    }
}

func build(_ body: (inout TarBuilder) throws -> Void) rethrows -> [UInt8] {
    var tar = TarBuilder()
    try body(&tar)
    return tar.finished()
}

@Suite("Unpacking a layer", .enabled(if: isPrivileged, "needs root with CAP_SYS_ADMIN"))
struct LayerUnpackerTests {
    @Test("kinds, modes, owners and times are those of the archive")
    func metadata() async throws {
        let scratch = ScratchDirectory()
        let archive = build {
            $0.directory("./", mode: 0o711)
            $0.directory("./d", mode: 0o2750, uid: 7, gid: 8, mtime: 1234)
            $0.file("./d/f", "hello", mode: 0o640, uid: 1000, gid: 1001, mtime: 5678)
            $0.file("./d/plain", "x")
            $0.file("su", "x", mode: 0o4755, uid: 3, gid: 4)
            $0.directory("tmp", mode: 0o1777)
            $0.link("l", to: "/etc/passwd")
            $0.hardLink("h", to: "d/f")
            $0.device("null", .characterDevice, major: 1, minor: 3, mode: 0o666)
            $0.device("loop", .blockDevice, major: 7, minor: 0)
            $0.device("fifo", .pipe, major: 0, minor: 0)
        }

        let result = try await unpack(archive, in: scratch)

        #expect(result.diffID == Digest(of: archive))
        #expect(result.digest == Digest(of: archive))
        #expect(result.contentSize == 7)
        let directory = try #require(scratch.status("layer/d"))
        #expect(directory.st_mode == S_IFDIR | 0o2750)
        #expect([directory.st_uid, directory.st_gid] == [7, 8])
        #expect(directory.st_mtim.tv_sec == 1234)
        let file = try #require(scratch.status("layer/d/f"))
        #expect(file.st_mode == S_IFREG | 0o640)
        #expect([file.st_uid, file.st_gid] == [1000, 1001])
        #expect(file.st_mtim.tv_sec == 5678)
        #expect(file.st_nlink == 2)
        #expect(scratch.status("layer/d/plain")?.st_gid == 0)
        #expect(scratch.status("layer/su")?.st_mode == S_IFREG | 0o4755)
        #expect(scratch.status("layer/tmp")?.st_mode == S_IFDIR | 0o1777)
        #expect(scratch.status("layer")?.st_mode == S_IFDIR | 0o711)
        #expect(scratch.status("layer/null")?.st_rdev == 0x103)
        #expect(scratch.status("layer/loop")?.st_mode == S_IFBLK | 0o600)
        #expect(scratch.status("layer/fifo")?.st_mode == S_IFIFO | 0o600)
        #expect(try DirectoryHandle(path: scratch.file("layer")).linkTarget("l") == "/etc/passwd")
    }

    @Test("attributes, long names, names outside ASCII and sparse files are kept")
    func extended() async throws {
        let scratch = ScratchDirectory()
        let long = (0..<20).map { "component-\($0)-with-some-length" }.joined(separator: "/")
        let capability: [UInt8] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        let archive = build {
            $0.pax([("SCHILY.xattr.security.capability", capability), ("SCHILY.xattr.user.a", [0, 1, 2])])
            $0.file("ping", "x", mode: 0o755)
            $0.pax([("SCHILY.xattr.trusted.overlay.redirect", Array("/etc".utf8)), ("SCHILY.xattr.user.d", [9])])
            $0.directory("d")
            $0.pax([("path", Array(long.utf8)), ("mtime", Array("17.25".utf8))])
            $0.file("short", "pax")
            $0.gnuLong("L", long + "-gnu")
            $0.file("short", "gnu")
            $0.pax([("path", Array("Grüße/日本".utf8))])
            $0.file("short", "utf8")
            $0.pax([
                ("GNU.sparse.major", [0x31]), ("GNU.sparse.minor", [0x30]), ("GNU.sparse.name", Array("sparse".utf8)),
                ("GNU.sparse.realsize", Array("1048576".utf8)),
            ])
            $0.add(
                "GNUSparseFile/x", .file,
                content: Array("1\n524288\n4\n".utf8) + [UInt8](repeating: 0, count: 501) + Array("data".utf8))
        }

        try await unpack(archive, in: scratch)

        let root = try DirectoryHandle(path: scratch.file("layer"))
        #expect(try root.attribute("ping", name: "security.capability") == capability)
        #expect(try root.attribute("ping", name: "user.a") == [0, 1, 2])
        #expect(try root.attribute("d", name: "user.d") == [9])
        #expect(try root.attribute("d", name: "trusted.overlay.redirect") == nil)
        #expect(scratch.text("layer/\(long)") == "pax")
        #expect(scratch.status("layer/\(long)")?.st_mtim.tv_nsec == 250_000_000)
        #expect(scratch.text("layer/\(long)-gnu") == "gnu")
        #expect(scratch.text("layer/Grüße/日本") == "utf8")
        let sparse = try #require(scratch.status("layer/sparse"))
        #expect(sparse.st_size == 1 << 20)
        #expect(sparse.st_blocks < 64)
    }

    @Test("whiteouts become devices 0/0 and opaque directories")
    func whiteouts() async throws {
        let scratch = ScratchDirectory()
        let archive = build {
            $0.file("a/.wh.gone")
            $0.file("b/.wh..wh..opq")
            $0.file("b/new", "x")
            $0.directory("c")
            $0.file("c/inner", "x")
            $0.file(".wh.c")  // hides the lower `c` only
            $0.file("e", "kept")
            $0.file(".wh.e")
            $0.file(".wh.f")
            $0.directory("f")  // new after the removal: nothing of the lower one may show
            $0.file(".wh.g")
            $0.file("g/inside", "x")
            $0.file(".wh..wh.plnk")
        }

        try await unpack(archive, in: scratch)

        let root = try DirectoryHandle(path: scratch.file("layer"))
        func isOpaque(_ name: String) throws -> Bool {
            try root.attribute(name, name: "trusted.overlay.opaque") == Array("y".utf8)
        }
        let gone = try #require(scratch.status("layer/a/gone"))
        #expect(gone.st_mode & S_IFMT == S_IFCHR)
        #expect(gone.st_rdev == 0)
        for name in ["b", "c", "f", "g"] { #expect(try isOpaque(name), "\(name)") }
        #expect(scratch.text("layer/c/inner") == "x")
        #expect(scratch.text("layer/e") == "kept")
        #expect(scratch.names("layer") == ["a", "b", "c", "e", "f", "g"])
    }

    @Test("later entries replace earlier ones, whatever their kinds")
    func replacing() async throws {
        let scratch = ScratchDirectory()
        let archive = build {
            $0.file("a", "1")
            $0.file("a", "2")
            $0.directory("b")
            $0.file("b/x", "1")
            $0.file("b", "file now")
            $0.file("c", "1")
            $0.directory("c")
            $0.file("c/x", "2")
            $0.directory("real")
            $0.directory("d")
            $0.file("d/one", "1")
            $0.link("d", to: "real")
            $0.file("d/two", "2")
            $0.directory("e", mode: 0o700, mtime: 5)
            $0.file("e/x", "1")
            $0.directory("e", mode: 0o755, mtime: 6)
        }

        try await unpack(archive, in: scratch)

        #expect(scratch.text("layer/a") == "2")
        #expect(scratch.text("layer/b") == "file now")
        #expect(scratch.text("layer/c/x") == "2")
        #expect(scratch.names("layer/real") == ["two"])
        #expect(scratch.status("layer/e")?.st_mode == S_IFDIR | 0o755)
        #expect(scratch.status("layer/e")?.st_mtim.tv_sec == 6)
        #expect(scratch.text("layer/e/x") == "1")
    }

    @Test(
        "nothing is written outside the layer",
        arguments: [
            "dotdot", "absolute", "link", "absoluteLink", "chain", "hardLink", "hardLinkThroughLink",
            "whiteoutThroughLink",
            "directoryOverLink", "linkedFile",
        ])
    func hostile(name: String) async throws {
        let scratch = ScratchDirectory()
        scratch.write("victim/secret", Array("secret".utf8))
        let outside = scratch.file("victim")
        let archive = build { tar in
            switch name {
            case "dotdot": tar.file("a/../../victim/x", "evil")
            case "absolute": tar.file(outside + "/x", "evil")
            case "link":
                tar.link("l", to: "../victim")
                tar.file("l/x", "evil")
            case "absoluteLink":
                tar.link("l", to: outside)
                tar.file("l/x", "evil")
            case "chain":
                tar.directory("d")
                tar.link("d/up", to: "..")
                tar.link("d/l", to: "up/up/up/victim")
                tar.file("d/l/x", "evil")
            case "hardLink": tar.hardLink("h", to: "../victim/secret")
            case "hardLinkThroughLink":
                tar.link("l", to: outside)
                tar.hardLink("h", to: "l/secret")
            case "whiteoutThroughLink":
                tar.link("l", to: outside)
                tar.file("l/.wh.secret")
            case "directoryOverLink":
                tar.link("l", to: outside)
                tar.directory("l", mode: 0o777)
                tar.file("l/x", "harmless")
            default:
                tar.link("l", to: outside + "/secret")
                tar.file("l", "evil")
            }
        }

        _ = try? await unpack(archive, in: scratch)  // refused or resolved inside; either is right

        #expect(scratch.names("victim") == ["secret"])
        #expect(scratch.text("victim/secret") == "secret")
        #expect(scratch.status("victim")?.st_mode == S_IFDIR | 0o755)
        #expect(scratch.status("victim/secret")?.st_nlink == 1)
        #expect(scratch.names() == ["blob", "layer", "victim"])
    }

    @Test(
        "names that leave the layer are refused as such",
        arguments: ["../x", "a/../../x", "..", ".wh..", ".wh...", "a/.wh."])
    func escapes(name: String) async throws {
        let scratch = ScratchDirectory()

        let error = await #expect(throws: LayerError.self) {
            try await unpack(build { $0.file(name, "x") }, in: scratch)
        }
        #expect(error?.code == .pathEscapes)
    }

    @Test("bounds hold")
    func bounds() async throws {
        func code(_ limits: LayerLimits, _ archive: [UInt8]) async -> LayerError.Code? {
            let scratch = ScratchDirectory()
            let error = await #expect(throws: LayerError.self) {
                try await unpack(archive, in: scratch, limits: limits)
            }
            return error?.code
        }
        var limits = LayerLimits()
        limits.entries = 2
        let three = build { for name in ["a", "b", "c"] { $0.file(name, "content") } }
        #expect(await code(limits, three) == .tooLarge)
        limits = LayerLimits()
        limits.bytes = 2048
        #expect(await code(limits, three) == .tooLarge)
        limits = LayerLimits()
        limits.pathLength = 20
        #expect(await code(limits, build { $0.file("a/name/of/more/than/twenty") }) == .tooLarge)
        #expect(await code(LayerLimits(), build { $0.header("huge", "0", mode: 0o644, size: 0o77777777777) }) != nil)
    }

    @Test("damaged archives are errors, not layers")
    func damaged() async throws {
        let archive = build { $0.file("a", String(repeating: "x", count: 5000)) }
        for (bytes, code) in [
            (Array(archive.prefix(2000)), LayerError.Code.truncated),
            (Array("this is no archive at all".utf8), .malformed),
            ([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3], .truncated),
        ] {
            let scratch = ScratchDirectory()
            let error = await #expect(throws: LayerError.self) { try await unpack(bytes, in: scratch) }
            #expect(error?.code == code, "\(String(describing: error))")
        }
    }

    @Test("an empty archive and one of zeros are empty layers", arguments: [0, 1024, 10240])
    func empty(count: Int) async throws {
        let scratch = ScratchDirectory()
        let archive = [UInt8](repeating: 0, count: count)

        let result = try await unpack(archive, in: scratch)

        #expect(result.diffID == Digest(of: archive))
        #expect(scratch.names("layer").isEmpty)
    }

    @Test("hard links reach only what the layer holds")
    func missingTarget() async throws {
        let scratch = ScratchDirectory()

        let error = await #expect(throws: LayerError.self) {
            try await unpack(build { $0.hardLink("h", to: "absent") }, in: scratch)
        }
        #expect(error?.message == "entry `h` is a hard link to `absent`, which the layer does not hold")
    }
}
