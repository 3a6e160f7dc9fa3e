package import Containers
package import Core
package import Engines
package import Jobs
package import Logging
package import State

/// The apps of one instance: their sources, permissions, containers and routes.
///
/// ```
///     create, reload, approve, delete ──▶ job ──▶ source copied, audited, evaluated ──▶ version recorded ──▶ routes
///     request ──▶ route: proxy to the running container │ wake: start it │ respond: actions and small answers
/// ```
/// Changes of one app are serial, because jobs of one target are.
package actor AppService {
    let layout: InstanceLayout
    nonisolated let configuration: AppsConfiguration
    let world: AppWorld
    var runtimes: [String: AppRuntime] = [:]
    /// Addresses of apps whose creation is under way.
    var reserved: Set<AppAddress> = []
    /// Apps whose deletion was interrupted.
    var halfDeleted: [String] = []
    /// What follows the sources of development apps.
    var watches: [String: SourceWatch] = [:]
    /// Counts reloads that changes of files asked for.
    var reloads = 0
    /// Something has happened to a container of an app.
    let containerChanges: AsyncStream<Void>
    let containerChange: AsyncStream<Void>.Continuation

    /// A service that has published nothing yet; see ``restore()``.
    /// - Parameters:
    ///   - secrets: providers of secrets by name; `env` is the usual one.
    ///   - publisher: the gateway's side.
    package init(
        layout: InstanceLayout, configuration: AppsConfiguration, database: Database, jobs: JobCoordinator,
        containers: ContainerController, engine: any Engine, publisher: any RoutePublisher,
        secrets: [String: any SecretProvider] = [:], time: any TimeSource = SystemTimeSource(), logger: Logger
    ) {
        (containerChanges, containerChange) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        self.layout = layout
        self.configuration = configuration
        self.world = AppWorld(
            configuration: configuration, engine: engine, containers: containers, jobs: jobs,
            apps: AppStore(database), audit: AuditStore(database),
            sources: SourceStore(
                root: layout.appDirectory,
                bounds: SourceTree.Bounds(files: configuration.sourceFileLimit, bytes: configuration.sourceByteLimit)),
            threads: EvaluationThreads(width: configuration.maxEvaluations),
            secrets: SecretResolver(providers: secrets, defaultProvider: configuration.defaultSecretsProvider),
            board: RouteBoard(publisher, configuration: configuration),
            builds: BuildSlots(configuration.maxConcurrentBuilds),
            instance: layout.instanceName, runDirectory: layout.runtimeDirectory + "/apps",
            fileDirectory: layout.runtimeDirectory + "/app-files", volumeDirectory: layout.stateDirectory + "/volumes",
            time: time, logger: logger)
    }

    // MARK: Reading

    /// All apps, by address.
    /// - Parameter all: whether staging twins are among them.
    package func apps(all: Bool = false) async throws -> [AppSummary] {
        var summaries: [AppSummary] = []
        for record in try await world.apps.apps()
        where record.state == AppRecordState.active.rawValue && (all || !AppNames.isStaging(record.id)) {
            summaries.append(try await summary(record))
        }
        return summaries
    }

    /// One app, by address or identifier.
    /// - Throws: ``AppError`` `.appNotFound`.
    package func app(_ name: String) async throws -> AppDetails {
        let record = try await record(name)
        let settings = try Stored.value(AppSettings.self, record.settingsJSON)
        let versions = try await world.apps.versions(of: record.id)
        guard let runtime = runtimes[record.id] else { throw AppError.unknownApp(name) }
        let live = await runtime.live
        return AppDetails(
            summary: try await summary(record), audit: try audit(record, settings, live.version.details),
            params: live.version.details.params, containerOptions: live.version.details.containerOptions,
            buildArguments: live.version.details.buildArguments,
            versions: AppNames.isDevelopment(record.id)
                ? []
                : versions.map {
                    AppVersionSummary(
                        number: $0.number, sourceHash: $0.sourceDigest, createdAt: $0.createdAt,
                        isLive: $0.number == record.currentVersion)
                },
            image: await runtime.running?.image, imageDigest: live.version.details.imageDigest)
    }

    /// The log of the app's container, running or not.
    package func logs(_ app: String, options: LogOptions) async throws -> AsyncThrowingStream<LogEntry, any Error> {
        let record = try await record(app)
        let owned = await world.containers.containers(owner: .app(record.id))
        let running = await runtimes[record.id]?.running?.container
        guard let id = running ?? owned.last?.id else {
            throw AppError(.appNotFound, "app `\(app)` has no container", hint: "the first request starts it")
        }
        return try await world.engine.logs(id, options: options)
    }

    func summary(_ record: AppRecord) async throws -> AppSummary {
        let settings = try Stored.value(AppSettings.self, record.settingsJSON)
        let runtime = runtimes[record.id]
        let live = await runtime?.live
        let needsApproval = try live.map { try audit(record, settings, $0.version.details).needsApproval } ?? false
        return AppSummary(
            id: record.id, isDevelopment: AppNames.isDevelopment(record.id),
            address: try record.address(defaultDomain: configuration.defaultDomain).description,
            name: record.name, version: record.currentVersion ?? 0, state: await runtime?.state ?? .absent,
            source: record.source, spec: settings.spec, staging: try await stagingAddress(of: settings)?.description,
            container: await runtime?.running?.container.rawValue,
            needsApproval: needsApproval, lastError: await runtime?.failure?.message, createdAt: record.createdAt,
            updatedAt: record.updatedAt)
    }

    /// The record of an app given by address or identifier.
    func record(_ name: String) async throws -> AppRecord {
        if AppNames.isIdentifier(name), let record = try await world.apps.app(name), isActive(record) {
            return record
        }
        // What is no address is the name of no app.
        if let address = try? AppAddress(parsing: name, defaultDomain: configuration.defaultDomain),
            let record = try await world.apps.app(host: address.domain, path: address.path), isActive(record)
        {
            return record
        }
        throw AppError.unknownApp(name)
    }

    private func isActive(_ record: AppRecord) -> Bool { record.state == AppRecordState.active.rawValue }

    func audit(_ record: AppRecord, _ settings: AppSettings, _ details: VersionDetails) throws -> AppAudit {
        let approved = try Stored.value([Grant].self, record.approvedPermissionsJSON)
        return AppAudit(
            id: record.id, address: try record.address(defaultDomain: configuration.defaultDomain).description,
            newLoads: details.loads, newPermissions: details.permissions, approvedLoads: settings.approvedLoads,
            approvedPermissions: approved,
            needsApproval: ApprovalCheck.needsApproval(
                loads: details.loads, permissions: details.permissions, approvedLoads: settings.approvedLoads,
                approvedPermissions: approved, policy: world.policy))
    }
}
