import Core
import Glibc
import LinuxKernel
import OCI
import Testing

@testable import Images

@Suite("The image store after a crash", .enabled(if: isPrivileged, "needs root with CAP_SYS_ADMIN"))
struct StoreRecoveryTests {
    private func loaded(_ scratch: ScratchDirectory) async throws -> Digest {
        var layout = LayoutBuilder(scratch, "layout")
        let digest = layout.image([ImageStoreTests.base, ImageStoreTests.top], name: "x:1")
        let store = try await makeStore(scratch)
        _ = try await store.load(from: scratch.file("layout"), progress: noProgress)
        await store.close()
        return digest
    }

    @Test("leftovers of a killed process are collected, everything else stays")
    func leftovers() async throws {
        let scratch = ScratchDirectory()
        let digest = try await loaded(scratch)
        scratch.write("store/layers/.tmp-abc-1/half/file", [1])
        scratch.write("store/incoming/.tmp-pull-1/image/blob", [1])
        scratch.write("store/incoming/stray", [1])
        scratch.write("store/blobs/sha256/.tmp-write-1", [1])
        scratch.write("store/snapshots/.tmp-new-1/upper/x", [1])
        scratch.write("store/.tmp-write-2", [1])

        let store = try await makeStore(scratch)

        #expect(try await store.image("x:1")?.digest == digest)
        for folder in ["", "layers", "incoming", "blobs/sha256", "snapshots"] {
            #expect(scratch.names("store/\(folder)").allSatisfy { !$0.hasPrefix(".tmp") }, "\(folder)")
        }
        #expect(scratch.names("store/incoming").isEmpty)
    }

    @Test(
        "an unreadable index is kept aside and images are found again by their manifests",
        arguments: [
            "", "{", #"{"version":99,"images":[]}"#, "null",
        ])
    func damagedIndex(text: String) async throws {
        let scratch = ScratchDirectory()
        let digest = try await loaded(scratch)
        scratch.write("store/index.json", Array(text.utf8))

        let store = try await makeStore(scratch)

        #expect(try await store.images().map(\.digest) == [digest])
        #expect(try await store.images().first?.references == [])
        #expect(scratch.names("store/quarantine").count == 1)
        let name = try #require(scratch.names("store/quarantine").first)
        #expect(scratch.text("store/quarantine/\(name)") == text)
        #expect(try await makeStore(scratch).images().count == 1)
    }

    @Test("an image whose layer is gone is forgotten, its record kept, and can be loaded again")
    func missingLayer() async throws {
        let scratch = ScratchDirectory()
        let digest = try await loaded(scratch)
        try DirectoryHandle(path: scratch.file("store/layers")).removeTree(Digest(of: ImageStoreTests.top).hex)

        let store = try await makeStore(scratch)

        #expect(try await store.images().isEmpty)
        #expect(scratch.names("store/quarantine") == ["\(digest.hex).json"])
        #expect(try await store.load(from: scratch.file("layout"), progress: noProgress).map(\.digest) == [digest])
    }

    @Test("layers that an earlier boot had not written to disk are not trusted")
    func unsynced() async throws {
        let scratch = ScratchDirectory()
        _ = try await loaded(scratch)
        let hex = Digest(of: ImageStoreTests.base).hex
        let boot = String(repeating: "0", count: 32)
        scratch.write("store/layers/.unsynced-\(boot)-\(hex)", [])

        let store = try await makeStore(scratch)

        #expect(try await store.images().isEmpty)
        #expect(scratch.names("store/layers") == [Digest(of: ImageStoreTests.top).hex])
    }

    @Test("layers noted in this boot are synced and stay")
    func syncedLater() async throws {
        let scratch = ScratchDirectory()
        let digest = try await loaded(scratch)
        let files = try StoreFiles(directory: scratch.file("store"))
        try files.markUnsynced(Digest(of: ImageStoreTests.base))

        let store = try await makeStore(scratch)
        await store.close()

        #expect(try await store.images().map(\.digest) == [digest])
        #expect(scratch.names("store/layers").count == 2)
    }

    @Test("a snapshot that cannot be read is reported and left alone")
    func damagedSnapshot() async throws {
        let scratch = ScratchDirectory()
        _ = try await loaded(scratch)
        scratch.write("store/snapshots/c1/snapshot.json", [1])

        let store = try await makeStore(scratch)
        _ = try await store.prune(inUse: [], all: true)

        #expect(scratch.names("store/snapshots/c1") == ["snapshot.json"])
        await #expect(throws: (any Error).self) {
            try await store.prepareSnapshot(id: "c1", image: Digest(of: []), mountPoint: scratch.file("root"))
        }
    }

    @Test("a snapshot whose record was damaged shows its image again, with its changes")
    func repairedSnapshot() async throws {
        let scratch = ScratchDirectory()
        let digest = try await loaded(scratch)
        let store = try await makeStore(scratch)
        _ = try await store.prepareSnapshot(id: "c1", image: digest, mountPoint: scratch.file("root"))
        scratch.write("root/mine", Array("kept".utf8))
        try await store.unmountSnapshot(id: "c1", mountPoint: scratch.file("root"))
        scratch.write("store/snapshots/c1/snapshot.json", [])

        _ = try await store.prepareSnapshot(id: "c1", image: digest, mountPoint: scratch.file("root"))

        #expect(scratch.text("root/mine") == "kept")
        #expect(scratch.text("root/etc/name") == "top")
    }
}
