import FoundationEssentials
import LinuxKernel
import Testing

@Suite(
    "staging", .serialized, .timeLimit(.minutes(3)),
    .enabled(if: Machine.canBuild, "needs root, a container runtime, buildah, gcc and busybox-static"))
struct StagingTests {
    private static let stage = ["Host": "stage.localhost"]

    private static func containerfile(_ body: String) -> String {
        SamplePrograms.webContainerfile("ENV WEB_BODY=\(body)")
    }

    @Test("EX-18, EX-19, EX-34 a twin gets each version first, may be kept from writing, and both go together")
    func twin() async throws {
        try await TestHost.run(configuration: "container:\n  deploy_health_attempts: 5\n") { host in
            let source = try host.webApp(containerfile: Self.containerfile("v1"))
            try await host.succeed("app", "create", source, "/shop", "--staging", "--approve")
            #expect(try await host.get("/shop/").text == "v1")
            #expect(try await host.get("/shop/", headers: Self.stage).text == "v1")
            #expect(try await host.images().count == 1)
            #expect(try await host.containers().count == 2)

            try Self.containerfile("v2").write(toFile: source + "/Containerfile", atomically: true, encoding: .utf8)
            try await host.succeed("app", "reload", "/shop")
            #expect(try await host.get("/shop/", headers: Self.stage).text == "v2")
            #expect(try await host.get("/shop/").text == "v1")
            let images = try await host.images().map(\.digest)
            #expect(images.count == 2)
            try await host.succeed("app", "promote", "/shop")
            #expect(try await host.get("/shop/").text == "v2")
            #expect(try await host.images().map(\.digest) == images)

            try Self.containerfile("v3\nENV WEB_STATUS=500").write(
                toFile: source + "/Containerfile", atomically: true, encoding: .utf8)
            let failed = try await host.martlet("app", "reload", "--verify", "--promote", "/shop")
            #expect(failed.exitCode == 1)
            #expect(failed.errorText.contains("HEALTH-FAIL") && failed.errorText.contains("stage.localhost:/shop"))
            #expect(try await host.get("/shop/").text == "v2")
            #expect(try await host.get("/shop/", headers: Self.stage).text == "v2")

            try await host.succeed("app", "settings", "stage-write-access", "false", "/shop")
            let refused = try await host.request("POST", "/shop/echo", headers: Self.stage, body: "x")
            #expect(refused.status == 403 && refused.text.contains("PERM-WRITE"))
            #expect(try await host.get("/shop/", headers: Self.stage).status == 200)
            #expect(try await host.request("POST", "/shop/echo", body: "x").text == "x")

            try await host.kill9()
            try await host.start()
            #expect(try await host.get("/shop/").text == "v2")
            #expect(try await host.get("/shop/", headers: Self.stage).text == "v2")
            #expect(try await host.request("POST", "/shop/echo", headers: Self.stage, body: "x").status == 403)
            try await host.succeed("app", "delete", "/shop", "--yes")
            #expect(try await host.containers().isEmpty)
            #expect(try await host.images().isEmpty)
        }
    }
}
