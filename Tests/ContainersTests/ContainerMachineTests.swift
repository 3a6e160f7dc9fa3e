import Core
import Testing

@testable import Containers

@Suite("ContainerMachine")
struct ContainerMachineTests {
    typealias Step = @Sendable (inout ContainerMachine) -> Void

    static let start: Step = { _ = $0.startRequested() }
    static let started: Step = { _ = $0.started(hasHealthCheck: false, at: .zero) }
    static let probing: Step = { _ = $0.started(hasHealthCheck: true, at: .zero) }
    static let healthy: Step = { _ = $0.probePassed(at: .zero) }
    static let unhealthy: Step = { _ = $0.probesFailed() }
    static let pause: Step = { $0.paused() }
    static let stop: Step = { _ = $0.stopRequested() }
    static func end(_ code: Int32?, _ policy: RestartPolicy = .no) -> Step {
        { _ = $0.exited(ContainerExit(code: code), policy: policy, removeOnExit: false, at: .zero) }
    }

    /// One way to each phase.
    static let ways: [(ContainerPhase, [Step])] = [
        (.created, []),
        (.starting, [start]),
        (.starting, [start, probing]),
        (.running, [start, started]),
        (.running, [start, probing, healthy]),
        (.running, [start, probing, unhealthy, healthy]),
        (.unhealthy, [start, probing, unhealthy]),
        (.unhealthy, [start, probing, healthy, unhealthy]),
        (.paused, [start, started, pause]),
        (.paused, [start, probing, pause]),
        (.stopping, [start, started, stop]),
        (.stopping, [start, probing, stop]),
        (.exited, [start, started, end(0)]),
        (.exited, [start, started, end(1, .onFailure(maximum: nil)), stop]),
        (.exited, [start, started, stop, end(143, .always)]),
        (.restarting, [start, started, end(1, .always)]),
        (.restarting, [start, probing, end(nil, .onFailure(maximum: nil))]),
        (.failed, [start, { _ = $0.startRefused(isAutomatic: false, policy: .always) }]),
        (.restarting, [start, { _ = $0.startRefused(isAutomatic: true, policy: .always) }]),
        (.failed, [start, { $0.failedForGood() }]),
    ]

    func machine(_ steps: [Step]) -> ContainerMachine {
        var machine = ContainerMachine()
        for step in steps { step(&machine) }
        return machine
    }

    @Test("each phase is reached as drawn", arguments: ways.indices)
    func phases(index: Int) {
        let (phase, steps) = Self.ways[index]
        #expect(machine(steps).phase == phase)
    }

    @Test(
        "a start by request",
        arguments: [
            (0, ContainerMachine.StartAction.start), (3, .alreadyRunning), (2, .alreadyRunning), (6, .alreadyRunning),
            (8, .rejectPaused), (12, .start), (15, .start), (17, .start),
        ])
    func start(way: Int, action: ContainerMachine.StartAction) {
        var machine = machine(Self.ways[way].1)
        let answer = machine.startRequested()
        #expect(answer == action)
    }

    @Test(
        "a stop by request",
        arguments: [
            (0, ContainerMachine.StopAction.alreadyStopped), (2, .stop), (3, .stop), (6, .stop), (8, .stop),
            (12, .alreadyStopped), (15, .cancelRestart), (17, .alreadyStopped),
        ])
    func stop(way: Int, action: ContainerMachine.StopAction) {
        var machine = machine(Self.ways[way].1)
        let answer = machine.stopRequested()
        #expect(answer == action)
    }

    @Test("an end is counted once", arguments: [0, 12, 15, 17])
    func endsOnce(way: Int) {
        var machine = machine(Self.ways[way].1)
        let action = machine.exited(ContainerExit(code: 1), policy: .always, removeOnExit: true, at: .zero)
        #expect(action == .none)
    }

    @Test(
        "what follows an end",
        arguments: [
            (RestartPolicy.no, 0, ContainerMachine.EndAction.stay), (.no, 1, .stay),
            (.onFailure(maximum: nil), 0, .stay), (.onFailure(maximum: nil), 1, .restart(after: .seconds(1))),
            (.always, 0, .restart(after: .seconds(1))), (.unlessStopped, 137, .restart(after: .seconds(1))),
        ] as [(RestartPolicy, Int32, ContainerMachine.EndAction)])
    func ends(policy: RestartPolicy, code: Int32, action: ContainerMachine.EndAction) {
        var machine = machine([Self.start, Self.started])
        let answer = machine.exited(ContainerExit(code: code), policy: policy, removeOnExit: false, at: .zero)
        #expect(answer == action)
    }

