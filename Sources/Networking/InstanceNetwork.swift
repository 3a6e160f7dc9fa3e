package import Logging

/// The network of one instance.
package actor InstanceNetwork {
    /// Describes the network of `instance` (eight hexadecimal digits); nothing is touched before ``open()``.
    package init(instance: String, runtimeDirectory: String, stateDirectory: String, logger: Logger) throws {}

    /// Finds or creates the bridge, the packet filter table and the subnet.
    package func open() async throws { throw NetworkError.notOpen("") }

    /// Connects a container: pins its namespace at `namespacePath`. Idempotent.
    package func attach(
        _ id: String, name: String?, aliases: [String], namespacePath: String, ports: [NetworkPort]
    ) async throws -> NetworkLease { throw NetworkError.notOpen("") }

    /// Undoes ``attach(_:name:aliases:namespacePath:ports:)`` or ``makeIsolated(namespacePath:)``. Idempotent.
    package func detach(_ id: String, namespacePath: String) async throws {}

    /// Pins a namespace with nothing but a loopback interface. Idempotent.
    package func makeIsolated(namespacePath: String) async throws { throw NetworkError.notOpen("") }

    /// What is leased now, ordered by identifier.
    package func leases() -> [NetworkLease] { [] }

    /// Collects what belongs to containers other than `live`.
    package func reconcile(live: Set<String>) async throws {}

    /// Ends the use of the network; with `removeAll` nothing of it stays on the host.
    package func close(removeAll: Bool) async throws {}

    /// For `resolv.conf` of the containers: the bridge's address when names are served there, else the host's own.
    package var nameServers: [String] { [] }

    /// The first of ``nameServers``.
    package var nameServer: String { nameServers.first ?? "" }
}
