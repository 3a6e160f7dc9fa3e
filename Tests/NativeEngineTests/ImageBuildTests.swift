import Core
import Engines
import FoundationEssentials
import Glibc
import LinuxKernel
import OCI
import Synchronization
import Testing

@testable import NativeEngine

@Suite("image builds")
struct ImageBuildTests {
    @Test("bases are what follows FROM, without stages, scratch and variables")
    func bases() {
        let text = """
            # FROM comment
            ARG V=1
            FROM --platform=linux/amd64 localhost/a:1 AS one
            from b as Two
            RUN echo FROM c
            FROM one
            FROM two AS three
            FROM scratch
            FROM d:$V
            \tFROM  localhost/a:1
            FROM
            """
        #expect(ContainerFile.bases(text) == ["localhost/a:1", "b"])
        #expect(ContainerFile.bases("FROM x\r\nFROM y\r\n") == ["x", "y"])
    }

    @Test("values of build arguments are no arguments of the program")
    func buildArguments() throws {
        let tag = try #require(ImageReference(parsing: "localhost/built:1"))
        var request = ImageBuildRequest(contextDirectory: "/context", containerFile: "/context/File", tag: tag)
        request.arguments = ["TOKEN": "hidden-value", "OTHER": "hidden=too"]
        let arguments = ImageBuilder.buildArguments(request)
        #expect(!arguments.contains { $0.contains("hidden") })
        #expect(
            Array(arguments.drop { $0 != "--build-arg" }.prefix(4)) == ["--build-arg", "OTHER", "--build-arg", "TOKEN"])
    }

    @Test("an image of the store is built upon, as it is now", .enabled(if: Machine.builds, Machine.buildReason))
    func localBase() async throws {
        try await EngineHarness.with { engine, harness in
            let file =
                "FROM localhost/fixture:1\nARG WORD\nCOPY note /note\nRUN cat /note > /both; echo $WORD >> /both\n"
            var request = try self.request(harness, file)
            request.arguments["WORD"] = "said"
            let built = try await engine.buildImage(request) { _ in }
            #expect(built.references == ["localhost/built:1"])
            var spec = harness.spec("cat", "/both")
            spec.image = "localhost/built:1"
            let first = try await output(engine, spec)
            #expect(first.exit.code == 0)
            #expect(first.text == "written\nsaid")

            // What was built here is with buildah only.
            request = try self.request(harness, "FROM built:1 AS base\nFROM base\nRUN echo more >> /both\n", "second")
            _ = try await engine.buildImage(request) { _ in }
            spec.image = "localhost/second:1"
            let second = try await output(engine, spec)
            #expect(second.text == "written\nsaid\nmore")
        }
    }

    @Test("a failing build tells the end of its output", .enabled(if: Machine.builds, Machine.buildReason))
    func failure() async throws {
        try await EngineHarness.with { engine, harness in
            let request = try self.request(
                harness, "FROM localhost/fixture:1\nRUN echo the-reason >&2; exit 7\nRUN echo never\n")
            let error = await #expect(throws: EngineError.self) { _ = try await engine.buildImage(request) { _ in } }
            #expect(error?.code == .buildFailed)
            #expect(error?.message.contains("the-reason") == true)
            #expect(error?.hint?.contains(request.containerFile) == true)
            #expect(try await engine.image("localhost/built:1") == nil)
        }
    }

    private func request(
        _ harness: EngineHarness, _ file: String, _ name: String = "built"
    ) throws -> ImageBuildRequest {
        let context = "\(harness.root)/\(name)"
        try FileManager.default.createDirectory(atPath: context, withIntermediateDirectories: false)
        try file.write(toFile: context + "/Containerfile", atomically: false, encoding: .utf8)
        try "written\n".write(toFile: context + "/note", atomically: false, encoding: .utf8)
        let tag = try #require(ImageReference(parsing: "localhost/\(name):1"))
        return ImageBuildRequest(
            contextDirectory: context, containerFile: context + "/Containerfile", tag: tag)
    }
}

extension Machine {
    static let builds = isReady && Program.find("buildah") != nil && Program.find("unshare") != nil
    static let buildReason: Comment = "needs root, buildah, unshare, and what running containers needs"
}
