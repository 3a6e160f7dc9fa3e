internal import Core
internal import Engines
internal import State

/// One thing to do about a container.
enum ContainerStep: Sendable, Hashable, CustomStringConvertible {
    case create
    case start
    case stop
    /// Removes it from the engine, running or not.
    case remove
    case forget

    var description: String {
        switch self {
        case .create: "create it in the engine"
        case .start: "start it"
        case .stop: "stop it"
        case .remove: "remove it from the engine"
        case .forget: "remove its record"
        }
    }
}

/// Compares what is wanted of one container with what is observed.
enum ContainerPlanner {
    /// The steps that lead from `observed` (nil: the engine does not have it) to `desired`; empty when it is so already.
    static func steps(desired: DesiredState, observed: ObservedState?) -> [ContainerStep] {
        switch (desired, observed) {
        case (.running, nil): [.create, .start]
        case (.running, .created), (.running, .exited): [.start]
        case (.running, .running), (.running, .paused): []
        case (.stopped, nil), (.stopped, .created), (.stopped, .exited): []
        case (.stopped, .running), (.stopped, .paused): [.stop]
        case (.deleted, nil): [.forget]
        case (.deleted, .created), (.deleted, .exited), (.deleted, .running), (.deleted, .paused): [.remove, .forget]
        }
    }
}

/// What is done about one container at the start of the daemon.
enum AdoptionStep: Sendable, Hashable {
    /// It runs as wanted: supervise it as it is.
    case takeOver(ContainerID)
    /// It is wanted to run and does not: start it.
    case startAgain(ContainerID)
    /// It rests, and may.
    case rest(ContainerID)
    /// Its deletion was interrupted: finish it.
    case finishDeletion(ContainerID)
    /// It runs though it was stopped by request just before the end of the last daemon: stop it.
    case stop(ContainerID)
    /// The engine has it, the database does not, and a person owns it: record it.
    case record(ContainerID, ContainerOwner)
    /// The engine has it, the database does not, and an app owns it, or nobody says who: leave it and report it.
    case report(ContainerID)

    /// The container.
    var id: ContainerID {
        switch self {
        case .takeOver(let id), .startAgain(let id), .rest(let id), .finishDeletion(let id), .stop(let id),
            .record(let id, _), .report(let id):
            id
        }
    }

    /// Whether it starts a process.
    var isStart: Bool {
        if case .startAgain = self { return true }
        return false
    }
}

/// Compares all records with all containers of the engine.
enum AdoptionPlanner {
    /// One step per container, those of the records first, in their order.
    static func steps(
        records: [ContainerRecord], observed: [ObservedContainer], instance: String
    ) -> [AdoptionStep] {
        let byID = Dictionary(observed.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let known = Set(records.map(\.id))
        let recorded = records.map { step(for: $0, observed: byID[$0.id]) }
        let unknown = observed.filter { !known.contains($0.id) }.sorted { $0.id.rawValue < $1.id.rawValue }
        return recorded + unknown.map { step(for: $0, instance: instance) }
    }

    private static func step(for record: ContainerRecord, observed: ObservedContainer?) -> AdoptionStep {
        switch record.desired {
        case .deleted: return .finishDeletion(record.id)
        case .stopped:
            if observed?.state.isAlive == true { return .stop(record.id) }
            // As Docker does: `always` forgets at the next start of the daemon that a person stopped it.
            if record.spec.restart == .always, record.wasStarted, record.owner == .user {
                return .startAgain(record.id)
            }
            return rest(record, observed)
        case .running:
            switch observed?.state {
            case .running, .paused: return .takeOver(record.id)
            case .created: return .startAgain(record.id)
            case .exited(let exit): return runsAgain(record, exit) ? .startAgain(record.id) : rest(record, observed)
            case nil:
                return runsAgain(record, ContainerExit(code: nil)) ? .startAgain(record.id) : rest(record, observed)
            }
        }
    }

    private static func rest(_ record: ContainerRecord, _ observed: ObservedContainer?) -> AdoptionStep {
        guard record.spec.removeOnExit, record.wasStarted, observed?.state != .created else { return .rest(record.id) }
        return .finishDeletion(record.id)
    }

    private static func runsAgain(_ record: ContainerRecord, _ exit: ContainerExit) -> Bool {
        switch RestartRule().decide(record.spec.restart, exit: exit, failedInARow: record.failedInARow) {
        case .restart: true
        case .stay, .giveUp: false
        }
    }

    private static func step(for observed: ObservedContainer, instance: String) -> AdoptionStep {
        guard observed.spec.labels[ContainerLabel.instance] == instance,
            let owner = observed.spec.labels[ContainerLabel.owner].flatMap(ContainerOwner.init(parsing:)),
            owner == .user
        else { return .report(observed.id) }
        return .record(observed.id, owner)
    }
}

/// The labels that say whose a container is.
package enum ContainerLabel {
    /// The short name of the instance.
    package static let instance = "martlet.instance"
    /// The owner: `user` or `app/<id>`.
    package static let owner = "martlet.owner"
}
