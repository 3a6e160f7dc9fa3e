import FoundationEssentials
import LinuxKernel
import Testing

@Suite(
    "volumes", .serialized,
    .enabled(if: Machine.canBuild, "needs root, a container runtime, buildah, gcc and busybox-static"))
struct VolumeTests {
    private static let program = """
        load("container.in", "container")
        look = "cat /data/sub/f; stat -c '%u:%g %a' /data /data/sub/f; readlink /data/link; stat -c %a /fresh"
        def sh(text):
            return " ".join(container.run("sh", ["-c", text]).value)
        app = ace.app("volumes", container=container.config("image:localhost/data:1", lifetime=container.COMMAND,
                volumes=["named:/fresh"]),
            routes=[
                ace.api("/look", handler=lambda req: sh(look), type=ace.TEXT),
                ace.api("/write", handler=lambda req: sh("echo more >> /data/sub/f"), type=ace.TEXT),
                ace.api("/empty", handler=lambda req: sh("rm -r /data/sub /data/link"), type=ace.TEXT),
                ace.api("/list", handler=lambda req: sh("ls -a /data"), type=ace.TEXT)],
            permissions=[ace.permission("container.in", "config", ["regex:.*"]), ace.permission("container.in", "run")])
        """

    @Test("EX-20 a volume begins with what the image has there, once, and outlives versions")
    func content() async throws {
        try await TestHost.run(configuration: "security:\n  allowed_mounts: [/usr/share]\n") { host in
            try await host.buildBusybox("localhost/busybox:1")
            let image = try host.folder(
                "data",
                [
                    "Containerfile": """
                    FROM localhost/busybox:1
                    RUN mkdir -p /data/sub && echo hello > /data/sub/f && ln -s sub/f /data/link
                    RUN chown -R 5:6 /data && chmod 2750 /data && chmod 640 /data/sub/f
                    VOLUME /data
                    """
                ])
            try await host.succeed("image", "build", image, "--tag", "localhost/data:1")
            let source = try host.folder("app", ["app.star": Self.program])
            try await host.succeed("app", "create", source, "/v", "--approve")

            let first = try await host.get("/v/look")
            _ = try await host.get("/v/write")
            try await host.succeed("app", "reload", "/v", "--approve", "--force")
            let second = try await host.get("/v/look")
            _ = try await host.get("/v/empty")
            let emptied = try await host.get("/v/list")

            #expect(first.text == "hello 5:6 2750 5:6 640 sub/f 777", "\(first.text)")
            #expect(second.text == "hello more 5:6 2750 5:6 640 sub/f 777", "\(second.text)")
            #expect(emptied.text == ". ..", "\(emptied.text)")
            try await host.succeed("app", "create", source, "/denied", "--approve", "--cvol", "/etc:/x")
            try await host.succeed(
                "app", "create", source, "/allowed", "--approve", "--cvol", "/usr/share:/share:ro")
            let denied = try await host.get("/denied/look")
            let allowed = try await host.get("/allowed/write")
            let noValue = try await host.martlet("app", "create", source, "/none", "--cvol", "--approve")

            #expect(denied.status == 500 && denied.text.contains("VOL-DENIED") && denied.text.contains("/etc"))
            #expect(allowed.status == 200, "\(allowed.text)")
            #expect(noValue.exitCode == 64)
            try await host.succeed("app", "delete", "/allowed", "--volumes")
            let volumes = try FileManager.default.contentsOfDirectory(atPath: host.root + "/lib/volumes")
            #expect(volumes.count == 2 && volumes.allSatisfy { $0.hasPrefix("clv-app_prd_") }, "\(volumes)")
        }
    }
}
