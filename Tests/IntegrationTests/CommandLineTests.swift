import FoundationEssentials
import LinuxKernel
import Testing

@Suite(
    "the command line", .serialized,
    .enabled(if: Machine.canBuild, "needs root, a container runtime, buildah, gcc and busybox-static"))
struct CommandLineTests {
    @Test("run: output, exit status, environment, limits, input, names")
    func run() async throws {
        try await TestHost.run { host in
            try await host.buildBusybox("localhost/busybox:1")
            let image = "localhost/busybox:1"

            let hello = try await host.martlet("run", "--rm", image, "echo", "hello")
            let failing = try await host.martlet("run", "--rm", image, "sh", "-c", "echo oops >&2; exit 3")
            let missing = try await host.martlet("run", "--rm", image, "nosuchprogram")
            let environment = try await host.succeed("run", "--rm", "--env", "A=1", image, "sh", "-c", "echo $A")
            let input = try await host.succeed("run", "--rm", "--interactive", image, "cat", input: "from stdin\n")
            let limited = try await host.martlet(
                "run", "--rm", "--memory", "32m", image, "sh", "-c", "dd if=/dev/zero of=/dev/shm/x bs=1M count=100")
            let unknown = try await host.martlet("run", "--rm", "--pull", "never", "nothing:1", "true")
            let wrong = try await host.martlet("run", "--rm", "--memory", "lots", image, "true")

            #expect(hello.exitCode == 0 && hello.output == Array("hello\n".utf8))
            #expect(failing.exitCode == 3 && failing.errorText.contains("oops") && failing.output.isEmpty)
            #expect(
                missing.exitCode == 127 && missing.errorText.contains("nosuchprogram"),
                "\(missing.exitCode) \(missing.errorText)")
            #expect(environment == "1")
            #expect(input == "from stdin")
            #expect(limited.exitCode == 137, "\(limited.exitCode) \(limited.errorText)")
            #expect(unknown.exitCode != 0 && unknown.errorText.contains("nothing:1"))
            #expect(wrong.exitCode == 64 && wrong.errorText.contains("lots"), "\(wrong.exitCode) \(wrong.errorText)")
            #expect(try await host.containers().isEmpty)
        }
    }

    @Test("containers: start, names by DNS, published port, exec, pause, stop, logs, stats, delete")
    func containers() async throws {
        try await TestHost.run { host in
            let path = try host.webApp("image")
            try await host.succeed("image", "build", path, "--tag", "localhost/web:1")
            try await host.buildBusybox("localhost/busybox:1")

            try await host.succeed(
                "run", "--detach", "--name", "web", "--publish", "127.0.0.1:0:8080", "--restart", "always",
                "localhost/web:1")
            let port = try await host.json([ListedPorts].self, "container", "list").first?.ports.first?.hostPort ?? 0
            let published = try await offPool { try HTTPConnection(port: port).request("GET", "/") }
            let byName = try await host.succeed(
                "run", "--rm", "localhost/busybox:1", "wget", "-q", "-O", "-", "http://web:8080/")
            let exec = try await host.martlet("container", "exec", "web", "/web", "--nothing")
            try await host.succeed("container", "pause", "web")
            let paused = try await host.containers().first?.phase
            try await host.succeed("container", "resume", "web")
            let stats = try await host.succeed("container", "stats", "web")
            try await host.succeed("container", "stop", "web")
            let stopped = try await host.containers().first?.phase
            try await host.succeed("container", "start", "web")
            let logs = try await host.succeed("container", "logs", "web", "--tail", "1")
            let inUse = try await host.martlet("image", "delete", "localhost/web:1")
            let running = try await host.martlet("container", "delete", "web")
            try await host.succeed("container", "delete", "--force", "web")
            let suggestion = try await host.martlet("container", "show", "webb")

            #expect(published.text == "ok")
            #expect(byName == "ok")
            #expect(exec.exitCode != 0)
            #expect(paused == "paused")
            #expect(stats.contains("web"))
            #expect(stopped == "exited")
            #expect(logs == "listening")
            #expect(inUse.exitCode == 1 && inUse.errorText.contains("use"))
            #expect(running.exitCode == 1 && running.errorText.contains("--force"), "\(running.errorText)")
            #expect(suggestion.exitCode == 1)
        }
    }

    @Test("a terminal: the program sees one, and the exit status comes back")
    func terminal() async throws {
        try await TestHost.run { host in
            try await host.buildBusybox("localhost/busybox:1")
            // `script` gives the client a terminal of its own.
            let script = Program.find("script") ?? "/usr/bin/script"
            let command =
                "\(TestHost.binary) run --root \(host.root) --rm -it localhost/busybox:1 sh -c 'tty; stty size; exit 5'"

            let result = try await Program.run(ProgramInvocation(script, ["-qec", command, "/dev/null"]))

            #expect(result.exitCode == 5, "\(result.outputText) \(result.errorText)")
            #expect(result.outputText.contains("/dev/"))
        }
    }

    @Test("a terminal is left with Ctrl-P Ctrl-Q, and attached to again", .timeLimit(.minutes(2)))
    func detach() async throws {
        try await TestHost.run { host in
            try await host.buildBusybox("localhost/busybox:1")
            let program = "sh -c 'echo ready; read line; echo again; read line; exit 7'"

            let left = try await type(
                "\\020\\021", whenSeen: "ready",
                in: "run --root \(host.root) --name shell -it localhost/busybox:1 \(program)", host)
            let state = try await host.succeed("container", "list")
            let back = try await type(
                "one\\ntwo\\n", whenSeen: "attached", in: "container attach --root \(host.root) shell", host)

            #expect(left.exitCode == 0 && left.outputText.contains("detached"), "\(left.outputText) \(left.errorText)")
            #expect(state.contains("running"))
            #expect(back.exitCode == 7, "\(back.outputText) \(back.errorText)")
        }
    }

    /// Runs a command at a terminal of its own, and types once a word is on the screen: what is typed before the terminal is
    /// in raw mode is the terminal's, not the program's.
    private func type(
        _ keys: String, whenSeen word: String, in command: String, _ host: TestHost
    ) async throws -> ProgramResult {
        var invocation = ProgramInvocation(
            "/bin/sh",
            [
                "-c",
                """
                mkfifo "$TTY_DIR/in" && exec 3<>"$TTY_DIR/in"
                script -qfec "$COMMAND" /dev/null <&3 >"$TTY_DIR/out" 2>&1 &
                until grep -q "$WORD" "$TTY_DIR/out"; do sleep 0.05; done
                printf "$KEYS" >&3
                wait $!; code=$?; cat "$TTY_DIR/out"; exit $code
                """,
            ])
        let directory = host.root + "/tty"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }  // the host's root goes with the test
        invocation.environment["TTY_DIR"] = directory
        invocation.environment["COMMAND"] = "\(TestHost.binary) \(command)"
        invocation.environment["WORD"] = word
        invocation.environment["KEYS"] = keys
        return try await Program.run(invocation)
    }

    @Test("no daemon: every command says so and how to start one")
    func noDaemon() async throws {
        let result = try await Program.run(
            ProgramInvocation(TestHost.binary, ["container", "list", "--root", "/tmp/mt-nothing-here"]))

        #expect(result.exitCode == 1)
        #expect(
            result.errorText.contains("no daemon") && result.errorText.contains("martlet serve"), "\(result.errorText)")
    }

    @Test("two daemons never share a root")
    func lock() async throws {
        try await TestHost.run { host in
            let second = try await host.martlet("serve")

            #expect(second.exitCode == 1)
            #expect(second.errorText.contains(host.root), "\(second.errorText)")
            #expect(try await host.get("/nothing").status == 404)
        }
    }
}

/// What the port test reads of a listing.
private struct ListedPorts: Decodable {
    struct Port: Decodable { let hostPort: UInt16 }
    let ports: [Port]
}
