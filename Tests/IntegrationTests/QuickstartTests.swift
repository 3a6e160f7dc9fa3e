import FoundationEssentials
import LinuxKernel
import Testing

@Suite(
    "scripts/quickstart", .serialized,
    .enabled(if: Machine.canBuild, "needs root, a container runtime, buildah, gcc and busybox-static"))
struct QuickstartTests {
    private static let script = #filePath.replacing(
        "Tests/IntegrationTests/QuickstartTests.swift", with: "scripts/quickstart")

    @Test("it serves the page, changes nothing when run again, and leaves nothing when stopped")
    func quickstart() async throws {
        let root = "/tmp/mt-quick-\(UInt32.random(in: 0..<1_000_000))"

        let first = try await run([root])
        let url = first.outputText.split(separator: "\n").last?.dropFirst("serving ".count) ?? ""
        let port = UInt16(url.split(separator: ":").last?.split(separator: "/").first ?? "") ?? 0
        let page = try await offPool { try HTTPConnection(port: port).request("GET", "/hello/") }
        let before = try MachineState.of(root: root)
        let again = try await run([root])
        let after = try MachineState.of(root: root)
        let stop = try await run(["--stop", root])
        let stopped = try MachineState.of(root: root)

        #expect(first.exitCode == 0, "\(first.outputText)\n\(first.errorText)")
        #expect(url.hasPrefix("http://127.0.0.1:") && url.hasSuffix("/hello"))
        #expect(page.status == 200 && page.text.contains("Hello from a container"))
        #expect(again.exitCode == 0 && again.outputText == first.outputText, "\(again.errorText)")
        #expect(after.processes == before.processes && after.mounts == before.mounts, "\(before)\n\(after)")
        #expect(stop.exitCode == 0, "\(stop.errorText)")
        #expect(stopped.mounts.isEmpty && stopped.processes.isEmpty, "\(stopped)")
        try FileManager.default.removeItem(atPath: root)
    }

    /// Runs the script with the binary under test instead of building one.
    private func run(_ arguments: [String]) async throws -> ProgramResult {
        var invocation = ProgramInvocation(Self.script, arguments)
        invocation.environment["MARTLET_BINARY"] = TestHost.binary
        return try await Program.run(invocation)
    }
}
