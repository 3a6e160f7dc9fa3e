import Core
import Engines
import FoundationEssentials
import LinuxKernel
import Synchronization
import Testing

@testable import Apps

@Suite("development apps", .timeLimit(.minutes(1)))
struct DevelopmentAppTests {
    private static let file = "FROM python\nWORKDIR /app\nCOPY . .\nEXPOSE 8080\nCMD [\"python\", \"app.py\"]\n"
    private static let files = ["app.star": SamplePrograms.proxy, "Containerfile": file, "app.py": "one"]

    private static func create(
        _ host: AppHost, _ files: [String: String] = files, params: [String: String] = [:], spec: String? = nil
    ) async throws -> AppChange {
        try await host.service.create(
            AppCreateRequest(
                source: try host.source("src", files), address: "/", spec: spec, development: true, approve: true,
                params: params))
    }

    /// Everything below a source, with contents.
    private static func contents(_ host: AppHost, _ name: String = "src") throws -> [String: String] {
        let root = "\(host.root)/\(name)"
        var found: [String: String] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: root) {
            found[path] = (try? String(contentsOfFile: "\(root)/\(path)", encoding: .utf8)) ?? ""  // a directory
        }
        return found
    }

    private static func builds(_ host: AppHost) async -> Int {
        await host.engine.calls.filter { if case .build = $0 { true } else { false } }.count
    }

    private static func starts(_ host: AppHost) async -> Int {
        await host.engine.calls.filter { if case .start = $0 { true } else { false } }.count
    }

    /// Waits until something holds that a change of a file leads to.
    private static func until(_ condition: () async throws -> Bool) async throws {
        while try await !condition() { try await Task.sleep(for: .milliseconds(10)) }
    }

    @Test("EX-33 one build, restarts in place for the source, a new image for the Containerfile, nothing written")
    func fastReload() async throws {
        try await AppHost.run { host in
            let created = try await Self.create(host)
            #expect(created.id.hasPrefix("app_dev_"))
            #expect(try await host.get("/").status == 200)
            let first = try #require(try await host.observed().first)
            let image = try #require(try await host.imageNames().first)
            #expect(first.id.rawValue == "clc-\(created.id)-")
            #expect(image.hasPrefix("localhost/cli-\(created.id):dev-"))
            #expect(first.spec.mounts.map(\.target) == ["/app"])
            #expect(first.spec.mounts[0].source.hasSuffix("/src"))
            #expect(await Self.builds(host) == 1)

            try host.source("src", ["app.py": "two"])
            _ = try await host.service.reload("/")
            #expect(try await host.get("/").status == 200)
            let second = try #require(try await host.observed().first)
            #expect(second.id == first.id && second.spec == first.spec)
            #expect(await Self.starts(host) == 2)
            #expect(await Self.builds(host) == 1)
            #expect(try await host.imageNames() == [image])

            try host.source("src", ["Containerfile": Self.file + "# changed\n"])
            _ = try await host.service.reload("/")
            let names = try await host.imageNames()
            #expect(names.count == 1 && names != [image])
            #expect(try await host.observed().map(\.id) == [first.id])
            #expect(await Self.builds(host) == 2)

            var expected = Self.files
            expected["app.py"] = "two"
            expected["Containerfile"] = Self.file + "# changed\n"
            #expect(try Self.contents(host) == expected)
        }
    }

    @Test("a change of a file is seen, and browsers are told")
    func watching() async throws {
        try await AppHost.run { host in
            let created = try await Self.create(host)
            _ = try await host.get("/")
            let events = try #require(try await host.get("/_martlet_app/sse").stream)
            try host.source("src", ["lib/deep/new.py": "x"])

            var text = ""
            for try await chunk in events {
                text += String(decoding: chunk, as: UTF8.self)
                if text.contains("event: reload") { break }
            }

            #expect(text.hasSuffix("event: reload\ndata: 1\n\n"))
            #expect(await Self.starts(host) == 2)
            // Also below the directories that were not there before.
            try host.source("src", ["lib/deep/new.py": "y"])
            try await Self.until { await Self.starts(host) == 3 }
            #expect(try await host.service.app(created.id).summary.state == .running)
        }
    }

    @Test("an error of the source is shown on every request until it is put right, and the container stays")
    func brokenSource() async throws {
        try await AppHost.run { host in
            _ = try await Self.create(host)
            _ = try await host.get("/")
            try host.source("src", ["app.star": "app = ("])
            try await Self.until { try await host.get("/x").status == 500 }
            let page = try await host.get("/", accept: "text/html")

            #expect(page.status == 500 && page.bodyText.contains("APP-EVAL"))
            #expect(page.bodyText.contains("/_martlet_app/reload.js"))
            #expect(try await host.get("/_martlet_app/reload.js").status == 200)
            #expect(try await host.observed().first?.state.isAlive == true)
            await #expect(throws: AppError.self) { try await host.service.reload("/") }

            try host.source("src", ["app.star": SamplePrograms.proxy])
            try await Self.until { try await host.get("/").status == 200 }
            #expect(await Self.builds(host) == 1)
        }
    }

    @Test("reload none leaves the container alone, recreate makes another one")
    func reloadModes() async throws {
        for (mode, starts, creations) in [("none", 1, 1), ("recreate", 2, 2)] {
            try await AppHost.run { host in
                var files = Self.files
                files["app.star"] = SamplePrograms.proxy(config: "dev_settings={\"reload\": \"\(mode)\"}")
                _ = try await Self.create(host, files)
                _ = try await host.get("/")
                try host.source("src", ["app.py": "two"])
                _ = try await host.service.reload("/")

                let calls = await host.engine.calls
                #expect(await Self.starts(host) == starts)
                #expect(calls.filter { if case .create = $0 { true } else { false } }.count == creations)
            }
        }
    }

    @Test("without a known working directory every change builds the image anew, under one name")
    func plainFlow() async throws {
        try await AppHost.run { host in
            var files = Self.files
            files["Containerfile"] = SamplePrograms.web
            let created = try await Self.create(host, files)
            #expect(created.notices.contains { $0.contains("working directory") })
            _ = try await host.get("/")
            _ = try await host.service.reload("/")
            #expect(await Self.builds(host) == 1)

            try host.source("src", ["app.py": "two"])
            _ = try await host.service.reload("/")

            #expect(await Self.builds(host) == 2)
            #expect(try await host.imageNames() == ["localhost/cli-\(created.id):latest"])
            let container = try #require(try await host.observed().first)
            #expect(container.spec.mounts.isEmpty && container.state.isAlive)
        }
    }

    @Test("an unknown key of dev_settings is CFG-DEV and names it")
    func wrongSettings() async throws {
        try await AppHost.run { host in
            var files = Self.files
            files["app.star"] = SamplePrograms.proxy(config: "dev_settings={\"relod\": \"none\"}")
            _ = try await Self.create(host, files)
            let answer = try await host.get("/")

            #expect(answer.status == 500)
            #expect(answer.bodyText.contains("CFG-DEV") && answer.bodyText.contains("relod"))
        }
    }

    @Test("EX-33 a stage for development placed last works in development and is CFG-DEV in production")
    func developmentStageLast() async throws {
        try await AppHost.run { host in
            var files = Self.files
            files["Containerfile"] = Self.file.replacing("FROM python", with: "FROM python AS dev")
            let created = try await Self.create(host, files)
            #expect(created.notices.contains { $0.contains("last one") })
            #expect(try await host.get("/").status == 200)
            try await host.service.delete("/")

            try await host.create("/", files)
            let answer = try await host.get("/")
            #expect(answer.status == 500 && answer.bodyText.contains("CFG-DEV"))
        }
    }

    @Test("mounts, port, command and variables of dev_settings reach the container")
    func settingsReachContainer() async throws {
        try await AppHost.run { host in
            var files = Self.files
            files["shared/x"] = "x"
            files["app.star"] = SamplePrograms.proxy(
                config: """
                    volumes=["/app", "data:/data"], dev_settings={"port": 3000, "command": ["python", "-u", "app.py"],
                        "additional_mounts": ["./shared:/data:ro"]}
                    """)
            _ = try await Self.create(host, files)
            _ = try await host.get("/")
            let container = try #require(try await host.observed().first)

            #expect(container.spec.environment["PORT"]?.exposed == "3000")
            #expect(container.spec.entrypoint == [] && container.spec.command == ["python", "-u", "app.py"])
            #expect(container.spec.workingDirectory == "/app")
            #expect(container.spec.restart == .no)
            #expect(container.spec.labels["martlet.dev"] == "true")
            let mounts = container.spec.mounts
            #expect(mounts.map(\.target) == ["/app", "/data"])
            #expect(mounts.map(\.source) == ["\(host.root)/src", "\(host.root)/src/shared"])
            #expect(mounts.map(\.readOnly) == [false, true])
        }
    }

    @Test("an inferred command that fails says that it was inferred and what can be done")
    func inferredFailure() async throws {
        try await AppHost.run { host in
            var files = Self.files
            files["Containerfile"] = """
                FROM python AS build
                ENV EXIT=3
                WORKDIR /app
                FROM python
                WORKDIR /app
                EXPOSE 80
                CMD ["python", "app.py"]
                """
            _ = try await Self.create(host, files)
            let answer = try await host.get("/")

            #expect(answer.status == 500 && answer.bodyText.contains("RUN-EXITED"))
            for word in ["python app.py", "inferred", "`dev`", "`command`", "`disable`"] {
                #expect(answer.bodyText.contains(word), "\(word)")
            }
            #expect(answer.bodyText.contains("leaving early"))
        }
    }

    @Test("files of a spec stay out of the source, and an own file wins over them at once")
    func spec() async throws {
        try await AppHost.run { host in
            let files = ["Containerfile": Self.file, "app.py": "one"]
            let created = try await Self.create(host, files, spec: "container")
            #expect(try await host.get("/").status == 200)
            #expect(try Self.contents(host) == files)

            try host.source("src", ["params.star": "param(\"app_name\", default=\"Mine\")\n" + Self.rest])
            _ = try await host.service.reload("/")
            #expect(try await host.service.app(created.id).summary.name == "Mine")
        }
    }

    private static let rest = """
        param("port", type=INT, default=0)
        param("preserve_host", type=BOOLEAN, default=False)
        param("secrets", type=LIST, default=[["regex:.*"]])
        param("dev_dir", required=False)
        param("dev_command", required=False)
        param("dev_target", required=False)
        param("dev_port", type=INT, default=0)
        param("dev_reload", default="restart")
        param("dev_env_files", type=LIST, default=[])
        param("dev_mounts", type=LIST, default=[])

        """

    @Test("a new daemon adopts the container, follows the source, and deletes everything but the source")
    func restart() async throws {
        try await AppHost.run { host in
            let created = try await Self.create(host)
            let first = try await host.get("/").bodyText
            try await host.afterRestart { next in
                #expect(try await next.get("/").bodyText == first)
                #expect(await Self.starts(next) == 1)
                #expect(try await next.service.app(created.id).summary.isDevelopment)
                #expect(try await next.service.app(created.id).versions.isEmpty)
                try next.source("src", ["app.py": "three"])
                try await Self.until { await Self.starts(next) == 2 }
                try await next.service.delete("/")

                #expect(try await next.observed().isEmpty)
                #expect(try await next.imageNames().isEmpty)
                #expect(next.exists("\(next.root)/src/app.py"))
            }
        }
    }

    @Test("what was edited while no daemon ran is taken by the next request")
    func editedMeanwhile() async throws {
        try await AppHost.run { host in
            _ = try await Self.create(host)
            _ = try await host.get("/")
            await host.service.shutdown()
            try host.source("src", ["app.py": "edited"])
            try await host.afterRestart { next in
                #expect(await Self.starts(next) == 1)
                let answer = try await next.get("/")
                #expect(answer.status == 200)
                #expect(await Self.starts(next) == 2)
                #expect(await Self.builds(next) == 1)
            }
        }
    }

    @Test("an app that needs no container any more has none")
    func serviceVanishes() async throws {
        try await AppHost.run { host in
            _ = try await Self.create(host)
            _ = try await host.get("/")
            try host.source(
                "src",
                [
                    "app.star": """
                    def handler(req):
                        return "plain"
                    app = ace.app("A", routes=[ace.api("/", type=ace.TEXT)])
                    """
                ])
            _ = try await host.service.reload("/")

            #expect(try await host.get("/").bodyText.contains("plain"))
            #expect(try await host.observed().isEmpty)
        }
    }

    @Test("an app that changes its own source whenever it starts is not reloaded for ever")
    func echo() async throws {
        try await AppHost.run { host in
            let file = "\(host.root)/src/state.json"
            let count = Counter()
            await host.engine.onBuild { _, _ in
                var script = ImageScript()
                script.process = { _ in
                    try? "\(count.next())".write(toFile: file, atomically: true, encoding: .utf8)  // compared below
                    return SimulatedProcess(lines: ["started"])
                }
                return script
            }
            let created = try await Self.create(host)
            _ = try await host.get("/")
            let watch = try #require(await host.service.watches[created.id])
            try await Self.until { await !watch.passedOver.isEmpty }

            #expect(await watch.passedOver == ["state.json"])
            #expect(await Self.starts(host) == SourceWatch.echoLimit + 1)
            // Other files still count.
            try host.source("src", ["app.py": "two"])
            try await Self.until { await Self.starts(host) == SourceWatch.echoLimit + 2 }
        }
    }

    @Test("what cannot be followed is told with the limit that was met")
    func limits() {
        let bound = SourceWatch.reason(TreeWatchFailure.tooManyDirectories(limit: 8192), "/src")
        let kernel = SourceWatch.reason(
            TreeWatchFailure.kernelLimit(setting: "fs.inotify.max_user_watches"), "/src")

        #expect(bound.contains("8192") && bound.contains("/src"))
        #expect(kernel.contains("fs.inotify.max_user_watches"))
    }

    @Test("permissions that a changed source asks for are refused until they are approved")
    func approval() async throws {
        try await AppHost.run { host in
            _ = try await Self.create(host)
            _ = try await host.get("/")
            let changed = """
                load("proxy.in", "proxy")
                app = ace.app("F", routes=[ace.proxy("/", proxy.config("http://127.0.0.1:9"))],
                    permissions=[ace.permission("proxy.in", "config", ["http://127.0.0.1:9"])])
                """
            try host.source("src", ["app.star": changed])
            try await Self.until { try await host.get("/").bodyText.contains("PERM-ARG") }
            await #expect(throws: AppError.self) { try await host.service.reload("/") }
            let change = try await host.service.approve("/")

            #expect(change.changed && !change.audit.needsApproval)
            #expect(try await host.get("/").bodyText == "http://127.0.0.1:9")
        }
    }

    @Test("a development app needs a source of its own")
    func noSource() async throws {
        try await AppHost.run { host in
            for source in ["-", "\(host.root)/missing"] {
                let error = await #expect(throws: AppError.self) {
                    try await host.service.create(
                        AppCreateRequest(source: source, address: "/", spec: "image-cmd", development: true))
                }
                #expect(error?.code == .appSource)
            }
            let apps = try await host.service.apps()
            #expect(apps.isEmpty)
        }
    }

    @Test("a failed start is shown, and the next change tries again at once")
    func failedStart() async throws {
        try await AppHost.run { host in
            var files = Self.files
            files["Containerfile"] = Self.file + "ENV EXIT=7\n"
            _ = try await Self.create(host, files)
            #expect(try await host.get("/").bodyText.contains("RUN-EXITED"))
            try host.source("src", ["Containerfile": Self.file])
            try await Self.until { try await host.get("/").status == 200 }

            #expect(await Self.builds(host) == 2)
        }
    }
}

/// Counts.
private final class Counter: Sendable {
    private let value = Mutex(0)

    func next() -> Int {
        value.withLock {
            $0 += 1
            return $0
        }
    }
}
