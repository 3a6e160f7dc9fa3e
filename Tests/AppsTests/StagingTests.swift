import Containers
import Core
import Engines
import State
import Testing

@testable import Apps

@Suite("staging", .timeLimit(.minutes(1)))
struct StagingTests {
    private static let files = ["app.star": SamplePrograms.proxy, "Containerfile": SamplePrograms.web]
    private static let stage = "stage.localhost"

    @discardableResult
    private static func create(
        _ host: AppHost, _ files: [String: String] = files, at stageAt: String? = nil, approve: Bool = true,
        arguments: [String: String] = [:]
    ) async throws -> AppChange {
        try await host.service.create(
            AppCreateRequest(
                source: try host.source("src", files), address: "/", staging: true, stageAt: stageAt, approve: approve,
                buildArguments: arguments))
    }

    private static func version(_ number: Int) -> [String: String] {
        ["Containerfile": SamplePrograms.web + "# \(number)\n"]
    }

    /// Waits until replaced containers of both are gone.
    private static func settle(_ host: AppHost, _ id: String) async throws {
        for id in [id, AppNames.twin(of: id)] {
            try await #require(host.service.runtimes[id]).finishRetirements()
        }
    }

    @Test("EX-18 a reload lands on staging; promoting brings it to production without another build")
    func promote() async throws {
        try await AppHost.run { host in
            let created = try await Self.create(host)
            let first = try await host.get("/").bodyText
            let staged = try await host.get("/", host: Self.stage).bodyText
            #expect(first.hasPrefix("clc-app_prd_") && staged.hasPrefix("clc-app_stg_"))
            #expect(try await host.imageNames().count == 1)

            try host.source("src", Self.version(2))
            _ = try await host.service.reload("/")
            try await Self.settle(host, created.id)
            #expect(try await host.get("/").bodyText == first)
            #expect(try await host.get("/", host: Self.stage).bodyText != staged)
            #expect(try await host.observed().count == 2)
            let images = try await host.imageNames()
            #expect(images.count == 2)

            let change = try await host.service.promote("/")
            try await Self.settle(host, created.id)
            #expect(change.changed && change.verified && change.version == 2)
            #expect(try await host.get("/").bodyText != first)
            #expect(try await host.imageNames() == images)
            #expect(try await host.observed().count == 2)
            let again = try await host.service.promote("/")
            #expect(!again.changed)

            // Another change on staging: production still has its live and its previous version.
            try host.source("src", Self.version(3))
            _ = try await host.service.reload("/")
            try await Self.settle(host, created.id)
            #expect(Set(try await host.imageNames()).isSuperset(of: images))
            #expect(try await host.imageNames().count == 3)
        }
    }

    @Test("EX-18 with separate images each has its own, named with the full identifiers")
    func separateImages() async throws {
        try await AppHost.run { host in
            var files = Self.files
            files["app.star"] = SamplePrograms.proxy.replacing(
                "permissions=[",
                with: "settings={\"container\": {\"separate_stage_prod_images\": True}},\npermissions=[")
            let created = try await Self.create(host, files)
            _ = try await host.get("/")
            _ = try await host.get("/", host: Self.stage)
            let names = try await host.imageNames()

            #expect(names.count == 2)
            for id in [created.id, AppNames.twin(of: created.id)] {
                #expect(names.contains { $0.hasPrefix("localhost/cli-\(id):") })
            }
            try await host.service.delete("/")
            #expect(try await host.imageNames().isEmpty)
        }
    }

    @Test("EX-17 a build argument changes staging, then production, with one build")
    func buildArguments() async throws {
        try await AppHost.run { host in
            try await Self.create(host, arguments: ["MSG": "b"])
            let first = try await host.get("/").bodyText
            _ = try await host.get("/", host: Self.stage)
            _ = try await host.service.reload("/", AppReloadRequest(buildArguments: ["MSG": "d"]))
            #expect(try await host.get("/").bodyText == first)
            #expect(try await host.service.app("/").buildArguments == ["MSG": "b"])
            #expect(try await host.imageNames().count == 2)
            _ = try await host.service.promote("/")

            #expect(try await host.get("/").bodyText != first)
            #expect(try await host.service.app("/").buildArguments == ["MSG": "d"])
            let builds = await host.engine.calls.filter { if case .build = $0 { true } else { false } }
            #expect(builds.count == 2)
        }
    }

