import Core
import Glibc
import LinuxKernel
import OCI
import Testing

@testable import Images

@Suite("The image store", .enabled(if: isPrivileged, "needs root with CAP_SYS_ADMIN"))
struct ImageStoreTests {
    static let base = build {
        $0.directory("./", mode: 0o755)
        $0.directory("etc")
        $0.file("etc/name", "base")
        $0.file("etc/gone", "x")
    }
    static let top = build {
        $0.file("etc/name", "top")
        $0.file("etc/.wh.gone")
    }

    @Test("a layout is loaded with its names and survives a restart")
    func loadLayout() async throws {
        let scratch = ScratchDirectory()
        var layout = LayoutBuilder(scratch, "layout")
        var parameters = ImageRunParameters()
        parameters.entrypoint = ["/run"]
        parameters.labels = ["a": "b"]
        let digest = layout.image([Self.base, Self.top], name: "quay.io/org/app:1", config: parameters)
        layout.image([Self.base], name: "plain:2")
        let store = try await makeStore(scratch)
        let progress = ProgressRecorder()

        let loaded = try await store.load(from: scratch.file("layout"), progress: progress.sink)

        #expect(loaded.map(\.references) == [["quay.io/org/app:1"], ["localhost/plain:2"]])
        #expect(loaded[0].digest == digest)
        #expect(loaded[0].configuration == parameters)
        #expect(loaded[0].size.rawValue == Int64(Self.base.count + Self.top.count))
        #expect(progress.steps.last == "unpacking plain:2")
        #expect(
            scratch.names("store/layers").filter { !$0.hasPrefix(".") }
                == [Self.base, Self.top].map { Digest(of: $0).hex }.sorted())
        await store.close()
        let again = try await makeStore(scratch)
        #expect(try await again.images().map(\.digest).contains(digest))
        #expect(try await again.image("quay.io/org/app:1") == loaded[0])
        #expect(scratch.names("store/layers").allSatisfy { !$0.hasPrefix(".") })
        #expect(scratch.names("store/blobs/sha256").count == 6)
    }

    @Test("images are found by name, digest and unique prefix")
    func lookup() async throws {
        let scratch = ScratchDirectory()
        var layout = LayoutBuilder(scratch, "layout")
        let hub = layout.image([Self.base], name: "docker.io/library/both:1")
        let local = layout.image([Self.top], name: "localhost/both:1")
        layout.image([Self.base, Self.top], name: "localhost/mine:1")
        let store = try await makeStore(scratch)
        _ = try await store.load(from: scratch.file("layout"), progress: noProgress)

        #expect(try await store.image("both:1")?.digest == hub)
        #expect(try await store.image("localhost/both:1")?.digest == local)
        #expect(try await store.image("mine:1")?.references == ["localhost/mine:1"])
        #expect(try await store.image(hub.rawValue)?.digest == hub)
        #expect(try await store.image(String(hub.hex.prefix(12)))?.digest == hub)
        #expect(try await store.image("sha256:" + hub.hex.prefix(8))?.digest == hub)
        #expect(try await store.image("mine@\(hub)")?.digest == hub)
        for name in ["mine:2", "absent", "", "UPPER", String(hub.hex.prefix(5)), Digest(of: [1]).rawValue] {
            #expect(try await store.image(name) == nil, "\(name)")
        }
    }

    @Test("names move, and the image goes with its last name")
    func namesAndRemoval() async throws {
        let scratch = ScratchDirectory()
        var layout = LayoutBuilder(scratch, "layout")
        let one = layout.image([Self.base], name: "one:1")
        let two = layout.image([Self.base, Self.top], name: "two:1")
        let store = try await makeStore(scratch)
        _ = try await store.load(from: scratch.file("layout"), progress: noProgress)
        let stable = try #require(ImageReference(parsing: "localhost/stable"))

        try await store.tag("one:1", as: stable)
        let moved = try await store.tag("two:1", as: stable)

        #expect(moved.references == ["localhost/stable:latest", "localhost/two:1"])
        #expect(try await store.image("one:1")?.references == ["localhost/one:1"])
        await #expect(throws: ImageError.self) { try await store.remove(two.rawValue) }
        #expect(try await store.remove("stable").removed == ["localhost/stable:latest"])
        let removal = try await store.remove("two:1")
        #expect(removal.removed == ["localhost/two:1", two.rawValue])
        #expect(removal.freed.rawValue > 0)
        #expect(try await store.images().map(\.digest) == [one])
        #expect(scratch.names("store/layers").filter { !$0.hasPrefix(".") } == [Digest(of: Self.base).hex])
        await #expect(throws: ImageError.self) { try await store.remove("two:1") }
    }

    @Test("prune spares what is used")
    func prune() async throws {
        let scratch = ScratchDirectory()
        var layout = LayoutBuilder(scratch, "layout")
        let named = layout.image([Self.base], name: "named:1")
        let nameless = layout.image([Self.base, Self.top], name: nil)
        let used = layout.image([Self.top], name: nil)
        let shown = layout.image([build { $0.file("shown", "x") }], name: nil)
        let store = try await makeStore(scratch)
        _ = try await store.load(from: scratch.file("layout"), progress: noProgress)
        _ = try await store.prepareSnapshot(id: "c1", image: shown, mountPoint: scratch.file("root"))

        #expect(try await store.prune(inUse: [used], all: false).removed == [nameless.rawValue])
        #expect(Set(try await store.images().map(\.digest)) == [named, used, shown])
        #expect(try await store.prune(inUse: [used], all: true).removed == ["localhost/named:1"])
        #expect(scratch.names("store/layers").filter { !$0.hasPrefix(".") }.count == 2)
        try await store.unmountSnapshot(id: "c1", mountPoint: scratch.file("root"))
        try await store.removeSnapshot(id: "c1")
        #expect(try await store.prune(inUse: [], all: true).removed.count == 2)
        await store.close()
        #expect(scratch.names("store/layers").isEmpty)
        #expect(scratch.names("store/blobs/sha256").isEmpty)
    }

    @Test("the image for this platform is taken from an index")
    func platforms() async throws {
        let scratch = ScratchDirectory()
        var layout = LayoutBuilder(scratch, "layout")
        let other = Platform(architecture: Platform.current.architecture == "arm64" ? "amd64" : "arm64")
        var descriptors: [Descriptor] = []
        for (platform, layer) in [(other, Self.top), (Platform.current, Self.base)] {
            var descriptor = layout.manifest([layer], platform: platform)
            descriptor.platform = platform
            descriptors.append(descriptor)
        }
        layout.add(
            layout.blob(try ImageDocument.encode(ImageIndex(manifests: descriptors)), MediaType.imageIndex),
            name: "multi:1")
        let store = try await makeStore(scratch)

        let loaded = try await store.load(from: scratch.file("layout"), progress: noProgress)

        #expect(loaded.map(\.digest) == [descriptors[1].digest])
        var foreign = LayoutBuilder(scratch, "foreign")
        foreign.add(descriptors[0], name: "foreign:1")
        let error = await #expect(throws: ImageError.self) {
            _ = try await store.load(from: scratch.file("foreign"), progress: noProgress)
        }
        #expect(error?.hint == "it holds \(other)")
    }

    @Test(
        "content that is not what was promised leaves nothing behind",
        arguments: ["blob", "diffID", "config", "manifest", "missing"])
    func mismatches(what: String) async throws {
        let scratch = ScratchDirectory()
        var layout = LayoutBuilder(scratch, "layout")
        let good = build { $0.file("a", "good") }
        let evil = build { $0.file("a", "evil") }
        let path = "layout/blobs/sha256/"
        switch what {
        case "blob":
            layout.image([good], name: "x:1")
            scratch.write(path + Digest(of: good).hex, evil)
        case "diffID": layout.image([good], name: "x:1", blobs: [evil])
        case "missing":
            layout.image([good], name: "x:1")
            unlink(scratch.file(path + Digest(of: good).hex))
        default:
            let digest = layout.image([good], name: "x:1")
            let manifest = try ImageManifest(parsing: DirectoryHandle(path: scratch.path).contents(path + digest.hex))
            let victim = what == "config" ? manifest.config.digest : digest
            scratch.write(path + victim.hex, Array("{}".utf8))
        }
        let store = try await makeStore(scratch)

        await #expect(throws: (any Error).self) {
            _ = try await store.load(from: scratch.file("layout"), progress: noProgress)
        }
        await store.close()

        #expect(try await store.images().isEmpty)
        for folder in ["layers", "incoming", "blobs/sha256"] {
            #expect(scratch.names("store/\(folder)").isEmpty, "\(folder)")
        }
    }

    @Test("two images at once unpack a shared layer once; equal loads agree")
    func concurrent() async throws {
        let scratch = ScratchDirectory()
        let shared = build { tar in for n in 0..<500 { tar.file("f\(n)", String(repeating: "x", count: 500)) } }
        var digests: Set<Digest> = []
        for n in 0..<4 {
            var layout = LayoutBuilder(scratch, "layout\(n)")
            digests.insert(layout.image([shared, build { $0.file("own", "\(n / 2)") }], name: "image\(n):1"))
        }
        let store = try await makeStore(scratch)

        try await withThrowingTaskGroup(of: Void.self) { group in
            for n in 0..<4 {
                group.addTask { _ = try await store.load(from: scratch.file("layout\(n)"), progress: noProgress) }
            }
            try await group.waitForAll()
        }

        #expect(Set(try await store.images().map(\.digest)) == digests)
        #expect(digests.count == 2)
        await store.close()
        #expect(scratch.names("store/layers").count == 3)
    }

    @Test("a damaged source does not harm another one that arrives at the same time")
    func damagedNeighbour() async throws {
        let scratch = ScratchDirectory()
        let layer = build { tar in for n in 0..<300 { tar.file("f\(n)", "x") } }
        var bad = LayoutBuilder(scratch, "bad")
        bad.image([layer], name: "bad:1", blobs: [layer + [1]])
        var good = LayoutBuilder(scratch, "good")
        let digest = good.image([layer], name: "good:1")
        let store = try await makeStore(scratch)

        async let first = Result { try await store.load(from: scratch.file("bad"), progress: noProgress) }
        async let second = Result { try await store.load(from: scratch.file("good"), progress: noProgress) }
        let results = await (first, second)

        #expect(try results.1.get().map(\.digest) == [digest])
    }

    @Test("a cancelled load ends and leaves nothing")
    func cancellation() async throws {
        let scratch = ScratchDirectory()
        var layout = LayoutBuilder(scratch, "layout")
        layout.image([build { tar in for n in 0..<3000 { tar.file("f\(n)", "x") } }], name: "x:1")
        let store = try await makeStore(scratch)
        let task = Task { try await store.load(from: scratch.file("layout"), progress: noProgress) }

        task.cancel()
        let result = await task.result

        if case .success = result { Issue.record("the load was not cancelled") }
        await store.close()
        #expect(try await store.images().isEmpty)
    }

    @Test("a builder's layout is taken over under the wanted name")
    func ingest() async throws {
        let scratch = ScratchDirectory()
        var layout = LayoutBuilder(scratch, "layout")
        layout.image([Self.base], name: "other")
        let digest = layout.image([Self.base, Self.top], name: "wanted")
        let store = try await makeStore(scratch)
        let reference = try #require(ImageReference(parsing: "localhost/app:wanted"))

        let image = try await store.ingest(layout: scratch.file("layout"), reference: reference, progress: noProgress)

        #expect(image.digest == digest)
        #expect(image.references == ["localhost/app:wanted"])
        await #expect(throws: ImageError.self) {
            try await store.ingest(
                layout: scratch.file("layout"), reference: ImageReference(parsing: "localhost/app:none")!,
                progress: noProgress)
        }
    }

    @Test("a loaded image is exported as it came; a built one is not kept")
    func export() async throws {
        let scratch = ScratchDirectory()
        var layout = LayoutBuilder(scratch, "layout")
        let digest = layout.image([Self.base, Self.top], name: "app:1")
        let store = try await makeStore(scratch)
        _ = try await store.load(from: scratch.file("layout"), progress: noProgress)

        _ = try await store.export("app:1", to: scratch.file("exported"))

        let other = try await ImageStore(directory: scratch.file("other"), logger: silent)
        let reference = try #require(ImageReference(parsing: "localhost/again:1"))
        let again = try await other.ingest(layout: scratch.file("exported"), reference: reference, progress: noProgress)
        #expect(again.digest == digest)
        let error = await #expect(throws: ImageError.self) {
            try await other.export("again:1", to: scratch.file("none"))
        }
        #expect(error?.code == .notKept)
        #expect(error?.kind == .invalidState)
        await #expect(throws: ImageError.self) { try await store.export("absent", to: scratch.file("none")) }
        await other.close()
    }
}
