package import Apps
package import Containers
package import Core
package import Engines
package import Jobs
package import Wire

/// What the routes work with; the composition root fills it in.
package struct APIServices: Sendable {
    /// Runs containers and holds images.
    package var engine: any Engine
    /// Keeps containers as they are wanted.
    package var containers: ContainerController
    /// Runs changes.
    package var jobs: JobCoordinator
    /// Serves apps.
    package var apps: AppService
    /// The instance.
    package var layout: InstanceLayout
    /// What the daemon says about itself.
    package var system: any SystemInformation

    /// All services.
    package init(
        engine: any Engine, containers: ContainerController, jobs: JobCoordinator, apps: AppService,
        layout: InstanceLayout, system: any SystemInformation
    ) {
        self.engine = engine
        self.containers = containers
        self.jobs = jobs
        self.apps = apps
        self.layout = layout
        self.system = system
    }
}

/// What only the composition root knows.
package protocol SystemInformation: Sendable {
    /// The daemon's version.
    func version() async -> VersionInfo
    /// Whether everything serves.
    func health() async -> HealthInfo
    /// What the host has and lacks.
    func doctor() async throws -> DoctorReport
    /// The effective configuration.
    func configuration() async -> ConfigurationReport
    /// The URL at which an app with this address is served; nil without gateway.
    func url(ofApp address: String) async -> String?
    /// Removes everything from the host when asked to, then ends the daemon after this call has returned.
    func shutDown(removeEverything: Bool) async throws
}
