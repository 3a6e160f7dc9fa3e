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
            await enter(record, world, supervisors)
        case .record(let id, let owner):
            guard let found = observed[id] else { return step }
            do {
                try await enter(rebuilt(found, owner, world), inserting: true, world, supervisors)
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

    /// Does what is to be done about it.
    func perform(_ step: AdoptionStep, world: ControllerWorld, _ supervisors: SupervisorTable) async {
        switch step {
        case .takeOver(let id), .rest(let id), .record(let id, _): await supervisors[id]?.takeOver()
        case .startAgain(let id):
            world.logger.info("container is started again", metadata: ["container.id": "\(id)"])
            await supervisors[id]?.startAgain()
        case .stop(let id):
            await supervisors[id]?.takeOver()
            // Its grace began before the crash; the start of the daemon does not wait for all of it once more.
            await attempt("stopped", id, world) { _ = try await supervisors[id]?.stop(grace: .milliseconds(500)) }
        case .finishDeletion(let id):
            await attempt("deleted", id, world) { try await supervisors[id]?.delete(force: true) }
        case .report: break
        }
    }

    private func attempt(
        _ word: String, _ id: ContainerID, _ world: ControllerWorld, _ body: () async throws -> Void
    ) async {
        do { try await body() } catch {
            world.logger.error(
                "container cannot be adopted",
                metadata: ["container.id": "\(id)", "wanted": "\(word)", "error": "\(error)"])
        }
    }

    private func enter(_ record: ContainerRecord, _ world: ControllerWorld, _ supervisors: SupervisorTable) async {
        // The database keeps names unique, so that a refusal here cannot happen to records.
        try? world.board.reserve(record.spec.name, for: record.id)
        let (supervisor, isNew) = supervisors.insert(record.id) { ContainerSupervisor(record, world: world) }
        if isNew { await supervisor.appear(observed[record.id]) }
    }

    private func enter(
        _ record: ContainerRecord, inserting: Bool, _ world: ControllerWorld, _ supervisors: SupervisorTable
    ) async throws {
        var record = record
        do { try world.board.reserve(record.spec.name, for: record.id) } catch { record.spec.name = nil }
        try await world.store.insert(record)
        await enter(record, world, supervisors)
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
    /// Shows what was found before anything is done about it.
    func appear(_ found: ObservedContainer?) {
        observed = found
        if case .exited(let exit) = found?.state { machine.foundExited(exit) }
        if found == nil, record.wasStarted { machine.foundExited(ContainerExit(code: nil)) }
        publish()
    }

    /// Supervises it as it is found. One that is supervised already is looked at again.
    func takeOver() async {
        await automatically { supervisor in
            do { try await supervisor.look() } catch { supervisor.report(error) }
        }
    }

    /// Starts it at the start of the daemon, unless it is supervised already: then its rules decide.
    func startAgain() async {
        await automatically { supervisor in
            do {
                if supervisor.machine.isAlive || supervisor.machine.awaitsRestart { return try await supervisor.look() }
                try await supervisor.wantAgain()
            } catch {
                return supervisor.report(error)
            }
            supervisor.machine.startAgain()
            await supervisor.launchAutomatically()
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
