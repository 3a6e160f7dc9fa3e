import Containers
import Core
import Engines

@testable import Apps

/// The table of the error catalogue.
enum WrongApps {
    static let web = SamplePrograms.web

    static func proxy(_ config: String = "container.AUTO", permissions: String = "") -> [String: String] {
        ["app.star": SamplePrograms.proxy(config: config, permissions: permissions), "Containerfile": web]
    }

    /// A command app whose only route returns the error of one call.
    static func call(_ call: String, grant: String = "", answer: String = "return r.error") -> [String: String] {
        [
            "app.star": """
            load("container.in", "container")
            def h(req):
                r = container.\(call)
                \(answer)
            app = ace.app("call", routes=[ace.api("/", handler=h, type=ace.TEXT)],
                container=container.config("image:alpine:3", lifetime=container.COMMAND),
                permissions=[ace.permission("container.in", "run"\(grant))])
            """
        ]
    }

    static let action: [String: String] = [
        "app.star": """
        def run(dry_run, args):
            return ace.result("ran")
        app = ace.app("act", actions=[ace.action("Act", "/", run)])
        """,
        "params.star": """
        param("env", default="dev")
        param("options-env", type=LIST, default=["dev", "prod"])
        param("n", type=INT, default=1)
        """,
    ]

    // MARK: Files

    static let files: [WrongApp] = [
        WrongApp(code: .appStar, tokens: ["app.star", "app"], moment: .create, files: ["x.star": ""]),
        WrongApp(code: .appStar, tokens: ["app.star", "app"], moment: .create, files: ["app.star": "x = 1"]),
        WrongApp(code: .appStar, tokens: ["app.star", "app"], moment: .create, files: ["app.star": "app = 3"]),
        WrongApp(
            code: .appEvaluation, tokens: ["app.star", "line 1", "column 7", "nothing"], moment: .create,
            files: ["app.star": "app = nothing"]),
        WrongApp(
            code: .appEvaluation, tokens: ["app.star", "line 2", "column", "zero"], moment: .create,
            files: ["app.star": "app = ace.app(\"a\")\nx = 1 // 0"]),
        WrongApp(
            code: .appEvaluation, tokens: ["lib.star", "line 1", "column", "zero"], moment: .create,
            files: ["app.star": "load(\"lib.star\", \"x\")\napp = ace.app(\"a\")", "lib.star": "x = 1 % 0"]),
    ]

    // MARK: Permissions

    static let permissions: [WrongApp] = [
        WrongApp(
            code: .permissionLoad, tokens: ["proxy.in"], files: proxy(), approve: false, configure: { $0.allow = [] }),
        WrongApp(
            code: .permissionCall, tokens: ["container.in", "run"], files: call("run(\"echo\")"), approve: false),
        WrongApp(
            code: .permissionArgument,
            tokens: ["proxy.in", "config", "0", "http://127.0.0.1:9000", "<CONTAINER_URL>"],
            files: [
                "app.star": """
                load("proxy.in", "proxy")
                app = ace.app("fwd", routes=[ace.proxy("/", proxy.config("http://127.0.0.1:9000"))], permissions=[])
                """
            ]),
        // EX-08: parameter 1 is left to its default, which the grant does not allow.
        WrongApp(
            code: .permissionArgumentCount, tokens: ["container.in", "run", "given 1", "required 2"],
            files: call("run(\"echo\")", grant: ", [\"echo\", \"x\"]")),
        WrongApp(
            code: .permissionDenied, tokens: ["container.in", "config"], files: proxy(),
            configure: { $0.deny = [Grant(plugin: "container.in", method: "config")] }),
        WrongApp(
            code: .permissionDenied, tokens: ["container.in", "run"], files: call("run(\"rm\")"),
            configure: { $0.deny = [Grant(plugin: "container.in", method: "", arguments: ["rm"])] }),
    ]

    // MARK: Plugin arguments

    static let arguments: [WrongApp] = [
        WrongApp(
            code: .pluginKeyword, tokens: ["config", "prot"], files: proxy("container.AUTO, prot=80")),
        WrongApp(code: .pluginKeyword, tokens: ["run", "pth"], status: 200, files: call("run(\"echo\", pth=1)")),
        WrongApp(
            code: .pluginDuplicate, tokens: ["run", "path"], status: 200, files: call("run(\"echo\", path=\"x\")")),
        WrongApp(code: .pluginMissing, tokens: ["run", "path"], status: 200, files: call("run()")),
        WrongApp(
            code: .pluginType, tokens: ["run", "path", "a string", "int"], status: 200, files: call("run(1)")),
        WrongApp(
            code: .pluginType, tokens: ["config", "port", "an int", "string"],
            files: proxy("container.AUTO, port=\"80\"")),
        WrongApp(
            code: .pluginPrevious, tokens: ["PLUG-KW", "hots"],
            files: [
                "app.star": """
                load("proxy.in", "proxy")
                load("container.in", "container")
                app = ace.app("p", routes=[ace.proxy("/", proxy.config(container.URL, hots=1))],
                    container=container.config(container.AUTO))
                """, "Containerfile": web,
            ]),
        WrongApp(
            code: .pluginPrevious, tokens: ["CMD-EXIT"], leaves: .image,
            files: call("run(\"false\")", answer: "return container.run(\"echo\").value")),
    ]

