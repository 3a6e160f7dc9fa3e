import Core
import Engines
import State
import Testing

@testable import Containers

@Suite("Planners")
struct PlannerTests {
    static let exited = ObservedState.exited(ContainerExit(code: 1))

    @Test(
        "the steps between what is wanted and what is",
        arguments: [
            (DesiredState.running, nil, [ContainerStep.create, .start]),
            (.running, .created, [.start]),
            (.running, exited, [.start]),
            (.running, .running(processID: 1), []),
            (.running, .paused(processID: 1), []),
            (.stopped, nil, []),
            (.stopped, .created, []),
            (.stopped, exited, []),
            (.stopped, .running(processID: 1), [.stop]),
            (.stopped, .paused(processID: 1), [.stop]),
            (.deleted, nil, [.forget]),
            (.deleted, exited, [.remove, .forget]),
            (.deleted, .running(processID: 1), [.remove, .forget]),
        ] as [(DesiredState, ObservedState?, [ContainerStep])])
    func steps(desired: DesiredState, observed: ObservedState?, steps: [ContainerStep]) {
        #expect(ContainerPlanner.steps(desired: desired, observed: observed) == steps)
    }

    enum Found: Sendable { case nothing, created, running, exited(Int32?) }

    static let id = ContainerID(rawValue: "c")!

    @Test(
        "what is done about a known container at the start of the daemon",
        arguments: [
            (DesiredState.running, RestartPolicy.no, Found.running, AdoptionStep.takeOver(id)),
            (.running, .no, .exited(0), .rest(id)),
            (.running, .no, .nothing, .rest(id)),
            (.running, .always, .nothing, .startAgain(id)),
            (.running, .always, .exited(0), .startAgain(id)),
            (.running, .unlessStopped, .exited(1), .startAgain(id)),
            (.running, .onFailure(maximum: nil), .exited(0), .rest(id)),
            (.running, .onFailure(maximum: nil), .exited(2), .startAgain(id)),
            (.running, .onFailure(maximum: nil), .exited(nil), .startAgain(id)),
            (.running, .no, .created, .startAgain(id)),
            (.stopped, .unlessStopped, .exited(0), .rest(id)),
            (.stopped, .unlessStopped, .nothing, .rest(id)),
            (.stopped, .always, .exited(0), .startAgain(id)),
            (.stopped, .no, .running, .stop(id)),
            (.deleted, .always, .running, .finishDeletion(id)),
            (.deleted, .always, .nothing, .finishDeletion(id)),
        ] as [(DesiredState, RestartPolicy, Found, AdoptionStep)])
    func known(desired: DesiredState, policy: RestartPolicy, found: Found, step: AdoptionStep) {
        var record = record(policy)
        record.desired = desired

        #expect(AdoptionPlanner.steps(records: [record], observed: observed(found), instance: "i") == [step])
    }

    @Test("a bound on restarts counts across the end of the daemon")
    func bound() {
        var record = record(.onFailure(maximum: 2))
        record.desired = .running
        record.failedInARow = 2

        #expect(
            AdoptionPlanner.steps(records: [record], observed: observed(.exited(1)), instance: "i") == [.rest(Self.id)])
    }

    @Test("an app's container that was stopped stays stopped")
    func appOwned() {
        var record = record(.always)
        record.owner = .app("a")

        #expect(
            AdoptionPlanner.steps(records: [record], observed: observed(.exited(1)), instance: "i") == [.rest(Self.id)])
    }

    @Test("one that was to be removed on exit and ended meanwhile is removed")
    func removeOnExit() {
        var record = record(.no)
        record.desired = .running
        record.spec.removeOnExit = true

        #expect(
            AdoptionPlanner.steps(records: [record], observed: observed(.exited(0)), instance: "i")
                == [.finishDeletion(Self.id)])
        #expect(
            AdoptionPlanner.steps(records: [record], observed: observed(.running), instance: "i")
                == [.takeOver(Self.id)])
    }

    @Test(
        "what is done about a container without record",
        arguments: [
            (["martlet.instance": "i", "martlet.owner": "user"], AdoptionStep.record(id, .user)),
            (["martlet.instance": "i", "martlet.owner": "app/x"], .report(id)),
            (["martlet.instance": "other", "martlet.owner": "user"], .report(id)),
            ([:], .report(id)),
        ] as [([String: String], AdoptionStep)])
    func unknown(labels: [String: String], step: AdoptionStep) {
        var found = observed(.running)
        found[0].spec.labels = labels

        #expect(AdoptionPlanner.steps(records: [], observed: found, instance: "i") == [step])
    }

    func record(_ policy: RestartPolicy) -> ContainerRecord {
        var record = ContainerRecord(id: Self.id, owner: .user, spec: spec { $0.restart = policy }, createdAt: 1)
        record.wasStarted = true
        return record
    }

    func observed(_ found: Found) -> [ObservedContainer] {
        let state: ObservedState
        switch found {
        case .nothing: return []
        case .created: state = .created
        case .running: state = .running(processID: 7)
        case .exited(let code): state = .exited(ContainerExit(code: code))
        }
        return [ObservedContainer(id: Self.id, spec: spec(), state: state, createdAt: 1)]
    }
}