    @Test("a container that is to be removed on exit is, but not while it will be started again")
    func removeOnExit() {
        var once = machine([Self.start, Self.started])
        var again = once

        let removed = once.exited(ContainerExit(code: 0), policy: .no, removeOnExit: true, at: .zero)
        let restarted = again.exited(ContainerExit(code: 0), policy: .always, removeOnExit: true, at: .zero)

        #expect(removed == .remove)
        #expect(restarted == .restart(after: .seconds(1)))
    }

    @Test("pauses double up to a minute while it keeps ending")
    func backOff() {
        var machine = machine([Self.start, Self.started])
        var pauses: [Int64] = []
        for _ in 0..<9 {
            let action = machine.exited(ContainerExit(code: 1), policy: .always, removeOnExit: false, at: .zero)
            guard case .restart(let pause) = action else { break }
            pauses.append(pause.components.seconds)
            _ = machine.restartDue()
            _ = machine.started(hasHealthCheck: false, at: .zero)
        }

        #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60])
        #expect(machine.restarts == 9)
    }

    @Test("a run that was ready for ten seconds clears the back-off, a shorter one does not")
    func reset() {
        var machine = machine([Self.start, Self.started, Self.end(1, .always)])
        _ = machine.restartDue()
        _ = machine.started(hasHealthCheck: true, at: .seconds(100))
        _ = machine.probePassed(at: .seconds(150))
        var short = machine
        let exit = ContainerExit(code: 1)

        let after = machine.exited(exit, policy: .always, removeOnExit: false, at: .seconds(160))
        let early = short.exited(exit, policy: .always, removeOnExit: false, at: .seconds(159))

        #expect(after == .restart(after: .seconds(1)))
        #expect(early == .restart(after: .seconds(2)))
        #expect(machine.restarts == 1)
    }

    @Test("on-failure with a bound gives up after that many starts")
    func givesUp() {
        var machine = machine([Self.start, Self.started])
        let exit = ContainerExit(code: 1)
        var actions: [ContainerMachine.EndAction] = []
        for _ in 0..<3 {
            actions.append(
                machine.exited(exit, policy: .onFailure(maximum: 2), removeOnExit: false, at: .zero))
            if machine.restartDue() { _ = machine.started(hasHealthCheck: false, at: .zero) }
        }

        #expect(actions == [.restart(after: .seconds(1)), .restart(after: .seconds(2)), .giveUp])
        #expect(machine.phase == .failed)
        let byRequest = machine.startRequested()
        #expect(byRequest == .start)
        #expect(machine.failedInARow == 0)
    }

    @Test("an end that was asked for by signal leads to no restart; the next one does again")
    func killed() {
        var machine = machine([Self.start, Self.started])
        machine.endWanted()

        let wanted = machine.exited(ContainerExit(code: 137), policy: .always, removeOnExit: false, at: .zero)
        _ = machine.startRequested()
        _ = machine.started(hasHealthCheck: false, at: .zero)
        let own = machine.exited(ContainerExit(code: 137), policy: .always, removeOnExit: false, at: .zero)

        #expect(wanted == .stay)
        #expect(own == .restart(after: .seconds(1)))
    }

    @Test(
        "a paused container goes on where it was",
        arguments: [(8, false, ContainerPhase.running), (9, true, .starting)])
    func resume(way: Int, hasHealthCheck: Bool, phase: ContainerPhase) {
        var machine = machine(Self.ways[way].1)
        _ = machine.resumed(hasHealthCheck: hasHealthCheck, at: .zero)
        #expect(machine.phase == phase)
    }

    @Test("a late probe changes nothing", arguments: [10, 12, 15, 17])
    func lateProbe(way: Int) {
        var machine = machine(Self.ways[way].1)
        let before = machine
        let changes = [machine.probePassed(at: .zero), machine.probesFailed()]
        #expect(changes == [false, false])
        #expect(machine == before)
    }
}
