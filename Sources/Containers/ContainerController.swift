package import Core
package import Engines
package import Logging
package import State

/// Keeps containers as they are wanted.
package final class ContainerController: Sendable {
    /// A controller over `engine` and `store`; nothing happens before ``run()``.
    /// - Parameter instance: the short name of this instance, stamped on every container.
    package init(
        engine: any Engine, store: ContainerStore, instance: String, time: any TimeSource = SystemTimeSource(),
        logger: Logger, prober: (any HealthProber)? = nil
    ) {}

    /// Adopts what exists, then supervises until the task is cancelled. To be called once.
    package func run() async throws {}

    /// Brings records and engine together; part of ``run()``, idempotent.
    package func adopt() async throws {}

    /// Creates a container without starting it; the same identifier with the same specification returns it as it is.
    package func create(
        _ spec: ContainerSpec, id: ContainerID? = nil, owner: ContainerOwner
    ) async throws -> ContainerStatus { throw ContainerError.notFound("", nearest: nil) }

    /// Starts it; returns when its process runs, not when it is ready: see ``waitUntilReady(_:)``.
    @discardableResult
    package func start(_ id: ContainerID) async throws -> ContainerStatus {
        throw ContainerError.notFound("", nearest: nil)
    }

    /// Stops it; it stays stopped. `grace` replaces the specification's.
    @discardableResult
    package func stop(_ id: ContainerID, grace: Duration? = nil) async throws -> ContainerStatus {
        throw ContainerError.notFound("", nearest: nil)
    }

    /// Stops and starts it.
    @discardableResult
    package func restart(_ id: ContainerID, grace: Duration? = nil) async throws -> ContainerStatus {
        throw ContainerError.notFound("", nearest: nil)
    }

    /// Sends a signal to its first process; one that ends it also means that it shall stay stopped.
    package func kill(_ id: ContainerID, signal: Int32) async throws { throw ContainerError.notFound("", nearest: nil) }

    /// Freezes it.
    package func pause(_ id: ContainerID) async throws { throw ContainerError.notFound("", nearest: nil) }

    /// Thaws it.
    package func resume(_ id: ContainerID) async throws { throw ContainerError.notFound("", nearest: nil) }

    /// Deletes it with everything it has; a running one only with `force`. A missing one is fine.
    package func delete(_ id: ContainerID, force: Bool = false) async throws {
        throw ContainerError.notFound("", nearest: nil)
    }

    /// All containers, or those of one owner, oldest first. Never waits behind changes.
    package func containers(owner: ContainerOwner? = nil) async -> [ContainerStatus] { [] }

    /// The container with this identifier, name, or unique beginning of an identifier.
    package func container(_ idOrName: String) async throws -> ContainerStatus {
        throw ContainerError.notFound(idOrName, nearest: nil)
    }

    /// Waits until it is ready: running and, where a health check is set, healthy.
    /// - Throws: ``ContainerError`` `.exitedEarly`, `.unhealthy`, `.startFailed`, `.notRunning`.
    @discardableResult
    package func waitUntilReady(_ id: ContainerID) async throws -> ContainerStatus {
        throw ContainerError.notFound("", nearest: nil)
    }

    /// Every change from now on.
    package func updates() -> AsyncStream<ContainerStatus> { AsyncStream { $0.finish() } }

    /// Where the daemon reaches `port` of a running container.
    package func address(of id: ContainerID, port: UInt16) async throws -> Endpoint {
        throw ContainerError.notFound("", nearest: nil)
    }
}
