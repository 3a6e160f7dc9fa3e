internal import Core
internal import Glibc
internal import LinuxKernel
package import Logging

/// The network of one instance: a bridge with an IPv4 subnet of its own, a packet filter table, names.
///
/// A container gets a network namespace, a cable to the bridge, an address, published ports and names. Everything on the host
/// bears the instance's name (bridge `mt-…`, cables `v…`, table `martlet_…`), and a lease is on record before any of
/// it exists, so after a crash at any instant ``reconcile(live:)`` finds what nobody needs.
///
///     container ── eth0 ═ v<instance><hash> ── mt-<instance> ── host ── outside (masqueraded)
///
/// Containers of an instance reach each other; other instances and the outside reach published ports only. The host reaches
/// every container by address. IPv4 only: ports cannot be published on IPv6 addresses, and the bridge has none.
package actor InstanceNetwork {
    /// What ``open()`` made.
    struct Opened {
        var bridge: BridgeSetup.Bridge
        let rules: PacketRules
        let names: NameService
    }

    private enum State {
        case closed
        case open(Opened)
    }

    let names: NetworkNames
    let runtimeDirectory: String
    let files: NetworkFiles
    let logger: Logger
    let workers = Workers(count: 4)
    let filter: PacketFilter
    let reaper: CableReaper
    let nameProgram: String?

    private var state = State.closed
    private var turns = Turns()
    var leasesByID: [String: NetworkLease] = [:]
    var ports = HostPorts()
    var isolated: Set<String> = []
    var leaving: Set<String> = []
    var lastAddress: IPv4Address?

    /// Describes the network of `instance`; nothing on the host is touched before ``open()``.
    /// - Parameters:
    ///   - instance: eight lower-case hexadecimal digits.
    ///   - runtimeDirectory: gone after a reboot; leases are kept in `network` below it, and every namespace below it that
    ///     belongs to no live container is a leftover.
    ///   - stateDirectory: durable; the subnet is kept in `network` below it.
    package init(instance: String, runtimeDirectory: String, stateDirectory: String, logger: Logger) throws {
        guard let names = NetworkNames(instance: instance) else {
            throw NetworkError.badIdentifier("instance", instance)
        }
        self.names = names
        self.runtimeDirectory = runtimeDirectory
        self.files = NetworkFiles(
            stateDirectory: stateDirectory + "/network", runtimeDirectory: runtimeDirectory + "/network")
        self.filter = try PacketFilter()
        self.nameProgram = NameService.programPaths.lazy.compactMap(Program.find).first
        self.reaper = CableReaper(logger: logger)
        self.logger = logger
    }

    /// Finds or creates the bridge, the table and the subnet, and takes up what an earlier process left. Idempotent.
    package func open() async throws {
        await enter("")
        defer { turns.leave("") }
        if case .open = state { return }
        let setup = BridgeSetup(names: names, files: files)
        let files = files
        let (bridge, loaded) = try await workers.run {
            try files.prepare()
            return (try setup.open(), try files.loadLeases())
        }
        if bridge.hasMoved {
            logger.warning(
                "network subnet was taken, another is used", metadata: ["network.subnet": "\(bridge.subnet)"])
        }
        for name in loaded.quarantined {
            logger.error("network lease cannot be read and was set aside", metadata: ["network.lease": "\(name)"])
        }
        leasesByID = Dictionary(uniqueKeysWithValues: loaded.leases.map { ($0.id, $0) })
        ports.releaseAll()
        for lease in loaded.leases {
            for port in ports.readopt(lease) {
                logger.warning(
                    "published port is also used by another process",
                    metadata: ["container.id": "\(lease.id)", "network.port": "\(port.hostAddress):\(port.hostPort)"])
            }
        }
        let rules = PacketRules(names: names, subnet: bridge.subnet)
        try await filter.apply(rules.whole(loaded.leases))
        let service = NameService(
            program: nameProgram, directory: files.nameDirectory, network: names.bridge, gateway: bridge.subnet.gateway,
            workers: workers, logger: logger)
        state = .open(Opened(bridge: bridge, rules: rules, names: service))
        if nameProgram == nil {
            logger.warning(
                "container names do not resolve: program not found",
                metadata: ["program.name": "\(NameService.programName)"])
        }
        if !leasesByID.isEmpty { await service.publish(entries()) }
        logger.info(
            "network open",
            metadata: ["network.bridge": "\(names.bridge)", "network.subnet": "\(bridge.subnet)"])
    }

    /// Connects a container: a namespace pinned at `namespacePath` with `eth0`, an address and a default route, its ports
    /// published, its names resolvable.
    ///
    /// Attaching again with the same arguments returns the same lease and repairs what is missing; with other arguments the
    /// container is detached first. A host port of 0 takes a free one.
    ///
    /// The pin is a mount. Where mounts do not propagate, a process in another mount namespace sees an empty file at the path;
    /// `/proc/<identifier of this process>/root<namespacePath>` names the pin from everywhere.
    /// - Throws: ``NetworkError`` `.portTaken` with port and address, `.addressUnavailable`, `.noFreeAddress`; nothing of the
    ///   attempt stays.
    package func attach(
        _ id: String, name: String?, aliases: [String], namespacePath: String, ports wishes: [NetworkPort]
    ) async throws -> NetworkLease {
        try Self.validate(id, hostNames: [name].compactMap { $0 } + aliases)
        await enter(id)
        defer { turns.leave(id) }
        let network = try opened()
        try Task.checkCancellation()
        if let known = leasesByID[id] {
            if known.satisfies(name, aliases, namespacePath, wishes, network.bridge.subnet) {
                try await connect(known, network)
                return known
            }
            try await disconnect(known, network)
        }
        let lease = try makeLease(id, name: name, aliases: aliases, namespacePath: namespacePath, wishes, network)
        do {
            try await connect(lease, network)
        } catch {
            do {
                try await disconnect(lease, network)
            } catch let second {
                logger.warning(
                    "attach could not be undone", metadata: ["container.id": "\(id)", "error": "\(second)"])
            }
            throw error
        }
        logger.debug(
            "container attached", metadata: ["container.id": "\(id)", "network.address": "\(lease.address)"])
        return lease
    }

    /// Undoes ``attach(_:name:aliases:namespacePath:ports:)`` or ``makeIsolated(namespacePath:)``, also when either was cut
    /// short. Idempotent. Ports and names are withdrawn at once; processes that live on in the namespace lose their cable within
    /// half a second.
    package func detach(_ id: String, namespacePath: String) async throws {
        try Self.validate(id, hostNames: [])
        await enter(id)
        defer { turns.leave(id) }
        let network = try opened()
        if let lease = leasesByID[id] {
            try await disconnect(lease, network)
            logger.debug("container detached", metadata: ["container.id": "\(id)"])
        }
        if !leasesByID.values.contains(where: { $0.namespacePath == namespacePath }) {
            try await workers.run { try NetworkNamespace.unpin(namespacePath) }
            isolated.remove(namespacePath)
        }
    }

    /// Pins a namespace with nothing but a loopback interface, which is up. Idempotent.
    ///
    /// ``reconcile(live:)`` keeps it while a component of its path is a live container's identifier.
    package func makeIsolated(namespacePath: String) async throws {
        _ = try opened()
        isolated.insert(namespacePath)
        try await workers.run { try ContainerCable.isolate(at: namespacePath) }
    }

    /// What a container has, or nil.
    package func lease(of id: String) -> NetworkLease? { leasesByID[id] }

    /// What is leased now, ordered by identifier.
    package func leases() -> [NetworkLease] { leasesByID.values.sorted { $0.id < $1.id } }

    /// For `resolv.conf` of the containers: the bridge's address when names are served there, else the host's own servers.
    package var nameServers: [String] {
        if nameProgram != nil, case .open(let network) = state { return ["\(network.bridge.subnet.gateway)"] }
        return HostResolver.nameServers()
    }

    /// The first of ``nameServers``, or an empty text.
    package var nameServer: String { nameServers.first ?? "" }

    // MARK: What the extensions share

    /// What is open, or an error.
    func opened() throws -> Opened {
        guard case .open(let network) = state else { throw NetworkError.notOpen(names.instance) }
        return network
    }

    /// Nothing is open from here on.
    func markClosed() { state = .closed }

    /// Waits until nobody else works on `id`.
    func enter(_ id: String) async {
        if turns.tryEnter(id) { return }
        await withCheckedContinuation { turns.enqueue(id, $0) }
    }

    /// Lets the next one work on `id`.
    func leave(_ id: String) { turns.leave(id) }

    /// The containers somebody works on.
    var busy: Set<String> { turns.busy }

    /// The leases whose ports and names shall be in force: all but those of containers just being detached.
    var published: [NetworkLease] { leasesByID.values.filter { !leaving.contains($0.id) } }

    /// Every container with its names.
    func entries() -> [NameService.Entry] {
        published.map {
            NameService.Entry(id: $0.id, address: $0.address, names: [$0.name].compactMap { $0 } + $0.aliases)
        }
    }

    private static func validate(_ id: String, hostNames: [String]) throws {
        guard NetworkNames.isValid(identifier: id) else { throw NetworkError.badIdentifier("container identifier", id) }
        for name in hostNames where !NetworkNames.isValid(hostName: name) {
            throw NetworkError.badIdentifier("network name", name)
        }
    }
}

extension NetworkLease {
    /// Whether this lease is what an attach with these arguments would make.
    func satisfies(
        _ name: String?, _ aliases: [String], _ namespacePath: String, _ wishes: [NetworkPort], _ subnet: IPv4Subnet
    ) -> Bool {
        guard self.name == name, self.aliases == aliases, self.namespacePath == namespacePath,
            subnet.contains(address), ports.count == wishes.count
        else { return false }
        return zip(ports, wishes).allSatisfy { port, wish in
            port.containerPort == wish.containerPort && port.transport == wish.transport
                && (wish.hostPort == 0 || wish.hostPort == port.hostPort)
                && IPv4Address(port.hostAddress) == (wish.hostAddress.isEmpty ? .any : IPv4Address(wish.hostAddress))
        }
    }
}
