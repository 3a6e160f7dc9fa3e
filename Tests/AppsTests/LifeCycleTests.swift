import Containers
import Core
import Engines
import Testing

@testable import Apps

@Suite("the life of apps")
struct LifeCycleTests {
    private static let files = ["app.star": SamplePrograms.proxy, "Containerfile": SamplePrograms.web]

    @Test("EX-18 a new version starts beside the old one, takes over when healthy, and the old one goes")
    func deploy() async throws {
        try await AppHost.run { host in
            let created = try await host.create("/", Self.files)
            let first = try await host.get("/").bodyText
            try host.source("src_", ["Containerfile": SamplePrograms.web + "# two\n"])
            let change = try await host.service.reload("/")
            let second = try await host.get("/").bodyText
            try await #require(host.service.runtimes[created.id]).finishRetirements()

            #expect(change.changed && change.verified && change.version == 2)
            #expect(first != second)
            #expect(host.routes.drains == [first])
            #expect(try await host.observed().count == 1)
            #expect(try await host.imageNames().count == 2)
            #expect(try await host.service.app("/").versions.map(\.isLive) == [true, false])
        }
    }

    @Test("EX-19 a version that does not become healthy changes nothing")
    func badVersion() async throws {
        var configuration = AppsConfiguration()
        configuration.deployHealthAttempts = 1
        try await AppHost.run(configuration) { host in
            try await host.create("/", Self.files)
            let before = try await host.get("/").bodyText
            try host.source("src_", ["Containerfile": SamplePrograms.web + "ENV EXIT=3\n"])
            host.prober.set(.failed("status 500"))
            let error = await #expect(throws: AppError.self) { try await host.service.reload("/") }

            #expect(error?.code == .runExited || error?.code == .healthFailed)
            #expect(try await host.get("/").bodyText == before)
            #expect(try await host.service.app("/").summary.version == 1)
            #expect(try await host.observed().count == 1)
        }
    }

    @Test("an unchanged app is deployed without build, start or new version")
    func unchanged() async throws {
        try await AppHost.run { host in
            try await host.create("/", Self.files)
            _ = try await host.get("/")
            let calls = await host.engine.calls.count
            let change = try await host.service.reload("/")

            #expect(!change.changed && change.version == 1)
            #expect(await host.engine.calls.count == calls)
        }
    }

    @Test("a change of a param makes a new container of the same image")
    func paramChange() async throws {
        try await AppHost.run { host in
            try await host.create("/", Self.files, params: ["A": "1"])
            let first = try await host.get("/").bodyText
            _ = try await host.service.reload("/", AppReloadRequest(params: ["A": "\"2\""]))
            let second = try await host.get("/").bodyText

            #expect(first != second)
            #expect(try await host.imageNames().count == 1)
            #expect(try await host.service.app("/").params == ["A": "2"])
        }
    }

    @Test("a reload that asks for more is refused until it is approved")
    func approval() async throws {
        try await AppHost.run { host in
            try await host.create("/", Self.files)
            let more = SamplePrograms.proxy(
                config: "container.AUTO", permissions: "ace.permission(\"container.in\", \"run\")")
            try host.source("src_", ["app.star": more])
            let error = await #expect(throws: AppError.self) { try await host.service.reload("/") }
            let report = try await host.service.reload("/", AppReloadRequest(approve: true, dryRun: true))
            let version = try await host.service.app("/").summary.version
            let change = try await host.service.reload("/", AppReloadRequest(approve: true))

            #expect(error?.code == .appApproval)
            #expect(!report.changed && version == 1)
            #expect(change.version == 2 && !change.audit.needsApproval)
        }
    }

    @Test("the programs of replaced, refused and deleted versions are freed")
    func freesPrograms() async throws {
        try await AppHost.run { host in
            let program = "def f():\n    return g\ng = f\n" + SamplePrograms.proxy
            let change = try await host.create(
                "/", ["app.star": program, "Containerfile": SamplePrograms.web], params: ["X": "0"])
            _ = try await host.get("/")
            let freed = WeakPrograms()
            for version in 1...3 {
                try await freed.add(host.service.runtime(change.id))
                _ = try await host.service.reload("/", AppReloadRequest(params: ["X": "\(version)"]))
            }
            let alive = freed.alive
            try await freed.add(host.service.runtime(change.id))
            let current = freed.alive
            try await host.service.delete("/")

            #expect(alive == 0 && current == 1 && freed.alive == 0)
        }
    }

    @Test("EX-23 a stopped container is woken by the next request")
    func wake() async throws {
        try await AppHost.run { host in
            let created = try await host.create("/", Self.files)
            let first = try await host.get("/").bodyText
            try await #require(host.service.runtimes[created.id]).stop(idle: true)
            let state = try await host.service.app("/").summary.state
            let stopped = try await host.observed().map(\.state.isAlive)
            let second = try await host.get("/").bodyText

            #expect(state == .idle && stopped == [false])
            #expect(second == first)
            #expect(try await host.observed().map(\.state.isAlive) == [true])
        }
    }

