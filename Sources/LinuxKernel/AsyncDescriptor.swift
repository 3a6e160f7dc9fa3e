internal import CLinux
internal import Glibc
internal import Synchronization

/// A pipe, socket or terminal that is read and written without blocking a thread; closed by ``close()`` or with its
/// last owner.
package final class AsyncDescriptor: Sendable {
    private let value: Mutex<CInt?>

    /// Takes ownership of an open descriptor and makes it non-blocking.
    package init(adopting descriptor: consuming OwnedDescriptor) {
        let raw = descriptor.release()
        _ = clx_nonblocking(raw, 1)
        value = Mutex(raw)
    }

    deinit { close() }

    /// The next bytes, at most `limit`; empty at the end. A terminal whose other side is closed is at its end.
    ///
    /// A Unix socket whose other side went without reading everything reports the reset once, before what is queued.
    package func read(upTo limit: Int = 65536) async throws -> [UInt8] {
        var wasReset = false
        while true {
            let raw = try descriptor()
            var failure: Int32 = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
                let result = Glibc.read(raw, buffer.baseAddress, limit)
                if result < 0 { failure = errno }
                count = max(0, result)
            }
            switch failure {
            case 0: return bytes
            case EINTR: continue
            case ECONNRESET where !wasReset: wasReset = true
            case EIO, ECONNRESET: return []
            case EAGAIN: try await DescriptorPoller.shared.wait(for: raw, .readable)
            default: throw KernelError(call: "read", errorNumber: failure)
            }
        }
    }

    /// Writes everything, waiting while the other side does not read.
    package func write(_ bytes: [UInt8]) async throws {
        var offset = 0
        while offset < bytes.count {
            let raw = try descriptor()
            let count = bytes[offset...].withUnsafeBytes { clx_write($0.baseAddress, $0.count, raw) }
            switch count {
            case 0...: offset += count
            case Int(-EINTR): continue
            case Int(-EAGAIN): try await DescriptorPoller.shared.wait(for: raw, .writable)
            default: throw KernelError(call: "write", errorNumber: Int32(-count))
            }
        }
    }

    /// Receives one descriptor over a Unix socket, waiting for it.
    package func receiveDescriptor() async throws -> OwnedDescriptor {
        while true {
            let raw = try descriptor()
            let received = clx_receive_descriptor(raw)
            if received >= 0 { return OwnedDescriptor(adopting: received) }
            guard received == -EAGAIN else { throw KernelError(call: "recvmsg", errorNumber: -received) }
            try await DescriptorPoller.shared.wait(for: raw, .readable)
        }
    }

    /// Sets the size of a terminal.
    package func resizeTerminal(columns: UInt16, rows: UInt16) throws {
        let result = try withDescriptor { clx_terminal_resize($0, columns, rows) }
        guard result == 0 else { throw KernelError(call: "ioctl", errorNumber: -result) }
    }

    /// Runs `body` with the descriptor while it is certainly open; `body` must not wait.
    package func withDescriptor<Result>(_ body: (CInt) throws -> Result) throws -> Result {
        try value.withLock { raw in
            guard let raw else { throw KernelError(call: "fcntl", errorNumber: EBADF) }
            return try body(raw)
        }
    }

    /// Closes it; whoever waits for it fails with `EBADF`. Closing twice is fine.
    package func close() {
        value.withLock { raw in
            guard let descriptor = raw else { return }
            raw = nil
            DescriptorPoller.shared.forget(descriptor)
            _ = Glibc.close(descriptor)
        }
    }

    private func descriptor() throws -> CInt {
        try value.withLock { raw in
            guard let raw else { throw KernelError(call: "read", errorNumber: EBADF) }
            return raw
        }
    }
}

/// A pipe between this process and a child: ours is asynchronous, theirs is closed once the child has a copy.
package struct ChildPipe: ~Copyable, Sendable {
    /// The end this process keeps.
    package let ours: AsyncDescriptor
    /// The end the child gets.
    package let theirs: OwnedDescriptor

    /// A pipe the child reads from (`childReads`) or writes to.
    package init(childReads: Bool) throws {
        var ends: [CInt] = [-1, -1]
        let result = clx_pipe(&ends)
        guard result == 0 else { throw KernelError(call: "pipe2", errorNumber: -result) }
        ours = AsyncDescriptor(adopting: OwnedDescriptor(adopting: childReads ? ends[1] : ends[0]))
        theirs = OwnedDescriptor(adopting: childReads ? ends[0] : ends[1])
    }
}
