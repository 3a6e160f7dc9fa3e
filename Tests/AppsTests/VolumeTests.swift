import Core
import Engines
import Testing

@testable import Apps

@Suite("volumes")
struct VolumeTests {
    @Test(
        "the forms of volumes",
        arguments: [
            ("/data", VolumeRequest.Source.managed(key: "/data"), "/data", false),
            ("db:/data:ro", .managed(key: "db"), "/data", true), ("./a/../b:/c", .relative("b"), "/c", false),
            ("a/b:/c", .relative("a/b"), "/c", false), ("/etc:/x", .host("/etc"), "/x", false),
            ("cl_secret:t.tmpl:/y", .template("t.tmpl"), "/y", false),
        ] as [(String, VolumeRequest.Source, String, Bool)])
    func forms(text: String, source: VolumeRequest.Source, target: String, isReadOnly: Bool) throws {
        let request = try VolumeRequest(parsing: text)

        #expect(request.source == source && request.target == target && request.isReadOnly == isReadOnly)
    }

    @Test(
        "EX-20 what has no such form or leads out is refused",
        arguments: [
            "", "x", "../x:/x", "./a/../../x:/x", ":/x", "a:b", "/a:/b:/c", "$HOME/x:/x", "a:/", "a:/x/../y", "a:/x\n",
        ])
    func refused(text: String) {
        let error = #expect(throws: AppError.self) { try VolumeRequest(parsing: text) }
        #expect(error?.code == .volumeDenied)
    }

    @Test("repeats are left out, and a template wins over a plain path")
    func list() throws {
        let list = try VolumeRequest.list(["/a", "/a", "cl_secret:t:/b", "./t:/b"])
        #expect(list.map(\.target) == ["/a", "/b"])
        #expect(list[1].source == .template("t"))
    }

    @Test(
        "EX-21 templates are rendered",
        arguments: [
            ("{{range $k, $v := .params}}{{$k}} = {{$v}}\n{{end}}", "a = 1\nb = x \"y\"\n"),
            (
                "{{- range $k, $v := .params -}}\n  {{$k}}={{printf \"%q\" $v}};\n{{- end -}}\n",
                "a=\"1\";b=\"x \\\"y\\\"\";"
            ),
            ("{{if eq .params.a \"1\"}}yes{{else}}no{{end}}", "yes"), ("{{if .params.none}}yes{{else}}no{{end}}", "no"),
            ("{{ .params.a | printf \"<%s>\" }}", "<1>"), ("{{secret \"K\"}}", "[secret K]"), ("{{/* c */}}x", "x"),
            ("{{range .params}}{{.}},{{end}}", "1,x \"y\","), ("plain", "plain"), ("{{\"lit\"}}", "lit"),
        ])
    func templates(text: String, expected: String) throws {
        let rendered = try FileTemplate(text, name: "t").render(params: ["b": "x \"y\"", "a": "1"]) {
            "[\($0.joined(separator: " "))]"
        }
        #expect(rendered == expected)
    }

