internal import Core
internal import Engines
internal import Logging
internal import State

/// Performs the steps of ``AdoptionPlanner``.
struct Adoption: Sendable {
    let records: [ContainerID: ContainerRecord]
    let observed: [ContainerID: ObservedContainer]

    /// Makes the container known: to the table of supervisors, on the board, and, when it was lost, in the database.
    /// - Returns: what is left to do. One that is supervised already is only looked at: what was read of it may be
    ///   older than the latest request.
    func enter(_ step: AdoptionStep, world: ControllerWorld, _ supervisors: SupervisorTable) async -> AdoptionStep {
        guard supervisors[step.id] == nil else { return .takeOver(step.id) }
        switch step {
        case .takeOver(let id), .startAgain(let id), .rest(let id), .finishDeletion(let id), .stop(let id):
            guard let record = records[id] else { return step }
            await enter(record, step, world, supervisors)
        case .record(let id, let owner):
            guard let found = observed[id] else { return step }
            do {
                try await enter(rebuilt(found, owner, world), inserting: step, world, supervisors)
                world.logger.warning("container without record taken over", metadata: ["container.id": "\(id)"])
            } catch {
                world.logger.error(
                    "container without record cannot be recorded",
                    metadata: ["container.id": "\(id)", "error": "\(error)"])
            }
        case .report(let id):
            let owner = observed[id]?.spec.labels[ContainerLabel.owner] ?? "nobody"
            world.logger.warning(
                "container without record is left alone", metadata: ["container.id": "\(id)", "owner": "\(owner)"])
        }
        return step
    }

    /// Looks at a container that is as it shall be, and leaves to the background what has to wait for the end of a
    /// process, so that those that serve are not kept waiting.
    func take(_ step: AdoptionStep, world: ControllerWorld, _ supervisors: SupervisorTable) async {
        guard let supervisor = supervisors[step.id] else { return }
        switch step {
        case .takeOver, .rest, .record: await supervisor.takeOver()
        case .stop, .finishDeletion: world.background.add { await supervisor.settle() }
        case .startAgain, .report: break
        }
    }

    /// Starts those that shall run, a few at a time, unless somebody has asked for something else meanwhile.
    func start(_ steps: [AdoptionStep], world: ControllerWorld, _ supervisors: SupervisorTable) async {
        await withTaskGroup(of: Void.self) { group in
            for (index, step) in steps.enumerated() {
                guard let supervisor = supervisors[step.id] else { continue }
                if index >= Self.width { await group.next() }
                group.addTask { await supervisor.startAgain() }
            }
        }
    }

    /// How many containers are started at once at the start of the daemon.
    private static let width = 8

    private func enter(
        _ record: ContainerRecord, _ step: AdoptionStep, _ world: ControllerWorld, _ supervisors: SupervisorTable
    ) async {
        // The database keeps names unique, so that a refusal here cannot happen to records.
        try? world.board.reserve(record.spec.name, for: record.id)
        let (supervisor, isNew) = supervisors.insert(record.id) { ContainerSupervisor(record, world: world) }
        if isNew { await supervisor.appear(observed[record.id], step) }
    }

    private func enter(
        _ record: ContainerRecord, inserting step: AdoptionStep, _ world: ControllerWorld,
        _ supervisors: SupervisorTable
    ) async throws {
        var record = record
        do { try world.board.reserve(record.spec.name, for: record.id) } catch { record.spec.name = nil }
        try await world.store.insert(record)
        await enter(record, step, world, supervisors)
    }

    /// The record of a container which only the engine knows.
    private func rebuilt(
        _ found: ObservedContainer, _ owner: ContainerOwner, _ world: ControllerWorld
    ) -> ContainerRecord {
        var record = ContainerRecord(id: found.id, owner: owner, spec: found.spec, createdAt: found.createdAt)
        record.desired = found.state.isAlive ? .running : .stopped
        record.wasStarted = found.state != .created
        return record
    }
}

extension ContainerSupervisor {
    /// Shows what was found, and what is going to be done about it.
    func appear(_ found: ObservedContainer?, _ step: AdoptionStep) {
        observed = found
        let exit: ContainerExit
        if case .exited(let found) = found?.state { exit = found } else { exit = ContainerExit(code: nil) }
        switch step {
        case .startAgain: machine.foundWaiting(exit)
        case .stop, .finishDeletion:
            interrupted = step
            if found?.state.isAlive == true { machine.foundStopping() } else { machine.foundExited(exit) }
        case .takeOver, .rest, .record, .report:
            if case .exited = found?.state { machine.foundExited(exit) }
            if found == nil, record.wasStarted { machine.foundExited(exit) }
        }
        publish()
    }

    /// Supervises it as it is found. One that is supervised already is looked at again.
    func takeOver() async {
        await automatically { supervisor in
            do { try await supervisor.look() } catch { supervisor.report(error) }
        }
    }

    /// Starts it at the start of the daemon. A request that came before has changed its state or its run.
    func startAgain() async {
        await automatically { supervisor in
            guard supervisor.run == 0, supervisor.machine.startAgain() else { return }
            supervisor.world.logger.info(
                "container is started again", metadata: ["container.id": "\(supervisor.id)"])
            do { try await supervisor.wantAgain() } catch { supervisor.report(error) }
            await supervisor.launchAutomatically()
        }
    }

    /// Finishes what the last daemon was about to do.
    func settle() async {
        await automatically { supervisor in await supervisor.settleInTurn() }
    }

    /// Finishes what the last daemon was about to do, unless that has happened. In turn only; every request comes
    /// after it.
    func settleInTurn() async {
        guard let step = interrupted else { return }
        interrupted = nil
        do {
            switch step {
            case .stop: try await stopInTurn(grace: nil)
            case .finishDeletion: try await remove()
            case .takeOver, .startAgain, .rest, .record, .report: break
            }
        } catch {
            world.logger.error(
                "an interrupted change of a container cannot be finished",
                metadata: ["container.id": "\(id)", "change": "\(step)", "error": "\(error)"])
            await refreshInTurn()
        }
    }

    /// The status, when it is what a repeated creation asks for.
    func matching(_ spec: ContainerSpec, owner: ContainerOwner) async throws -> ContainerStatus {
        try await inTurn { supervisor in
            guard supervisor.record.owner == owner, supervisor.record.spec.isEquivalent(to: spec) else {
                throw ContainerError.exists(supervisor.id)
            }
            return supervisor.status
        }
    }
}
