internal import Core

/// Something tests hold back and let go.
package actor Gate {
    private var isOpen = false
    private var waiters: [Int: CheckedContinuation<Void, any Error>] = [:]
    private var arrivals: [CheckedContinuation<Void, Never>] = []
    private var arrived = 0

    /// A closed gate.
    package init() {}

    /// Lets everybody through, now and later.
    package func open() {
        isOpen = true
        waiters.values.forEach { $0.resume() }
        waiters = [:]
    }

    /// Waits until the gate is open.
    /// - Throws: `CancellationError` when the task is cancelled meanwhile.
    package func pass() async throws {
        arrived += 1
        let key = arrived
        arrivals.forEach { $0.resume() }
        arrivals = []
        try Task.checkCancellation()
        if isOpen { return }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiters[key] = $0 }
        } onCancel: {
            Task { await self.cancel(key) }  // bridges the synchronous handler; ends at once
        }
    }

    /// Waits until somebody has come to the gate.
    package func waitForArrival() async {
        if arrived > 0 { return }
        await withCheckedContinuation { arrivals.append($0) }
    }

    private func cancel(_ key: Int) { waiters.removeValue(forKey: key)?.resume(throwing: CancellationError()) }
}
