package import Core
package import Engines
package import Logging

/// The driver of an instance, and what the daemon needs of it beyond the protocol.
package struct EngineHandle: Sendable {
    /// Runs containers and holds images.
    package let engine: any Engine
    /// Lets go of what it holds in this process; containers go on.
    package let close: @Sendable () async -> Void
    /// Stops all containers and removes what the instance has on the host.
    package let removeEverything: @Sendable () async throws -> Void

    /// A driver with its ends.
    package init(
        engine: any Engine, close: @escaping @Sendable () async -> Void = {},
        removeEverything: @escaping @Sendable () async throws -> Void = {}
    ) {
        self.engine = engine
        self.close = close
        self.removeEverything = removeEverything
    }
}

/// Makes the driver of an instance.
package typealias EngineFactory =
    @Sendable (_ layout: InstanceLayout, _ configuration: Configuration, _ logger: Logger) async throws -> EngineHandle
