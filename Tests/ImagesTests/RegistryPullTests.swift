import Core
import Glibc
import LinuxKernel
import OCI
import Synchronization
import Testing

@testable import Images

/// A registry on a free port of the loopback interface, ended with its task.
private final class LocalRegistry: Sendable {
    let address: String
    private let task: Task<Void, Never>

    /// Starts a registry; with `account` it wants user `user` with password `secret`.
    init(_ scratch: ScratchDirectory, account: Bool = false) async throws {
        var configuration = """
            version: 0.1
            storage: {filesystem: {rootdirectory: \(scratch.file("registry"))}, delete: {enabled: true}}
            http: {addr: "127.0.0.1:0"}

            """
        if account {
            // "secret", by bcrypt with the least cost.
            scratch.write("htpasswd", Array("user:$2b$04$CGdE0FXsZcBjXP4EFwVgmuKqEzE/lvHykA4S6rv/yRHxkTYJr7T1O\n".utf8))
            configuration += "auth: {htpasswd: {realm: test, path: \(scratch.file("htpasswd"))}}\n"
        }
        scratch.write("registry.yml", Array(configuration.utf8))
        let (addresses, continuation) = AsyncStream<String>.makeStream()
        let invocation = ProgramInvocation("/usr/bin/docker-registry", ["serve", scratch.file("registry.yml")])
        task = Task {  // ended by `stop()`
            _ = try? await Program.run(invocation) { line in  // its end is the point, whatever its status
                guard let range = line.text.firstRange(of: "listening on 127.0.0.1:") else { return }
                continuation.yield(String(line.text[range.upperBound...].prefix { $0.isNumber }))
            }
            continuation.finish()
        }
        guard let port = await addresses.first(where: { _ in true }) else {
            throw ImageError(.hostLacks, "the registry did not start")
        }
        address = "127.0.0.1:\(port)"
    }

    func stop() async {
        task.cancel()
        await task.value
    }

    /// Puts the image of a layout there; returns the digest of its manifest as the registry has it.
    func push(_ layout: String, _ name: String, format: String = "oci", credentials: String? = nil) async throws
        -> Digest
    {
        let options = ["--insecure-policy", "copy", "--dest-tls-verify=false", "--format", format]
        let arguments = options + (credentials.map { ["--dest-creds", $0] } ?? [])
        let result = try await Program.run(
            ProgramInvocation("/usr/bin/skopeo", arguments + ["oci:\(layout)", "docker://\(address)/\(name)"]))
        try #require(result.exitCode == 0, "\(result.errorText)")
        let inspect = ["inspect", "--raw", "--tls-verify=false"] + (credentials.map { ["--creds", $0] } ?? [])
        let raw = try await Program.run(ProgramInvocation("/usr/bin/skopeo", inspect + ["docker://\(address)/\(name)"]))
        return Digest(of: raw.output)
    }
}

private let hasTools = Program.find("docker-registry") != nil && Program.find("skopeo") != nil

@Suite(
    "Pulling", .enabled(if: isPrivileged, "needs root with CAP_SYS_ADMIN"),
    .enabled(if: hasTools, "needs docker-registry and skopeo"))
struct RegistryPullTests {
    private func withRegistry(
        account: Bool = false, _ body: (ScratchDirectory, LocalRegistry, ImageStore) async throws -> Void
    ) async throws {
        let scratch = ScratchDirectory()
        let registry = try await LocalRegistry(scratch, account: account)
        let store = try await makeStore(scratch)
        let result = await Result { try await body(scratch, registry, store) }
        await registry.stop()
        await store.close()
        try result.get()
    }

    private func layout(_ scratch: ScratchDirectory, _ layers: [[UInt8]]) -> String {
        let folder = "layout-\(layers.count)-\(Digest(of: layers.flatMap { $0 }).hex.prefix(8))"
        var builder = LayoutBuilder(scratch, folder)
        builder.image(layers, name: nil)
        return scratch.file(folder)
    }

