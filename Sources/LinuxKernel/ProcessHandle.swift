internal import CLinux
internal import Core
internal import Glibc

/// A process that is not necessarily a child, held by a descriptor: it never turns into another process.
package final class ProcessHandle: Sendable {
    /// Its identifier while it exists.
    package let processID: Int32
    private let pidfd: CInt

    /// Takes hold of the process that has this identifier now.
    /// - Throws: ``KernelError`` `ESRCH` when there is none.
    package init(processID: Int32) throws {
        let descriptor = clx_pidfd_open(processID)
        guard descriptor >= 0 else {
            throw KernelError(call: "pidfd_open", errorNumber: -descriptor, subject: "\(processID)")
        }
        self.processID = processID
        self.pidfd = descriptor
    }

    deinit {
        DescriptorPoller.shared.forget(pidfd)
        close(pidfd)
    }

    /// Sends a signal; false when the process has ended and was reaped.
    @discardableResult
    package func signal(_ number: Int32) -> Bool { clx_pidfd_signal(pidfd, number) == 0 }

    /// Whether the process has ended, reaped or not.
    package var hasEnded: Bool {
        var request = pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)
        return poll(&request, 1, 0) > 0
    }

    /// Returns once the process has ended.
    package func waitForEnd() async throws { try await DescriptorPoller.shared.wait(for: pidfd, .readable) }

    /// Calls `action` once when the process has ended, unless ``stopWatching()`` comes first.
    package func whenEnded(_ action: @escaping @Sendable () -> Void) {
        DescriptorPoller.shared.whenReady(pidfd, .readable) { ended in if ended { action() } }
    }

    /// Drops every ``whenEnded(_:)``; a ``waitForEnd()`` fails.
    package func stopWatching() { DescriptorPoller.shared.forget(pidfd) }
}
