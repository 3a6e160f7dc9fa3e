import FoundationEssentials
import LinuxKernel
import Testing

@Suite(
    "image apps", .serialized,
    .enabled(if: Machine.canServeImages, "needs root, a container runtime, buildah, skopeo and docker-registry"))
struct ImageAppTests {
    private static let program = """
        load("proxy.in", "proxy")
        load("container.in", "container")

        app = ace.app("Image",
            routes=[ace.proxy("/", proxy.config(container.URL))],
            container=container.config("image:" + param.image),
            permissions=[
                ace.permission("proxy.in", "config", [container.URL]),
                ace.permission("container.in", "config", ["image:" + param.image])
            ]
        )
        """

    @Test("EX-25 an image from a registry: pulled, pinned, replaced on reload, started without the registry")
    func imageApp() async throws {
        try await TestHost.run { host in
            let registry = try await Registry(in: host)
            let name = "\(registry.address)/web:1"
            do {
                try await push(version: "v1", host, registry)
                let source = try host.folder("app", ["app.star": Self.program, "params.star": "param(\"image\")\n"])
                try await host.succeed("app", "create", source, "/web", "--approve", "--param", "image=\(name)")
                #expect(try await host.get("/web/").text == "v1")

                try await push(version: "v2", host, registry)
                #expect(try await host.get("/web/").text == "v1")
                try await host.succeed("app", "reload", "/web", "--approve")
                #expect(try await host.get("/web/").text == "v2")
            } catch {
                await registry.stop()
                throw error
            }
            await registry.stop()

            try await host.kill9()
            try await host.start()
            #expect(try await host.get("/web/").text == "v2")
            try await host.succeed(
                "app", "create", host.root + "/app", "/gone", "--approve", "--param",
                "image=\(registry.address)/missing:1")
            let missing = try await host.get("/gone/")
            #expect(
                missing.status == 500 && missing.text.contains("IMG-PULL") && missing.text.contains("missing:1"),
                "\(missing.text)")
        }
    }

    @Test("images are pulled, listed, inspected, removed and pruned")
    func images() async throws {
        try await TestHost.run { host in
            let registry = try await Registry(in: host)
            try await push(version: "v1", host, registry)
            let pull = try await host.martlet("image", "pull", "\(registry.address)/web:1")
            await registry.stop()
            #expect(pull.exitCode == 0, "\(pull.errorText)")

            let listed = try await host.images()
            let ran = try await host.succeed(
                "run", "--rm", "--network", "none", "--entrypoint", "/web", "--env", "WEB_EXIT=0",
                "\(registry.address)/web:1")
            let unknown = try await host.martlet("image", "show", "nothing:1")
            try await host.succeed("image", "delete", "\(registry.address)/web:1")

            #expect(listed.count == 1 && listed[0].references == ["\(registry.address)/web:1"])
            #expect(ran.isEmpty)
            #expect(unknown.exitCode == 1 && unknown.errorText.contains("nothing:1"))
            #expect(try await host.images().isEmpty)
        }
    }

    private func push(version: String, _ host: TestHost, _ registry: Registry) async throws {
        let path = try host.folder(
            "image-\(version)",
            ["Containerfile": SamplePrograms.webContainerfile("ENV WEB_BODY=\(version)"), "version": version])
        try host.copyProgram(Machine.webServer, to: path + "/web")
        let storage = ["--root", host.root + "/buildah", "--runroot", host.root + "/buildah-run"]
        let buildah = Program.find("buildah") ?? "buildah"
        let steps = [
            storage + ["bud", "--isolation", "chroot", "--tag", "web:\(version)", path],
            storage + ["push", "web:\(version)", "oci-archive:\(host.root)/\(version).tar:web"],
        ]
        for arguments in steps {
            let result = try await Program.run(ProgramInvocation(buildah, arguments))
            guard result.exitCode == 0 else { throw TestFailure("buildah \(arguments): \(result.errorText)") }
        }
        try await registry.push("oci-archive:\(host.root)/\(version).tar", as: "web:1")
    }
}
