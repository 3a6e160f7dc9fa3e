internal import Core
internal import Engines
internal import OCI

/// Where the image of an app comes from.
enum PlannedImage: Sendable, Hashable {
    /// Built from the stored source; `file` and `context` are absolute.
    case build(tag: ImageReference, file: String, context: String, arguments: [String: EnvironmentValue])
    /// Pinned.
    case pinned(name: String, digest: Digest)
    /// Not known in the local store yet.
    case unpinned(name: String)

    /// How messages name it.
    var name: String {
        switch self {
        case .build(let tag, _, _, _): tag.familiar
        case .pinned(let name, _), .unpinned(let name): name
        }
    }
}

/// Everything decided about the container of one version, before anything is done.
struct ServicePlan: Sendable {
    let version: AppVersion
    let config: ContainerConfig
    let image: PlannedImage
    /// The port of the configuration or the container file; nil leaves it to the image.
    let port: UInt16?
    /// How messages name the container file or image.
    let fileName: String
    let versionHash: String
    let options: ContainerOptions
    let params: ParamSet
    /// Whether the health check is sent below the app's path.
    let keepsAppPath: Bool
    let environment: ContainerEnvironment
    /// Of the container file, the app's settings and the configuration, in this order, unread.
    let volumes: [String]
    /// For development apps.
    let development: DevelopmentPlan?

    /// `clc-<app id>-<16 hex>`; one for all times for a development app.
    var containerID: ContainerID {
        let hash = development == nil ? versionHash : ""
        // Made of an identifier of ours and hexadecimal digits: always valid.
        return ContainerID(rawValue: AppNames.container(app: version.appID, versionHash: hash))!
    }

    /// The port requests go to.
    /// - Throws: ``AppError`` `.configNoPort`.
    func port(of image: ImageRecord) throws -> UInt16 {
        if let port { return port }
        let exposed = image.configuration.exposedPorts.compactMap(ContainerFile.tcpPort)
        guard case .build = self.image else {
            guard exposed.count == 1, let only = exposed.first else { throw AppError.noPort(fileName) }
            return only
        }
        throw AppError.noPort(fileName)
    }

    /// The container that serves.
    func serviceSpec(image: ImageRecord, configuration: AppsConfiguration, capabilities: EngineCapabilities) throws
        -> ContainerSpec
    {
        let port = try port(of: image)
        var spec = base(image: image, role: "service", capabilities: capabilities)
        spec.name = ContainerName(rawValue: containerID.rawValue)
        spec.environment["PORT"] = .plain(String(port))
        spec.restart = .onFailure(maximum: 10)
        let health = config.health == "/" ? configuration.healthPath : config.health
        let path = health.hasPrefix("/") ? health : "/" + health
        var check = HealthCheck(
            probe: .http(
                scheme: config.scheme.rawValue, port: port,
                path: keepsAppPath ? version.address.environmentPath + path : path, statuses: 200...200))
        check.startAttempts = max(1, configuration.deployHealthAttempts)
        check.timeoutMilliseconds = configuration.healthTimeoutSeconds * 1000
        check.intervalMilliseconds = configuration.statusCheckIntervalSeconds * 1000
        if let development { development.apply(to: &spec, &check, configuration) }
        spec.health = check
        return spec
    }

    /// A container for one command.
    func runSpec(image: ImageRecord, command: RunCommand, capabilities: EngineCapabilities, instance: String)
        -> ContainerSpec
    {
        var spec = base(image: image, role: "run", capabilities: capabilities)
        spec.entrypoint = []
        spec.command = [command.path] + command.arguments
        spec.workingDirectory = command.workingDirectory
        spec.labels["martlet.instance"] = instance
        if let port { spec.environment["PORT"] = .plain(String(port)) }
        for (name, value) in command.environment { spec.environment[name] = .plain(value) }
        return spec
    }

    private func base(image: ImageRecord, role: String, capabilities: EngineCapabilities) -> ContainerSpec {
        let reference: String
        switch self.image {
        case .build(let tag, _, _, _): reference = tag.description
        case .pinned, .unpinned: reference = image.digest.rawValue
        }
        var spec = ContainerSpec(image: reference)
        spec.environment = environment.variables
        spec.labels = [
            "martlet.app": version.appID, "martlet.app.path": version.address.description,
            "martlet.version": String(versionHash.prefix(16)), "martlet.role": role,
        ]
        if let development { development.mark(&spec) }
        if capabilities.contains(.limits) {
            spec.limits.memory = options.memory ?? .mebibytes(1024)
            spec.limits.milliCPUs = options.milliCPUs
        }
        return spec
    }
}

/// Makes plans.
struct ServicePlanner: Sendable {
    let world: AppWorld
    let version: AppVersion
    let loaded: LoadedApp

