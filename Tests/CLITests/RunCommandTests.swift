import ArgumentParser
import Core
import Testing
import Wire

@testable import CLI

@Suite("martlet run")
struct RunCommandTests {
    private func parse(_ words: String...) throws -> RunCommand { try RunCommand.parse(words) }

    @Test("what follows the image belongs to the program, whatever it looks like")
    func passthrough() throws {
        let command = try parse("--rm", "-it", "alpine", "sh", "-c", "echo -n $A", "--rm", "--", "-x")

        let request = try command.request()

        #expect(command.mode.rm && command.mode.interactive && command.mode.tty)
        #expect(request.settings.image == "alpine")
        #expect(request.settings.command == ["sh", "-c", "echo -n $A", "--rm", "--", "-x"])
        #expect(request.start == false && request.pull == .missing)
    }

    @Test("every option reaches the request")
    func everything() throws {
        let request = try parse(
            "-d", "--name", "web", "-e", "A=1", "-p", "8080:80", "-v", "/a:/b:ro", "-w", "/w", "-u", "1:2", "-m", "64m",
            "--cpus", "0.5", "--pids-limit", "10", "--restart", "on-failure:2", "--network", "none", "--entrypoint",
            "x",
            "--hostname", "h", "--label", "a=b", "--read-only", "--cap-add", "NET_ADMIN", "--cap-drop", "ALL", "--pull",
            "always", "--stop-timeout", "3", "--stop-signal", "INT", "--network-alias", "n", "--allow-new-privileges",
            "img"
        ).request()

        var expected = ContainerSettings(image: "img")
        expected.name = "web"
        expected.environment = ["A": "1"]
        expected.ports = [PortSettings(hostPort: 8080, containerPort: 80)]
        expected.mounts = [MountSettings(source: "/a", target: "/b", readOnly: true)]
        expected.workingDirectory = "/w"
        expected.user = "1:2"
        expected.limits = LimitSettings()
        expected.limits?.memoryBytes = 64 << 20
        expected.limits?.milliCPUs = 500
        expected.limits?.processes = 10
        expected.restart = "on-failure:2"
        expected.network = NetworkChoice.none
        expected.networkAliases = ["n"]
        expected.entrypoint = ["x"]
        expected.hostname = "h"
        expected.labels = ["a": "b"]
        expected.security = SecuritySettings()
        expected.security?.readOnlyRoot = true
        expected.security?.addedCapabilities = ["NET_ADMIN"]
        expected.security?.droppedCapabilities = ["ALL"]
        expected.security?.noNewPrivileges = false
        expected.stopGraceSeconds = 3
        expected.stopSignal = "INT"
        #expect(request.settings == expected)
        #expect(request.start == true && request.pull == .always)
    }

    @Test("defaults are left out")
    func defaults() throws {
        #expect(try parse("img").request().settings == ContainerSettings(image: "img"))
        #expect(try parse("--entrypoint", "", "img").request().settings.entrypoint == [])
    }

    @Test(
        "bad values name themselves",
        arguments: [
            (["-m", "lots", "i"], "lots"), (["--cpus", "many", "i"], "many"), (["--pids-limit", "0", "i"], "0"),
            (["--restart", "often", "i"], "often"), (["--name", "a/b", "i"], "a/b"),
        ])
    func badValues(words: [String], token: String) throws {
        let command = try RunCommand.parse(words)

        let error = #expect(throws: UsageError.self) { try command.request() }
        #expect(error?.message.contains("`\(token)`") == true)
    }

    @Test(
        "options that exclude each other",
        arguments: [["-d", "-it", "i"], ["-d", "--rm", "--restart", "always", "i"]])
    func exclusions(words: [String]) {
        #expect(throws: (any Error).self) { try RunCommand.parse(words) }
    }

    @Test(
        "programs that cannot be run have the statuses of shells",
        arguments: [
            ("RUN-START", "executable file `x` not found in $PATH: No such file or directory", 127),
            ("RUN-START", "exec: permission denied", 126), ("RUN-START", "out of memory", nil),
            ("container-not-found", "no such file or directory", nil),
        ] as [(String, String, Int32?)])
    func startFailures(code: String, detail: String, status: Int32?) {
        let problem = Problem(kind: .internalError, status: 500, detail: detail, code: code)

        #expect(StartFailure.exitStatus(problem) == status)
    }
}
