#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// What time it is, and how to wait: handed to everything that measures or waits, so that tests drive it.
package protocol TimeSource: Sendable {
    /// Milliseconds since 1970; what is stored and shown. May jump.
    var milliseconds: Int64 { get }
    /// Time since an arbitrary moment; never jumps back. What intervals are measured with.
    var uptime: Duration { get }
    /// Waits; throws `CancellationError` as soon as the task is cancelled.
    func sleep(for duration: Duration) async throws
}

/// The machine's own clocks.
package struct SystemTimeSource: TimeSource {
    /// The machine's own clocks.
    package init() {}

    /// Milliseconds since 1970 of the real-time clock.
    package var milliseconds: Int64 {
        let time = Self.read(CLOCK_REALTIME)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// The monotonic clock.
    package var uptime: Duration {
        let time = Self.read(CLOCK_MONOTONIC)
        return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }

    /// Waits on the continuous clock.
    package func sleep(for duration: Duration) async throws {
        try await Task.sleep(for: duration, clock: .continuous)
    }

    private static func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        clock_gettime(clock, &time)
        return time
    }
}