    // MARK: Secrets

    private static func granted(_ secrets: String) -> [String: String] {
        proxy(permissions: "ace.permission(\"container.in\", \"config\", [\"auto\"], secrets=\(secrets))")
    }

    static let secrets: [WrongApp] = [
        WrongApp(code: .secretNone, tokens: ["TOK"], files: proxy(), params: ["T": "{{secret \"TOK\"}}"]),
        WrongApp(
            code: .secretDenied, tokens: ["TOK"], files: granted("[[\"OTHER\"]]"),
            params: ["T": "{{secret \"TOK\"}}"]),
        WrongApp(
            code: .secretProvider, tokens: ["TOK", "vault"], files: granted("[[\"TOK\"]]"),
            params: ["T": "{{secret_from \"vault\" \"TOK\"}}"]),
        WrongApp(
            code: .secretProvider, tokens: ["UNKNOWN", "env"], files: granted("[[\"regex:.*\"]]"),
            params: ["T": "{{secret \"UNKNOWN\"}}"]),
        WrongApp(
            code: .secretNone, tokens: ["TOK"],
            files: proxy("container.AUTO, cargs={\"T\": \"{{secret \\\"TOK\\\"}}\"}")),
        WrongApp(
            code: .secretNone, tokens: ["TOK"],
            files: proxy("volumes=[\"cl_secret:t.tmpl:/t\"]").merging(
                ["t.tmpl": "{{secret \"TOK\"}}"]) { $1 }),
    ]

    // MARK: Params

    private static func declared(_ params: String) -> [String: String] {
        ["app.star": "app = ace.app(\"x\")", "params.star": params]
    }

    static let params: [WrongApp] = [
        WrongApp(code: .paramRequired, tokens: ["port"], moment: .create, files: declared("param(\"port\")")),
        WrongApp(
            code: .paramEmpty, tokens: ["name"], moment: .create, files: declared("param(\"name\")"),
            params: ["name": ""]),
        WrongApp(
            code: .paramType, tokens: ["port", "abc"], moment: .create,
            files: declared("param(\"port\", type=INT)"), params: ["port": "abc"]),
        WrongApp(
            code: .paramType, tokens: ["l"], moment: .create, files: declared("param(\"l\", type=LIST, default=1)")),
        WrongApp(
            code: .paramDuplicate, tokens: ["a"], moment: .create,
            files: declared("param(\"a\", default=\"\")\nparam(\"a\")")),
        WrongApp(
            code: .paramName, tokens: ["a b"], moment: .create, files: declared("param(\"a b\", default=\"\")")),
        WrongApp(code: .paramName, tokens: ["param"], moment: .create, files: declared("param(\"\", default=\"\")")),
        WrongApp(
            code: .paramType, tokens: ["n", "abc"], moment: .post("/w", "env=dev&n=abc"), status: 400, files: action),
    ]

    // MARK: Containers

    private static func without(_ file: String, _ files: [String: String]) -> [String: String] {
        files.filter { $0.key != file }
    }

    static let containers: [WrongApp] = [
        WrongApp(
            code: .configEngine, tokens: ["container_command"], files: proxy(), capabilities: [.pull, .bridge]),
        WrongApp(
            code: .configNoFile, tokens: ["Containerfile", "Dockerfile"], files: without("Containerfile", proxy())),
        WrongApp(code: .configRead, tokens: ["build/Own.file"], files: proxy("\"build/Own.file\"")),
        WrongApp(
            code: .configParse, tokens: ["Containerfile", "FORM"],
            files: proxy().merging(["Containerfile": "FORM scratch\nEXPOSE 80\n"]) { $1 }),
        WrongApp(
            code: .configNoPort, tokens: ["Containerfile", "EXPOSE", "port"],
            files: proxy().merging(["Containerfile": "FROM scratch\n"]) { $1 }),
        WrongApp(
            code: .configNoPort, tokens: ["alpine:3", "EXPOSE", "port"], leaves: .image,
            files: proxy("\"image:alpine:3\"")),
        WrongApp(code: .configNixpacks, tokens: ["nixpacks"], files: proxy("container.NIXPACKS")),
        WrongApp(
            code: .configDevelopment, tokens: ["relod"], files: proxy("dev_settings={\"relod\": \"none\"}")),
        WrongApp(code: .volumeDenied, tokens: ["/etc"], files: proxy(), volumes: ["/etc:/x"]),
        WrongApp(code: .volumeDenied, tokens: ["../x"], files: proxy(), volumes: ["data:/data", "../x:/x"]),
        WrongApp(code: .volumeDenied, tokens: ["missing.txt"], files: proxy(), volumes: ["/d", "./missing.txt:/x"]),
        WrongApp(code: .volumeDenied, tokens: ["missing.tmpl"], files: proxy(), volumes: ["cl_secret:missing.tmpl:/x"]),
        WrongApp(
            code: .optionDenied, tokens: ["nonsense", "1"], moment: .create, files: proxy(),
            options: ["nonsense": "1"]),
        WrongApp(
            code: .optionDenied, tokens: ["command.privileged"], moment: .create, files: proxy(),
            options: ["command.privileged": ""]),
    ]

