import Glibc
import LinuxKernel
import Synchronization
import Testing

@Suite("programs")
struct ProgramTests {
    private func shell(_ script: String) -> ProgramInvocation { ProgramInvocation("/bin/sh", ["-c", script]) }

    @Test("output, errors and exit status are kept apart")
    func capture() async throws {
        let result = try await Program.run(shell("echo out; echo err >&2; exit 3"))

        #expect(result.exitCode == 3)
        #expect(result.outputText == "out")
        #expect(result.errorText == "err")
        #expect(!result.isTruncated)
    }

    @Test("input larger than a pipe passes through")
    func largeInput() async throws {
        let input = [UInt8](repeating: 120, count: 1 << 20)

        let result = try await Program.run(ProgramInvocation("/bin/cat", []), input: input)

        #expect(result.output == input)
    }

    @Test("a program that never reads its input does not hold up the caller")
    func unreadInput() async throws {
        let result = try await Program.run(shell("exit 0"), input: [UInt8](repeating: 0, count: 1 << 20))

        #expect(result.exitCode == 0)
    }

    @Test("output beyond the limit is dropped and said so")
    func limit() async throws {
        let result = try await Program.run(shell("head -c 100000 /dev/zero"), outputLimit: 10)

        #expect(result.output.count == 10)
        #expect(result.isTruncated)
    }

    @Test("lines arrive as they are written")
    func lines() async throws {
        let lines = Mutex<[OutputLine]>([])

        _ = try await Program.run(shell("printf 'a\\r\\nb\\nlast'")) { line in lines.withLock { $0.append(line) } }

        #expect(lines.withLock { $0.map(\.text) } == ["a", "b", "last"])
    }

    @Test("the environment and the directory are exactly the ones given")
    func environment() async throws {
        var invocation = ProgramInvocation("/usr/bin/env", [])
        invocation.environment = ["ONLY": "this"]
        invocation.workingDirectory = "/proc"

        let environment = try await Program.run(invocation)
        var where_ = invocation
        where_.executable = "/bin/pwd"
        let directory = try await Program.run(where_)

        #expect(environment.outputText == "ONLY=this")
        #expect(directory.outputText == "/proc")
    }

    @Test("a signal is 128 plus its number")
    func signal() async throws {
        let result = try await Program.run(shell("kill -9 $$"))

        #expect(result.exitCode == 137)
    }

    @Test("a missing program is an error that names it")
    func missing() async throws {
        await #expect(throws: KernelError(call: "execve", errorNumber: ENOENT, subject: "/nonexistent/x")) {
            _ = try await Program.run(ProgramInvocation("/nonexistent/x", []))
        }
    }

    @Test("cancelling ends the whole process group", .timeLimit(.minutes(1)))
    func cancellation() async throws {
        let (pids, continuation) = AsyncStream<Int32>.makeStream()
        let task = Task {
            try await Program.run(shell("sleep 1000 & echo $!; wait")) { line in
                if let pid = Int32(line.text) { continuation.yield(pid) }
            }
        }
        var iterator = pids.makeAsyncIterator()
        let grandchild = try #require(await iterator.next())

        task.cancel()

        await #expect(throws: CancellationError.self) { _ = try await task.value }
        // Its signal has been sent; the kernel ends it a moment later, and it is no child of ours to be waited for.
        while !ended(grandchild) { await Task.yield() }
    }

    /// Whether the process is gone or a zombie that waits for its new parent.
    private func ended(_ pid: Int32) -> Bool {
        guard kill(pid, 0) == 0 else { return true }
        guard let file = fopen("/proc/\(pid)/stat", "r") else { return true }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self).contains(") Z ")
    }

    @Test("descriptors are numbered as given, others are closed, signals are reset")
    func descriptors() async throws {
        let first = try ChildPipe(childReads: false)
        let second = try ChildPipe(childReads: false)
        let reader = first.ours
        let script = "ls /proc/self/fd | wc -l >&4; grep -E 'SigBlk|SigIgn' /proc/self/status >&3"

        let child = try ChildProcess.spawn(
            shell(script), descriptors: [nil, nil, nil, second.theirs.rawValue, first.theirs.rawValue],
            grouping: .ownSession)

        #expect(await child.wait() == 0)
        #expect(String(decoding: try await reader.read(), as: UTF8.self) == "6\n")  // 0...4 and the directory
        let masks = String(decoding: try await second.ours.read(), as: UTF8.self)
        #expect(masks == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n")
    }

    @Test("a hundred programs at once")
    func many() async throws {
        let sum = try await withThrowingTaskGroup(of: Int32.self) { group in
            for index in 0..<100 { group.addTask { try await Program.run(shell("exit \(index)")).exitCode } }
            return try await group.reduce(0, +)
        }

        #expect(sum == 4950)
    }

    @Test("find looks only where programs are")
    func find() {
        #expect(Program.find("sh") != nil)
        #expect(Program.find("/bin/sh") == "/bin/sh")
        #expect(Program.find("no-such-program-here") == nil)
    }
}
