import Core
import Engines
import State
import Testing

@testable import Apps

@Suite("files of apps")
struct FileTests {
    @Test("a folder `static` and the files of `static_root` are served, with type, tag and nothing outside")
    func folders() async throws {
        let program = """
            app = ace.app("files", routes=[ace.api("/", handler=lambda req: "home", type=ace.TEXT)])
            """
        try await AppHost.run { host in
            try await host.create(
                "/f",
                [
                    "app.star": program, "static/site.css": "body{}", "static/a b/x.js": "1", "static/.hidden": "no",
                    "static_root/robots.txt": "none", "static_root/.well-known/x": "w", "secret.txt": "s",
                ])
            let style = try await host.get("/f/static/site.css")
            let tag = try #require(style.header("etag"))
            let known = try await host.get("/f/static/site.css", headers: [("If-None-Match", "W/\(tag), \"x\"")])
            let script = try await host.get("/f/static/a%20b/x.js")
            let robots = try await host.get("/f/robots.txt")
            let wellKnown = try await host.get("/f/.well-known/x")
            let posted = try await host.post("/f/robots.txt", "a=b")

            #expect(style.status == 200 && style.bodyText == "body{}")
            #expect(style.header("content-type") == "text/css; charset=utf-8")
            #expect(style.header("cache-control") == "no-cache")
            #expect(known.status == 304 && known.body.isEmpty && known.header("etag") == tag)
            #expect(script.bodyText == "1" && robots.bodyText == "none" && wellKnown.bodyText == "w")
            #expect(posted.status == 405 && posted.header("allow") == "GET, HEAD")
            #expect(try await host.get("/f/robots.txt", method: "HEAD").status == 200)
            for path in [
                "/static/none", "/static", "/static/", "/static/.hidden", "/static/..%2fapp.star",
                "/static/../secret.txt",
                "/secret.txt", "/app.star", "/robots.txt/x", "/static/site.css%00",
            ] {
                let answer = try await host.get("/f" + path)
                #expect(answer.status == 404 && answer.bodyText.contains("APP-NOTFOUND"), "\(path): \(answer.status)")
            }
            #expect(try await host.get("/f").bodyText == "home")
        }
    }

    @Test("a static app serves its source but not what it is made of; a single file serves one for every path")
    func staticOnly() async throws {
        try await AppHost.run { host in
            let files = ["index.html": "<p>root", "docs/index.html": "<p>docs", "x.bin": "x", "main.html": "<p>main"]
            try await host.create("/s", files.merging(["app.star": "app = ace.app(\"s\", static_only=True)"]) { $1 })
            try await host.create(
                "/one",
                files.merging([
                    "app.star": "app = ace.app(\"o\", static_only=True, single_file=True, index=\"main.html\")"
                ]) { $1 })
            let root = try await host.get("/s/")
            let bare = try await host.get("/s/docs?a=b")
            let docs = try await host.get("/s/docs/")

            #expect(root.bodyText == "<p>root" && root.header("content-type") == "text/html; charset=utf-8")
            #expect(bare.status == 307 && bare.header("location") == "/s/docs/?a=b")
            #expect(docs.bodyText == "<p>docs")
            #expect(try await host.get("/s/x.bin").header("content-type") == "application/octet-stream")
            #expect(try await host.get("/s/app.star").status == 404)
            for (spec, path, text) in [("static", "/t/docs/", "<p>docs"), ("static_single", "/u/x", "<p>root")] {
                let source = try host.source(spec, files)
                _ = try await host.service.create(
                    AppCreateRequest(source: source, address: String(path.prefix(2)), spec: spec))
                #expect(try await host.get(path).bodyText == text)
            }
            for path in ["", "/", "/any/where"] { #expect(try await host.get("/one" + path).bodyText == "<p>main") }
        }
    }

    @Test("redirect_bare_path marks the app's own route, and files of static_root go before a root proxy")
    func besideProxy() async throws {
        let program = SamplePrograms.proxy(config: "container.AUTO")
            .replacing("ace.app(\"P\"", with: "ace.app(\"P\", redirect_bare_path=True")
        try await AppHost.run { host in
            try await host.create(
                "/p",
                [
                    "app.star": program, "Containerfile": SamplePrograms.web, "static/a.css": "a",
                    "static_root/favicon.ico": "icon",
                ])
            let icon = try await host.get("/p/favicon.ico")
            let style = try await host.get("/p/static/a.css")
            let marked = host.routes.routes.filter(\.redirectsBarePath)

            #expect(icon.bodyText == "icon" && icon.header("content-type") == "image/x-icon")
            #expect(style.bodyText.hasPrefix("clc-"))
            #expect(marked.map(\.pathPrefix) == ["/p"])
        }
    }

    @Test("config reads the server's node configuration, with the type of the default")
    func nodeConfiguration() async throws {
        var configuration = AppsConfiguration()
        configuration.nodeConfiguration = ["region": "eu", "limit": "7", "strict": "true"]
        let program = """
            def h_no_args():
                return [ace.config("region", "us"), ace.config("limit", 1), ace.config("strict", False),
                    ace.config("none", "d"), ace.config("_dev", None), ace.config("_app_url", ""), param.zone]
            app = ace.app("c", routes=[ace.api("/", handler=h_no_args)])
            """
        try await AppHost.run(configuration) { host in
            try await host.create(
                "/c",
                ["app.star": program, "params.star": "param(\"zone\", default=config(\"region\", \"us\") + \"-1\")"])
            let answer = try await host.get("/c")

            #expect(
                answer.bodyText == "[\"eu\",7,true,\"d\",false,\"http://localhost:25222/c\",\"eu-1\"]\n",
                "\(answer.bodyText)")
        }
    }

