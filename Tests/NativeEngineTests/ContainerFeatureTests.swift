import Core
import Engines
import FoundationEssentials
import Glibc
import LinuxKernel
@testable import NativeEngine
import Testing

@Suite("native containers", .enabled(if: Machine.isReady, Machine.reason))
struct ContainerFeatureTests {
    private func shell(_ harness: EngineHarness, _ script: String) -> ContainerSpec { harness.spec("sh", "-c", script) }

    @Test("identity, directory, host name and variables are as asked")
    func process() async throws {
        try await EngineHarness.with { engine, harness in
            var spec = shell(harness, "id -u; id -g; id -G; pwd; hostname; echo $HOME; cat /etc/hostname")
            spec.user = "web"
            spec.workingDirectory = "/made/here"
            spec.hostname = "box"
            let (exit, text) = try await output(engine, spec)
            #expect(exit.code == 0)
            #expect(text == "1000\n1000\n1000 50\n/made/here\nbox\n/srv\nbox")

            spec = shell(harness, "id -u; id -g; touch /tmp/x 2>/dev/null || echo denied")
            spec.user = "7:50"
            let ran1 = try await output(engine, spec)
            #expect(ran1.text == "7\n50\ndenied")

            spec.user = "nobody-here"
            await #expect(throws: EngineError.self) { _ = try await output(engine, spec) }
        }
    }