    /// Decides everything about the app's container; reads the container file, changes nothing.
    /// - Throws: ``AppError`` for what the configuration lacks.
    func plan(_ config: ContainerConfig) async throws -> ServicePlan {
        let options = try ContainerOptions(version.details.containerOptions)
        let resolve: (String) throws -> (text: String, isSecret: Bool) = {
            try world.secrets.resolve($0, granted: config.secrets)
        }
        let arguments = try config.buildArguments.merging(version.details.buildArguments) { $1 }.mapValues {
            let (text, isSecret) = try resolve($0)
            return isSecret ? EnvironmentValue.secret(text) : .plain(text)
        }
        let texts = arguments.mapValues { $0.exposed ?? "" }
        let (image, file) = try await image(config, arguments)
        let parsed = file?.parsed
        let sketch = try await development(config, arguments, file)
        let port = sketch?.port ?? (config.port != 0 ? UInt16(config.port) : parsed?.exposedPort)
        let volumes = (parsed?.volumes ?? []) + version.details.containerVolumes + config.volumes
        _ = try VolumeRequest.list(volumes)
        if port == nil, !config.isCommand, case .build = image {
            throw AppError.noPort(file?.path ?? image.name)
        }
        let environment = try ContainerEnvironment(
            params: loaded.params, address: version.address, publicURL: world.configuration.publicURL, port: nil,
            resolve: resolve)
        let keepsAppPath = loaded.declaration.proxies.contains { $0.config.isOwnContainer && !$0.config.stripApp }
        // The public address is left out: a daemon that comes back on another port still knows its containers.
        let identity = environment.variables.filter { $0.key != "CL_APP_URL" }.mapValues { $0.exposed ?? "" }
        let hash = IdentityHash.version(
            IdentityHash.VersionInputs(
                source: sketch?.identity ?? version.sourceHash, environment: identity,
                options: version.details.containerOptions, arguments: texts, volumes: volumes,
                imageDigest: version.details.imageDigest ?? "", image: image.name, port: Int(port ?? 0),
                scheme: config.scheme.rawValue, health: config.health + (keepsAppPath ? "+app" : ""),
                lifetime: config.isCommand ? "command" : "app"))
        var built = sketch?.image ?? image
        if loaded.declaration.separatesImages, sketch == nil, case .build(_, let path, let context, let given) = built {
            let tag = AppNames.ownImage(app: version.appID, versionHash: hash)
            built = .build(tag: tag, file: path, context: context, arguments: given)
        }
        return ServicePlan(
            version: version, config: config, image: built, port: port,
            fileName: file?.path ?? image.name, versionHash: hash, options: options, params: loaded.params,
            keepsAppPath: keepsAppPath, environment: environment, volumes: volumes, development: sketch?.plan)
    }

    /// A container file that was found and read.
    struct FoundFile: Sendable {
        /// Relative to `directory`.
        let path: String
        /// The source, or the files of the app spec.
        let directory: String
        let text: String
        let parsed: ContainerFile
    }

    private func image(
        _ config: ContainerConfig, _ arguments: [String: EnvironmentValue]
    ) async throws -> (image: PlannedImage, file: FoundFile?) {
        if case .image(let name) = config.source {
            guard ImageReference(parsing: name) != nil else {
                throw AppError(.imagePull, "`\(name)` is no image reference")
            }
            if let digest = version.details.imageDigest.flatMap(Digest.init(rawValue:)) {
                return (.pinned(name: name, digest: digest), nil)
            }
            return (.unpinned(name: name), nil)
        }
        let file = try await containerFile(config)
        let texts = arguments.mapValues { $0.exposed ?? "" }
        let parsed = try ContainerFile(text: file.text, name: file.path, buildArguments: texts)
        let hash = IdentityHash.build(
            source: version.sourceHash, arguments: texts, containerFile: file.path,
            buildDirectory: config.buildDirectory)
        let context = config.buildDirectory.isEmpty ? "" : "/" + config.buildDirectory
        let planned = PlannedImage.build(
            tag: AppNames.image(app: version.appID, buildHash: hash), file: "\(file.directory)/\(file.path)",
            context: version.directory + context, arguments: arguments)
        return (planned, FoundFile(path: file.path, directory: file.directory, text: file.text, parsed: parsed))
    }

    /// Own Containerfile, own Dockerfile, the spec's Containerfile, the spec's Dockerfile; or the file named.
    private func containerFile(
        _ config: ContainerConfig
    ) async throws -> (path: String, directory: String, text: String) {
        var names = ["Containerfile", "Dockerfile"]
        if case .file(let name) = config.source {
            names = [name] + (config.buildDirectory.isEmpty ? [] : ["\(config.buildDirectory)/\(name)"])
        }
        let spec = version.details.specFiles
        var places = names.filter { !spec.contains($0) }.map { (version.directory, $0) }
        places += names.filter(spec.contains).map { (version.directory, $0) }
        // The files of a development app's spec lie beside its source.
        if let directory = version.details.specDirectory { places += names.map { (directory, $0) } }
        for (directory, path) in places {
            if let text = try await world.sources.text(of: path, in: directory) { return (path, directory, text) }
        }
        if case .file(let name) = config.source { throw AppError.read(name) }
        throw AppError.noFile
    }
}
