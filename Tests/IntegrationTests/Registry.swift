import Core
import FoundationEssentials
import Glibc
import LinuxKernel

/// Debian's registry on a free port of the loopback address, its storage in a folder of the test's host.
final class Registry: Sendable {
    /// `127.0.0.1:PORT`.
    let address: String
    private let process: ChildProcess

    /// Starts a registry and returns once it answers.
    init(in host: TestHost) async throws {
        let port = try Loopback.freePort()
        address = "127.0.0.1:\(port)"
        let configuration = """
            version: 0.1
            log:
              level: error
            storage:
              filesystem:
                rootdirectory: \(host.root)/registry
              delete:
                enabled: true
            http:
              addr: \(address)
            """
        try configuration.write(toFile: host.root + "/registry.yml", atomically: true, encoding: .utf8)
        guard let program = Program.find("docker-registry") else { throw TestFailure("no docker-registry") }
        process = try ChildProcess.spawn(ProgramInvocation(program, ["serve", host.root + "/registry.yml"]))
        try await offPool {
            for _ in 0..<3000 {
                if let answer = try? HTTPConnection(port: port).request("GET", "/v2/"), answer.status == 200 { return }
                usleep(10_000)  // it offers no event; 30 s at most
            }
            throw TestFailure("docker-registry does not answer on port \(port)")
        }
    }

    /// Ends the registry.
    func stop() async {
        process.signal(SIGKILL)
        _ = await process.wait()
    }

    /// Copies an image of the host's store into the registry under another name.
    func push(_ archive: String, as name: String) async throws {
        let skopeo = Program.find("skopeo") ?? "skopeo"
        let result = try await Program.run(
            ProgramInvocation(
                skopeo,
                [
                    "copy", "--insecure-policy", "--dest-tls-verify=false", archive, "docker://\(address)/\(name)",
                ]))
        guard result.exitCode == 0 else { throw TestFailure("skopeo copy: \(result.errorText)") }
    }
}