    @Test("an ordinary container cannot harm the host")
    func isolation() async throws {
        try await EngineHarness.with { engine, harness in
            let script = """
                grep -E '^(NoNewPrivs|Seccomp|CapEff|CapBnd):' /proc/self/status
                busybox mount -t tmpfs x /tmp 2>/dev/null && echo mounted
                busybox unshare -n true 2>/dev/null && echo unshared
                (echo 1 > /proc/sys/kernel/panic) 2>/dev/null && echo sysctl
                (echo x > /sys/x) 2>/dev/null && echo sys
                busybox mknod /tmp/disk b 8 0 && cat /tmp/disk 2>/dev/null && echo disk
                head -c1 /proc/kcore
                ls /dev | head -40 | busybox tr '\\n' ' '
                """
            _ = try await output(engine, harness.spec("print"))  // from here on the filter comes from the cache
            let text = try await output(engine, shell(harness, script)).text
            let rows = text.split(separator: "\n").map { String($0).replacing("\t", with: " ") }
            #expect(rows.contains("CapEff: 00000000a80425fb"))
            #expect(rows.contains("CapBnd: 00000000a80425fb"))
            #expect(rows.contains("NoNewPrivs: 1"))
            #expect(rows.contains("Seccomp: 2"))
            for word in ["mounted", "unshared", "sysctl", "sys", "disk"] { #expect(!rows.contains(word), "\(word)") }
            #expect(text.hasSuffix("null ptmx pts random shm stderr stdin stdout tty urandom zero "))
        }
    }

    @Test("capabilities are dropped and added by name")
    func capabilities() async throws {
        try await EngineHarness.with { engine, harness in
            var spec = shell(harness, "grep CapEff /proc/self/status")
            spec.security.droppedCapabilities = ["ALL"]
            spec.security.addedCapabilities = ["chown", "CAP_KILL"]
            let ran2 = try await output(engine, spec)
            #expect(ran2.text == "CapEff:\t0000000000000021")
            spec.security.addedCapabilities = ["NO_SUCH"]
            await #expect(throws: EngineError.self) { _ = try await output(engine, spec) }
        }
    }

    @Test("a read-only root refuses writes, mounts keep their mode")
    func mounts() async throws {
        try await EngineHarness.with { engine, harness in
            let (open, closed) = (harness.root + "/open", harness.root + "/closed")
            for path in [open, closed] {
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            }
            var spec = shell(
                harness,
                "echo a > /data/f; (echo b > /ro/f) 2>/dev/null || echo refused; (echo c > /f) 2>/dev/null || echo sealed"
            )
            spec.mounts = [
                BindMount(source: open, target: "/data"), BindMount(source: closed, target: "/ro", readOnly: true),
            ]
            spec.security.readOnlyRoot = true
            let ran3 = try await output(engine, spec)
            #expect(ran3.text == "refused\nsealed")
            #expect(try String(contentsOfFile: open + "/f", encoding: .utf8) == "a\n")

            spec.mounts = [BindMount(source: harness.root + "/missing", target: "/x")]
            await #expect(throws: EngineError.self) { _ = try await output(engine, spec) }
        }
    }

    @Test(
        "running out of memory is told apart from a kill",
        .enabled(if: Machine.limitsMemory, "needs a memory controller"))
    func outOfMemory() async throws {
        try await EngineHarness.with { engine, harness in
            var spec = shell(harness, "exec dd if=/dev/zero of=/dev/shm/x bs=1M count=60")
            spec.limits.memory = .mebibytes(16)
            let ran4 = try await output(engine, spec)
            #expect(ran4.exit == ContainerExit(code: 137, outOfMemory: true))
            let ran5 = try await output(engine, shell(harness, "kill -9 $$"))
            #expect(ran5.exit.outOfMemory == false)
        }
    }

    @Test("the number of processes is bounded", .enabled(if: Machine.limitsMemory, "needs a pids controller"))
    func processLimit() async throws {
        try await EngineHarness.with { engine, harness in
            var spec = shell(harness, "for i in 1 2 3 4 5 6 7 8 9; do sleep 9 & done 2>/dev/null; wait")
            spec.limits.processes = 4
            let ran6 = try await output(engine, spec)
            #expect(ran6.exit.code != 0)
        }
    }

    @Test("changes survive a restart and go with the container")
    func writableLayer() async throws {
        try await EngineHarness.with { engine, harness in
            let id = ContainerID.random()
            try await engine.createContainer(id, shell(harness, "echo x >> /tmp/f; cat /tmp/f"))
            for _ in 0..<2 {
                try await engine.startContainer(id)
                _ = try await engine.waitForExit(id)
            }
            let ran7 = try await lines(engine, id, follow: false)
            #expect(ran7 == ["x", "x", "x"])
        }
    }

    @Test("a terminal has the size it is given, and lines end as on terminals")
    func terminal() async throws {
        try await EngineHarness.with { engine, harness in
            let id = ContainerID.random()
            try await engine.createContainer(id, harness.spec("run", "x"))
            try await engine.startContainer(id)
            var spec = ExecSpec(command: ["sh", "-c", "read a; stty size; read b; stty size; echo $a $b $TERM"])
            spec.terminal = true
            spec.size = TerminalSize(columns: 100, rows: 40)
            let session = try await engine.exec(id, spec)
            try await session.write(Array("one\n".utf8))
            var seen = ""
            for try await piece in session.output {
                seen += String(decoding: piece.bytes, as: UTF8.self)
                if seen.hasSuffix("40 100\r\n") {
                    try await session.resize(to: TerminalSize(columns: 90, rows: 20))
                    try await session.write(Array("two\n".utf8))
                }
            }
            #expect(seen == "one\r\n40 100\r\ntwo\r\n20 90\r\none two xterm\r\n")
            #expect(try await session.waitForExit().code == 0)
        }
    }

    @Test("the first process's terminal is attached to and resized")
    func attachTerminal() async throws {
        try await EngineHarness.with { engine, harness in
            let id = ContainerID.random()
            var spec = harness.spec("sh", "-c", "read a; stty size; read b")
            spec.terminal = true
            spec.openInput = true
            try await engine.createContainer(id, spec)
            try await engine.startContainer(id)
            let session = try await engine.attach(id)
            try await session.resize(to: TerminalSize(columns: 70, rows: 30))
            try await session.write(Array("go\n".utf8))
            var seen = ""
            for try await piece in session.output {
                seen += String(decoding: piece.bytes, as: UTF8.self)
                if seen.hasSuffix("30 70\r\n") { try await session.write(Array("end\n".utf8)) }
            }
            #expect(seen.contains("30 70\r\n"))
            let ran9 = try await engine.waitForExit(id)
            #expect(ran9.code == 0)
        }
    }

    @Test("of a full log the oldest lines go, and a follower misses none")
    func logLimit() async throws {
        var harness = try EngineHarness()
        harness.options.logSizeLimit = ByteCount(256 << 10)
        defer { harness.removeFiles() }
        let engine = try await harness.open()
        let id = ContainerID.random()
        // It waits after each part until the engine has seen the new file, as a program that writes for hours would.
        let program =
            "i=0; while [ $i -lt 24000 ]; do echo line $i; i=$((i+1)); [ $((i % 2000)) = 0 ] && { echo part; read x; }; "
            + "done; echo end"
        var spec = shell(harness, program)
        spec.openInput = true
        try await engine.createContainer(id, spec)
        try await engine.startContainer(id)
        let session = try await engine.attach(id)
        let reading = Task { for try await _ in session.output {} }  // ends with the container, awaited below
        let log = LogGenerations(path: harness.layout.containerDirectory + "/\(id)/log", count: 4)
        var followed: [String] = []
        for try await entry in try await engine.logs(id, options: LogOptions(follow: true)) {
            followed.append(entry.text)
            guard entry.text == "part" else { continue }
            while LogGenerations.Identity(path: log.path) != LogGenerations.Identity(path: log.path + ".now") {
                await Task.yield()
            }
            try await session.write([10])
        }
        try await reading.value
        let kept = try await lines(engine, id, follow: false)
        let tail = try await lines(engine, id, follow: false, tail: 6000)
        let names = try FileManager.default.contentsOfDirectory(
            atPath: harness.layout.containerDirectory + "/\(id)"
        ).filter { $0.hasPrefix("log") }
        try await engine.shutdown(removeEverything: true)

        let all = (0..<24000).flatMap { $0 % 2000 == 1999 ? ["line \($0)", "part"] : ["line \($0)"] } + ["end"]
        #expect(followed == all)
        #expect(kept == all.suffix(kept.count))
        #expect(kept.count < all.count && kept.count > 10000, "\(kept.count) lines are left")
        #expect(tail == all.suffix(6000))
        #expect(Set(names) == ["log", "log.now", "log.1", "log.2", "log.3"])
    }

    @Test("a bridge container is reached by address, by published port and by name")
    func bridge() async throws {
        try await EngineHarness.with { engine, harness in
            let id = ContainerID.random()
            var spec = shell(harness, "echo hello > /srv/index.html; echo ready; exec busybox httpd -f -p 80 -h /srv")
            spec.network = .bridge
            spec.name = ContainerName(rawValue: "server")
            spec.networkAliases = ["alias"]
            spec.ports = [PublishedPort(containerPort: 80)]
            try await engine.createContainer(id, spec)
            try await engine.startContainer(id)
            let direct = try await engine.address(of: id, port: 80)
            let port = try #require(try await engine.container(id)?.ports.first?.hostPort)
            for try await entry in try await engine.logs(id, options: LogOptions(follow: true))
            where entry.text == "ready" { break }

            var client = shell(
                harness,
                "i=0; until wget -qO- http://\(direct)/; do i=$((i+1)); [ $i = 1500 ] && exit 1; busybox usleep 20000; done"
            )
            client.network = .host
            let ran10 = try await output(engine, client)
            #expect(ran10.text.hasSuffix("hello"))
            client.command = ["wget", "-qO-", "http://127.0.0.1:\(port)/"]
            let ran11 = try await output(engine, client)
            #expect(ran11.text == "hello")
            client.network = .bridge
            for name in ["server", "alias"] {
                client.command = ["wget", "-qO-", "http://\(name)/"]
                let ran12 = try await output(engine, client)
                #expect(ran12.text == "hello", "by \(name)")
            }
        }
    }

    @Test("nothing is left on the host")
    func leaks() async throws {
        let harness = try EngineHarness()
        defer { harness.removeFiles() }
        let engine = try await harness.open()
        for network in NetworkMode.allCases {
            for remove in [true, false] {
                var spec = harness.spec("run", "x")
                spec.network = network
                spec.limits.memory = .mebibytes(64)
                let id = ContainerID.random()
                try await engine.createContainer(id, spec)
                try await engine.startContainer(id)
                let session = try await engine.exec(id, ExecSpec(command: ["print", "x"]))
                _ = try await session.waitForExit()
                if remove { try await engine.removeContainer(id, force: true) }
            }
        }
        try await engine.shutdown(removeEverything: true)

        #expect(try MountTable.read().beneath(harness.root).isEmpty)
        let name = harness.layout.instanceName
        #expect(access("/sys/class/net/mt-\(name)", F_OK) != 0)
        for directory in ["/sys/fs/cgroup"] + DirectoryListing.names("/sys/fs/cgroup").map({ "/sys/fs/cgroup/" + $0 }) {
            #expect(access("\(directory)/martlet-\(name)", F_OK) != 0, "\(directory)")
        }
        let processes = DirectoryListing.names("/proc").filter { Int($0) != nil && $0 != "\(getpid())" }
        for process in processes {
            #expect(!SmallFile.text("/proc/\(process)/cmdline").contains(harness.root), "process \(process)")
        }
        #expect(DirectoryListing.names(harness.layout.containerDirectory).isEmpty)
    }
}

extension Machine {
    static let limitsMemory = ControlGroup.controllers(ControlGroupMode.detect()).contains("memory")
}
