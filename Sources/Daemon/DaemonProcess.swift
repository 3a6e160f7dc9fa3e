internal import API
internal import Apps
internal import Containers
package import Core
internal import Engines
internal import Gateway
internal import Jobs
package import Logging
internal import ServiceLifecycle
internal import State
internal import UnixSignals

/// One daemon: constructs everything once, in order, and runs it until it is asked to end.
///
/// ```
///     lock ─▶ database ─▶ engine ─▶ adopt containers ─▶ routes of apps ─▶ gateway ─▶ API ─▶ ready
/// ```
/// When it ends, whichever way, containers go on.
package struct DaemonProcess: Sendable {
    /// What is told on the command line.
    package struct Options: Sendable {
        /// A file or pipe that gets one line, `ready <gateway address>`.
        package var readyFile: String?
        /// Signals that end the daemon.
        package var handlesSignals = true
        /// Variables from which apps may be granted secrets.
        package var secretVariables: [String: String] = [:]

        /// Nothing told.
        package init() {}
    }

    let layout: InstanceLayout
    let configuration: Configuration
    let options: Options
    let makeEngine: EngineFactory
    let logger: Logger

    /// A daemon that has touched nothing yet.
    package init(
        layout: InstanceLayout, configuration: Configuration, options: Options = Options(),
        makeEngine: @escaping EngineFactory, logger: Logger
    ) {
        self.layout = layout
        self.configuration = configuration
        self.options = options
        self.makeEngine = makeEngine
        self.logger = logger
    }

    /// Runs until a signal, or until a client asks for the end.
    /// - Throws: ``DaemonError``, and whatever keeps a part from starting.
    package func run() async throws {
        try HostDirectories.prepare(layout)
        let lock = try InstanceLock(layout)
        let database = try Database(path: layout.databaseFile)
        if let path = database.quarantinedPath {
            logger.error("the database was damaged and set aside; a new one was begun", metadata: ["path": "\(path)"])
        }
        let handle = try await makeEngine(layout, configuration, logger)
        do {
            try await serve(database, handle)
        } catch {
            await handle.close()
            throw error
        }
        await handle.close()
        try database.close()
        logger.info("ended")
        _ = consume lock
    }

    private func serve(_ database: Database, _ handle: EngineHandle) async throws {
        var limits = JobLimits()
        limits.width = configuration[ConfigurationKeys.jobsConcurrency]
        let jobs = JobCoordinator(store: JobStore(database), limits: limits, logger: logger)
        let containers = ContainerController(
            engine: handle.engine, store: ContainerStore(database), instance: layout.instanceName, logger: logger)
        let gateway = Gateway(configuration: try gatewayConfiguration(), logger: logger)
        try await jobs.recover()
        try await containers.adopt()
        // With port 0 the address is known only once it is bound, and apps are told their URL.
        let bindsFirst = ListenAddress(parsing: configuration[ConfigurationKeys.gatewayAddress])?.port == 0
        if bindsFirst {
            gateway.publish(RouteTable(fallback: StartingResponder()))
            try await gateway.start()
        }
        let apps = AppService(
            layout: layout, configuration: appsConfiguration(gateway), database: database, jobs: jobs,
            containers: containers, engine: handle.engine, publisher: GatewayRoutes(gateway: gateway),
            secrets: ["env": EnvironmentSecrets(options.secretVariables)], logger: logger)
        try await apps.restore()
        if !bindsFirst { try await gateway.start() }

        let quiet = Quiescence()
        let memory = IdleMemory()
        let system = SystemReporter(
            layout: layout, configuration: configuration, engine: handle.engine, containers: containers,
            gateway: gateway
        ) { [jobs] in
            await quiet.begin()
            await jobs.shutdown()
            try await handle.removeEverything()
        }
        let api = APIServer(
            services: APIServices(
                engine: handle.engine, containers: containers, jobs: jobs, apps: apps, layout: layout, system: system),
            listeners: try APIListeners.listeners(layout: layout, configuration: configuration, logger: logger),
            logger: logger, onRequest: memory.used)
        let drain = Duration.seconds(configuration[ConfigurationKeys.gatewayDrainSeconds])
        let group = ServiceGroup(
            configuration: groupConfiguration([
                bounded("containers", Supervision(work: containers.run, quiet: quiet), .zero),
                bounded("apps", Supervision(work: apps.run, quiet: quiet), .zero),
                memory, bounded("jobs", AppsEnd(apps: apps, jobs: jobs), Self.requestGrace),
                ServicesSideBySide(services: [
                    bounded("gateway", gateway, drain + .seconds(1)),
                    bounded("api", APIService(server: api), Self.requestGrace),
                ]),
                Announcement(server: api, gateway: gateway, options: options, logger: logger),
            ]))
        system.setGroup(group)
        memory.used()  // by the start
        try await group.run()
    }

    /// How long requests of the API and jobs may go on when the daemon ends.
    private static let requestGrace = Duration.seconds(5)

    private func bounded(_ name: String, _ service: any Service, _ grace: Duration) -> BoundedService {
        BoundedService(name: name, service: service, grace: grace, logger: logger)
    }

    private func groupConfiguration(_ services: [any Service]) -> ServiceGroupConfiguration {
        ServiceGroupConfiguration(
            services: services.map { .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup) },
            gracefulShutdownSignals: options.handlesSignals ? [.sigterm, .sigint] : [], logger: quietLogger)
    }

    /// The group tells of every step of its own; that is of interest only when something is wrong.
    private var quietLogger: Logger {
        var logger = logger
        logger.logLevel = max(.warning, logger.logLevel)
        return logger
    }

    private func gatewayConfiguration() throws -> GatewayConfiguration {
        guard let address = ListenAddress(parsing: configuration[ConfigurationKeys.gatewayAddress]) else {
            throw InvalidArgument(
                field: "gateway.http.address", value: configuration[ConfigurationKeys.gatewayAddress],
                rule: "it is `address:port`")
        }
        var gateway = GatewayConfiguration(addresses: [GatewayAddress(host: address.host, port: address.port)])
        gateway.threads = configuration[ConfigurationKeys.gatewayThreads]
        gateway.trustedProxies = configuration[ConfigurationKeys.gatewayTrustedProxies]
        gateway.shutdownDeadline = .seconds(configuration[ConfigurationKeys.gatewayDrainSeconds])
        switch configuration[ConfigurationKeys.gatewayAccessLog] {
        case .off: gateway.accessLog = .off
        case .json: gateway.accessLog = .standardError(.json)
        case .combined: gateway.accessLog = .standardError(.combined)
        }
        return gateway
    }

    /// A value of `node_config` with the variables it may use.
    private func expanded(_ text: String) -> String {
        configuration[ConfigurationKeys.allowedEnvironment].sorted { $0.count > $1.count }.reduce(text) { text, name in
            text.replacing("$" + name, with: options.secretVariables[name] ?? "")
        }
    }

    private func appsConfiguration(_ gateway: Gateway) -> AppsConfiguration {
        var apps = AppsConfiguration()
        apps.defaultDomain = configuration[ConfigurationKeys.defaultDomain]
        apps.fallbackUnknownDomains = configuration[ConfigurationKeys.fallbackUnknownDomains]
        apps.stagesApps = configuration[ConfigurationKeys.staging]
        apps.stagePlace = StagingPlace(parsing: configuration[ConfigurationKeys.stageAt])
        apps.stageDomain = configuration[ConfigurationKeys.stageDomain]
        apps.publicURL = AppURL.base(of: gateway, configuration)
        apps.allow = configuration[ConfigurationKeys.permissionsAllow]
        apps.deny = configuration[ConfigurationKeys.permissionsDeny]
        apps.defaultSecretsProvider = configuration[ConfigurationKeys.secretsProvider]
        apps.healthPath = configuration[ConfigurationKeys.healthURL]
        apps.healthTimeoutSeconds = configuration[ConfigurationKeys.healthTimeout]
        apps.deployHealthAttempts = configuration[ConfigurationKeys.healthAttempts]
        apps.developmentHealthAttempts = configuration[ConfigurationKeys.developmentHealthAttempts]
        apps.statusCheckIntervalSeconds = configuration[ConfigurationKeys.statusInterval]
        apps.idleShutdownSeconds = configuration[ConfigurationKeys.idleShutdown]
        apps.idleBytesHighWatermark = configuration[ConfigurationKeys.idleBytes]
        apps.logLinesToShow = configuration[ConfigurationKeys.logLines]
        apps.showLogsForFailure = configuration[ConfigurationKeys.showLogs]
        apps.maxConcurrentBuilds = configuration[ConfigurationKeys.maxConcurrentBuilds]
        apps.maxBuildWaitSeconds = configuration[ConfigurationKeys.maxBuildWait]
        apps.actionBodyLimit = configuration[ConfigurationKeys.actionBody]
        apps.listsApps = configuration[ConfigurationKeys.rootList]
        apps.waitingPageSeconds = configuration[ConfigurationKeys.waitingPage]
        apps.holdLimitSeconds = configuration[ConfigurationKeys.holdLimit]
        apps.nodeConfiguration = configuration[ConfigurationKeys.nodeConfiguration].mapValues(expanded)
        apps.allowedMounts = configuration[ConfigurationKeys.allowedMounts]
        apps.retainVersions = configuration[ConfigurationKeys.retainVersions]
        return apps
    }
}

/// Answers before the routes are known.
private struct StartingResponder: GatewayResponder {
    var bodyLimit: Int { 1 << 30 }
    func respond(to request: GatewayRequest) async -> GatewayResponse {
        .text(503, "the server is starting", headers: [GatewayHeader("Retry-After", "1")])
    }
}
