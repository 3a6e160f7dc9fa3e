import Core
import Glibc
import LinuxKernel
import OCI
import Testing

@testable import Images

@Suite("Snapshots", .enabled(if: isPrivileged, "needs root with CAP_SYS_ADMIN"))
struct SnapshotTests {
    private func load(_ layers: [[UInt8]], _ scratch: ScratchDirectory) async throws -> (ImageStore, Digest) {
        var layout = LayoutBuilder(scratch, "layout")
        let digest = layout.image(layers, name: "x:1")
        let store = try await makeStore(scratch)
        _ = try await store.load(from: scratch.file("layout"), progress: noProgress)
        return (store, digest)
    }

    @Test("a snapshot shows the layers, keeps changes and the image untouched")
    func lifecycle() async throws {
        let scratch = ScratchDirectory()
        let (store, digest) = try await load([ImageStoreTests.base, ImageStoreTests.top], scratch)
        let root = scratch.file("deep/down/root")

        let snapshot = try await store.prepareSnapshot(id: "c1", image: digest, mountPoint: root)
        _ = try await store.prepareSnapshot(id: "c1", image: digest, mountPoint: root)

        #expect(scratch.text("deep/down/root/etc/name") == "top")
        #expect(!scratch.exists("deep/down/root/etc/gone"))
        scratch.write("deep/down/root/etc/new", Array("mine".utf8))
        #expect(scratch.text("store/snapshots/c1/upper/etc/new") == "mine")
        #expect(snapshot.upperDirectory == scratch.file("store/snapshots/c1/upper"))
        #expect(try MountTable.read().beneath(root).count == 1)

        try await store.unmountSnapshot(id: "c1", mountPoint: root)
        try await store.unmountSnapshot(id: "c1", mountPoint: root)
        #expect(scratch.names("deep/down/root").isEmpty)
        try await store.remove("x:1")
        _ = try await store.prepareSnapshot(id: "c1", image: digest, mountPoint: root)  // outlives the image
        #expect(scratch.text("deep/down/root/etc/new") == "mine")
        #expect(scratch.text("deep/down/root/etc/name") == "top")

        try await store.removeSnapshot(id: "c1")
        try await store.removeSnapshot(id: "c1")
        #expect(try MountTable.read().beneath(root).isEmpty)
        #expect(try await store.snapshots().isEmpty)
        await store.close()
        #expect(scratch.names("store/snapshots").isEmpty)
        await #expect(throws: ImageError.self) {
            try await store.prepareSnapshot(id: "c1", image: digest, mountPoint: root)
        }
    }

    @Test("opaque directories, opaque roots and re-made directories hide what lies below")
    func opaque() async throws {
        let scratch = ScratchDirectory()
        let (store, digest) = try await load(
            [
                build { $0.file("never", "x") },
                build {
                    $0.file(".wh..wh..opq")
                    $0.file("a/old", "x")
                    $0.file("b/old", "x")
                    $0.file("c", "x")
                },
                build {
                    $0.file("a/.wh..wh..opq")
                    $0.file("a/new", "x")
                    $0.file(".wh.b")
                    $0.file("b/new", "x")
                    $0.file("c/now-a-directory", "x")
                },
            ], scratch)

        _ = try await store.prepareSnapshot(id: "c1", image: digest, mountPoint: scratch.file("root"))

        #expect(scratch.names("root") == ["a", "b", "c"])
        #expect(scratch.names("root/a") == ["new"])
        #expect(scratch.names("root/b") == ["new"])
        #expect(scratch.names("root/c") == ["now-a-directory"])
    }

    @Test("200 layers, no layers and the same layer twice can be mounted")
    func extremes() async throws {
        let scratch = ScratchDirectory()
        let same = build { $0.file("same", "x") }
        var layout = LayoutBuilder(scratch, "layout")
        let many = layout.image((0..<200).map { n in build { $0.file("f\(n)", "x") } }, name: "many:1")
        let none = layout.image([], name: "none:1")
        let twice = layout.image([same, build { $0.file("between", "x") }, same], name: "twice:1")
        let store = try await makeStore(scratch)
        _ = try await store.load(from: scratch.file("layout"), progress: noProgress)

        _ = try await store.prepareSnapshot(id: "many", image: many, mountPoint: scratch.file("many"))
        _ = try await store.prepareSnapshot(id: "none", image: none, mountPoint: scratch.file("none"))
        _ = try await store.prepareSnapshot(id: "twice", image: twice, mountPoint: scratch.file("twice"))

        #expect(scratch.names("many").count == 200)
        #expect(scratch.names("none").isEmpty)
        #expect(scratch.names("twice") == ["between", "same"])
    }

    @Test("the root of a snapshot has the owner and mode of the image's")
    func rootMetadata() async throws {
        let scratch = ScratchDirectory()
        let (store, digest) = try await load([build { $0.directory("./", mode: 0o751, uid: 5, gid: 6) }], scratch)

        _ = try await store.prepareSnapshot(id: "c1", image: digest, mountPoint: scratch.file("root"))

        let status = try #require(scratch.status("root"))
        #expect(status.st_mode & 0o7777 == 0o751)
        #expect([status.st_uid, status.st_gid] == [5, 6])
    }

    @Test("names that are no plain names are refused", arguments: ["", ".", "..", "a/b", "../x", ".tmp-x"])
    func names(id: String) async throws {
        let scratch = ScratchDirectory()
        let store = try await makeStore(scratch)

        await #expect(throws: InvalidArgument.self) {
            try await store.prepareSnapshot(id: id, image: Digest(of: []), mountPoint: scratch.file("root"))
        }
        await #expect(throws: InvalidArgument.self) { try await store.removeSnapshot(id: id) }
    }

    @Test("fifty snapshots at once")
    func parallel() async throws {
        let scratch = ScratchDirectory()
        let (store, digest) = try await load([ImageStoreTests.base], scratch)

        try await withThrowingTaskGroup(of: Void.self) { group in
            for n in 0..<50 {
                group.addTask {
                    _ = try await store.prepareSnapshot(
                        id: "c\(n)", image: digest, mountPoint: scratch.file("roots/\(n)"))
                }
            }
            try await group.waitForAll()
        }

        #expect((0..<50).allSatisfy { scratch.text("roots/\($0)/etc/name") == "base" })
        #expect(try await store.snapshots().count == 50)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for n in 0..<50 { group.addTask { try await store.removeSnapshot(id: "c\(n)") } }
            try await group.waitForAll()
        }
        #expect(try MountTable.read().beneath(scratch.path).isEmpty)
    }
}
