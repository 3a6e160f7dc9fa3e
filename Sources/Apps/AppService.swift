package import Core
package import Engines
package import Logging

/// The apps of one instance: their sources, permissions, containers and routes.
package actor AppService {
    let layout: InstanceLayout
    let configuration: AppsConfiguration
    let engine: any Engine
    let publisher: any RoutePublisher
    let logger: Logger

    /// A service that has not published anything yet.
    package init(
        layout: InstanceLayout, configuration: AppsConfiguration, engine: any Engine, publisher: any RoutePublisher,
        logger: Logger
    ) {
        self.layout = layout
        self.configuration = configuration
        self.engine = engine
        self.publisher = publisher
        self.logger = logger
    }

    /// Publishes the routes of all apps, running ones at once, and collects what a crash left behind.
    package func restore() async throws {}

    /// Follows containers and stops idle ones until cancelled.
    package func run() async throws {}

    /// Creates an app as a job; nothing is built or started.
    /// - Parameter jobID: supplied by the client; a repeat joins or returns the recorded result.
    package func create(
        _ request: AppCreateRequest, jobID: JobID? = nil, initiator: String = "local"
    ) async throws -> AppChange { throw AppError.unknownApp(request.address) }

    /// Reads the source again (or keeps it, for an app without one), as a job; see ``AppReloadRequest``.
    package func reload(
        _ app: String, _ request: AppReloadRequest = AppReloadRequest(), jobID: JobID? = nil,
        initiator: String = "local"
    ) async throws -> AppChange { throw AppError.unknownApp(app) }

    /// Approves what the app asks for.
    /// - Parameter dryRun: only report.
    package func approve(
        _ app: String, dryRun: Bool = false, jobID: JobID? = nil, initiator: String = "local"
    ) async throws -> AppChange { throw AppError.unknownApp(app) }

    /// Deletes an app with its containers, images, sources and routes.
    package func delete(_ app: String, jobID: JobID? = nil, initiator: String = "local") async throws {}

    /// Stops the app's container; the next request starts it again.
    package func stop(_ app: String, jobID: JobID? = nil, initiator: String = "local") async throws {}

    /// Starts the app's container without waiting for a request, and waits until it is healthy.
    package func start(_ app: String, jobID: JobID? = nil, initiator: String = "local") async throws -> AppSummary {
        throw AppError.unknownApp(app)
    }

    /// All apps, by address.
    package func apps() async throws -> [AppSummary] { [] }

    /// One app, by address or identifier.
    package func app(_ name: String) async throws -> AppDetails { throw AppError.unknownApp(name) }

    /// The log of the app's container.
    package func logs(_ app: String, options: LogOptions) async throws -> AsyncThrowingStream<LogEntry, any Error> {
        throw AppError.unknownApp(app)
    }
}