    // MARK: Builds and starts

    static let starts: [WrongApp] = [
        WrongApp(
            code: .buildFailed, tokens: ["status 125", "COPY missing"], files: proxy(),
            prepare: { host in
                await host.engine.onBuild { _, progress in
                    progress(.log("COPY missing: no such file"))
                    throw EngineError(.buildFailed, "the build ended with status 125")
                }
            }),
        WrongApp(code: .imagePull, tokens: ["nowhere/none:1"], files: proxy("\"image:nowhere/none:1\", port=80")),
        WrongApp(code: .imagePull, tokens: ["not an image"], files: proxy("\"image:not an image\", port=80")),
        WrongApp(
            code: .runStart, tokens: ["no cgroup for you"], leaves: .stoppedContainer, files: proxy(),
            prepare: { host in
                await host.engine.onBuild { _, _ in .failing(EngineError(.startFailed, "no cgroup for you")) }
            }),
        WrongApp(
            code: .healthFailed, tokens: ["http://", "/", "1 attempt", "status 503", "started"],
            leaves: .stoppedContainer, files: proxy(), prepare: { $0.prober.set(.failed("status 503")) }),
        WrongApp(
            code: .runExited, tokens: ["7", "leaving early"], leaves: .stoppedContainer,
            files: proxy().merging(["Containerfile": web + "ENV EXIT=7\n"]) { $1 },
            prepare: { $0.prober.set(.refused("nobody listens")) }),
    ]

    // MARK: Commands

    static let commands: [WrongApp] = [
        WrongApp(
            code: .commandExit, tokens: ["2", "/nope", "No such file"], status: 200, leaves: .image,
            files: call("run(\"ls\", [\"/nope\"])")),
        WrongApp(
            code: .commandExit, tokens: ["127"], leaves: .image,
            files: call("run(\"notacommand\")", answer: "return r.value")),
        WrongApp(
            code: .commandExit, tokens: ["1"], leaves: .image,
            files: call("run(\"false\", stdout_file=True)", answer: "return \"not looked at\"")),
        WrongApp(
            code: .commandJSON, tokens: ["json"], status: 200, leaves: .image,
            files: call("run(\"echo\", [\"hello\"], parse_json=True)")),
        WrongApp(
            code: .commandJSON, tokens: ["json", "line 1"], status: 200, leaves: .image,
            files: call("run(\"echo\", [\"hello\"], parse=\"jsonlines\")")),
        WrongApp(
            code: .commandFormat, tokens: ["xml"], status: 200, files: call("run(\"echo\", parse=\"xml\")")),
    ]

    // MARK: Requests

    static let requests: [WrongApp] = [
        WrongApp(
            code: .httpFailed, tokens: ["<CONTAINER_URL>/x", "no container"], status: 200,
            files: [
                "app.star": """
                load("http.in", "http")
                app = ace.app("h", routes=[
                    ace.api("/", handler=lambda req: http.get(ace.CONTAINER_URL + "/x").error, type=ace.TEXT)])
                """
            ]),
        WrongApp(
            code: .permissionArgument, tokens: ["http.in", "get", "0", "http://example.test/", "<CONTAINER_URL>"],
            files: [
                "app.star": """
                load("http.in", "http")
                app = ace.app("h", routes=[
                    ace.api("/", handler=lambda req: http.get(url="http://example.test/").error, type=ace.TEXT)])
                """
            ]),
    ]

    // MARK: Actions

    static let actions: [WrongApp] = [
        WrongApp(
            code: .actionOption, tokens: ["env", "qa"], moment: .post("/w", "env=qa"), status: 400, files: action),
        WrongApp(
            code: .actionSuggest, tokens: ["Act"], moment: .post("/w/suggest", "env=dev"), status: 501, files: action),
    ]
}
