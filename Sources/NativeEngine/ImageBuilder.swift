internal import Core
internal import Engines
internal import FoundationEssentials
internal import Glibc
internal import Images
internal import LinuxKernel
internal import Logging
internal import OCI
internal import Synchronization

/// Builds images with buildah and hands them to the image store.
///
/// Everything buildah keeps (its layer cache above all) lies below `directory`; its configuration is ours, so that nothing of the
/// machine's own `/etc/containers` plays a part. It runs in a mount namespace of its own: what it mounts goes when it ends, also
/// when it is killed. Build arguments reach it through its environment, never through the command line.
struct ImageBuilder: Sendable {
    private let directory: String
    private let store: ImageStore
    private let logger: Logger

    /// - Parameter directory: an absolute path; created when needed.
    init(directory: String, store: ImageStore, logger: Logger) {
        self.directory = directory
        self.store = store
        self.logger = logger
    }

    /// Builds and stores one image.
    /// - Throws: ``EngineError`` `.buildFailed` with the end of the output, `.hostLacks` without buildah; cancelling the task ends the
    ///   build and leaves nothing but cached layers.
    func build(_ request: ImageBuildRequest, progress: @escaping ProgressSink) async throws -> StoredImage {
        try prepare()
        let workspace = "\(directory)/tmp/\(ContainerID.random())"
        try FileManager.default.createDirectory(atPath: workspace, withIntermediateDirectories: true)
        defer { remove(workspace) }
        progress(.step("building \(request.tag.familiar)"))
        try await provideBases(of: request, workspace: workspace)
        let secrets = BuildSecrets(values: request.secretArguments)
        let values = request.arguments.merging(secrets.values) { _, secret in secret }
        try await run(Self.buildArguments(request), environment: values, progress: progress, of: request)
        progress(.step("storing \(request.tag.familiar)"))
        let layout = workspace + "/layout"
        // Compressing would only be undone a moment later.
        let export = ["push", "--quiet", "--disable-compression", Self.localName(request.tag), "oci:\(layout):latest"]
        try await run(export, environment: [:], progress: { _ in }, of: request)
        if !secrets.values.isEmpty {
            // The tool's own copy has the values in its history.
            try await run(
                ["rmi", "--force", Self.localName(request.tag)], environment: [:], progress: { _ in }, of: request)
            try await Blocking.run { try secrets.redactHistory(layout: layout) }
        }
        return try await store.ingest(layout: layout, reference: request.tag, progress: progress)
    }

    /// Forgets the layers that earlier builds have cached, and their leftovers.
    func prune() async throws {
        guard access(directory + "/storage", F_OK) == 0 else { return }
        try prepare()
        let result = try await Program.run(try invocation(["rmi", "--all", "--force"], environment: [:]))
        guard result.exitCode == 0 else {
            logger.warning("build cache not pruned", metadata: ["error": "\(Self.tail(result.errorText, lines: 3))"])
            return
        }
    }

    // MARK: Bases

    /// Gives buildah the images of our store that the container file builds upon, as they are now.
    private func provideBases(of request: ImageBuildRequest, workspace: String) async throws {
        // Without a container file the build itself says so.
        guard let text = try? String(contentsOfFile: request.containerFile, encoding: .utf8) else { return }
        for (number, name) in ContainerFile.bases(text).enumerated() {
            guard let reference = ImageReference(parsing: name), try await store.image(name) != nil else { continue }
            let layout = "\(workspace)/base-\(number)"
            let image: StoredImage
            do {
                image = try await store.export(name, to: layout)
            } catch let error as ImageError where error.code == .notKept {
                continue  // built here: buildah has it
            }
            // The name it has here: `base` may mean `localhost/base`, which buildah also tries.
            let local = reference.localCandidates.first { image.references.contains($0.description) } ?? reference
            try await provide(layout, as: local, of: request)
        }
    }

    private func provide(_ layout: String, as name: ImageReference, of request: ImageBuildRequest) async throws {
        // A pinned name cannot be given; buildah finds the digest under any other name of the repository.
        let tag = name.digest.map { "pinned-\($0.hex.prefix(12))" } ?? name.tag
        let full = ImageReference(registry: name.registry, repository: name.repository, tag: tag, digest: nil)
        let pulled = try await run(
            ["pull", "--quiet", "oci:\(layout):latest"], environment: [:], progress: { _ in }, of: request)
        guard let id = pulled.outputText.split(whereSeparator: \.isNewline).last else {
            throw EngineError(.buildFailed, "buildah does not tell what it made of base image `\(full.familiar)`")
        }
        try await run(["tag", String(id), full.description], environment: [:], progress: { _ in }, of: request)
    }

    // MARK: buildah

