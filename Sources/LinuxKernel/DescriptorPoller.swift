internal import CLinux
internal import Core
internal import Glibc
internal import Synchronization

/// Waits for descriptors on one thread of its own, so that nothing blocks the threads of the concurrency pool.
///
/// A descriptor stays open while somebody waits for it; its owner calls ``forget(_:)`` before closing it.
package final class DescriptorPoller: Sendable {
    /// What is waited for.
    package enum Interest: Sendable {
        case readable, writable
    }

    /// The poller of this process.
    package static let shared = DescriptorPoller()

    private struct Waiter {
        let id: UInt64
        let interest: Interest
        let wake: @Sendable ((any Error)?) -> Void
    }

    private struct State {
        var waiters: [CInt: [Waiter]] = [:]
        var lastID: UInt64 = 0
    }

    private let poll: CInt
    private let state = Mutex(State())

    private init() {
        poll = clx_poll_create()
        precondition(poll >= 0, "epoll_create1 failed: \(-poll)")
        var thread = pthread_t()
        let failure = pthread_create(&thread, nil, pollerThread, Unmanaged.passRetained(self).toOpaque())
        precondition(failure == 0, "pthread_create failed: \(failure)")
        pthread_detach(thread)
    }

    /// Returns once `descriptor` is ready, or at its end or failure; a descriptor that cannot be polled is always ready.
    /// - Throws: ``KernelError`` `EBADF` when it was forgotten meanwhile; `CancellationError`.
    package func wait(for descriptor: CInt, _ interest: Interest) async throws {
        let cancelled = Mutex(false)
        let key = Mutex<UInt64?>(nil)
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let id = add(descriptor, interest) { failure in
                    if let failure { continuation.resume(throwing: failure) } else { continuation.resume() }
                }
                key.withLock { $0 = id }
                if cancelled.withLock({ $0 }) { cancel(descriptor, id) }
            }
        } onCancel: {
            cancelled.withLock { $0 = true }
            if let id = key.withLock({ $0 }) { cancel(descriptor, id) }
        }
    }

    /// Calls `action` once when `descriptor` is ready (true) or was forgotten (false); it must not block.
    package func whenReady(_ descriptor: CInt, _ interest: Interest, _ action: @escaping @Sendable (Bool) -> Void) {
        add(descriptor, interest) { failure in action(failure == nil) }
    }

    /// Ends every wait for `descriptor` with `EBADF`.
    package func forget(_ descriptor: CInt) {
        let waiters = state.withLock { $0.waiters.removeValue(forKey: descriptor) }
        clx_poll_forget(poll, descriptor)
        waiters?.forEach { $0.wake(KernelError(call: "epoll_wait", errorNumber: EBADF)) }
    }

    @discardableResult
    private func add(
        _ descriptor: CInt, _ interest: Interest, _ wake: @escaping @Sendable ((any Error)?) -> Void
    ) -> UInt64 {
        let (id, failure): (UInt64, Int32) = state.withLock { state in
            state.lastID += 1
            let waiter = Waiter(id: state.lastID, interest: interest, wake: wake)
            state.waiters[descriptor, default: []].append(waiter)
            let failure = arm(descriptor, state)
            if failure != 0 { state.waiters[descriptor]?.removeAll { $0.id == waiter.id } }
            return (waiter.id, -failure)
        }
        switch failure {
        case 0: break
        case EPERM: wake(nil)  // a regular file
        default: wake(KernelError(call: "epoll_ctl", errorNumber: failure))
        }
        return id
    }

    private func cancel(_ descriptor: CInt, _ id: UInt64) {
        let waiter: Waiter? = state.withLock { state in
            guard let index = state.waiters[descriptor]?.firstIndex(where: { $0.id == id }) else { return nil }
            let waiter = state.waiters[descriptor]?.remove(at: index)
            _ = arm(descriptor, state)
            return waiter
        }
        waiter?.wake(CancellationError())
    }

    /// Asks for what the waiters of `descriptor` want; called with the lock held.
    private func arm(_ descriptor: CInt, _ state: State) -> Int32 {
        let waiters = state.waiters[descriptor] ?? []
        guard !waiters.isEmpty else {
            clx_poll_forget(poll, descriptor)
            return 0
        }
        let reads = waiters.contains { $0.interest == .readable }
        let writes = waiters.contains { $0.interest == .writable }
        return clx_poll_arm(poll, descriptor, reads ? 1 : 0, writes ? 1 : 0, UInt64(UInt32(bitPattern: descriptor)))
    }

    fileprivate func run() {
        var tokens = [UInt64](repeating: 0, count: 64)
        var flags = [UInt32](repeating: 0, count: 64)
        while true {
            let count = clx_poll_wait(poll, &tokens, &flags, 64)
            guard count > 0 else { continue }  // interrupted
            for index in 0..<Int(count) {
                dispatch(CInt(bitPattern: UInt32(truncatingIfNeeded: tokens[index])), flags[index])
            }
        }
    }

    private func dispatch(_ descriptor: CInt, _ flags: UInt32) {
        let ready: [Waiter] = state.withLock { state in
            let all = state.waiters[descriptor] ?? []
            let isReady: (Waiter) -> Bool = { flags & ($0.interest == .readable ? 1 : 2) != 0 }
            let rest = all.filter { !isReady($0) }
            state.waiters[descriptor] = rest.isEmpty ? nil : rest
            if !rest.isEmpty { _ = arm(descriptor, state) }  // otherwise it stays disarmed
            return all.filter(isReady)
        }
        ready.forEach { $0.wake(nil) }
    }
}

/// A free function: a closure would carry the isolation of the code around it.
private func pollerThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    Unmanaged<DescriptorPoller>.fromOpaque(argument).takeRetainedValue().run()
    return nil
}
