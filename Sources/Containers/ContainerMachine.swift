internal import Core
internal import Engines

/// The life of one container as its supervisor sees it: no clock, no effects.
///
/// ```
///     created ──start──▶ starting ──started──▶ (probes) ──passed──▶ running ◀──passed── unhealthy
///                            │                     └──used up──────────────────────────────▲
///                            └─refused─▶ failed                 running ──failed n times───┘
///     running, unhealthy, starting ──own end──▶ exited | restarting ──pause over──▶ starting | failed (too often)
///     … ──stop──▶ stopping ──▶ exited           running ──pause──▶ paused ──resume──▶ running
/// ```
struct ContainerMachine: Sendable, Equatable {
    enum StartAction: Equatable { case start, alreadyRunning, rejectPaused }
    enum StopAction: Equatable { case stop, cancelRestart, alreadyStopped }
    enum StartedAction: Equatable { case probe, ready }
    enum EndAction: Equatable {
        /// The end was known already.
        case none
        case stay, remove, giveUp
        case restart(after: Duration)
    }

    private enum State: Equatable {
        case created
        case starting
        case probing
        case running(readySince: Duration)
        case unhealthy
        /// Whether probes had passed before.
        case paused(wasReady: Bool)
        case stopping
        case exited(ContainerExit)
        case restarting(ContainerExit)
        case failed
    }

    private var state = State.created
    private let rule: RestartRule
    /// Automatic starts since the last requested one.
    private(set) var restarts: Int
    /// Ends in a row that followed no healthy run.
    private(set) var failedInARow: Int
    /// Whether the next end is wanted, so that no restart follows.
    private(set) var endIsWanted = false

    init(restarts: Int = 0, failedInARow: Int = 0, rule: RestartRule = RestartRule()) {
        self.restarts = restarts
        self.failedInARow = failedInARow
        self.rule = rule
    }

    var phase: ContainerPhase {
        switch state {
        case .created: .created
        case .starting, .probing: .starting
        case .running: .running
        case .unhealthy: .unhealthy
        case .paused: .paused
        case .stopping: .stopping
        case .exited: .exited
        case .restarting: .restarting
        case .failed: .failed
        }
    }

    /// Whether a process is thought to exist.
    var isAlive: Bool {
        switch state {
        case .probing, .running, .unhealthy, .paused, .stopping: true
        case .created, .starting, .exited, .restarting, .failed: false
        }
    }

    /// Whether a restart is due after a pause.
    var awaitsRestart: Bool {
        if case .restarting = state { return true }
        return false
    }

    // MARK: Requests

    /// A start by request; it clears the counts.
    mutating func startRequested() -> StartAction {
        switch state {
        case .probing, .running, .unhealthy, .stopping, .starting: return .alreadyRunning
        case .paused: return .rejectPaused
        case .created, .exited, .restarting, .failed:
            restarts = 0
            failedInARow = 0
            endIsWanted = false
            state = .starting
            return .start
        }
    }

    /// The pause before an automatic start is over.
    /// - Returns: whether it is to be started now.
    mutating func restartDue() -> Bool {
        guard case .restarting = state else { return false }
        restarts += 1
        failedInARow += 1
        state = .starting
        return true
    }

    /// An automatic start at the start of the daemon.
    /// - Returns: whether it is to be started now.
    mutating func startAgain() -> Bool {
        guard case .restarting = state else { return false }
        state = .starting
        return true
    }

    /// A stop by request.
    mutating func stopRequested() -> StopAction {
        switch state {
        case .created, .exited, .failed: return .alreadyStopped
        case .restarting(let exit):
            state = .exited(exit)
            return .cancelRestart
        case .starting, .probing, .running, .unhealthy, .paused, .stopping:
            state = .stopping
            endIsWanted = true
            return .stop
        }
    }

    /// A signal by request which shall end it for good.
    mutating func endWanted() { endIsWanted = true }

    // MARK: What happened