    static func buildArguments(_ request: ImageBuildRequest) -> [String] {
        var arguments = [
            "bud", "--isolation", "chroot", request.secretArguments.isEmpty ? "--layers" : "--layers=false", "--tag",
            localName(request.tag), "--file",
            request.containerFile,
        ]
        for name in request.arguments.keys.sorted() where request.secretArguments[name] == nil {
            arguments += ["--build-arg", name]
        }
        arguments += BuildSecrets(values: request.secretArguments).arguments
        for (name, value) in request.labels.sorted(by: { $0.key < $1.key }) {
            arguments += ["--label", "\(name)=\(value)"]
        }
        if let target = request.target { arguments += ["--target", target] }
        if request.noCache { arguments.append("--no-cache") }
        return arguments + [request.contextDirectory]
    }

    /// A full name, which buildah takes as it is.
    private static func localName(_ reference: ImageReference) -> String { reference.description }

    @discardableResult
    private func run(
        _ arguments: [String], environment: [String: String], progress: @escaping ProgressSink,
        of request: ImageBuildRequest
    ) async throws -> ProgramResult {
        let output = OutputTail()
        let secrets = BuildSecrets(values: request.secretArguments)
        let result = try await Program.run(try invocation(arguments, environment: environment)) { line in
            guard !Self.isNoise(line.text) else { return }
            let text = secrets.redacted(line.text)
            output.append(text)
            progress(.log(text))
        }
        guard result.exitCode == 0 else {
            throw EngineError(
                .buildFailed,
                "build of `\(request.tag.familiar)` ended with status \(result.exitCode):\n\(output.text)",
                hint: "the container file is `\(request.containerFile)`, the context `\(request.contextDirectory)`")
        }
        return result
    }

    private func invocation(_ arguments: [String], environment: [String: String]) throws -> ProgramInvocation {
        guard let buildah = Program.find("buildah"), let unshare = Program.find("unshare") else {
            throw EngineError(
                .hostLacks, "no program `buildah` to build images with", hint: "`apt-get install buildah`")
        }
        let takesPolicy = ["bud", "pull", "push"].contains(arguments.first)
        let policy = takesPolicy ? ["--signature-policy", directory + "/policy.json"] : []
        var invocation = ProgramInvocation(
            unshare,
            ["--mount", "--propagation", "private", buildah] + arguments.prefix(1) + policy + arguments.dropFirst())
        // Ours last: an argument of the build must not redirect its storage.
        invocation.environment.merge(environment) { _, theirs in theirs }
        invocation.environment.merge([
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": directory + "/home",
            "CONTAINERS_CONF": directory + "/containers.conf", "CONTAINERS_STORAGE_CONF": directory + "/storage.conf",
            "CONTAINERS_REGISTRIES_CONF": directory + "/registries.conf", "TMPDIR": directory + "/tmp",
            "REGISTRY_AUTH_FILE": directory + "/auth.json",
        ]) { _, ours in ours }
        return invocation
    }

    /// Warnings about the machine that say nothing about the build.
    static func isNoise(_ line: String) -> Bool { line.contains("level=warning") && line.contains("CNI") }

    static func tail(_ text: String, lines: Int) -> String {
        text.split(separator: "\n").suffix(lines).joined(separator: "\n")
    }

    // MARK: Files

    private func prepare() throws {
        let files = [
            "storage.conf": """
            [storage]
            driver = "overlay"
            graphroot = "\(directory)/storage"
            runroot = "\(directory)/run"
            """,
            "containers.conf": """
            [containers]
            default_ulimits = ["nofile=1024:1024"]
            [engine]
            events_logger = "none"
            cgroup_manager = "cgroupfs"
            runtime = "runc"
            [network]
            network_backend = "netavark"
            """,
            "registries.conf": "unqualified-search-registries = [\"docker.io\"]\nshort-name-mode = \"disabled\"\n"
                + Self.loopbackRegistries,
            "policy.json": #"{"default": [{"type": "insecureAcceptAnything"}]}"#,
            "auth.json": "{}",
        ]
        for folder in ["", "/tmp", "/home"] {
            try FileManager.default.createDirectory(
                atPath: directory + folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        }
        for (name, text) in files {
            let path = "\(directory)/\(name)"
            // Absent at first.
            if let existing = try? String(contentsOfFile: path, encoding: .utf8), existing == text { continue }
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        }
    }

    /// Registries on the loopback address speak plain HTTP more often than not.
    private static let loopbackRegistries = ["localhost", "127.0.0.1"].map { host in
        "[[registry]]\nprefix = \"\(host)\"\nlocation = \"\(host)\"\ninsecure = true\n"
    }.joined()

    private func remove(_ workspace: String) {
        do { try FileManager.default.removeItem(atPath: workspace) } catch {
            logger.warning("build workspace stays behind", metadata: ["path": "\(workspace)", "error": "\(error)"])
        }
    }
}

/// The last lines of a build's output, at most 40 of them.
private final class OutputTail: Sendable {
    private let lines = Mutex<[String]>([])

    func append(_ line: String) {
        lines.withLock { lines in
            if lines.count == 40 { lines.removeFirst() }
            lines.append(line)
        }
    }

    var text: String { lines.withLock { $0.joined(separator: "\n") } }
}
