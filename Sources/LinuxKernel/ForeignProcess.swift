internal import CLinux
internal import Glibc

/// A process that is not a child of this one, held by a descriptor so that its number cannot come to mean another.
package struct ForeignProcess: ~Copyable, Sendable {
    /// Its process identifier.
    package let processID: Int32
    private let descriptor: OwnedDescriptor

    /// The process with that identifier, if its command line satisfies `isExpected`; nil for any other or none.
    package init?(processID: Int32, isExpected: ([String]) -> Bool) {
        let opened = processID > 0 ? clx_pidfd_open(processID) : -ESRCH
        guard opened >= 0 else { return nil }
        // Read after the descriptor was opened, and only then believed: the process of that line is the one held.
        let held = OwnedDescriptor(adopting: opened)
        guard isExpected(Self.commandLine(of: processID)), clx_pidfd_signal(held.rawValue, 0) == 0 else { return nil }
        self.processID = processID
        self.descriptor = held
    }

    /// Sends a signal. False when the process has ended.
    package func signal(_ number: Int32) -> Bool { clx_pidfd_signal(descriptor.rawValue, number) == 0 }

    /// Blocks until the process has ended. False when `milliseconds` have passed first.
    package func waitForEnd(milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
        while true {
            let result = poll(&entry, 1, milliseconds)
            if result < 0, errno == EINTR { continue }
            return result > 0
        }
    }

    /// The arguments of a process; empty for one that has ended, also when nobody has reaped it.
    private static func commandLine(of processID: Int32) -> [String] {
        let file = open("/proc/\(processID)/cmdline", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { _ = close(file) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(file, &buffer, buffer.count)
        guard count > 0 else { return [] }
        return buffer[..<count].split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }
}
