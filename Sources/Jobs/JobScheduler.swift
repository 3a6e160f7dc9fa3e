internal import Core

/// Which job runs next: first come first served per target, one at a time per target, at most `width` at a time in
/// all, and targets take turns so that a long queue of one does not hold up another.
struct JobScheduler {
    private let width: Int
    private var queues: [String: [JobID]] = [:]
    /// Targets with a waiting job and none running, in the order of their turns.
    private var turns: [String] = []
    private var busyTargets: Set<String> = []
    /// Running jobs that take up a place.
    private(set) var running = 0
    /// Jobs that wait.
    private(set) var waiting = 0

    init(width: Int) { self.width = max(1, width) }

    /// Adds a job behind those of its target.
    mutating func enqueue(_ id: JobID, target: String) {
        waiting += 1
        queues[target, default: []].append(id)
        if queues[target]?.count == 1, !busyTargets.contains(target) { turns.append(target) }
    }

    /// The next job that may run, now counted as running.
    mutating func next() -> JobID? {
        guard running < width, !turns.isEmpty else { return nil }
        let target = turns.removeFirst()
        guard var queue = queues[target], !queue.isEmpty else { return nil }
        let id = queue.removeFirst()
        queues[target] = queue.isEmpty ? nil : queue
        busyTargets.insert(target)
        waiting -= 1
        running += 1
        return id
    }

    /// The running job of `target` has ended.
    mutating func finished(target: String) {
        running -= 1
        busyTargets.remove(target)
        if queues[target] != nil { turns.append(target) }
    }

    /// A waiting job is not wanted any more.
    mutating func remove(_ id: JobID, target: String) {
        guard var queue = queues[target], let index = queue.firstIndex(of: id) else { return }
        queue.remove(at: index)
        waiting -= 1
        queues[target] = queue.isEmpty ? nil : queue
        if queue.isEmpty { turns.removeAll { $0 == target } }
    }

    /// A job that runs inside the turn of another one: takes a place, but no turn.
    mutating func beganInside() { running += 1 }

    /// The end of ``beganInside()``.
    mutating func endedInside() { running -= 1 }

    /// A running job begins to wait for another one and lends its place.
    mutating func lendPlace() { running -= 1 }

    /// The end of ``lendPlace()``; for a moment more than `width` may run.
    mutating func takePlaceBack() { running += 1 }
}
