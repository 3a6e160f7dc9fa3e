internal import Core
internal import LinuxKernel
internal import Logging

extension InstanceNetwork {
    /// Allocates everything a container gets; it is in the table of leases before anything else can happen.
    func makeLease(
        _ id: String, name: String?, aliases: [String], namespacePath: String, _ wishes: [NetworkPort],
        _ network: Opened
    ) throws -> NetworkLease {
        let subnet = network.bridge.subnet
        let used = Set(leasesByID.values.map(\.address))
        guard let address = AddressPlan.nextAddress(in: subnet, after: lastAddress, used: used) else {
            throw NetworkError.noFreeAddress(subnet)
        }
        let cables = reaper.condemned.union(leasesByID.values.map(\.hostInterface))
        var attempt = 0
        while cables.contains(names.cable(for: id, attempt: attempt)) { attempt += 1 }
        let lease = NetworkLease(
            id: id, name: name, aliases: aliases, address: address, gateway: subnet.gateway,
            prefixLength: subnet.prefixLength, hostInterface: names.cable(for: id, attempt: attempt),
            namespacePath: namespacePath, ports: try ports.claim(wishes, for: id))
        lastAddress = address
        leasesByID[id] = lease
        return lease
    }

    /// Records a lease, then makes what it says. Everything can be repeated.
    func connect(_ lease: NetworkLease, _ network: Opened) async throws {
        let (files, cable) = (files, ContainerCable(lease: lease, bridge: network.bridge.index))
        try await workers.run {
            try files.save(lease)
            try cable.connect()
        }
        if !lease.ports.isEmpty {
            do {
                try await filter.apply(network.rules.publishing(lease))
            } catch {
                // A foreign hand in the table, or none left: write all of it again.
                try await filter.apply(network.rules.whole(published))
            }
            await forgetOldFlows(lease)
        }
        await network.names.publish(entries())
    }

    /// Removes all of a lease, the record last.
    func disconnect(_ lease: NetworkLease, _ network: Opened) async throws {
        leaving.insert(lease.id)
        defer { leaving.remove(lease.id) }
        if !lease.ports.isEmpty {
            do {
                try await filter.apply(network.rules.withdrawing(lease))
            } catch {
                // Another value under one of the keys: the table is not what it should be. Write all of it again.
                try await filter.apply(network.rules.whole(published))
            }
        }
        let files = files
        try await workers.run {
            try NetworkNamespace.unpin(lease.namespacePath)
            try files.removeLease(lease.id)
        }
        reaper.condemn(lease.hostInterface)
        leasesByID[lease.id] = nil
        ports.release(lease.id)
        await network.names.publish(entries())
    }

    /// A client that sent to a UDP port before it was published, or when another container had it, is not stuck with that.
    private func forgetOldFlows(_ lease: NetworkLease) async {
        let ports = lease.ports.filter { $0.transport == .udp }
        guard !ports.isEmpty else { return }
        do {
            try await workers.run {
                for port in ports {
                    try ConnectionTracking.forgetDatagrams(
                        to: try HostPorts.address(of: port), port: port.hostPort)
                }
            }
        } catch {
            // Old flows end by themselves after half a minute of silence.
            logger.debug("old flows stay", metadata: ["container.id": "\(lease.id)", "error": "\(error)"])
        }
    }
}
