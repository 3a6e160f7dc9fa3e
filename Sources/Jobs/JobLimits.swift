/// How much the coordinator does and remembers.
package struct JobLimits: Sendable, Hashable {
    /// Jobs that run at once.
    package var width = 16
    /// Jobs that may wait.
    package var queue = 1000
    /// Finished jobs that are remembered.
    package var kept = 2000
    /// Finished jobs whose events are remembered, too.
    package var keptEvents = 200
    /// How long they are remembered at most.
    package var keptFor = Duration.seconds(14 * 24 * 3600)
    /// How long audit entries are kept.
    package var auditKeptFor = Duration.seconds(400 * 24 * 3600)
    /// How long events gather before they are written.
    package var flushInterval = Duration.milliseconds(250)
    /// Limits on repeated changes of one container.
    package var throttle = ThrottlePolicy()
    /// How long ``JobCoordinator/shutdown()`` waits for cancelled jobs.
    package var shutdownGrace = Duration.seconds(4)

    /// The default limits.
    package init() {}
}