    @Test("EX-24 a container that was killed is started again by the next request")
    func crash() async throws {
        try await AppHost.run { host in
            try await host.create("/", Self.files)
            _ = try await host.get("/")
            let id = try #require(try await host.observed().first).id
            await host.engine.exit(id, code: 137)
            let answer = try await host.getAfterFailure("/")

            #expect(answer.status == 200, "\(answer.bodyText)")
            #expect(try await host.observed().map(\.state.isAlive) == [true])
        }
    }

    @Test("EX-24 a container that ends again and again right after its start is given up for a while")
    func crashLoop() async throws {
        try await AppHost.run { host in
            let created = try await host.create("/", Self.files)
            for _ in 0..<10 {
                #expect(try await host.getAfterFailure("/").status == 200)
                let id = try #require(try await host.observed().first).id
                let runtime = try #require(await host.service.runtimes[created.id])
                await host.engine.exit(id, code: 137)
                await runtime.containerChanged(try await host.ended(id))
            }
            let answer = try await host.get("/")

            #expect(answer.status == 503 && answer.header("retry-after") != nil)
            #expect(answer.bodyText.contains("RUN-BACKOFF"))
            #expect(try await host.service.app("/").summary.state == .failed)
        }
    }

    @Test("EX-23 an app without requests is stopped, one with requests, traffic or open ones is not")
    func idle() async throws {
        let time = ManualTimeSource()
        var configuration = AppsConfiguration()
        configuration.idleShutdownSeconds = 0  // the test asks by itself
        try await AppHost.run(configuration, time: time) { host in
            let created = try await host.create("/", Self.files)
            let first = try await host.get("/").bodyText
            let runtime = try #require(await host.service.runtimes[created.id])
            func pass(_ activity: PublishedActivity) async -> AppState {
                host.routes.set(activity)
                time.advance(by: .seconds(60))
                await runtime.stopIfIdle(after: .seconds(100), silentBelow: 1500)
                return await runtime.state
            }

            #expect(await pass(PublishedActivity(requests: 1)) == .running)
            #expect(await pass(PublishedActivity(requests: 1)) == .running)
            #expect(await pass(PublishedActivity(requests: 2)) == .running)
            #expect(await pass(PublishedActivity(tunnels: 1, requests: 2, bytes: 2000)) == .running)
            #expect(await pass(PublishedActivity(inFlight: 1, tunnels: 1, requests: 2, bytes: 2000)) == .running)
            #expect(await pass(PublishedActivity(tunnels: 1, requests: 2, bytes: 2100)) == .running)
            #expect(await pass(PublishedActivity(tunnels: 1, requests: 2, bytes: 2200)) == .idle)
            #expect(try await host.observed().map(\.state.isAlive) == [false])
            #expect(try await host.get("/").bodyText == first)
        }
    }

    @Test("a reload of an idle app starts the new version and refuses a bad one")
    func reloadIdle() async throws {
        var configuration = AppsConfiguration()
        configuration.deployHealthAttempts = 1
        try await AppHost.run(configuration) { host in
            let created = try await host.create("/", Self.files)
            _ = try await host.get("/")
            try await #require(host.service.runtimes[created.id]).stop(idle: true)
            try host.source("src_", ["Containerfile": SamplePrograms.web + "ENV EXIT=3\n"])
            host.prober.set(.failed("status 500"))
            await #expect(throws: AppError.self) { try await host.service.reload("/") }
            host.prober.set(.healthy)

            #expect(try await host.service.app("/").summary.version == 1)
            #expect(try await host.get("/").status == 200)
        }
    }

    @Test("a second failure waits twice as long, up to five minutes")
    func pauses() {
        #expect((1...8).map(StartFailure.pause) == [5, 10, 20, 40, 80, 160, 300, 300].map { .seconds($0) })
    }

    @Test("after a restart of the daemon a running container is served at once, without evaluating its health again")
    func adoption() async throws {
        try await AppHost.run { host in
            let created = try await host.create("/", Self.files)
            let first = try await host.get("/").bodyText
            try await host.afterRestart { next in
                let route = try #require(next.routes.match(host: "localhost", path: "/x"))
                guard case .proxy(let backend) = route.target else {
                    Issue.record("not served at once")
                    return
                }

                #expect(backend.id == first)
                #expect(try await next.service.app(created.id).summary.state == .running)
            }
        }
    }

    @Test("the public address does not decide which container is the app's")
    func publicAddress() async throws {
        try await AppHost.run { host in
            try await host.create("/", Self.files)
            let first = try await host.get("/").bodyText
            var moved = AppsConfiguration()
            moved.publicURL = "http://localhost:1"
            try await host.afterRestart(moved) { next in
                let second = try await next.get("/").bodyText
                let containers = try await next.observed()

                #expect(second == first)
                #expect(containers.count == 1)
            }
        }
    }