    /// Its process runs.
    mutating func started(hasHealthCheck: Bool, at now: Duration) -> StartedAction {
        endIsWanted = false
        guard hasHealthCheck else {
            state = .running(readySince: now)
            return .ready
        }
        state = .probing
        return .probe
    }

    /// The engine could not start it.
    /// - Parameter isAutomatic: whether nobody asked for this start.
    mutating func startRefused(isAutomatic: Bool, policy: RestartPolicy) -> EndAction {
        guard isAutomatic else {
            state = .failed
            return .stay
        }
        return ended(ContainerExit(code: nil), policy: policy, wasHealthy: false)
    }

    /// A probe passed. Returns whether the phase has changed.
    mutating func probePassed(at now: Duration) -> Bool {
        switch state {
        case .probing, .unhealthy:
            state = .running(readySince: now)
            return true
        case .created, .starting, .running, .paused, .stopping, .exited, .restarting, .failed: return false
        }
    }

    /// The attempts after a start are used up, or too many checks in a row failed. Returns whether the phase has
    /// changed.
    mutating func probesFailed() -> Bool {
        switch state {
        case .probing, .running:
            state = .unhealthy
            return true
        case .created, .starting, .unhealthy, .paused, .stopping, .exited, .restarting, .failed: return false
        }
    }

    /// Its processes are frozen.
    mutating func paused() {
        switch state {
        case .probing, .unhealthy, .starting: state = .paused(wasReady: false)
        case .running: state = .paused(wasReady: true)
        case .created, .paused, .stopping, .exited, .restarting, .failed: break
        }
    }

    /// Its processes go on. Nil when it was not paused.
    mutating func resumed(hasHealthCheck: Bool, at now: Duration) -> StartedAction? {
        guard case .paused(let wasReady) = state else { return nil }
        if wasReady || !hasHealthCheck {
            state = .running(readySince: now)
            return .ready
        }
        state = .probing
        return .probe
    }

    /// Its process has ended.
    mutating func exited(
        _ exit: ContainerExit, policy: RestartPolicy, removeOnExit: Bool, at now: Duration
    ) -> EndAction {
        switch state {
        case .exited, .restarting, .failed, .created: return .none
        case .starting, .probing, .unhealthy, .paused, .running, .stopping: break
        }
        if endIsWanted {
            state = .exited(exit)
            return removeOnExit ? .remove : .stay
        }
        switch state {
        case .created, .exited, .restarting, .failed, .starting, .probing, .unhealthy, .paused, .stopping:
            return conclude(exit, policy, removeOnExit, wasHealthy: false)
        case .running(let since):
            return conclude(exit, policy, removeOnExit, wasHealthy: now - since >= rule.healthyRun)
        }
    }

    /// It was seen ended when it was looked at for the first time.
    mutating func foundExited(_ exit: ContainerExit) { state = .exited(exit) }

    /// It was found ended, and is to be started by the daemon that found it.
    mutating func foundWaiting(_ exit: ContainerExit) { state = .restarting(exit) }

    /// It was found running half way through a stop, or through a deletion.
    mutating func foundStopping() {
        state = .stopping
        endIsWanted = true
    }

    /// It cannot be started for a reason that time will not heal.
    mutating func failedForGood() { state = .failed }

    private mutating func conclude(
        _ exit: ContainerExit, _ policy: RestartPolicy, _ removeOnExit: Bool, wasHealthy: Bool
    ) -> EndAction {
        let action = ended(exit, policy: policy, wasHealthy: wasHealthy)
        if action == .stay, removeOnExit { return .remove }
        return action
    }

    private mutating func ended(_ exit: ContainerExit, policy: RestartPolicy, wasHealthy: Bool) -> EndAction {
        if wasHealthy { failedInARow = 0 }
        switch rule.decide(policy, exit: exit, failedInARow: failedInARow) {
        case .stay:
            state = .exited(exit)
            return .stay
        case .giveUp:
            state = .failed
            return .giveUp
        case .restart(let pause):
            state = .restarting(exit)
            return .restart(after: pause)
        }
    }
}