    @Test(
        "malformed templates are refused",
        arguments: ["{{", "{{if .params.a}}", "{{end}}", "{{\"a}}", "{{call .x}}", "{{.x}}"])
    func malformedTemplates(text: String) {
        #expect(throws: AppError.self) {
            try FileTemplate(text, name: "t").render(params: [:]) { _ in "" }
        }
    }

    @Test("EX-20, EX-21 volumes of an app: kept over versions, copied, rendered, refused")
    func mounted() async throws {
        let granted = """
            load("proxy.in", "proxy")
            load("container.in", "container")
            app = ace.app("v", routes=[ace.proxy("/", proxy.config(container.URL))],
                container=container.config(volumes=["./cfg.txt:/cfg.txt:ro", "cl_secret:t.tmpl:/app/t.ini"]),
                permissions=[ace.permission("container.in", "config", ["auto"], secrets=[["TOK"]])])
            """
        try await AppHost.run(secrets: ["TOK": "s3"]) { host in
            let created = try await host.create(
                "/",
                [
                    "app.star": granted, "Containerfile": SamplePrograms.web + "VOLUME /data\n", "cfg.txt": "hello",
                    "t.tmpl": "{{range $k, $v := .params}}{{$k}} = {{$v}}\n{{end}}",
                    "params.star": "param(\"T\")\nparam(\"secrets\", type=LIST, default=[])\n",
                ], params: ["T": "{{secret \"TOK\"}}"])
            let answer = try await host.get("/")
            let first = try await host.mounts()
            _ = try await host.service.reload("/", AppReloadRequest(params: ["X": "1"]))
            _ = try await host.get("/")
            let second = try await host.mounts()
            let rendered = try #require(first["/app/t.ini"])

            #expect(answer.status == 200, "\(answer.bodyText)")
            #expect(try host.text(rendered.source) == "T = s3\n")
            #expect(host.mode(rendered.source) == 0o600 && rendered.source.hasSuffix("/t.tmpl.gen"))
            #expect(first["/cfg.txt"]?.readOnly == true)
            #expect(try host.text(#require(first["/cfg.txt"]).source) == "hello")
            #expect(first["/data"]?.source.contains("/volumes/clv-\(created.id)-") == true)
            #expect(first["/data"] == second["/data"] && first["/app/t.ini"] != second["/app/t.ini"])
            try await host.service.delete("/", volumes: true)
            #expect(try !host.exists(#require(first["/data"]).source) && !host.exists(rendered.source))
        }
    }

    @Test("EX-20 volumes that an image declares are managed, whether it was built or pulled")
    func imageVolumes() async throws {
        try await AppHost.run { host in
            var script = ImageScript()
            script.configuration.volumes = ["/var/lib/db"]
            let pulled = script
            await host.engine.publish(image: "db:1", pulled)
            await host.engine.onBuild { _, _ in pulled }
            let image = SamplePrograms.proxy(config: "\"image:db:1\", port=80, volumes=[\"extra:/extra\"]")
            for (path, program) in [("/a", image), ("/b", SamplePrograms.proxy)] {
                let app = try await host.create(path, ["app.star": program, "Containerfile": SamplePrograms.web])
                _ = try await host.get(path)
                let mounts = try #require(
                    try await host.observed().first { $0.spec.labels["martlet.app"] == app.id }
                ).spec.mounts
                let data = try #require(mounts.first { $0.target == "/var/lib/db" })
                #expect(data.source.contains("/volumes/clv-\(app.id)-") && data.takesImageContent)
                #expect(mounts.count == (path == "/a" ? 2 : 1))
            }
        }
    }

    @Test("a volume's content that was being made when the daemon was killed is collected, unless its container exists")
    func halfMade() async throws {
        try await AppHost.run { host in
            try await host.create(
                "/", ["app.star": SamplePrograms.proxy, "Containerfile": SamplePrograms.web + "VOLUME /data\n"])
            _ = try await host.get("/")
            let container = try #require(try await host.observed().first).id
            let volume = try #require(try await host.mounts()["/data"]).source
            let name = volume.split(separator: "/").last.map(String.init) ?? ""
            for owner in ["clr-gone", container.rawValue] {
                try host.source("lib/volumes/\(name).new-\(owner)", ["f": "x"])
            }
            try await host.afterRestart { next in
                #expect(!next.exists(volume + ".new-clr-gone") && next.exists(volume + ".new-\(container)"))
                #expect(next.exists(volume))
            }
        }
    }

    @Test("EX-20 host directories that nobody allowed are refused, also through links")
    func hostPaths() async throws {
        var configuration = AppsConfiguration()
        configuration.allowedMounts = ["/usr/share"]
        try await AppHost.run(configuration) { host in
            for (path, volume) in [("/a", "/etc:/x"), ("/b", "/usr/share/../lib:/x")] {
                try await host.create(
                    path,
                    [
                        "app.star": SamplePrograms.proxy(config: "volumes=[\"\(volume)\"]"),
                        "Containerfile": SamplePrograms.web,
                    ])
                let answer = try await host.get(path)
                #expect(answer.status == 500 && answer.bodyText.contains("VOL-DENIED"))
            }
            try await host.create(
                "/c",
                [
                    "app.star": SamplePrograms.proxy(config: "volumes=[\"/usr/share:/x:ro\"]"),
                    "Containerfile": SamplePrograms.web,
                ])
            #expect(try await host.get("/c").status == 200)
            #expect(try await host.mounts()["/x"]?.source == "/usr/share")
        }
    }
}
