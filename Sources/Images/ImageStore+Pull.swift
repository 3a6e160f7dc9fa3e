package import Core
internal import FoundationEssentials
internal import Glibc
internal import LinuxKernel
package import OCI

extension ImageStore {
    /// Brings an image into the store, through skopeo.
    ///
    /// Equal pulls at the same time are one. A registry on this machine is spoken to without TLS if need be. With the rule
    /// `.missing` an image that is here is not asked for again; with `.always` a failure is one even if an older copy is here.
    /// - Throws: ``ImageError`` that names the image, the registry, what skopeo said and the way out.
    package func pull(
        _ reference: ImageReference, options: ImagePullSettings = ImagePullSettings(), progress: @escaping ProgressSink
    ) async throws -> StoredImage {
        if options.rule != .always, let entry = index.find(reference) { return entry.stored }
        guard options.rule != .never else { throw ImageError.notFound(reference.familiar) }
        guard !reference.isLocalOnly else {
            throw ImageError(
                .notFound,
                "no image `\(reference.familiar)` in the local store, and `\(reference)` is not in any registry",
                hint: "build or load it first")
        }
        let key = "\(reference) \(options.insecure) \(options.credentials ?? "")"
        while let running = pulls[key] {
            do {
                return try await running.join(progress)
            } catch is CancellationError {
                try Task.checkCancellation()  // else all others went away while we came: begin anew
                if pulls[key] === running { pulls[key] = nil }
            }
        }
        let work = JoinedWork { report in
            let result = await Result { try await self.fetch(reference, options, report) }
            await self.finishedPull(key)
            return try result.get()
        }
        pulls[key] = work
        return try await work.join(progress)
    }

    private func finishedPull(_ key: String) { pulls[key] = nil }

    private func fetch(
        _ reference: ImageReference, _ options: ImagePullSettings, _ progress: @escaping ProgressSink
    ) async throws -> StoredImage {
        guard let program = Program.find("skopeo") else {
            throw ImageError(
                .hostLacks, "`skopeo` is needed to pull `\(reference.familiar)`", hint: "install the package `skopeo`")
        }
        progress(.step("fetching \(reference.familiar) from \(reference.registry)"))
        return try await withTemporaryDirectory("pull") { name in
            let directory = self.files.path(name)
            let pull = RegistryPull(reference: reference, options: options, program: program, directory: directory)
            try await pull.run(progress)
            var image = try await BlockingWork.run {
                try FlatReader.image(in: try DirectoryHandle(path: pull.destination), references: [reference])
            }
            image.keeping = .takeOver
            progress(.step("unpacking \(reference.familiar)"))
            return try await self.ingest(image, progress: progress)
        }
    }
}

/// One run of skopeo.
struct RegistryPull: Sendable {
    let reference: ImageReference
    let options: ImagePullSettings
    let program: String
    /// A private directory for this pull.
    let directory: String

    /// Where the image arrives, with the manifest as the registry has it.
    var destination: String { directory + "/image" }
    private var credentialsFile: String { directory + "/auth.json" }

    /// skopeo takes a digest or a tag; the digest says more.
    var source: String {
        guard let digest = reference.digest else { return "docker://\(reference)" }
        return "docker://\(reference.pinned(to: digest))"
    }

    var arguments: [String] {
        var arguments: [String] = []
        if !Self.hasSignaturePolicy { arguments.append("--insecure-policy") }
        arguments += ["--override-os", "linux", "--override-arch", Platform.current.architecture, "copy"]
        if options.insecure || reference.isOnLoopback { arguments.append("--src-tls-verify=false") }
        if options.credentials != nil { arguments += ["--src-authfile", credentialsFile] }
        return arguments + [source, "dir:\(destination)"]
    }

    /// Without any policy file skopeo refuses to work; with one it is the administrator's word.
    private static var hasSignaturePolicy: Bool {
        let places: [String] = ["/etc/containers/policy.json", "/root/.config/containers/policy.json"]
        return places.contains { access($0, R_OK) == 0 }
    }

