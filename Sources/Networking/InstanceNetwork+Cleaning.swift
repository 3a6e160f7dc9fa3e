internal import LinuxKernel
internal import Logging
internal import Glibc

extension InstanceNetwork {
    /// Collects what belongs to containers other than `live`: leases with all that hangs on them, cables and namespaces
    /// without a lease. The packet filter's table is written anew, also when somebody deleted it, as a restarted firewall
    /// does. Containers being attached or detached meanwhile are left alone.
    ///
    /// Each leftover is tried, also when another could not be removed; the first failure is thrown at the end.
    package func reconcile(live: Set<String>) async throws {
        let network = try opened()
        var firstFailure: (any Error)?
        for lease in leases() where !live.contains(lease.id) && !busy.contains(lease.id) {
            await enter(lease.id)
            defer { leave(lease.id) }
            guard leasesByID[lease.id] == lease else { continue }
            do {
                try await disconnect(lease, network)
                logger.info("leftover of the network removed", metadata: ["container.id": "\(lease.id)"])
            } catch {
                firstFailure = firstFailure ?? error
            }
        }
        do {
            try await sweepCables(keeping: live)
            try await sweepNamespaces(keeping: live)
            try await filter.apply(network.rules.whole(published))
        } catch {
            firstFailure = firstFailure ?? error
        }
        await network.names.forgetFailure()
        await network.names.publish(entries())
        if let firstFailure { throw firstFailure }
    }

    /// Ends the use of the network. Containers keep theirs: bridge, table, names and leases stay, and ``open()`` finds
    /// them again.
    ///
    /// With `removeAll` every container is detached and nothing stays: no bridge, cable, namespace, table, name service or
    /// record. Only forwarding (`net.ipv4.ip_forward`) stays on: others may have come to rely on it.
    package func close(removeAll: Bool) async throws {
        await enter("")
        defer { leave("") }
        guard let network = try? opened() else { return }  // closed already: done
        if removeAll { try await removeEverything(network) }
        markClosed()
        leasesByID = [:]
        isolated = []
        ports.releaseAll()
    }

    private func removeEverything(_ network: Opened) async throws {
        var firstFailure: (any Error)?
        for lease in leases() {
            await enter(lease.id)
            defer { leave(lease.id) }
            guard let current = leasesByID[lease.id] else { continue }
            do {
                try await disconnect(current, network)
            } catch {
                firstFailure = firstFailure ?? error
            }
        }
        isolated = []
        await network.names.stop()
        let (setup, files) = (BridgeSetup(names: names, files: files), files)
        do {
            try await sweepCables(keeping: [])
            try await sweepNamespaces(keeping: [])
            try await filter.apply(network.rules.removal + "\n")
            try await workers.run {
                try setup.remove()
                try files.removeAll()
            }
        } catch {
            firstFailure = firstFailure ?? error
        }
        if let firstFailure { throw firstFailure }
    }

    /// Deletes cables of this instance that no lease speaks of and no live container could own.
    private func sweepCables(keeping live: Set<String>) async throws {
        let prefix = names.cablePrefix
        let found = try await workers.run { try RouteSocket().links().map(\.name).filter { $0.hasPrefix(prefix) } }
        let kept = Set(leasesByID.values.map(\.hostInterface)).union(live.map { names.cable(for: $0) })
        let leftovers = found.filter { !kept.contains($0) }
        guard !leftovers.isEmpty else { return }
        logger.info("leftover cables removed", metadata: ["network.cables": "\(leftovers.joined(separator: " "))"])
        try await workers.run {
            let routes = try RouteSocket()
            for name in leftovers { try routes.run(.deleteLink(name).tolerating(ENODEV)) }
        }
    }

    /// Unpins namespaces below the runtime directory that no lease and no live container accounts for.
    private func sweepNamespaces(keeping live: Set<String>) async throws {
        let directory = runtimeDirectory
        let found = try await workers.run { try NetworkNamespace.pins(below: directory) }
        let kept = Set(leasesByID.values.map(\.namespacePath)).union(isolated)
        let leftovers = found.filter { path in
            !kept.contains(path) && !path.split(separator: "/").contains { live.contains(String($0)) }
        }
        guard !leftovers.isEmpty else { return }
        logger.info("leftover namespaces removed", metadata: ["network.namespaces": "\(leftovers.count)"])
        try await workers.run { for path in leftovers { try NetworkNamespace.unpin(path) } }
    }
}
