import FoundationEssentials
import Glibc
import Synchronization
import Testing

/// What is promised is one second; `scripts/test` runs the release binary. A debug build is given more.
private let servingLimit: Duration = TestHost.isGivenBinary ? .seconds(1) : .seconds(3)

@Suite(
    "kill -9 of the daemon", .serialized,
    .enabled(if: Machine.canBuild, "needs root, a container runtime, buildah, gcc and busybox-static"))
struct CrashTests {
    @Test("the container runs on, its log goes on, and the next daemon serves it within a second")
    func adoption() async throws {
        try await TestHost.run { host in
            try await host.succeed("app", "create", try host.webApp(), "/web", "--approve")
            #expect(try await host.get("/web/log?before").status == 200)
            let before = try await host.containers()

            try await host.kill9()
            let alive = try MachineState.of(root: host.root).processes
            let clock = ContinuousClock()
            let begin = clock.now
            try await host.start()
            let answer = try await host.get("/web/")
            let took = clock.now - begin
            #expect(try await host.get("/web/log?after").status == 200)
            let after = try await host.containers()
            let log = try await host.succeed("app", "logs", "/web")

            #expect(!alive.isEmpty)
            #expect(answer.text == "ok")
            #expect(took < servingLimit, "serving again took \(took)")
            #expect(after.map(\.id) == before.map(\.id))
            #expect(log.contains("before") && log.contains("after"))
        }
    }

    @Test("an interrupted stop of a container that ignores it keeps nobody waiting, and is finished later")
    func interruptedStop() async throws {
        try await TestHost.run { host in
            try await host.succeed("app", "create", try host.webApp(), "/web", "--approve")
            #expect(try await host.get("/web/").text == "ok")
            try await host.buildBusybox("localhost/busybox:1")
            try await host.succeed(
                "run", "--detach", "--name", "stubborn", "localhost/busybox:1", "sh", "-c",
                "trap '' TERM; echo deaf; while :; do sleep 1; done")
            try await host.until("it is deaf") {
                try await host.succeed("container", "logs", "stubborn").contains("deaf")
            }
            async let stop = host.martlet("container", "stop", "stubborn")
            try await host.until("stubborn", "stopping")
            try await host.kill9()
            _ = try await stop

            let clock = ContinuousClock()
            let begin = clock.now
            try await host.start()
            let answer = try await host.get("/web/")
            let took = clock.now - begin
            let found = try await host.containers().first { $0.name == "stubborn" }
            try await host.until("stubborn", "exited")

            #expect(answer.text == "ok")
            #expect(took < servingLimit, "serving again took \(took)")
            #expect(found?.phase == "stopping")
        }
    }

    @Test("a log written while no daemon runs is kept")
    func logWithoutDaemon() async throws {
        try await TestHost.run { host in
            try await host.buildBusybox("localhost/busybox:1")
            let id = try await host.succeed(
                "run", "--detach", "--name", "ticker", "localhost/busybox:1", "sh", "-c",
                "echo first; while [ ! -e /stop ]; do sleep 0.05; done; echo last")
            try await host.kill9()
            // The file appears inside while nobody watches; the process writes its last line and ends.
            let process = try MachineState.of(root: host.root).processes
            #expect(!process.isEmpty)
            try await host.start()
            try await host.succeed("container", "exec", "ticker", "touch", "/stop")
            let exit = try await host.succeed("container", "wait", "ticker")

            #expect(!id.isEmpty)
            #expect(exit.contains("0"))
            let log = try await host.succeed("container", "logs", "ticker")
            #expect(log.contains("first") && log.contains("last"))
        }
    }

    @Test("20 crashes at random moments of deploys lose nothing and leave nothing")
    func randomCrashes() async throws {
        try await TestHost.run { host in
            let source = try host.webApp()
            try await host.succeed("app", "create", source, "/web", "--approve")
            #expect(try await host.get("/web/").text == "ok")
            var random = SystemRandomNumberGenerator()
            for round in 1...20 {
                try "\(round)".write(toFile: source + "/version", atomically: true, encoding: .utf8)
                let pause = Int.random(in: 0..<1500, using: &random)
                async let deploy = host.martlet("app", "reload", "/web", "--approve")
                // The random moment is the point of the test, not a wait for something.
                _ = try await offPool { usleep(UInt32(pause) * 1000) }
                try await host.kill9()
                _ = try await deploy
                try await host.start()

                let answer = try await host.get("/web/")

                #expect(
                    answer.status == 200 && answer.text == "ok",
                    "after a crash at \(pause) ms of deploy \(round): \(answer.text)")
            }
            try await host.succeed("app", "reload", "/web", "--approve")
            #expect(try await host.get("/web/").text == "ok")
            let containers = try await host.containers()
            #expect(containers.filter { $0.phase == "running" }.count == 1, "\(containers)")
            let monitors = try MachineState.of(root: host.root).processes.filter { $0.contains("conmon") }
            #expect(monitors.count == 1, "\(monitors.joined(separator: "\n"))")
        }
    }

    @Test("a host that is removed leaves the machine as it was")
    func leavesNothing() async throws {
        let found = Mutex<(before: MachineState, root: String)?>(nil)
        try await TestHost.run { host in
            found.withLock { $0 = nil }
            var before = try MachineState.of(root: host.root)
            before.processes = []
            before.mounts = []
            let start = before
            let root = host.root
            found.withLock { $0 = (start, root) }
            try await host.succeed("app", "create", try host.webApp(), "/web", "--approve")
            #expect(try await host.get("/web/").text == "ok")
        }
        let (before, root) = try #require(found.withLock { $0 })
        let after = try MachineState.of(root: root)

        #expect(after.mounts.isEmpty && after.processes.isEmpty)
        #expect(after.interfaces.subtracting(before.interfaces).isEmpty)
        #expect(after.cgroups.subtracting(before.cgroups).isEmpty)
        #expect(access(root, F_OK) != 0)
    }
}
