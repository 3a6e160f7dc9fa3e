import Core
import Engines
import FoundationEssentials
import Glibc
import LinuxKernel
import Logging
import NativeEngine
import OCI
import Testing

/// What the tests of this target need of the machine.
enum Machine {
    static let isReady =
        geteuid() == 0 && Program.find("conmon") != nil && (Program.find("crun") ?? Program.find("runc")) != nil
        && Program.find("busybox") != nil
    /// The runtimes that are installed.
    static let runtimes = [NativeEngineOptions.RuntimeChoice.crun, .runc].filter { Program.find($0.rawValue) != nil }
    static let reason: Comment = "needs root, conmon, crun or runc, and busybox-static"
}

/// A layout of its own below a short path, and the image of the conformance suite in its store.
struct EngineHarness: Sendable {
    static let image = "localhost/fixture:1"
    let root: String
    let layout: InstanceLayout
    var options = NativeEngineOptions()

    init() throws {
        root = "/tmp/mt\(getpid())-\(String(UInt32.random(in: 0...UInt32.max), radix: 36))"
        layout = InstanceLayout(root: root)
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: false)
    }

    /// An engine on this layout; the image is loaded on request.
    func open(loadingImage: Bool = true) async throws -> NativeEngine {
        var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        if let level = ProcessInfo.processInfo.environment["MARTLET_TEST_LOG"].flatMap({ Logger.Level(rawValue: $0) }) {
            logger = Logger(label: "test") { StreamLogHandler.standardError(label: $0) }
            logger.logLevel = level
        }
        let engine = try await NativeEngine(layout: layout, options: options, logger: logger)
        if loadingImage, try await engine.image(Self.image) == nil {
            let path = "\(root)/image"
            try await FixtureImage.write(to: path)
            _ = try await engine.loadImages(from: path) { _ in }
        }
        return engine
    }

    /// Opens an engine for `body`; afterwards nothing of it is left, whatever happened.
    /// - Parameter others: whether `body` opens further engines; then yet another one ends everything.
    static func with(
        others: Bool = false, runtime: NativeEngineOptions.RuntimeChoice = .automatic,
        _ body: (NativeEngine, EngineHarness) async throws -> Void
    ) async throws {
        var harness = try EngineHarness()
        harness.options.runtime = runtime
        defer { harness.removeFiles() }
        let engine = try await harness.open()
        do {
            try await body(engine, harness)
        } catch {
            try await harness.end(engine, others)
            throw error
        }
        try await harness.end(engine, others)
    }

    private func end(_ engine: NativeEngine, _ others: Bool) async throws {
        if others { await engine.close() }
        let last = others ? try await open(loadingImage: false) : engine
        try await last.shutdown(removeEverything: true)
    }

    func removeFiles() {
        try? FileSystemMount.unmountAll(beneath: root)  // only after a failed shutdown
        try? FileManager.default.removeItem(atPath: root)
    }

    /// A specification of a container of the image that runs `command`.
    func spec(_ command: String...) -> ContainerSpec {
        var spec = ContainerSpec(image: Self.image)
        spec.command = command
        spec.network = .none
        return spec
    }
}

/// The image of the conformance suite as an OCI layout: busybox, and the suite's programs as scripts.
enum FixtureImage {
    static func write(to path: String) async throws {
        let files = FileManager.default
        let stage = path + ".stage"
        for folder in ["bin", "etc", "tmp", "root", "srv"] {
            try files.createDirectory(atPath: "\(stage)/\(folder)", withIntermediateDirectories: true)
        }
        defer { try? files.removeItem(atPath: stage) }
        try files.copyItem(atPath: Program.find("busybox") ?? "/bin/busybox", toPath: stage + "/bin/busybox")
        for name in [
            "sh", "cat", "env", "sleep", "echo", "id", "ls", "stty", "head", "dd", "wget", "nslookup", "ip", "kill",
        ] {
            try files.createSymbolicLink(atPath: "\(stage)/bin/\(name)", withDestinationPath: "busybox")
        }
        try write(
            "#!/bin/sh\ntrap 'exit 0' TERM\nfor line; do echo \"$line\"; done\nwhile :; do sleep 1000 & wait $!; done\n",
            "\(stage)/bin/run")
        try write(
            "#!/bin/sh\ntrap '' TERM\nfor line; do echo \"$line\"; done\nwhile :; do sleep 1000; done\n",
            "\(stage)/bin/ignore-term")
        try write("#!/bin/sh\nfor line; do echo \"$line\"; done\n", "\(stage)/bin/print")
        try write("#!/bin/sh\nfor line; do echo \"$line\" >&2; done\n", "\(stage)/bin/print-error")
        try write("#!/bin/sh\nexit ${1:-1}\n", "\(stage)/bin/fail")
        try write("root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000:Web:/srv:/bin/sh\n", "\(stage)/etc/passwd")
        try write("root:x:0:\nweb:x:1000:\nstaff:x:50:web\n", "\(stage)/etc/group")
        try await pack(stage, path)
    }

    private static func write(_ text: String, _ path: String) throws {
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        chmod(path, 0o755)
    }

    private static func pack(_ stage: String, _ path: String) async throws {
        let files = FileManager.default
        try files.createDirectory(atPath: path + "/blobs/sha256", withIntermediateDirectories: true)
        let tar = try await Program.run(
            ProgramInvocation("/bin/tar", ["-C", stage, "-cf", "-", "."]), outputLimit: 64 << 20)
        try #require(tar.exitCode == 0)
        let layer = try blob(tar.output, path)
        let config = try blob(
            Array(
                """
                {"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin"],"Cmd":["run"]},\
                "rootfs":{"type":"layers","diff_ids":["\(layer.digest)"]},"history":[{"created_by":"test"}]}
                """.utf8), path)
        let manifest = try blob(
            Array(
                """
                {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
                "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\(config.digest)","size":\(config.size)},\
                "layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"\(layer.digest)","size":\(layer.size)}]}
                """.utf8), path)
        try #"{"imageLayoutVersion":"1.0.0"}"#.write(toFile: path + "/oci-layout", atomically: false, encoding: .utf8)
        try """
        {"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",\
        "digest":"\(manifest.digest)","size":\(manifest.size),\
        "annotations":{"org.opencontainers.image.ref.name":"\(EngineHarness.image)"}}]}
        """.write(toFile: path + "/index.json", atomically: false, encoding: .utf8)
    }

    private static func blob(_ bytes: [UInt8], _ path: String) throws -> (digest: Digest, size: Int) {
        let digest = Digest(of: bytes)
        try Data(bytes).write(to: URL(filePath: "\(path)/blobs/sha256/\(digest.hex)"))
        return (digest, bytes.count)
    }
}
