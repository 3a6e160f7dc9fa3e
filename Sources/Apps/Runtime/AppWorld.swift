internal import Containers
internal import Core
internal import Engines
internal import Jobs
internal import Logging
internal import State
internal import Synchronization

/// What all apps of an instance share.
struct AppWorld: Sendable {
    let configuration: AppsConfiguration
    let engine: any Engine
    let containers: ContainerController
    let jobs: JobCoordinator
    let apps: AppStore
    let audit: AuditStore
    let sources: SourceStore
    let threads: EvaluationThreads
    let secrets: SecretResolver
    let board: RouteBoard
    let builds: BuildSlots
    let instance: String
    /// Uploads and outputs of requests under way; emptied at every start.
    let runDirectory: String
    /// Rendered templates and copies that containers see.
    let fileDirectory: String
    /// Managed volumes.
    let volumeDirectory: String
    let time: any TimeSource
    let logger: Logger

    /// What an app may read of the server's configuration.
    func node(of version: AppVersion) -> NodeConfiguration {
        NodeConfiguration(
            values: configuration.nodeConfiguration,
            url: ContainerEnvironment.url(of: version.address, publicURL: configuration.publicURL),
            isDevelopment: version.isDevelopment)
    }

    /// What the server grants to and denies all apps.
    var policy: PermissionPolicy { PermissionPolicy(allow: configuration.allow, deny: configuration.deny) }
}

/// Where the job that is under way reports to; builds and pulls it causes report there, too.
///
/// The sink lies in an object: a task-local closure, set from a specialised generic function, crashes optimised builds of
/// Swift 6.3 in `swift_task_localValuePush`.
enum JobProgress {
    private final class Receiver: Sendable {
        let sink: ProgressSink
        init(_ sink: @escaping ProgressSink) { self.sink = sink }
    }

    @TaskLocal private static var receiver: Receiver?

    static var sink: ProgressSink? { receiver?.sink }

    /// Runs `work`, whose progress goes to `sink`.
    @inline(never)
    static func reporting(
        to sink: @escaping ProgressSink, _ work: @Sendable () async throws -> String
    ) async throws -> String {
        try await $receiver.withValue(Receiver(sink)) { try await work() }
    }
}

/// The routes of all apps; each change publishes all of them at once.
final class RouteBoard: Sendable {
    private let publisher: any RoutePublisher
    private let configuration: AppsConfiguration
    private let apps = Mutex<[String: PublishedApp]>([:])

    init(_ publisher: any RoutePublisher, configuration: AppsConfiguration) {
        self.publisher = publisher
        self.configuration = configuration
    }

    /// Replaces the routes of one app; requests that arrive after this returns see the new ones.
    func set(_ new: PublishedApp, of id: String) {
        // Published under the lock, so that an older table never replaces a newer one.
        apps.withLock { table in
            table[id] = new
            publisher.publish(all(table))
        }
    }

    /// Replaces the routes of several apps at once.
    func set(_ new: [String: PublishedApp]) {
        apps.withLock { table in
            table.merge(new) { $1 }
            publisher.publish(all(table))
        }
    }

    /// Removes the routes of one app.
    func remove(_ id: String) {
        apps.withLock { table in
            table[id] = nil
            publisher.publish(all(table))
        }
    }

    /// Waits until nothing is in flight to a backend.
    func drain(_ backend: String, deadline: Duration) async -> Bool {
        await publisher.drain(backend, deadline: deadline)
    }

    /// What the gateway has seen of a backend.
    func activity(of backend: String) -> PublishedActivity { publisher.activity(of: backend) }

    private func all(_ table: [String: PublishedApp]) -> [PublishedRoute] {
        let routes = table.sorted { $0.key < $1.key }.flatMap(\.value.routes)
        let isRootTaken = table.values.contains {
            $0.address.path == "/" && ($0.address.domain.isEmpty || $0.address.domain == configuration.defaultDomain)
        }
        guard configuration.listsApps, !isRootTaken else { return routes }
        let list = AppList(
            apps: table.filter { !AppNames.isStaging($0.key) }.map(\.value), publicURL: configuration.publicURL)
        return routes + [
            PublishedRoute(id: "apps", host: configuration.defaultDomain, pathPrefix: "/", target: .respond(list))
        ]
    }
}

/// A bounded number of builds at a time.
actor BuildSlots {
    private var free: Int
    private var nextWaiter = 0
    private var waiting: [(id: Int, continuation: CheckedContinuation<Bool, Never>)] = []

    init(_ count: Int) { free = max(1, count) }

    /// Takes a slot, waiting for one at most `seconds`.
    /// - Throws: ``AppError`` `.buildWait`.
    func enter(within seconds: Int, time: any TimeSource) async throws {
        if free > 0 {
            free -= 1
            return
        }
        let id = nextWaiter
        nextWaiter += 1
        // Ends the wait when time is up; cancelled below as soon as the wait is over.
        let alarm = Task {
            try await time.sleep(for: .seconds(seconds))
            self.giveUp(id)
        }
        defer { alarm.cancel() }
        let entered = await withTaskCancellationHandler {
            await withCheckedContinuation { waiting.append((id, $0)) }
        } onCancel: {
            // Bridges the synchronous handler to the actor; resumes one continuation and ends.
            Task { await self.giveUp(id) }
        }
        try Task.checkCancellation()
        guard entered else {
            var error = AppError(.buildWait, "no build slot became free within \(seconds) s")
            error.retryAfterSeconds = 30
            throw error
        }
    }

    /// Gives the slot back.
    func leave() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().continuation.resume(returning: true) }
    }

    private func giveUp(_ id: Int) {
        guard let index = waiting.firstIndex(where: { $0.id == id }) else { return }
        waiting.remove(at: index).continuation.resume(returning: false)
    }
}
