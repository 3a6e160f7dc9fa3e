internal import Dispatch
internal import Glibc
internal import LinuxKernel
internal import Logging
internal import Synchronization

/// Sees to it that the cables of detached containers vanish.
///
/// Deleting a cable takes the kernel some 30 ms of waiting, one after the other. A namespace that nobody holds any more takes
/// its cable with it, many at a time and at no cost to us. So a detach only unpins the namespace, and what
/// is still there a moment later, because a process lives on in the namespace, is deleted by name.
final class CableReaper: Sendable {
    private struct State {
        var condemned: Set<String> = []
        var isScheduled = false
    }

    private let queue = DispatchQueue(label: "martlet.network.reaper")
    private let state = Mutex(State())
    private let logger: Logger

    /// How long the kernel gets to do it by itself.
    static let patience = DispatchTimeInterval.milliseconds(300)

    init(logger: Logger) { self.logger = logger }

    /// The cables that may still be there.
    var condemned: Set<String> { state.withLock { $0.condemned } }

    /// Takes over the cable of a container whose namespace has been unpinned.
    func condemn(_ name: String) {
        let isFirst = state.withLock { state in
            state.condemned.insert(name)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        guard isFirst else { return }
        queue.asyncAfter(deadline: .now() + Self.patience) { [weak self] in self?.reap() }
    }

    private func reap() {
        let names = state.withLock { state in
            state.isScheduled = false
            return state.condemned
        }
        do {
            let routes = try RouteSocket()
            for name in names where try routes.link(named: name) != nil {
                try routes.run(.deleteLink(name).tolerating(ENODEV))
            }
        } catch {
            logger.warning("cable could not be deleted", metadata: ["error": "\(error)"])
        }
        // Also after a failure: what is left is found by name when the host is swept.
        state.withLock { $0.condemned.subtract(names) }
    }
}