    func run(_ progress: @escaping ProgressSink) async throws {
        if let credentials = options.credentials { try writeCredentials(credentials) }
        var invocation = ProgramInvocation(program, arguments)
        invocation.environment["TMPDIR"] = directory
        for name in [
            "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy", "SSL_CERT_FILE",
            "SSL_CERT_DIR",
        ] {
            if let value = getenv(name) { invocation.environment[name] = String(cString: value) }
        }
        let result = try await withThrowingTaskGroup(of: ProgramResult?.self) { group in
            group.addTask { [invocation] in
                try await Program.run(invocation, outputLimit: 256 << 10) { line in
                    if !line.isError { progress(.log(line.text)) }
                }
            }
            group.addTask {
                await watch(progress)
                return nil
            }
            defer { group.cancelAll() }
            while let finished = try await group.next() {
                if let finished { return finished }
            }
            throw CancellationError()
        }
        guard result.exitCode == 0 else { throw Self.failure(reference, result.errorText) }
    }

    /// Reports how many bytes have arrived until it is cancelled.
    private func watch(_ progress: ProgressSink) async {
        var last: Int64 = 0
        while !Task.isCancelled {
            do { try await Task.sleep(for: .milliseconds(250)) } catch { return }
            // The directory appears late and its files come and go: what cannot be counted now is counted next time.
            let size = (try? await BlockingWork.run { try Self.size(of: destination) }) ?? last
            if size > last { progress(.bytes(item: reference.familiar, done: ByteCount(size), total: nil)) }
            last = max(last, size)
        }
    }

    private static func size(of path: String) throws -> Int64 {
        let root = try DirectoryHandle(path: path)
        return try root.names().reduce(0) { $0 + Int64(try root.status($1)?.st_size ?? 0) }
    }

    private func writeCredentials(_ credentials: String) throws {
        let encoded = Data(credentials.utf8).base64EncodedString()
        // Docker Hub's entry bears its first address; every other registry its own name.
        let key = reference.registry == ImageReference.hub ? "docker.io" : reference.registry
        let text = try ImageDocument.encode(["auths": [key: ["auth": encoded]]])
        let file = try DirectoryHandle(path: directory).open(
            "auth.json", flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        guard write(file.rawValue, text, text.count) == text.count else {
            throw KernelError.last("write", credentialsFile)
        }
    }

    /// Turns skopeo's last words into an error.
    static func failure(_ reference: ImageReference, _ output: String) -> ImageError {
        let words = lastMessage(output)
        let lower = words.lowercased()
        let subject = "`\(reference.familiar)` from \(reference.registry)"
        let cause = RegistryFailure(message: words)
        if ["unauthorized", "authentication required", "denied", "forbidden", "invalid username/password"].contains(
            where: lower.contains)
        {
            return ImageError(
                .accessDenied, "the registry refused to hand out \(subject)",
                hint: "check the name, or give credentials", cause: cause)
        }
        if ["manifest unknown", "name unknown", "not found", "404"].contains(where: lower.contains),
            !lower.contains("no such host")
        {
            return ImageError(
                .absentFromRegistry, "no image \(subject)", hint: "check name and tag", cause: cause)
        }
        if lower.contains("certificate") || lower.contains("server gave http response to https") {
            return ImageError(
                .pullFailed, "no trusted connection for \(subject)",
                hint: "allow the registry as insecure if that is meant", cause: cause)
        }
        return ImageError(
            .pullFailed, "image \(subject) could not be fetched",
            hint: "check the network and the registry's name, then try again",
            cause: cause)
    }

    /// The message of the last log line, without what says nothing to a person.
    static func lastMessage(_ output: String) -> String {
        let line = output.split(separator: "\n").last.map(String.init) ?? "skopeo said nothing"
        guard let start = line.firstRange(of: "msg=\"") else { return line }
        let message = line[start.upperBound...].dropLast()
        return String(message.replacing("\\\"", with: "\"").replacing("\\n", with: " "))
    }
}

/// What another program said.
private struct RegistryFailure: Error, CustomStringConvertible {
    let message: String
    var description: String { message }
}
