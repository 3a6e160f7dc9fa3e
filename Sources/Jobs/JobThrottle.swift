internal import Core

/// Limits on how fast the state of one container may be changed.
package struct ThrottlePolicy: Sendable, Hashable {
    /// The shortest time between two accepted restarts of one target.
    package var restartInterval = Duration.milliseconds(400)
    /// How many starts, stops and restarts of one target may come at once.
    package var burst = 10
    /// How long it takes until one more of them is allowed.
    package var refill = Duration.seconds(1)

    /// The default limits.
    package init() {}
}

/// Counts the accepted starts, stops and restarts per target: a bucket of tokens, and a pause between restarts.
struct JobThrottle {
    private struct Bucket {
        var tokens: Double
        var updated: Duration
        var lastRestart: Duration?
    }

    private let policy: ThrottlePolicy
    private var buckets: [String: Bucket] = [:]

    init(policy: ThrottlePolicy) { self.policy = policy }

    /// Counts a change, or refuses it.
    /// - Returns: nil when it is accepted, else the time after which it would be.
    mutating func accept(_ kind: JobKind, target: String, at now: Duration) -> Duration? {
        guard Self.isCounted(kind) else { return nil }
        forgetFull(at: now)
        var bucket = buckets[target] ?? Bucket(tokens: Double(policy.burst), updated: now)
        bucket.tokens = min(Double(policy.burst), bucket.tokens + (now - bucket.updated) / policy.refill)
        bucket.updated = now
        if kind == .containerRestart, let last = bucket.lastRestart, now - last < policy.restartInterval {
            return policy.restartInterval - (now - last)
        }
        guard bucket.tokens >= 1 else { return policy.refill * (1 - bucket.tokens) }
        bucket.tokens -= 1
        if kind == .containerRestart { bucket.lastRestart = now }
        buckets[target] = bucket
        return nil
    }

    private static func isCounted(_ kind: JobKind) -> Bool {
        kind == .containerStart || kind == .containerStop || kind == .containerRestart
    }

    /// Keeps the table small: a bucket that is full again says nothing.
    private mutating func forgetFull(at now: Duration) {
        guard buckets.count >= 256 else { return }
        let untilFull = policy.refill * policy.burst
        buckets = buckets.filter { now - $0.value.updated < untilFull }
    }
}
