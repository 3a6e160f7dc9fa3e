import Containers
import Core
import Engines
import Testing

@testable import Apps

@Suite("proxy apps")
struct ProxyAppTests {
    @Test("EX-01 nothing runs until the first request; then one image and one container exist")
    func sampleProgram() async throws {
        try await AppHost.run { host in
            let change = try await host.create(
                "/", ["app.star": SamplePrograms.proxy, "Containerfile": SamplePrograms.web], approve: false)

            #expect(change.audit.newLoads == ["proxy.in", "container.in"])
            #expect(change.audit.newPermissions.map(\.method) == ["config", "config"])
            #expect(!change.audit.needsApproval && change.version == 1)
            #expect(try await host.observed().isEmpty)
            #expect(try await host.imageNames().isEmpty)

            let first = try await host.get("/a/b")
            let containers = try await host.observed()
            let images = try await host.imageNames()
            let second = try await host.get("/")

            #expect(first.status == 200)
            #expect(containers.count == 1 && images.count == 1)
            let name = try #require(containers.first?.spec.name?.rawValue)
            #expect(name.wholeMatch(of: /clc-app_prd_[a-z0-9]{27}-[0-9a-f]{16}/) != nil)
            #expect(images[0].wholeMatch(of: /localhost\/cli-[a-z0-9]{27}:[0-9a-f]{16}/) != nil)
            #expect(name.contains(AppNames.suffix(of: change.id)) && images[0].contains(AppNames.suffix(of: change.id)))
            #expect(containers[0].spec.labels["martlet.app"] == change.id)
            #expect(containers[0].spec.ports.allSatisfy { $0.hostAddress == "127.0.0.1" })
            #expect(second.bodyText == first.bodyText)
            #expect(try await host.observed().count == 1)
            let details = try await host.service.app("/")
            #expect(details.summary.state == .running && details.summary.name == "My App")
            #expect(details.summary.container == name)
        }
    }

