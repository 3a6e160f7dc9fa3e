import FoundationEssentials
import LinuxKernel
import Testing

/// What the host of a test has: mounts, network namespaces, directories, processes, containers.
struct HostTraces: Equatable {
    var mounts: Set<String>
    var directories: Set<String>
    var processes: Int
    var containers: [String]

    /// Looks, once what ends by itself has ended.
    static func of(_ host: TestHost) async throws -> HostTraces {
        let containers = try await host.containers().map(\.id).sorted()
        // Stores with a life of their own: images, the build cache, the database.
        let others = ["lib/images", "lib/build", "lib/martlet.db", "lib/apps"]
        var directories: Set<String> = []
        for top in ["lib", "run"] {
            // A directory may vanish while it is walked.
            let below = (try? FileManager.default.subpathsOfDirectory(atPath: "\(host.root)/\(top)")) ?? []
            for path in below.map({ "\(top)/\($0)" }) where !others.contains(where: path.hasPrefix) {
                directories.insert(path)
            }
        }
        let mountinfo = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
        let mounts = mountinfo.split(separator: "\n").filter { $0.contains(" \(host.root)/") }.map { line in
            String(line.split(separator: " ")[4])  // the mount point; namespaces are pinned by mounts, too
        }
        var processes = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") where Int(name) != nil {
            // A process may end while it is looked at.
            guard let line = try? String(contentsOfFile: "/proc/\(name)/cmdline", encoding: .utf8) else { continue }
            if line.contains(host.root + "/") { processes += 1 }
        }
        return HostTraces(
            mounts: Set(mounts), directories: directories, processes: processes, containers: containers)
    }
}

@Suite(
    "the error catalogue on a real host", .serialized,
    .enabled(if: Machine.canBuild, "needs root, a container runtime, buildah, gcc and busybox-static"))
struct ErrorCatalogueTests {
    private struct Wrong: Sendable {
        let name: String
        var program = SamplePrograms.proxy
        var containerfile: String? = SamplePrograms.webContainerfile()
        let tokens: [String]
        /// What is kept for inspection until the next attempt or the end of the app.
        var keepsContainer = false
    }

    private static func run(_ call: String) -> String {
        """
        load("container.in", "container")
        def h(req):
            return container.run(\(call)).value
        app = ace.app("run", routes=[ace.api("/", handler=h, type=ace.TEXT)],
            container=container.config("image:localhost/busybox:1", lifetime=container.COMMAND),
            permissions=[ace.permission("container.in", "config", ["regex:.*"]), ace.permission("container.in", "run")])
        """
    }

    private static let proxied = SamplePrograms.proxy
    private static let cases = [
        Wrong(name: "no-file", containerfile: nil, tokens: ["CFG-NOFILE", "Containerfile", "Dockerfile"]),
        Wrong(
            name: "bad-build", containerfile: "FROM scratch\nCOPY missing /\nEXPOSE 8080\n",
            tokens: ["BUILD-FAIL", "missing"]),
        Wrong(
            name: "no-image",
            program: proxied.replacing("container.AUTO", with: "\"image:localhost/none:1\"")
                .replacing(
                    "container.config(\"image:localhost/none:1\")",
                    with: "container.config(\"image:localhost/none:1\", port=80)"),
            tokens: ["IMG-PULL", "localhost/none:1"]),
        Wrong(
            name: "no-start",
            containerfile: SamplePrograms.webContainerfile("").replacing("/web\"]", with: "/nothing\"]"),
            tokens: ["RUN-START", "/nothing"], keepsContainer: true),
        Wrong(
            name: "unhealthy", containerfile: SamplePrograms.webContainerfile("ENV WEB_STATUS=503"),
            tokens: ["HEALTH-FAIL", "http://", "503", "3 attempts"], keepsContainer: true),
        Wrong(
            name: "exits", containerfile: SamplePrograms.webContainerfile("ENV WEB_EXIT=7"),
            tokens: ["RUN-EXITED", "7", "leaving early"], keepsContainer: true),
        Wrong(
            name: "volume",
            program: proxied.replacing(
                "container.config(container.AUTO", with: "container.config(volumes=[\"data:/data\", \"/etc:/x\"]"),
            tokens: ["VOL-DENIED", "/etc"]),
        Wrong(name: "exit", program: run("\"ls\", [\"/nope\"]"), tokens: ["CMD-EXIT", "1", "No such file"]),
        Wrong(name: "missing", program: run("\"notacommand\""), tokens: ["CMD-EXIT", "127"]),
    ]

    @Test("EX-05, EX-09, EX-14, EX-20: what fails is told with its tokens, and the host is as it was before")
    func nothingHalfDone() async throws {
        try await TestHost.run(configuration: "container:\n  deploy_health_attempts: 3\n") { host in
            try await host.buildBusybox("localhost/busybox:1")
            // The first container of a host makes what all containers share.
            try await host.succeed("app", "create", try host.webApp("warm"), "/warm", "--approve")
            #expect(try await host.get("/warm/").status == 200)
            try await host.succeed("app", "delete", "/warm")
            let clean = try await HostTraces.of(host)
            #expect(clean.containers.isEmpty)

            for wrong in Self.cases {
                let source = try host.webApp(
                    wrong.name, program: wrong.program, containerfile: wrong.containerfile ?? "")
                if wrong.containerfile == nil { try FileManager.default.removeItem(atPath: source + "/Containerfile") }
                try await host.succeed("app", "create", source, "/\(wrong.name)", "--approve")
                #expect(try await HostTraces.of(host) == clean, "\(wrong.name): created")

                let answer = try await host.get("/\(wrong.name)/")

                #expect(answer.status == 500, "\(wrong.name): \(answer.text)")
                #expect(answer.text.hasPrefix("\(wrong.tokens[0]): app `/\(wrong.name)`: "), "\(answer.text)")
                for token in wrong.tokens { #expect(answer.text.contains(token), "no `\(token)`: \(answer.text)") }
                let after = try await HostTraces.of(host)
                #expect(after.mounts == clean.mounts, "\(wrong.name)")
                #expect(after.processes == clean.processes, "\(wrong.name)")
                #expect(after.containers.count == (wrong.keepsContainer ? 1 : 0), "\(wrong.name)")
                if !wrong.keepsContainer { #expect(after.directories == clean.directories, "\(wrong.name)") }
                try await host.succeed("app", "delete", "/\(wrong.name)")
                let deleted = try await HostTraces.of(host)
                #expect(
                    deleted == clean,
                    "\(wrong.name): \(deleted.directories.symmetricDifference(clean.directories).sorted())")
            }
            let option = try await host.martlet(
                "app", "create", host.root + "/warm", "/option", "--copt", "command.privileged")
            #expect(option.exitCode == 1 && option.errorText.contains("OPT-DENIED: app `/option`: "))
            #expect(option.errorText.contains("privileged"))
            #expect(try await HostTraces.of(host) == clean)
        }
    }
}