    @Test("leftovers of a crash are collected at the start")
    func leftovers() async throws {
        try await AppHost.run { host in
            let created = try await host.create("/", Self.files)
            try host.source("lib/apps/app_prd_unknown/1", ["x": "y"])
            try host.source("lib/apps/\(created.id)/.new-9", ["x": "y"])
            await host.engine.script(image: "alpine:3", CommandImage.script)
            var spec = ContainerSpec(image: "alpine:3")
            spec.command = ["sleep"]
            spec.labels = ["martlet.role": "run", "martlet.instance": host.layout.instanceName]
            let id = try #require(ContainerID(rawValue: "clr-left"))
            try await host.engine.createContainer(id, spec)
            try await host.engine.startContainer(id)
            try await host.afterRestart { next in
                #expect(try await next.engine.container(id) == nil)
                let names = try await next.service.world.sources.collect(known: [created.id: [1]])
                #expect(names.isEmpty)
                #expect(try await next.get("/").status == 200)
            }
        }
    }

    @Test("EX-25 an image app is pinned; a moved tag takes effect on reload; a missing registry does no harm")
    func imageApp() async throws {
        let program = """
            load("proxy.in", "proxy")
            load("container.in", "container")
            app = ace.app("i", routes=[ace.proxy("/", proxy.config(container.URL))],
                container=container.config("image:reg.test/x:1"))
            """
        try await AppHost.run { host in
            var script = ImageScript()
            script.configuration.exposedPorts = ["80/tcp"]
            await host.engine.publish(image: "reg.test/x:1", script)
            try await host.create("/", ["app.star": program])
            try await host.create(
                "x.test:/", ["app.star": program.replacing("x:1", with: "gone:1")])
            let first = try await host.get("/")
            let missing = try await host.get("/", host: "x.test")
            let container = try await host.observed().map(\.id)
            let moved = try await host.service.reload("/")
            let second = try await host.get("/")

            #expect(first.status == 200 && first.bodyText.hasSuffix(":80"))
            #expect(missing.status == 500 && missing.bodyText.contains("IMG-PULL"))
            #expect(missing.bodyText.contains("reg.test/gone:1"))
            #expect(moved.changed && moved.verified && second.status == 200)
            #expect(try await !host.observed().filter(\.state.isAlive).map(\.id).isEmpty)
            #expect(second.bodyText != first.bodyText && !second.bodyText.contains(container[0].rawValue))
            #expect(try await host.service.app("/").imageDigest != nil)
        }
    }

    @Test("deleting an app leaves nothing of it")
    func delete() async throws {
        try await AppHost.run { host in
            let created = try await host.create("/", Self.files)
            _ = try await host.get("/")
            try await host.service.delete("/")

            #expect(try await host.service.apps().isEmpty)
            #expect(try await host.observed().isEmpty)
            #expect(try await host.imageNames().isEmpty)
            #expect(host.routes.routes.map(\.id) == ["apps"])
            #expect(try await host.service.world.sources.collect(known: [:]).isEmpty)
            await #expect(throws: AppError.self) { try await host.service.app(created.id) }
            try await host.create("/", Self.files)
        }
    }

    @Test("a failed build is told with its output")
    func buildFails() async throws {
        try await AppHost.run { host in
            await host.engine.onBuild { _, progress in
                progress(.log("COPY missing /: no such file"))
                throw EngineError(.buildFailed, "buildah ended with status 125")
            }
            try await host.create("/", Self.files)
            let answer = try await host.get("/")

            #expect(answer.status == 500)
            #expect(answer.bodyText.contains("BUILD-FAIL") && answer.bodyText.contains("COPY missing"))
            #expect(try await host.observed().isEmpty)
        }
    }

    @Test("a dry run changes nothing")
    func dryRun() async throws {
        try await AppHost.run { host in
            let source = try host.source("s", Self.files)
            let report = try await host.service.create(AppCreateRequest(source: source, address: "/", dryRun: true))

            #expect(!report.changed && report.audit.newLoads.count == 2)
            #expect(try await host.service.apps().isEmpty)
            #expect(try await host.service.world.sources.collect(known: [:]).isEmpty)
        }
    }

    @Test("links that lead out of a source are not copied")
    func links() async throws {
        try await AppHost.run { host in
            let source = try host.source("s", Self.files)
            try host.link("s/out", to: "/etc/passwd")
            try host.link("s/in", to: "Containerfile")
            let change = try await host.service.create(AppCreateRequest(source: source, address: "/"))
            let directory = "\(host.layout.appDirectory)/\(change.id)/1"

            #expect(change.notices.count == 1 && change.notices[0].contains("out"))
            #expect(host.exists("\(directory)/in") && !host.exists("\(directory)/out"))
        }
    }
}

/// Counts which of the programs it was shown still exist.
private final class WeakPrograms {
    private struct Entry {
        weak var memory: ProgramMemory?
    }

    private var entries: [Entry] = []

    func add(_ runtime: AppRuntime) async throws {
        entries.append(Entry(memory: try await runtime.live.outcome.get().memory))
    }

    var alive: Int { entries.count { $0.memory != nil } }
}
