internal import NIOHTTP1
package import Wire

extension DaemonClient {
    /// The daemon's version.
    package func version() async throws -> VersionInfo { try await send(Call(.GET, "version")) }

    /// Whether everything serves.
    package func health() async throws -> HealthInfo { try await send(Call(.GET, "health")) }

    /// What the daemon's host has and lacks.
    package func doctor() async throws -> DoctorReport { try await send(Call(.GET, "doctor")) }

    /// The effective configuration with the origin of each value.
    package func configuration() async throws -> ConfigurationReport { try await send(Call(.GET, "config")) }

    /// What happens to containers from now on.
    package func events() async throws -> LineStream<EventInfo> {
        try await lines(Call(.GET, "events"))
    }
}