    @Test("concurrent first requests share one build and one start")
    func singleFlight() async throws {
        try await AppHost.run { host in
            try await host.create("/", ["app.star": SamplePrograms.proxy, "Containerfile": SamplePrograms.web])
            let bodies = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<20 { group.addTask { try await host.get("/").bodyText } }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }

            let calls = await host.engine.calls
            #expect(bodies.count == 1)
            #expect(calls.filter { if case .build = $0 { true } else { false } }.count == 1)
            #expect(calls.filter { if case .start = $0 { true } else { false } }.count == 1)
        }
    }

    @Test("EX-07 an address nobody granted")
    func notGranted() async throws {
        let program = """
            load("proxy.in", "proxy")
            app = ace.app("fwd", routes=[ace.proxy("/", proxy.config("http://127.0.0.1:9000"))], permissions=[])
            """
        try await AppHost.run { host in
            try await host.create("/", ["app.star": program])
            let answer = try await host.get("/")

            #expect(answer.status == 500)
            for token in ["PERM-ARG", "proxy.in", "config", "0", "http://127.0.0.1:9000", "<CONTAINER_URL>"] {
                #expect(answer.bodyText.contains(token), "\(answer.bodyText)")
            }
        }
    }

    @Test("EX-09 no container file; adding one and reloading helps")
    func noFile() async throws {
        try await AppHost.run { host in
            try await host.create("/", ["app.star": SamplePrograms.proxy])
            let refused = try await host.get("/")
            try host.source("src_", ["Dockerfile": SamplePrograms.web])
            let change = try await host.service.reload("/")
            let answer = try await host.get("/")

            #expect(refused.status == 500)
            for token in ["CFG-NOFILE", "Containerfile", "Dockerfile"] { #expect(refused.bodyText.contains(token)) }
            #expect(change.changed && change.version == 2)
            #expect(answer.status == 200)
        }
    }

    @Test("EX-10 no EXPOSE and no port")
    func noPort() async throws {
        let web = SamplePrograms.web.replacing("EXPOSE 8080\n", with: "")
        try await AppHost.run { host in
            try await host.create("/a", ["app.star": SamplePrograms.proxy, "Containerfile": web])
            try await host.create(
                "/b", ["app.star": SamplePrograms.proxy(config: "container.AUTO, port=8080"), "Containerfile": web])
            try await host.create(
                "/c",
                [
                    "app.star": SamplePrograms.proxy(config: "container.AUTO, lifetime=container.COMMAND"),
                    "Containerfile": web,
                ])
            let refused = try await host.get("/a")
            let served = try await host.get("/b")

            #expect(refused.status == 500)
            for token in ["CFG-NOPORT", "EXPOSE", "port", "Containerfile"] { #expect(refused.bodyText.contains(token)) }
            #expect(served.status == 200)
            #expect(try await host.service.app("/c").summary.lastError == nil)
        }
    }

    @Test("EX-11 the configuration's port wins, and PORT says so")
    func portPrecedence() async throws {
        try await AppHost.run { host in
            try await host.create(
                "/",
                [
                    "app.star": SamplePrograms.proxy(config: "container.AUTO, port=8081"),
                    "Containerfile": SamplePrograms.web,
                ])
            try await host.create(
                "x.test:/",
                [
                    "app.star": SamplePrograms.proxy(config: "container.AUTO, port=-1"),
                    "Containerfile": SamplePrograms.web,
                ])
            let answer = try await host.get("/")
            let refused = try await host.get("/", host: "x.test")

            #expect(answer.status == 200)
            #expect(try await host.environment()["PORT"] == "8081")
            #expect(refused.status == 500 && refused.bodyText.contains("port"))
        }
    }

    @Test("EX-12 unknown plugin arguments, also when a later call notices")
    func unknownArgument() async throws {
        let bad = """
            load("container.in", "container")
            app = ace.app("bad", container=container.config(container.AUTO, prot=80))
            """
        let early = """
            load("proxy.in", "proxy")
            load("container.in", "container")
            app = ace.app("bad", routes=[ace.proxy("/", proxy.config(container.URL, hots=1))],
                container=container.config(container.AUTO))
            """
        try await AppHost.run { host in
            try await host.create("/a", ["app.star": bad, "Containerfile": SamplePrograms.web])
            try await host.create("/b", ["app.star": early, "Containerfile": SamplePrograms.web])
            let keyword = try await host.get("/a")
            let previous = try await host.get("/b")

            #expect(keyword.status == 500 && previous.status == 500)
            for token in ["PLUG-KW", "config", "prot"] { #expect(keyword.bodyText.contains(token)) }
            for token in ["PLUG-PREV", "hots"] { #expect(previous.bodyText.contains(token)) }
        }
    }

    @Test("EX-13 which container file is used")
    func detection() async throws {
        try await AppHost.run { host in
            try await host.create(
                "/a",
                [
                    "app.star": SamplePrograms.proxy, "Containerfile": "FROM scratch\nEXPOSE 81\n",
                    "Dockerfile": "FROM scratch\nEXPOSE 82\n",
                ])
            try await host.create(
                "/b",
                [
                    "app.star": SamplePrograms.proxy(config: "\"build/Custom.file\""),
                    "build/Custom.file": "FROM scratch\nEXPOSE 83\n",
                ])
            try await host.create("/c", ["app.star": SamplePrograms.proxy(config: "\"Missing.file\"")])
            _ = try await host.get("/a")
            let own = try await host.environment()["PORT"]
            _ = try await host.get("/b")
            let missing = try await host.get("/c")

            #expect(own == "81")
            #expect(try await host.observed().compactMap { $0.spec.environment["PORT"] }.contains("83"))
            #expect(missing.status == 500)
            #expect(missing.bodyText.contains("CFG-READ") && missing.bodyText.contains("Missing.file"))
        }
    }

    @Test("EX-14 a failing health check is told with attempts, status and log, and remembered")
    func unhealthy() async throws {
        var configuration = AppsConfiguration()
        configuration.deployHealthAttempts = 1
        try await AppHost.run(configuration) { host in
            host.prober.set(.failed("status 503"))
            try await host.create("/", ["app.star": SamplePrograms.proxy, "Containerfile": SamplePrograms.web])
            let first = try await host.get("/")
            let second = try await host.get("/")

            #expect(first.status == 500 && second.status == 500)
            for token in ["HEALTH-FAIL", "503", "1"] { #expect(first.bodyText.contains(token), "\(first.bodyText)") }
            #expect(first.bodyText.contains("started"))
            #expect(second.header("retry-after") != nil)
            let starts = await host.engine.calls.filter { if case .start = $0 { true } else { false } }
            #expect(starts.count == 1)
            #expect(try await host.service.app("/").summary.state == .failed)
        }
    }

    @Test("EX-14 a container that ends while it starts is told with its exit code")
    func exitsEarly() async throws {
        try await AppHost.run { host in
            try await host.create(
                "/", ["app.star": SamplePrograms.proxy, "Containerfile": SamplePrograms.web + "ENV EXIT=7\n"])
            host.prober.set(.refused("nobody listens"))
            let answer = try await host.get("/")

            #expect(answer.status == 500)
            for token in ["RUN-EXITED", "7", "leaving early"] {
                #expect(answer.bodyText.contains(token), "\(answer.bodyText)")
            }
        }
    }

    @Test("EX-14 the health path is the app's own, below the app's path when that is kept")
    func healthPath() async throws {
        let program = """
            load("proxy.in", "proxy")
            load("container.in", "container")
            app = ace.app("h", routes=[ace.proxy("/", proxy.config(container.URL, strip_app=False))],
                container=container.config(health="ready"))
            """
        try await AppHost.run { host in
            try await host.create("/x", ["app.star": program, "Containerfile": SamplePrograms.web])
            let answer = try await host.get("/x")

            #expect(answer.status == 200)
            #expect(host.prober.paths.first == "/x/ready")
        }
    }

    @Test("EX-15 the environment of the container")
    func environment() async throws {
        let params = """
            param("x", default="1")
            param("n", type=INT, default=5)
            param("b", type=BOOLEAN, default=False)
            param("l", type=LIST, default=["p"])
            param("secrets", type=LIST, default=[])
            """
        try await AppHost.run { host in
            try await host.create(
                "/tools/a",
                ["app.star": SamplePrograms.proxy, "params.star": params, "Containerfile": SamplePrograms.web],
                params: ["EXTRA": "z"])
            _ = try await host.get("/tools/a/env")
            let environment = try await host.environment()

            #expect(
                environment == [
                    "x": "1", "n": "5", "b": "false", "l": "[\"p\"]", "EXTRA": "z", "PORT": "8080",
                    "CL_APP_PATH": "/tools/a", "CL_APP_URL": "http://localhost:25222/tools/a",
                ])
        }
    }

    @Test("EX-16 secrets reach the container only when granted and approved")
    func secrets() async throws {
        let granted = SamplePrograms.proxy(
            config: "container.AUTO",
            permissions: "ace.permission(\"container.in\", \"config\", [container.AUTO], secrets=[[\"TOK\"]])")
        let files: @Sendable (String) -> [String: String] = { ["app.star": $0, "Containerfile": SamplePrograms.web] }
        try await AppHost.run(secrets: ["TOK": "s3"]) { host in
            let given = ["T": "{{secret \"TOK\"}}"]
            try await host.create("/a", files(SamplePrograms.proxy), params: given)
            let none = try await host.get("/a")
            let asks = try await host.create("/b", files(granted), approve: false, params: given)
            _ = try await host.service.approve("/b")
            let served = try await host.get("/b")
            try await host.create("/c", files(granted.replacing("TOK", with: "OTHER")), params: given)
            let denied = try await host.get("/c")

            #expect(none.status == 500 && none.bodyText.contains("SEC-NONE") && !none.bodyText.contains("s3"))
            #expect(asks.audit.needsApproval)
            #expect(served.status == 200)
            #expect(try await host.environment()["T"] == .secret("s3"))
            #expect(denied.status == 500 && denied.bodyText.contains("SEC-DENIED") && denied.bodyText.contains("TOK"))
            let params = try await host.service.app("/b").params
            #expect(params.values.allSatisfy { !$0.contains("s3") })
        }
    }

    @Test("EX-17 build arguments given with the app win over those in the configuration")
    func buildArguments() async throws {
        try await AppHost.run { host in
            let requests = Recorder<[String: String]>()
            await host.engine.onBuild { request, _ in
                requests.add(request.arguments)
                return ImageScript()
            }
            try await host.create(
                "/",
                [
                    "app.star": SamplePrograms.proxy(config: "container.AUTO, cargs={\"MSG\": \"c\", \"N\": 1}"),
                    "Containerfile": SamplePrograms.web,
                ], arguments: ["MSG": "b"])
            _ = try await host.get("/")

            #expect(requests.all == [["MSG": "b", "N": "1"]])
        }
    }

    @Test("EX-16, EX-17 a secret in a build argument is told apart, and programs see its template")
    func secretBuildArguments() async throws {
        let program = """
            load("container.in", "container")
            c = container.config(container.AUTO, port=80, cargs={"TOK": "{{secret \\"TOK\\"}}", "N": 1})
            app = ace.app("s", container=c, routes=[ace.api("/", handler=lambda req: str(c.value.cargs), type=ace.TEXT)],
                permissions=[ace.permission("container.in", "config", ["auto"], secrets=[["TOK"]])])
            """
        try await AppHost.run(secrets: ["TOK": "s3cr3t"]) { host in
            let requests = Recorder<ImageBuildRequest>()
            await host.engine.onBuild { request, _ in
                requests.add(request)
                return ImageScript()
            }
            try await host.create("/", ["app.star": program, "Containerfile": SamplePrograms.web])
            _ = try await host.service.start("/")
            let request = try #require(requests.all.first)
            let shown = try await host.get("/").bodyText

            #expect(request.arguments == ["N": "1"] && request.secretArguments == ["TOK": "s3cr3t"])
            #expect(shown.contains("{{secret") && !shown.contains("s3cr3t"), "\(shown)")
        }
    }

    @Test("EX-22 container options")
    func options() async throws {
        let files = ["app.star": SamplePrograms.proxy, "Containerfile": SamplePrograms.web]
        try await AppHost.run { host in
            let change = try await host.create(
                "/", files, options: ["cpus": "500m", "memory": "256m", "max_replicas": "3", "kubernetes.x": "1"])
            _ = try await host.get("/")
            let limits = try #require(try await host.observed().first).spec.limits

            #expect(limits.milliCPUs == 500 && limits.memory == ByteCount(268_435_456))
            #expect(change.notices.count == 2)
            for option in ["nonsense", "command.privileged"] {
                let error = await #expect(throws: AppError.self) {
                    try await host.create("x.test:/", files, options: [option: "1"])
                }
                #expect(error?.code == .optionDenied && error?.message.contains(option) == true)
            }
            #expect(try await host.service.apps().count == 1)
        }
    }

    @Test("EX-26 the paths that are removed on the way to the container")
    func paths() async throws {
        let program = """
            load("proxy.in", "proxy")
            load("container.in", "container")
            app = ace.app("p", routes=[
                ace.proxy("/pp", proxy.config(container.URL)),
                ace.proxy("/ppp", proxy.config(container.URL, strip_path="/ppp")),
                ace.proxy("/", proxy.config(container.URL, strip_app=False, response_headers={"X-A": "p=$url", "N": None})),
                ace.proxy("/q", proxy.config(container.URL, "/test/ppp", strip_app=False))],
                container=container.config())
            """
        try await AppHost.run { host in
            try await host.create("/test", ["app.star": program, "Containerfile": SamplePrograms.web])
            _ = try await host.get("/test/")
            var strips: [String: String] = [:]
            for route in host.routes.routes {
                guard case .proxy(let backend) = route.target else { continue }
                strips[route.pathPrefix] = backend.options.stripPrefix
                #expect(backend.options.forwardedPrefix == "/test")
                if route.pathPrefix == "/test" {
                    #expect(backend.options.responseHeaders == [.init(name: "X-A", value: "p=$url")])
                }
            }

            #expect(strips == ["/test/pp": "/test", "/test/ppp": "/test/ppp", "/test": "", "/test/q": "/test/ppp"])
        }
    }

    @Test("EX-32 overlapping addresses and unknown hosts")
    func addresses() async throws {
        let files = ["app.star": SamplePrograms.proxy, "Containerfile": SamplePrograms.web]
        try await AppHost.run { host in
            try await host.create("/a", files)
            for address in ["/a/b", "/", "/a"] {
                let error = await #expect(throws: AppError.self) { try await host.create(address, files) }
                #expect(error?.code == .appExists)
            }
            try await host.create("/ab", files)
            try await host.create("x.test:/a", files)

            #expect(try await host.service.apps().map(\.address) == ["/a", "/ab", "x.test:/a"])
            #expect(try await host.get("/a", host: "y.test").status == 404)
            #expect(try await host.get("/nothing").status == 404)
        }
    }
}
