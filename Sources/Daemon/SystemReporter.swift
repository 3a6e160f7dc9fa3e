internal import API
internal import Containers
internal import Core
internal import Engines
internal import Gateway
internal import Glibc
internal import ServiceLifecycle
internal import Synchronization
internal import Wire

/// What the daemon says about itself, and how it is ended by a client.
final class SystemReporter: SystemInformation {
    private let layout: InstanceLayout
    private let configurationValues: Configuration
    private let engine: any Engine
    private let containers: ContainerController
    private let gateway: Gateway
    private let removeEverything: @Sendable () async throws -> Void
    private let group = Mutex<ServiceGroup?>(nil)
    private let started = ContinuousClock.now

    init(
        layout: InstanceLayout, configuration: Configuration, engine: any Engine, containers: ContainerController,
        gateway: Gateway, removeEverything: @escaping @Sendable () async throws -> Void
    ) {
        self.layout = layout
        self.configurationValues = configuration
        self.engine = engine
        self.containers = containers
        self.gateway = gateway
        self.removeEverything = removeEverything
    }

    /// The group that is to be ended; known only once everything has been constructed.
    func setGroup(_ group: ServiceGroup) { self.group.withLock { $0 = group } }

    func version() async -> VersionInfo {
        VersionInfo(
            version: ProductVersion.current, api: ProductVersion.api, commit: nil, instance: layout.instanceName,
            engine: engine.name, processID: getpid())
    }

    func health() async -> HealthInfo {
        let uptime = (ContinuousClock.now - started).components
        let running = await containers.containers(owner: nil).count { $0.processID != nil }
        return HealthInfo(
            status: "ok", uptimeMilliseconds: uptime.seconds * 1000 + uptime.attoseconds / 1_000_000_000_000_000,
            runningContainers: running, gateway: gateway.boundAddresses.map(\.description))
    }

    func doctor() async throws -> DoctorReport { await HostExamination.report(layout) }

    func configuration() async -> ConfigurationReport { configurationValues.report }

    func url(ofApp address: String) async -> String? { AppURL.url(ofApp: address, gateway, configurationValues) }

    func shutDown(removeEverything: Bool) async throws {
        if removeEverything { try await self.removeEverything() }
        await group.withLock { $0 }?.triggerGracefulShutdown()
    }
}
