import Core
import Glibc
import LinuxKernel
import OCI
import Testing

@testable import Images

@Suite("Loading archives", .enabled(if: isPrivileged, "needs root with CAP_SYS_ADMIN"))
struct ArchiveLoadTests {
    @Test("an OCI archive is found by content, compressed or not", arguments: ["", "gzip", "zstd", "xz", "bzip2"])
    func ociArchive(compression: String) async throws {
        let scratch = ScratchDirectory()
        var layout = LayoutBuilder(scratch, "layout")
        let digest = layout.image([ImageStoreTests.base, ImageStoreTests.top], name: "v1")
        var bytes = try archive(of: "layout", in: scratch)
        if !compression.isEmpty {
            guard let smaller = try await compressed(bytes, with: compression) else { return }  // not installed here
            bytes = smaller
        }
        let store = try await makeStore(scratch)

        let loaded = try await store.load(from: scratch.write("my-app.tar.gz", bytes), progress: noProgress)

        #expect(loaded.map(\.digest) == [digest])
        #expect(loaded.first?.references == ["localhost/my-app:v1"])
        #expect(scratch.names("store/incoming").isEmpty)
    }

    @Test("what `docker save` writes is loaded, shared layers by link too")
    func dockerArchive() async throws {
        let scratch = ScratchDirectory()
        let one = ImageConfiguration(
            platform: .current, layers: [ImageStoreTests.base, ImageStoreTests.top].map { Digest(of: $0) })
        let two = ImageConfiguration(platform: .current, layers: [Digest(of: ImageStoreTests.base)])
        let bytes = try build { tar in
            tar.directory("aaa/")
            tar.add("aaa/layer.tar", .file, content: ImageStoreTests.base)
            tar.add("bbb/layer.tar", .file, content: ImageStoreTests.top)
            tar.link("ccc/layer.tar", to: "../aaa/layer.tar")
            tar.add("one.json", .file, content: try ImageDocument.encode(one))
            tar.add("two.json", .file, content: try ImageDocument.encode(two))
            tar.file(
                "manifest.json",
                #"""
                [{"Config":"one.json","RepoTags":["org/one:1","quay.io/x/one:2"],"Layers":["aaa/layer.tar","bbb/layer.tar"]},
                 {"Config":"two.json","RepoTags":null,"Layers":["ccc/layer.tar"]}]
                """#)
            tar.file("repositories", "{}")
        }
        let store = try await makeStore(scratch)

        let loaded = try await store.load(from: scratch.write("saved", bytes), progress: noProgress)

        #expect(loaded.map(\.references) == [["localhost/org/one:1", "quay.io/x/one:2"], []])
        #expect(loaded.map(\.layers.count) == [2, 1])
        _ = try await store.prepareSnapshot(id: "c", image: loaded[1].digest, mountPoint: scratch.file("root"))
        #expect(scratch.text("root/etc/name") == "base")
        let again = try await store.load(from: scratch.file("saved"), progress: noProgress)
        #expect(again.map(\.digest) == loaded.map(\.digest))
        #expect(try await store.image("one:2") == nil)
        #expect(try await store.image("quay.io/x/one:2")?.digest == loaded[0].digest)
    }

    @Test("names that a mixed archive's layout lacks come from its manifest.json")
    func mixedArchive() async throws {
        let scratch = ScratchDirectory()
        var layout = LayoutBuilder(scratch, "layout")
        let digest = layout.image([ImageStoreTests.base], name: nil)
        let manifest = try ImageManifest(
            parsing: DirectoryHandle(path: scratch.path).contents("layout/blobs/sha256/" + digest.hex))
        scratch.write(
            "layout/manifest.json",
            Array(
                #"[{"Config":"blobs/sha256/\#(manifest.config.digest.hex)","RepoTags":["busybox:1"],"Layers":[]}]"#.utf8
            ))
        let store = try await makeStore(scratch)

        let loaded = try await store.load(from: scratch.file("layout"), progress: noProgress)

        #expect(loaded.map(\.references) == [["localhost/busybox:1"]])
        #expect(try await store.image("busybox:1")?.digest == digest)
    }

    @Test(
        "what is no image is an error that says what is needed",
        arguments: ["missing", "empty", "text", "tar", "directory", "hostile"])
    func notAnImage(what: String) async throws {
        let scratch = ScratchDirectory()
        let store = try await makeStore(scratch)
        switch what {
        case "missing": break
        case "empty": scratch.write("input", [])
        case "text": scratch.write("input", Array("hello".utf8))
        case "tar": scratch.write("input", build { $0.file("etc/passwd", "x") })
        case "directory": scratch.makeDirectory("input")
        default: scratch.write("input", build { $0.file("../../escape", "x") })
        }

        let error = await #expect(throws: ImageError.self) {
            _ = try await store.load(from: scratch.file("input"), progress: noProgress)
        }

        #expect(error?.code == .loadFailed)
        #expect(error?.message.contains(scratch.file("input")) == true)
        #expect(scratch.names("store/incoming").isEmpty)
    }

    @Test("a docker archive with damaged or missing parts is refused", arguments: ["config", "layer", "count", "json"])
    func damagedDockerArchive(what: String) async throws {
        let scratch = ScratchDirectory()
        let configuration = ImageConfiguration(platform: .current, layers: [Digest(of: ImageStoreTests.base)])
        let bytes = try build { tar in
            if what != "config" { tar.add("c.json", .file, content: try ImageDocument.encode(configuration)) }
            if what != "layer" { tar.add("l.tar", .file, content: ImageStoreTests.base) }
            let layers = what == "count" ? #"["l.tar","l.tar"]"# : #"["l.tar"]"#
            tar.file(
                "manifest.json", what == "json" ? "[" : #"[{"Config":"c.json","RepoTags":[],"Layers":\#(layers)}]"#)
        }
        let store = try await makeStore(scratch)

        let error = await #expect(throws: (any Error).self) {
            _ = try await store.load(from: scratch.write("saved", bytes), progress: noProgress)
        }

        #expect((error as? any MartletError)?.kind == .invalidArgument)
    }
}
