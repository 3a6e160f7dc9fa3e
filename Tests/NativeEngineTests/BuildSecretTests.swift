import Core
import Engines
import FoundationEssentials
import OCI
import Synchronization
import Testing

@testable import NativeEngine

@Suite("secrets of builds")
struct BuildSecretTests {
    private static let secret = "s3cr3t-value-of-a-build"

    @Test(
        "EX-16 a secret of a build is used, and found nowhere afterwards",
        .enabled(if: Machine.builds, Machine.buildReason))
    func leavesNoTrace() async throws {
        try await EngineHarness.with { engine, harness in
            let context = harness.root + "/context"
            try FileManager.default.createDirectory(atPath: context, withIntermediateDirectories: false)
            try """
            FROM localhost/fixture:1
            ARG TOK
            ARG OPEN
            RUN echo "with $TOK and $OPEN" && head -c ${#TOK} /dev/zero > /length
            RUN --mount=type=secret,id=TOK head -c 6 /run/secrets/TOK > /begin
            """.write(toFile: context + "/Containerfile", atomically: false, encoding: .utf8)
            let tag = try #require(ImageReference(parsing: "localhost/secret:1"))
            var request = ImageBuildRequest(
                contextDirectory: context, containerFile: context + "/Containerfile", tag: tag)
            request.arguments = ["OPEN": "seen-by-all"]
            request.secretArguments = ["TOK": Self.secret]
            let output = Mutex("")

            _ = try await engine.buildImage(request) { event in
                if case .log(let line) = event { output.withLock { $0 += line + "\n" } }
            }

            var spec = harness.spec("sh", "-c", "cat /begin; echo; ls -l /length")
            spec.image = tag.description
            let id = ContainerID.random()
            try await engine.createContainer(id, spec)
            try await engine.startContainer(id)
            _ = try await engine.waitForExit(id)
            var lines: [String] = []
            for try await entry in try await engine.logs(id, options: LogOptions()) { lines.append(entry.text) }
            #expect(lines.first == "s3cr3t" && lines.last?.contains(" \(Self.secret.utf8.count) ") == true, "\(lines)")
            let log = output.withLock { $0 }
            #expect(log.contains("with ****** and seen-by-all") && !log.contains(Self.secret), "\(log)")
            #expect(try filesHolding(Self.secret, below: harness.root).isEmpty)
            #expect(try !filesHolding("TOK=******", below: harness.layout.imageDirectory).isEmpty)
        }
    }

    /// Files that contain a text.
    private func filesHolding(_ text: String, below root: String) throws -> [String] {
        let wanted = Data(text.utf8)
        return try FileManager.default.subpathsOfDirectory(atPath: root).filter { path in
            // Directories, sockets and what vanishes meanwhile hold nothing.
            guard let data = try? Data(contentsOf: URL(filePath: "\(root)/\(path)")) else { return false }
            return data.firstRange(of: wanted) != nil
        }
    }

    @Test("short values are hidden only behind their names")
    func redaction() {
        let secrets = BuildSecrets(values: ["A": "1", "B": "longer"])

        #expect(secrets.redacted("|2 A=1 B=longer sh -c echo 1 longer") == "|2 A=****** B=****** sh -c echo 1 ******")
        #expect(
            secrets.arguments == [
                "--build-arg", "A", "--secret", "id=A,env=A", "--build-arg", "B", "--secret", "id=B,env=B",
            ])
    }
}