    @Test("EX-19 a version that fails on staging changes neither, and the message names the staging address")
    func badVersion() async throws {
        var configuration = AppsConfiguration()
        configuration.deployHealthAttempts = 1
        try await AppHost.run(configuration) { host in
            try await Self.create(host)
            let first = try await host.get("/").bodyText
            let staged = try await host.get("/", host: Self.stage).bodyText
            try host.source("src", ["Containerfile": SamplePrograms.web + "ENV EXIT=3\n"])
            let error = await #expect(throws: AppError.self) {
                try await host.service.reload("/", AppReloadRequest(promote: true, verify: true))
            }

            #expect(error?.message.contains("stage.localhost:/") == true)
            #expect(try await host.get("/").bodyText == first)
            #expect(try await host.get("/", host: Self.stage).bodyText == staged)
            #expect(try await host.observed().count == 2)
        }
    }

    @Test("EX-19 a version that fails in production only takes staging back, too")
    func failedPromotion() async throws {
        try await AppHost.run { host in
            let created = try await Self.create(host)
            let first = try await host.get("/").bodyText
            let staged = try await host.get("/", host: Self.stage).bodyText
            try host.source("src", Self.version(2))
            await host.engine.onBuild { _, _ in
                var script = ImageScript()
                // Of the new version only staging's container runs.
                script.process = { request in
                    let isStaging = request.id.rawValue.contains("app_stg_")
                    return isStaging ? SimulatedProcess(lines: ["up"]) : SimulatedProcess(lines: ["no"], exit: 4)
                }
                return script
            }
            let error = await #expect(throws: AppError.self) {
                try await host.service.reload("/", AppReloadRequest(promote: true))
            }
            try await Self.settle(host, created.id)

            #expect(error?.code == .runExited)
            #expect(try await host.get("/").bodyText == first)
            // The same container by name, made again at another address.
            let back = try await host.get("/", host: Self.stage).bodyText
            #expect(back.split(separator: "@").first == staged.split(separator: "@").first)
            #expect(try await host.service.app("/").summary.version == 1)
        }
    }

    @Test(
        "EX-34 without write access staging refuses proxied writes and plugin calls that write, but for declared reads")
    func writeGate() async throws {
        let program = """
            load("proxy.in", "proxy")
            load("container.in", "container")
            def act(dry_run, args):
                r = container.run("echo", ["x"])
                return ace.result("ok", r.value)
            app = ace.app("W", routes=[ace.proxy("/web", proxy.config(container.URL))],
                actions=[ace.action("Act", "/act", act)], container=container.config(container.AUTO),
                permissions=[ace.permission("container.in", "run"TYPE), ace.permission("proxy.in", "config", [container.URL])])
            """
        for (type, status) in [("", 500), (", type=ace.READ", 200)] {
            try await AppHost.run { host in
                await host.engine.onBuild { _, _ in
                    var script = ImageScript()
                    script.process = { request in
                        request.arguments.first == "echo"
                            ? SimulatedProcess(lines: ["x"], exit: 0) : SimulatedProcess(lines: ["started"])
                    }
                    return script
                }
                try await Self.create(
                    host,
                    ["app.star": program.replacing("TYPE", with: type), "Containerfile": SamplePrograms.web])
                #expect(try await host.post("/web", "", host: Self.stage).status == 200)
                _ = try await host.service.setStagingWrites("/", allowed: false)

                let refused = try await host.post("/web", "", host: Self.stage)
                #expect(refused.status == 403 && refused.bodyText.contains("PERM-WRITE"))
                #expect(try await host.get("/web", host: Self.stage).status == 200)
                #expect(try await host.post("/web", "").status == 200)
                let action = try await host.post("/act", "", host: Self.stage)
                #expect(action.status == status)
                #expect(status == 200 || action.bodyText.contains("PERM-WRITE"))
                #expect(try await host.post("/act", "").status == 200)

                _ = try await host.service.reload("/", AppReloadRequest(force: true))
                #expect(try await host.post("/web", "", host: Self.stage).status == 403)
                _ = try await host.service.setStagingWrites("/", allowed: true)
                #expect(try await host.post("/web", "", host: Self.stage).status == 200)
            }
        }
    }

    @Test("approval lands on staging, and with promote in production")
    func approval() async throws {
        try await AppHost.run { host in
            let files = [
                "app.star": """
                load("proxy.in", "proxy")
                app = ace.app("F", routes=[ace.proxy("/", proxy.config("http://127.0.0.1:9"))],
                    permissions=[ace.permission("proxy.in", "config", ["http://127.0.0.1:9"])])
                """
            ]
            try await Self.create(host, files, approve: false)
            #expect(try await host.get("/", host: Self.stage).status == 500)
            _ = try await host.service.approve("/")
            #expect(try await host.get("/", host: Self.stage).status == 200)
            #expect(try await host.get("/").status == 500)
            _ = try await host.service.promote("/")
            #expect(try await host.get("/").status == 200)
        }
    }

    @Test("the twin is not listed and not changed by itself; both survive a restart and go together")
    func pair() async throws {
        try await AppHost.run { host in
            let created = try await Self.create(host)
            let twin = AppNames.twin(of: created.id)
            let first = try await host.get("/").bodyText
            let staged = try await host.get("/", host: Self.stage).bodyText
            #expect(try await host.service.apps().map(\.id) == [created.id])
            #expect(try await host.service.apps(all: true).map(\.id).sorted() == [created.id, twin])
            #expect(try await host.service.app("/").summary.staging == "stage.localhost:/")
            await #expect(throws: AppError.self) { try await host.service.reload(twin) }
            await #expect(throws: AppError.self) { try await host.service.delete("stage.localhost:/") }
            await #expect(throws: AppError.self) { try await host.service.approve(twin) }

            try await host.afterRestart { next in
                #expect(try await next.get("/").bodyText == first)
                #expect(try await next.get("/", host: Self.stage).bodyText == staged)
                try await next.service.delete("/")
                #expect(try await next.observed().isEmpty)
                #expect(try await next.imageNames().isEmpty)
                #expect(try await next.service.apps(all: true).isEmpty)
                #expect(!next.allPaths().contains { $0.contains("app_stg_") })
            }
        }
    }

    @Test("a twin whose app was never recorded is removed at the next start")
    func orphan() async throws {
        try await AppHost.run { host in
            let created = try await Self.create(host)
            _ = try await host.get("/", host: Self.stage)
            try await AppStore(host.database).remove(created.id)
            try await host.afterRestart { next in
                while try await !next.service.apps(all: true).isEmpty { await Task.yield() }
                while try await !next.observed().isEmpty { await Task.yield() }
                let answer = try await next.get("/", host: Self.stage)
                #expect(answer.status == 404)
            }
        }
    }

    @Test("the twin is reached below a domain of its own, at a path, or at a domain named")
    func places() async throws {
        for (place, name, path) in [
            ("path", "localhost", "/_cl_stage"), ("try.example.com", "try.example.com", "/"),
            ("domain", "stage.localhost", "/"),
        ] {
            try await AppHost.run { host in
                try await Self.create(host, at: place)
                #expect(try await host.get(path, host: name).bodyText.hasPrefix("clc-app_stg_"))
                #expect(try await host.get("/").bodyText.hasPrefix("clc-app_prd_"))
                try await host.afterRestart { next in
                    let answer = try await next.get(path, host: name)
                    #expect(answer.bodyText.hasPrefix("clc-app_stg_"))
                }
            }
        }
    }

    @Test("without a twin there is nothing to promote, and a reload changes the app at once")
    func none() async throws {
        try await AppHost.run { host in
            try await host.create("/", Self.files)
            let error = await #expect(throws: AppError.self) { try await host.service.promote("/") }
            #expect(error?.message.contains("staging") == true)
            let before = try await host.get("/").bodyText
            try host.source("src_", Self.version(2))
            _ = try await host.service.reload("/", AppReloadRequest(promote: true))
            #expect(try await host.get("/").bodyText != before)
        }
    }

    @Test("a taken staging address refuses the whole app")
    func takenAddress() async throws {
        try await AppHost.run { host in
            try await host.create("stage.localhost:/", Self.files)
            let error = await #expect(throws: AppError.self) { try await Self.create(host) }

            #expect(error?.code == .appExists)
            let apps = try await host.service.apps(all: true)
            #expect(apps.map(\.address) == ["stage.localhost:/"])
        }
    }
}