    @Test("ace.audit writes an event of the app's own; the last call counts")
    func audit() async throws {
        let program = """
            def h(req):
                ace.audit("ignored", "x")
                ace.audit("order", "item 7", detail="two of them")
                return "ok"
            app = ace.app("a", routes=[ace.api("/", handler=h, type=ace.TEXT)])
            """
        try await AppHost.run { host in
            let app = try await host.create("/a", ["app.star": program])
            _ = try await host.get("/a")
            let records = try await host.service.world.audit.records(limit: 10)

            let own = try #require(records.first { $0.action == "order" })
            #expect(own.target == "app/\(app.id)/item 7" && own.message == "two of them")
            #expect(!records.contains { $0.action == "ignored" })
        }
    }
}

@Suite("streams of commands")
struct StreamTests {
    private static func program(_ body: String) -> [String: String] {
        [
            "app.star": """
            load("container.in", "container")
            def h(req):
                \(body)
            app = ace.app("s", routes=[ace.api("/", handler=h, type=ace.TEXT)],
                container=container.config("image:alpine:3", lifetime=container.COMMAND),
                permissions=[ace.permission("container.in", "run")])
            """
        ]
    }

    private static func read(_ response: AppResponse) async throws -> String {
        var text = ""
        for try await chunk in try #require(response.stream) { text += String(decoding: chunk, as: UTF8.self) }
        return text
    }

    @Test("EX-30 a stream is sent line by line, and its container is gone afterwards")
    func output() async throws {
        try await AppHost.run { host in
            await host.engine.publish(image: "alpine:3", CommandImage.script)
            try await host.create("/s", Self.program("return container.run(\"lines\", stream=True)"))
            let app = try await host.service.app("/s").summary.id
            let answer = try await host.get("/s")
            let text = try await Self.read(answer)
            await host.service.runtimes[app]?.close()

            #expect(answer.status == 200 && answer.header("content-type") == "text/plain; charset=utf-8")
            #expect(text == "{\"a\":1}\n{\"b\":2}\n")
        }
    }

    @Test("EX-30 a failing command ends its stream with an error; an abandoned one is killed")
    func ends() async throws {
        try await AppHost.run { host in
            await host.engine.publish(image: "alpine:3", CommandImage.script)
            try await host.create("/f", Self.program("return container.run(\"partial\", stream=True)"))
            try await host.create("/a", Self.program("return container.run(\"sleep\", [\"9\"], stream=True)"))
            let failing = try await host.get("/f")
            let error = await #expect(throws: AppError.self) { _ = try await Self.read(failing) }
            do {
                let abandoned = try await host.get("/a")
                #expect(abandoned.stream != nil)
                #expect(try await host.observed().count { $0.state.isAlive } == 1)
            }
            for app in try await host.service.apps() {
                for task in try await host.service.runtime(app.id).streams.values { await task.value }
            }

            #expect(error?.code == .commandExit && error?.exitCode == 3)
            #expect(try await host.observed().isEmpty)
        }
    }

    @Test(
        "EX-30 a stream can only be returned",
        arguments: [
            "return container.run(\"echo\", stream=True).value",
            "container.run(\"echo\", stream=True)\n    return \"\"",
            "return container.run(\"echo\", stream=True, parse=\"json\")",
        ])
    func misuse(body: String) async throws {
        try await AppHost.run { host in
            await host.engine.publish(image: "alpine:3", CommandImage.script)
            try await host.create("/s", Self.program(body))
            let answer = try await host.get("/s")

            #expect(answer.status == 500 && answer.bodyText.contains("stream"), "\(answer.bodyText)")
            #expect(try await host.observed().isEmpty)
        }
    }
}
