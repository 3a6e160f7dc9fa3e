internal import Core
internal import Engines
internal import LinuxKernel

/// What is particular to the container of a development app.
struct DevelopmentPlan: Sendable {
    /// The source inside the container; nil in the plain flow and for images.
    let mounted: MountedSource?
    /// The directory of the host that is mounted.
    let source: String
    /// What identifies the content of a built image; nil for images that are not built here.
    let imageContent: String?
    let reload: DevelopmentSettings.Reload
    /// Volumes of `additional_mounts`, unread.
    let additionalMounts: [String]
    /// What the developer should know.
    let notices: [String]

    static let label = "martlet.dev"
    /// Tells what a development image was built from.
    static let contentLabel = "martlet.dev.content"

    /// Whether an image holds what the plan wants.
    func isCurrent(_ image: ImageRecord) -> Bool {
        imageContent == nil || image.configuration.labels[Self.contentLabel] == imageContent
    }

    /// Marks a container as one of development.
    func mark(_ spec: inout ContainerSpec) {
        spec.labels[Self.label] = "true"
        for (name, value) in mounted?.environment ?? [:] where spec.environment[name] == nil {
            spec.environment[name] = .plain(value)
        }
    }

    /// Makes the service run from the mounted source; a program that ends is not started again by itself, since the
    /// developer wants to see why.
    func apply(to spec: inout ContainerSpec, _ check: inout HealthCheck, _ configuration: AppsConfiguration) {
        check.startAttempts = max(1, configuration.developmentHealthAttempts)
        spec.restart = .no
        guard let mounted, let command = mounted.command else { return }
        spec.entrypoint = []
        spec.command = command
        spec.workingDirectory = mounted.directory
    }

    /// The volumes of a plan as they are in development: what is mounted here displaces those at the same place.
    func volumes(_ declared: [VolumeRequest]) throws -> [VolumeRequest] {
        let additional = try VolumeRequest.list((mounted?.caches ?? []) + additionalMounts)
        let taken = Set(additional.map(\.target) + (mounted.map { [$0.directory] } ?? []))
        return declared.filter { !taken.contains($0.target) } + additional
    }

    /// A failure of a command that nobody has written so says where it comes from.
    func explained(_ error: AppError) -> AppError {
        guard let mounted, mounted.isInferred, let command = mounted.command else { return error }
        switch error.code {
        case .runStart, .runExited, .healthFailed: break
        default: return error
        }
        var copy = error
        let words = command.joined(separator: " ")
        copy.hint =
            "the command `\(words)` was inferred from the last stage of the container file: \(DevelopmentPlanner.waysOut)"
        return copy
    }
}

extension ServicePlanner {
    /// What development makes of an app's container, before the rest is decided.
    struct DevelopmentSketch {
        /// The port asked for in the settings.
        let port: UInt16?
        /// Nil for images that are not built here.
        let image: PlannedImage?
        /// Identifies everything that makes a container another one.
        let identity: String
        let plan: DevelopmentPlan
    }

    /// Decides what development makes of the container; nil for production apps.
    /// - Throws: ``AppError`` `.configDevelopment`.
    func development(
        _ config: ContainerConfig, _ arguments: [String: EnvironmentValue], _ file: FoundFile?
    ) async throws -> DevelopmentSketch? {
        let settings = config.development
        guard version.isDevelopment else {
            if let file { try DevelopmentPlanner.checkProduction(file.parsed, settings) }
            return nil
        }
        let texts = arguments.mapValues { $0.exposed ?? "" }
        let context = version.directory + (config.buildDirectory.isEmpty ? "" : "/" + config.buildDirectory)
        var flow = DevelopmentFlow.plain(reason: nil)
        if let file { flow = try await self.flow(config, texts, file, context) }
        var mounted: MountedSource?
        var notices: [String] = []
        var content: String?
        switch flow {
        case .mounted(let source):
            mounted = source
            notices = source.notices
            content = source.imageHash
        case .plain(let reason):
            if let reason { notices = ["every change builds the image anew: \(reason)"] }
            if let file {
                content = IdentityHash.build(
                    source: try await world.sources.liveHash(of: version), arguments: texts,
                    containerFile: file.path, buildDirectory: config.buildDirectory)
            }
        }
        let additional = settings.isDisabled ? [] : settings.additionalMounts
        let image = file.map { file in
            PlannedImage.build(
                tag: AppNames.developmentImage(app: version.appID, hash: mounted?.imageHash),
                file: "\(file.directory)/\(file.path)", context: context, arguments: arguments)
        }
        let identity = IdentityHash.combined([
            "dev", content ?? "", mounted?.target ?? "", mounted?.directory ?? "",
            IdentityHash.combined(mounted?.command ?? []), IdentityHash.map(mounted?.environment ?? [:]),
            IdentityHash.combined(additional + (mounted?.caches ?? [])), context,
        ])
        return DevelopmentSketch(
            port: settings.port == 0 ? nil : UInt16(settings.port), image: image, identity: identity,
            plan: DevelopmentPlan(
                mounted: mounted, source: context, imageContent: content, reload: settings.reload,
                additionalMounts: additional, notices: notices))
    }

    private func flow(
        _ config: ContainerConfig, _ arguments: [String: String], _ file: FoundFile, _ context: String
    ) async throws -> DevelopmentFlow {
        let settings = config.development
        var environmentFiles: [String: String?] = [:]
        for path in settings.environmentFiles {
            environmentFiles[path] = .some(try await world.sources.text(of: path, in: version.directory))
        }
        let files = environmentFiles
        return try await Blocking.run {
            let root = try DirectoryHandle(path: context, resolution: .beneath)
            return try DevelopmentPlanner(
                settings: settings, file: file.parsed, text: file.text, buildArguments: arguments,
                buildDirectory: config.buildDirectory, environmentFiles: files, isCommand: config.isCommand,
                // What cannot be looked at is not there for the container either.
                isInSource: { (try? root.status($0)).flatMap { $0 } != nil }
            ).plan()
        }
    }
}

extension SourceStore {
    /// The identity of a development app's source as it is now, without what the watcher ignores.
    func liveHash(of version: AppVersion) async throws -> String {
        let bounds = bounds
        return try await Blocking.run {
            let handle = try DirectoryHandle(path: version.directory, resolution: .beneath)
            let tree = try SourceTree.scan(
                handle, name: version.directory, bounds: bounds, ignoring: IgnoredNames.contains)
            return IdentityHash.source(try tree.digests(in: handle))
        }
    }
}
