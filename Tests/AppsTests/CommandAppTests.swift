import Core
import Engines
import State
import Testing

@testable import Apps

@Suite("command apps")
struct CommandAppTests {
    private static func withCommandImage(
        configuration: AppsConfiguration = AppsConfiguration(), secrets: [String: String] = [:],
        _ body: @Sendable (AppHost) async throws -> Void
    ) async throws {
        try await AppHost.run(configuration, secrets: secrets) { host in
            await host.engine.script(image: "alpine:3", CommandImage.script)
            try await body(host)
        }
    }

    private static func createCommand(_ host: AppHost, approve: Bool = true) async throws -> AppChange {
        try await host.service.create(
            AppCreateRequest(
                source: "-", address: "/", spec: "image-cmd", approve: approve, params: ["image": "alpine:3"]))
    }

    @Test("EX-02 the form has two inputs; a command's output is shown, and its container is gone")
    func text() async throws {
        try await Self.withCommandImage { host in
            let change = try await Self.createCommand(host)
            let form = try await host.get("/", accept: "text/html")
            let before = try await host.observed()
            let page = try await host.post("/", "command=echo+a+b", accept: "text/html")
            let json = try await host.post("/", "command=echo+a+b")

            #expect(change.audit.newPermissions.map(\.method) == ["config", "run"])
            #expect(form.status == 200 && before.isEmpty)
            #expect(
                form.bodyText.matches(of: /<(input|textarea|select)[^>]* name="([^"]*)"/).map { String($0.output.2) }
                    == [
                        "command", "json",
                    ])
            #expect(form.bodyText.contains("type=\"checkbox\" id=\"param-json\""))
            #expect(
                page.status == 200 && page.bodyText.contains("Command output")
                    && page.bodyText.contains("a b</textarea>"))
            #expect(
                json.bodyText
                    == "{\"status\":\"Command output\",\"values\":[\"a b\"],\"report\":\"TEXT\",\"param_errors\":{}}\n")
            #expect(try await host.observed().isEmpty)
            let removed = await host.engine.calls.compactMap { call -> String? in
                if case .remove(let id) = call { return id.rawValue }
                return nil
            }
            #expect(removed.allSatisfy { $0.hasPrefix("clr-\(change.id)-") } && removed.count == 2)
        }
    }

    @Test("EX-02 the customer's program as a source folder, to the letter")
    func folder() async throws {
        try await Self.withCommandImage { host in
            try await host.create(
                "/", ["app.star": SamplePrograms.command, "params.star": SamplePrograms.commandParams],
                params: ["image": "alpine:3"])
            #expect(try await host.post("/", "command=echo+x").bodyText.contains("[\"x\"]"))
        }
    }

    @Test("EX-02 creating without approval reports that it is needed")
    func needsApproval() async throws {
        try await Self.withCommandImage { host in
            let change = try await Self.createCommand(host, approve: false)
            #expect(change.audit.needsApproval)
        }
    }

    @Test("EX-03 JSON becomes a table or a tree")
    func json() async throws {
        try await Self.withCommandImage { host in
            _ = try await Self.createCommand(host)
            let table = try await host.post("/", "command=cat+/data.json&json=true")
            let tree = try await host.post("/", "command=cat+/nested.json&json=true")
            let page = try await host.post("/", "command=cat+/data.json&json=true", accept: "text/html")

            #expect(table.bodyText.contains("\"values\":[{\"name\":\"x\",\"n\":3}],\"report\":\"TABLE\""))
            #expect(tree.bodyText.contains("\"report\":\"JSON\""))
            #expect(page.bodyText.contains("<th scope=\"col\">name</th><th scope=\"col\">n</th>"))
            #expect(page.bodyText.contains("<tr><td>x</td><td>3</td></tr>"))
        }
    }

    @Test("EX-04 text where JSON is wanted; the audit log has it")
    func notJSON() async throws {
        try await Self.withCommandImage { host in
            let change = try await Self.createCommand(host)
            let answer = try await host.post("/", "command=echo+hello&json=true")
            let records = try await host.service.world.audit.records(limit: 10)

            #expect(answer.status == 500 && answer.bodyText.contains("CMD-JSON") && answer.bodyText.contains("json"))
            #expect(
                records.contains {
                    $0.action == "execute" && $0.outcome == .failed && $0.target.hasPrefix("app/\(change.id)/")
                })
        }
    }

    @Test("EX-05 exit codes and standard error")
    func exitCodes() async throws {
        try await Self.withCommandImage { host in
            _ = try await Self.createCommand(host)
            let ls = try await host.post("/", "command=ls+/nope", accept: "text/html")
            let no = try await host.post("/", "command=false")
            let missing = try await host.post("/", "command=notacommand")

            #expect(ls.status == 500 && no.status == 500 && missing.status == 500)
            for token in ["CMD-EXIT", "exit code 2", "ls: /nope: No such file"] {
                #expect(ls.bodyText.contains(token), "\(ls.bodyText)")
            }
            #expect(no.bodyText.contains("CMD-EXIT") && no.bodyText.contains("exit code 1"))
            #expect(missing.bodyText.contains("CMD-EXIT") && missing.bodyText.contains("127"))
            #expect(try await host.observed().isEmpty)
        }
    }

    @Test("EX-06 not approved: the form is there, running is refused until approval")
    func notApproved() async throws {
        try await Self.withCommandImage { host in
            _ = try await Self.createCommand(host, approve: false)
            let form = try await host.get("/")
            let refused = try await host.post("/", "command=echo+a")
            let change = try await host.service.approve("/")
            let allowed = try await host.post("/", "command=echo+a")

            #expect(form.status == 200)
            #expect(refused.status == 500)
            for token in ["PERM-CALL", "container.in", "run"] { #expect(refused.bodyText.contains(token)) }
            #expect(change.changed && !change.audit.needsApproval)
            #expect(allowed.status == 200)
        }
    }

    @Test("EX-08 patterns judge the bound value, by position and by keyword")
    func patterns() async throws {
        let program = """
            load("container.in", "container")
            def go(dry_run, args):
                r = container.run(CALL)
                if not r:
                    return ace.result("refused: " + r.error)
                return ace.result("ok", r.value)
            app = ace.app("pat", actions=[ace.action("Go", "/", go)],
                container=container.config("image:alpine:3", lifetime=container.COMMAND),
                permissions=[ace.permission("container.in", "run", GRANT)])
            """
        let params = "param(\"prog\", default=\"echo\")"
        try await Self.withCommandImage { host in
            let variants = [
                ("/a", "args.prog, [\"1\"]", "[\"regex:^(echo|seq)$\"]"),
                ("/b", "path=args.prog, args=[\"1\"]", "[\"regex:^(echo|seq)$\"]"),
                (
                    "/c", "\"echo\"",
                    "[\"echo\", \"x\", \"y\", \"z\", \"q\", \"r\", \"s\", \"t\", \"u\", \"v\", \"w\", \"x\"]"
                ),
            ]
            for (path, call, grant) in variants {
                let text = program.replacing("CALL", with: call).replacing("GRANT", with: grant)
                try await host.create(path, ["app.star": text, "params.star": params])
            }
            for path in ["/a", "/b"] {
                for good in ["echo", "seq"] {
                    #expect(try await host.post(path, "prog=\(good)").bodyText.contains("[\"1\"]"))
                }
                let refused = try await host.post(path, "prog=sleep")
                #expect(refused.status == 500 && refused.bodyText.contains("PERM-ARG"))
            }
            #expect(try await host.post("/c", "").status == 500)
        }
    }

    @Test("EX-28 actions in full")
    func actions() async throws {
        let program = """
            def run(dry_run, args):
                if args.count < 1:
                    return ace.result("check input", param_errors={"count": "at least 1"})
                if dry_run:
                    return ace.result("valid")
                return ace.result("made %d" % args.count, [{"id": i, "env": args.env} for i in range(args.count)])
            def suggest(args):
                return {"region": ["eu", "us"]} if not args.region else "nothing more"
            app = ace.app("Act", actions=[
                ace.action("Make", "/", run, suggest=suggest, show_validate=True, hidden=["note"]),
                ace.action("Echo", "/echo", lambda dry_run, args: ace.result("note", [args.note]))])
            """
        let params = """
            param("count", type=INT, default=2)
            param("env", default="dev")
            param("options-env", type=LIST, default=["dev", "prod"])
            param("region", required=False)
            param("note", default="n")
            param("tok", required=False, display_type=PASSWORD)
            """
        try await AppHost.run { host in
            try await host.create("/act", ["app.star": program, "params.star": params])
            let form = try await host.get("/act?count=7", accept: "text/html").bodyText
            let option = try await host.post("/act", "env=qa")
            let input = try await host.post("/act", "count=0", accept: "text/html")
            let valid = try await host.post("/act/validate", "count=3", accept: "text/html")
            let made = try await host.post("/act", "count=3&env=prod&tok=geheim&note=zzz", accept: "text/html")
            let suggested = try await host.post("/act/suggest", "count=3", accept: "text/html")
            let message = try await host.post("/act/suggest", "region=eu")
            let echo = try await host.post("/act/echo", "")
            let none = try await host.post("/act/echo/suggest", "")

            #expect(!form.contains("options-env") && !form.contains("name=\"note\"") && form.contains("value=\"7\""))
            #expect(form.contains("href=\"/act/echo\"") && form.contains("aria-current=\"page\""))
            #expect(option.status == 400 && option.bodyText.contains("ACT-OPTION") && option.bodyText.contains("env"))
            #expect(input.bodyText.contains("at least 1") && !input.bodyText.contains("<table"))
            #expect(valid.bodyText.contains("valid") && !valid.bodyText.contains("<table"))
            #expect(made.bodyText.contains("made 3") && made.bodyText.matches(of: /<tr><td>/).count == 3)
            #expect(made.header("content-location") == "/act?count=3&env=prod&region=")
            #expect(suggested.bodyText.contains("<option value=\"eu\" selected>"))
            #expect(message.bodyText.contains("nothing more"))
            #expect(echo.bodyText.contains("[\"n\"]") && echo.bodyText.contains("TEXT"))
            #expect(none.status == 501 && none.bodyText.contains("ACT-SUGGEST"))
        }
    }

    @Test("EX-29 failures must be looked at; handlers answer with their own codes")
    func responses() async throws {
        let program = """
            load("container.in", "container")
            def h1(req): return container.run("false").value
            def h2(req):
                container.run("false")
                return "done"
            def h3(req):
                r = container.run("false")
                return "handled %d" % r.error_code if not r else "odd"
            def h4(req):
                return {"path": req.PagePath, "q": req.Query["a"][0], "m": req.Method}
            app = ace.app("chk", routes=[ace.api("/1", handler=h1, type=ace.TEXT), ace.api("/2", handler=h2, type=ace.TEXT), ace.api("/3", handler=h3, type=ace.TEXT), ace.api("/4", handler=h4)],
                container=container.config("image:alpine:3", lifetime=container.COMMAND),
                permissions=[ace.permission("container.in", "run")])
            """
        let handled =
            program + """

                def error_handler(req, resp):
                    return ace.response({"e": resp["error"]}, type="json", code=418)
                """
        try await Self.withCommandImage { host in
            try await host.create("/a", ["app.star": program])
            try await host.create("/b", ["app.star": handled])
            let answers = [try await host.get("/a/1"), try await host.get("/a/2"), try await host.get("/a/3")]
            let json = try await host.get("/a/4?a=1")
            let teapot = try await host.get("/b/1")

            #expect(answers.map(\.status) == [500, 500, 200])
            #expect(answers[0].bodyText.contains("CMD-EXIT") && answers[1].bodyText.contains("CMD-EXIT"))
            #expect(answers[2].bodyText == "handled 1")
            #expect(json.bodyText == "{\"path\":\"/a/4\",\"q\":\"1\",\"m\":\"GET\"}\n")
            #expect(teapot.status == 418 && teapot.bodyText.hasPrefix("{\"e\":\"CMD-EXIT"))
            #expect(try await host.get("/a/nothing").status == 404)
            #expect(try await host.post("/a/1", "").status == 405)
        }
    }

    @Test("EX-30 environment, formats, partial output, timeouts")
    func extras() async throws {
        let program = """
            load("container.in", "container")
            def h(req):
                what = req.Query["w"][0]
                if what == "env":
                    return container.run("env", env=["A=1"], cwd="/tmp").value
                if what == "lines":
                    return container.run("lines", parse="jsonlines").value
                if what == "xml":
                    return container.run("echo", parse="xml").error
                if what == "both":
                    return container.run("echo", parse="jsonlines", parse_json=True).error
                if what == "partial":
                    return container.run("partial", process_partial=True).value
                if what == "nothing":
                    return container.run("false", process_partial=True).error
                if what == "time":
                    r = container.run("sleep", ["5"], timeout=1)
                    return [r.error, r.error_code]
                return container.run("echo", 3).error
            app = ace.app("x", routes=[ace.api("/", handler=h)],
                container=container.config("image:alpine:3", lifetime=container.COMMAND),
                permissions=[ace.permission("container.in", "run")])
            """
        try await Self.withCommandImage { host in
            try await host.create("/x", ["app.star": program])
            func ask(_ what: String) async throws -> String { try await host.get("/x?w=\(what)").bodyText }

            #expect(try await ask("env").contains("\"A=1\""))
            #expect(try await ask("lines") == "[{\"a\":1},{\"b\":2}]\n")
            #expect(try await ask("xml").contains("CMD-FORMAT"))
            #expect(try await ask("both").contains("PLUG-ARG"))
            #expect(try await ask("partial") == "[\"x\"]\n")
            #expect(try await ask("nothing").contains("CMD-EXIT"))
            let timeout = try await ask("time")
            #expect(timeout.contains("CMD-EXIT") && timeout.contains("timeout"))
            #expect(try await ask("type").contains("PLUG-TYPE"))
            #expect(try await host.observed().isEmpty)
        }
    }

    @Test("a command whose request is cancelled is killed and its container removed")
    func cancelled() async throws {
        let program = """
            load("container.in", "container")
            def h(req):
                return container.run("sleep", ["1000"]).value
            app = ace.app("x", routes=[ace.api("/", handler=h)],
                container=container.config("image:alpine:3", lifetime=container.COMMAND),
                permissions=[ace.permission("container.in", "run")])
            """
        try await Self.withCommandImage { host in
            try await host.create("/x", ["app.star": program])
            let events = host.engine.events()
            let request = Task { try await host.get("/x") }
            for await event in events {
                if case .started = event { break }
            }
            request.cancel()
            let answer = try await request.value

            #expect(answer.status == 500)
            #expect(try await host.observed().isEmpty)
        }
    }

    @Test("an endless program is ended by its limits")
    func endless() async throws {
        let program = """
            def h(req):
                while True:
                    pass
            app = ace.app("x", routes=[ace.api("/", handler=h)])
            """
        try await AppHost.run { host in
            try await host.create("/x", ["app.star": program])
            let request = Task { try await host.get("/x") }
            request.cancel()
            let answer = try await request.value
            let error = await #expect(throws: AppError.self) {
                try await host.create("/y", ["app.star": "def f():\n    while True:\n        pass\napp = f()\n"])
            }

            #expect(answer.status == 500)
            #expect(error?.code == .appEvaluation)
        }
    }

    @Test("EX-31 wrong app files")
    func wrongFiles() async throws {
        let cases: [([String: String], [String: String], AppError.Code, String)] = [
            (["app.star": "x = 1"], [:], .appStar, "app"), (["x.star": ""], [:], .appStar, "app.star"),
            (["app.star": "app = ace.app()"], [:], .appEvaluation, "name"),
            (["app.star": "app = 1 +"], [:], .appEvaluation, "line 1"),
            (
                ["app.star": "app = ace.app(\"x\")", "params.star": "param(\"a\", default=\"\")\nparam(\"a\")"], [:],
                .paramDuplicate, "a"
            ),
            (["app.star": "app = ace.app(\"x\")", "params.star": "param(\"a\")"], [:], .paramRequired, "a"),
            (
                ["app.star": "app = ace.app(\"x\")", "params.star": "param(\"port\", type=INT)"], ["port": "abc"],
                .paramType, "port"
            ),
        ]
        try await AppHost.run { host in
            for (index, (files, params, code, token)) in cases.enumerated() {
                let error = await #expect(throws: AppError.self) {
                    try await host.create("/w\(index)", files, params: params)
                }
                #expect(error?.code == code, "\(index): \(error?.message ?? "")")
                #expect(error?.message.contains(token) == true, "\(index): \(error?.message ?? "")")
            }
            let apps = try await host.service.apps()
            #expect(apps.isEmpty)
        }
    }

    @Test("files load each other's names; cycles are refused")
    func loads() async throws {
        let program = """
            load("lib.star", "greeting", "lib")
            app = ace.app(greeting + lib.greeting)
            """
        try await AppHost.run { host in
            let change = try await host.create("/a", ["app.star": program, "lib.star": "greeting = \"hi\"\n_x = 1\n"])
            let error = await #expect(throws: AppError.self) {
                try await host.create(
                    "/b", ["app.star": program, "lib.star": "load(\"lib.star\", \"x\")\ngreeting = x\n"])
            }

            #expect(try await host.service.app(change.id).summary.name == "hihi")
            #expect(error?.code == .appEvaluation)
        }
    }
}