    @Test("an image comes with its digest, by tag and by digest, and rules are kept")
    func roundtrip() async throws {
        try await withRegistry { scratch, registry, store in
            let digest = try await registry.push(
                layout(scratch, [ImageStoreTests.base, ImageStoreTests.top]), "org/app:1")
            let reference = try #require(ImageReference(parsing: "\(registry.address)/org/app:1"))
            let progress = ProgressRecorder()
            var settings = ImagePullSettings()

            settings.rule = .never
            await #expect(throws: ImageError.self) {
                try await store.pull(reference, options: settings, progress: noProgress)
            }
            settings.rule = .missing
            let image = try await store.pull(reference, options: settings, progress: progress.sink)

            #expect(image.digest == digest)
            #expect(image.references == ["\(registry.address)/org/app:1"])
            #expect(
                progress.steps == [
                    "fetching \(registry.address)/org/app:1 from \(registry.address)",
                    "unpacking \(registry.address)/org/app:1",
                ])
            _ = try await store.prepareSnapshot(id: "c", image: digest, mountPoint: scratch.file("root"))
            #expect(scratch.text("root/etc/name") == "top")
            let pinned = try await store.pull(reference.pinned(to: digest), progress: noProgress)
            #expect(pinned.digest == digest)

            // The tag moves: only `always` asks again.
            let next = try await registry.push(layout(scratch, [ImageStoreTests.base]), "org/app:1")
            #expect(try await store.pull(reference, options: settings, progress: noProgress).digest == digest)
            settings.rule = .always
            #expect(try await store.pull(reference, options: settings, progress: noProgress).digest == next)
            #expect(try await store.image(reference.description)?.digest == next)
            #expect(scratch.names("store/incoming").isEmpty)
        }
    }

    @Test("what was pulled is exported as it came, for other programs too", arguments: ["oci", "v2s2"])
    func export(format: String) async throws {
        try await withRegistry { scratch, registry, store in
            let layout = layout(scratch, [ImageStoreTests.base, ImageStoreTests.top])
            let digest = try await registry.push(layout, "app:1", format: format)
            let reference = try #require(ImageReference(parsing: "\(registry.address)/app:1"))
            #expect(try await store.pull(reference, progress: noProgress).digest == digest)

            _ = try await store.export(reference.description, to: scratch.file("exported"))

            let copy = [
                "--insecure-policy", "copy", "oci:\(scratch.file("exported")):latest", "dir:\(scratch.file("copy"))",
            ]
            let result = try await Program.run(ProgramInvocation("/usr/bin/skopeo", copy))
            #expect(result.exitCode == 0, "\(result.errorText)")
            let copied = try DirectoryHandle(path: scratch.file("copy")).contents("manifest.json")
            #expect((Digest(of: copied) == digest) == (format == "oci"))
            let layers = try ImageManifest(parsing: copied).layers.map(\.digest)
            #expect(layers.allSatisfy { scratch.exists("store/blobs/sha256/\($0.hex)") })
        }
    }

    @Test("equal pulls at the same time are one")
    func joined() async throws {
        try await withRegistry { scratch, registry, store in
            let digest = try await registry.push(layout(scratch, [ImageStoreTests.base]), "app:1")
            let reference = try #require(ImageReference(parsing: "\(registry.address)/app:1"))
            let recorders = (0..<4).map { _ in ProgressRecorder() }

            let digests = try await withThrowingTaskGroup(of: Digest.self) { group in
                for recorder in recorders {
                    group.addTask { try await store.pull(reference, progress: recorder.sink).digest }
                }
                return try await group.reduce(into: Set<Digest>()) { $0.insert($1) }
            }

            #expect(digests == [digest])
            await store.close()
            #expect(scratch.names("store/layers").count == 1)
        }
    }

    @Test("credentials open a closed registry and leave no trace")
    func credentials() async throws {
        try await withRegistry(account: true) { scratch, registry, store in
            let digest = try await registry.push(
                layout(scratch, [ImageStoreTests.base]), "app:1", credentials: "user:secret")
            let reference = try #require(ImageReference(parsing: "\(registry.address)/app:1"))

            let error = await #expect(throws: ImageError.self) { try await store.pull(reference, progress: noProgress) }
            #expect(error?.code == .accessDenied)
            #expect(error?.kind == .permissionDenied)
            var settings = ImagePullSettings()
            settings.credentials = "user:wrong"
            await #expect(throws: ImageError.self) {
                try await store.pull(reference, options: settings, progress: noProgress)
            }
            settings.credentials = "user:secret"
            #expect(try await store.pull(reference, options: settings, progress: noProgress).digest == digest)
            #expect(scratch.names("store/incoming").isEmpty)
        }
    }

    @Test("a failure names the image, the registry, the cause and a way out")
    func failures() async throws {
        try await withRegistry { scratch, registry, store in
            let absent = try #require(ImageReference(parsing: "\(registry.address)/absent:1"))
            let error = await #expect(throws: ImageError.self) { try await store.pull(absent, progress: noProgress) }
            #expect(error?.code == .absentFromRegistry)
            #expect(error?.kind == .notFound)
            #expect(error?.description.contains("absent:1` from \(registry.address)") == true)
            #expect(error?.hint != nil)

            await registry.stop()
            let gone = await #expect(throws: ImageError.self) { try await store.pull(absent, progress: noProgress) }
            #expect(gone?.code == .pullFailed)
            #expect(gone?.description.contains("connection refused") == true)

            let local = try #require(ImageReference(parsing: "localhost/never-built"))
            let never = await #expect(throws: ImageError.self) { try await store.pull(local, progress: noProgress) }
            #expect(never?.code == .notFound)
        }
    }

    @Test("a cancelled pull ends and leaves nothing")
    func cancelled() async throws {
        try await withRegistry { scratch, registry, store in
            _ = try await registry.push(layout(scratch, [ImageStoreTests.base]), "app:1")
            let reference = try #require(ImageReference(parsing: "\(registry.address)/app:1"))
            let (steps, continuation) = AsyncStream<Void>.makeStream()
            let task = Task { try await store.pull(reference) { _ in continuation.yield() } }
            _ = await steps.first { _ in true }

            task.cancel()
            let result = await task.result

            #expect(throws: CancellationError.self) { try result.get() }
        }
    }
}

