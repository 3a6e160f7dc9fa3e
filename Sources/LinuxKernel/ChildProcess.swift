internal import CLinux
internal import Core
internal import Glibc
internal import Synchronization

/// What is executed; never a shell string.
package struct ProgramInvocation: Sendable {
    /// An absolute path.
    package var executable: String
    /// The arguments without the program's name.
    package var arguments: [String]
    /// Exactly this; nothing is inherited.
    package var environment: [String: String]
    /// Where it runs; this process's directory when nil.
    package var workingDirectory: String?
    /// A descriptor of the mount namespace it runs in.
    package var mountNamespace: CInt?
    /// A descriptor of the network namespace it runs in.
    package var networkNamespace: CInt?

    /// A program with the standard `PATH` and `HOME=/root` as its environment.
    package init(_ executable: String, _ arguments: [String]) {
        self.executable = executable
        self.arguments = arguments
        self.environment = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
        ]
    }
}

/// A running or ended child of this process, in a process group of its own.
///
/// It is reaped as soon as it ends, whether or not anybody waits; its process identifier is only used before that.
package final class ChildProcess: Sendable {
    /// How the child relates to terminals and groups.
    package enum Grouping: Sendable {
        case ownGroup
        case ownSession
        /// Child descriptor 0 is a terminal and becomes the controlling one.
        case ownTerminal
    }

    private struct State {
        var status: Int32?
        var waiters: [CheckedContinuation<Int32, Never>] = []
    }

    /// The process identifier; meaningful to others until the child has ended.
    package let processID: Int32
    private let pidfd: CInt
    private let state = Mutex(State())

    private init(processID: Int32, pidfd: CInt) {
        self.processID = processID
        self.pidfd = pidfd
    }

    /// Starts a program whose descriptors are exactly `descriptors`, numbered from 0; nil stands for `/dev/null`.
    /// - Throws: ``KernelError`` `execve` when the program cannot be executed.
    package static func spawn(
        _ invocation: ProgramInvocation, descriptors: [CInt?] = [nil, nil, nil], grouping: Grouping = .ownGroup
    ) throws -> ChildProcess {
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard null >= 0 else { throw KernelError.last("open", "/dev/null") }
        defer { close(null) }
        let numbers = descriptors.map { $0 ?? null }
        let arguments = CStringArray([invocation.executable] + invocation.arguments)
        let environment = CStringArray(invocation.environment.map { "\($0.key)=\($0.value)" }.sorted())
        var pidfd: CInt = -1
        let pid: pid_t = invocation.executable.withCString { path in
            numbers.withUnsafeBufferPointer { numbers in
                withOptionalCString(invocation.workingDirectory) { directory in
                    var spec = clx_spawn_t()
                    spec.path = path
                    spec.argv = UnsafePointer(arguments.pointer)
                    spec.envp = UnsafePointer(environment.pointer)
                    spec.directory = directory
                    spec.descriptors = numbers.baseAddress
                    spec.descriptor_count = CInt(numbers.count)
                    spec.mount_namespace = invocation.mountNamespace ?? -1
                    spec.network_namespace = invocation.networkNamespace ?? -1
                    spec.new_group = 1
                    spec.new_session = grouping == .ownGroup ? 0 : 1
                    spec.controlling_terminal = grouping == .ownTerminal ? 1 : 0
                    return withExtendedLifetime((arguments, environment)) { clx_spawn(&spec, &pidfd) }
                }
            }
        }
        guard pid > 0 else { throw KernelError(call: "execve", errorNumber: -pid, subject: invocation.executable) }
        let child = ChildProcess(processID: pid, pidfd: pidfd)
        DescriptorPoller.shared.whenReady(pidfd, .readable) { _ in child.reap() }  // keeps `child` until it has ended
        return child
    }

    /// The exit status, or 128 + n for signal n; waits for the end. Cancelling the task does not end the wait.
    package func wait() async -> Int32 {
        await withCheckedContinuation { continuation in
            let status: Int32? = state.withLock { state in
                if state.status == nil { state.waiters.append(continuation) }
                return state.status
            }
            if let status { continuation.resume(returning: status) }
        }
    }

    /// The exit status once it has ended.
    package var exitStatus: Int32? { state.withLock { $0.status } }

    /// Sends a signal to the child; an ended one is left alone.
    package func signal(_ number: Int32) {
        state.withLock { state in
            guard state.status == nil else { return }
            _ = clx_pidfd_signal(pidfd, number)
        }
    }

    /// Sends a signal to the child's process group; nothing happens once the child itself has ended.
    package func signalGroup(_ number: Int32) {
        state.withLock { state in
            guard state.status == nil else { return }
            if kill(-processID, number) != 0 { _ = clx_pidfd_signal(pidfd, number) }
        }
    }

    private func reap() {
        let waiters: [CheckedContinuation<Int32, Never>] = state.withLock { state in
            var status: Int32 = 0
            let result = clx_reap(pidfd, &status)
            state.status = result == 1 ? status : 255  // somebody else reaped it: nobody knows
            DescriptorPoller.shared.forget(pidfd)
            close(pidfd)
            defer { state.waiters = [] }
            return state.waiters
        }
        let status = exitStatus ?? 255
        waiters.forEach { $0.resume(returning: status) }
    }
}

/// A NULL-terminated array of C strings.
private final class CStringArray {
    let pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ strings: [String]) {
        count = strings.count
        pointer = .allocate(capacity: strings.count + 1)
        for (index, string) in strings.enumerated() { (pointer + index).initialize(to: strdup(string)) }
        (pointer + count).initialize(to: nil)
    }

    deinit {
        for index in 0..<count { free(pointer[index]) }
        pointer.deallocate()
    }
}

private func withOptionalCString<Result>(_ text: String?, _ body: (UnsafePointer<CChar>?) -> Result) -> Result {
    guard let text else { return body(nil) }
    return text.withCString(body)
}
