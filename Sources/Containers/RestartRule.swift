internal import Core

/// When a container that has ended is started again.
///
/// The pause doubles from 1 s to 60 s with each end that follows no healthy run; a run counts as healthy once the
/// container has been ready for 10 s. Such a run also clears the count that `on-failure:n` bounds.
struct RestartRule: Sendable, Hashable {
    enum Decision: Sendable, Hashable {
        case stay
        case restart(after: Duration)
        /// The policy's bound is reached.
        case giveUp
    }

    var firstPause = Duration.seconds(1)
    var longestPause = Duration.seconds(60)
    var healthyRun = Duration.seconds(10)

    /// What follows an end nobody asked for.
    /// - Parameter failedInARow: ends in a row before this one that followed no healthy run.
    func decide(_ policy: RestartPolicy, exit: ContainerExit, failedInARow: Int) -> Decision {
        switch policy {
        case .no: return .stay
        case .always, .unlessStopped: return .restart(after: pause(failedInARow))
        case .onFailure(let maximum):
            guard exit.code != 0 else { return .stay }
            if let maximum, failedInARow >= maximum { return .giveUp }
            return .restart(after: pause(failedInARow))
        }
    }

    /// The pause after `failedInARow` earlier ends.
    func pause(_ failedInARow: Int) -> Duration {
        guard failedInARow < 16 else { return longestPause }
        return min(longestPause, firstPause * (1 << max(0, failedInARow)))
    }
}