@Suite("Asking skopeo")
struct RegistryCommandTests {
    private func pull(_ name: String, _ change: (inout ImagePullSettings) -> Void = { _ in }) -> RegistryPull {
        var settings = ImagePullSettings()
        change(&settings)
        return RegistryPull(
            reference: ImageReference(parsing: name)!, options: settings, program: "/usr/bin/skopeo", directory: "/d")
    }

    @Test("credentials never reach the command line; verification is off only where asked or on loopback")
    func arguments() {
        #expect(!pull("quay.io/a/b").arguments.contains("--src-tls-verify=false"))
        #expect(pull("localhost:5000/b").arguments.contains("--src-tls-verify=false"))
        #expect(pull("quay.io/a/b") { $0.insecure = true }.arguments.contains("--src-tls-verify=false"))
        let secret = pull("quay.io/a/b") { $0.credentials = "user:hunter2" }.arguments
        #expect(secret.contains("/d/auth.json"))
        #expect(!secret.joined().contains("hunter2"))
    }

    @Test("a digest wins over a tag, which skopeo does not take beside it")
    func source() {
        let digest = "sha256:" + String(repeating: "1", count: 64)

        #expect(pull("alpine").source == "docker://docker.io/library/alpine:latest")
        #expect(pull("alpine:3@\(digest)").source == "docker://docker.io/library/alpine@\(digest)")
    }

    @Test(
        "skopeo's last words become codes",
        arguments: [
            (
                #"time="x" level=fatal msg="initializing source: reading manifest: manifest unknown: \"x\"""#,
                ImageError.Code.absentFromRegistry
            ),
            (
                #"time="x" level=fatal msg="unable to retrieve auth token: invalid username/password: unauthorized""#,
                .accessDenied
            ),
            (#"time="x" level=fatal msg="pinging container registry: dial tcp: lookup x: no such host""#, .pullFailed),
            (#"time="x" level=fatal msg="http: server gave HTTP response to HTTPS client""#, .pullFailed),
            ("", .pullFailed),
        ])
    func words(output: String, code: ImageError.Code) {
        let error = RegistryPull.failure(ImageReference(parsing: "quay.io/a/b")!, output)

        #expect(error.code == code)
        #expect(error.message.contains("quay.io"))
        #expect(!error.description.contains("level=fatal"))
    }
}
