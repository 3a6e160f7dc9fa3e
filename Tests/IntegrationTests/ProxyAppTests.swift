import FoundationEssentials
import Testing

@Suite(
    "the proxy app", .serialized,
    .enabled(if: Machine.canBuild, "needs root, a container runtime, buildah, gcc and busybox-static"))
struct ProxyAppTests {
    @Test("EX-01 the program of the seed: nothing runs until the first request, which builds, starts and serves")
    func sampleProgram() async throws {
        try await TestHost.run { host in
            let source = try host.webApp()
            try await host.succeed("app", "create", source, "/", "--approve")
            #expect(try await host.containers().isEmpty)
            #expect(try await host.images().isEmpty)

            let first = try await host.get("/")
            let containers = try await host.containers()
            let images = try await host.images()
            let second = try await host.get("/")

            #expect(first.status == 200 && first.text == "ok")
            #expect(second.text == "ok")
            #expect(containers.count == 1)
            #expect(containers.allSatisfy { $0.name?.wholeMatch(of: /clc-app_prd_[a-z0-9]{27}-[0-9a-f]{16}/) != nil })
            #expect(images.count == 1)
            #expect(try await host.containers().map(\.id) == containers.map(\.id))
        }
    }

    @Test("every method, path, body and header reaches the container, and streams come back as they are written")
    func passesEverything() async throws {
        try await TestHost.run { host in
            try await host.succeed("app", "create", try host.webApp(), "/tools/web", "--approve")
            let body = String(repeating: "x", count: 1 << 20)

            let echo = try await host.request("PUT", "/tools/web/echo", body: body)
            let head = try await host.get(
                "/tools/web/headers?a=b%20c", headers: ["X-Mine": "1", "X-Real-IP": "6.6.6.6"])
            let environment = try await host.get("/tools/web/env")
            let missing = try await host.get("/nowhere")

            #expect(echo.status == 200 && echo.text == body)
            #expect(head.text.hasPrefix("GET /headers?a=b%20c HTTP/1.1\r\n"))
            #expect(head.text.lowercased().contains("x-mine: 1\r\n"))
            #expect(head.text.lowercased().contains("x-forwarded-prefix: /tools/web\r\n"))
            #expect(!head.text.contains("6.6.6.6"))
            #expect(
                environment.text.contains(#""PORT":"8080""#)
                    && environment.text.contains(#""CL_APP_PATH":"/tools/web""#))
            #expect(missing.status == 404 && missing.text.contains("APP-NOTFOUND"))
            let port = try host.gatewayPort()
            try await offPool {
                let events = try HTTPConnection(port: port)
                try events.send(Array("GET /tools/web/events?3 HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
                #expect(try events.readAnswer().text == "data: 0\n\ndata: 1\n\ndata: 2\n\n")
                let socket = try HTTPConnection(port: port)
                let upgrade =
                    "GET /tools/web/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
                try socket.send(Array(upgrade.utf8))
                #expect(try socket.readAnswer().status == 101)
                for word in ["hello", "again"] {
                    try socket.send(Array(word.utf8))
                    #expect(try socket.read(word.utf8.count) == Array(word.utf8))
                }
            }
        }
    }

    @Test("a browser sees how a start stands, everything else is held")
    func waitingPage() async throws {
        try await TestHost.run(configuration: "container:\n  waiting_page_secs: 0\n") { host in
            try await host.succeed("app", "create", try host.webApp(), "/web", "--approve")
            async let held = host.get("/web/")
            let page = try await host.get("/web/", headers: ["Accept": "text/html", "Sec-Fetch-Mode": "navigate"])
            let served = try await held
            let later = try await host.get("/web/", headers: ["Accept": "text/html"])

            #expect(page.status == 503 && page.header("retry-after") == "2")
            #expect(page.text.contains("My App is starting") && page.text.contains("http-equiv=\"refresh\""))
            #expect(served.status == 200 && served.text == "ok" && later.text == "ok")
        }
    }

    @Test("EX-09, EX-10, EX-12, EX-14: what is wrong with an app is told on the request, and nothing is left behind")
    func wrongApps() async throws {
        try await TestHost.run(configuration: "container:\n  deploy_health_attempts: 3\n") { host in
            let cases: [(String, String, [String: String], [String])] = [
                (
                    "no-file", SamplePrograms.proxy, ["Containerfile": ""],
                    ["CFG-NOFILE", "Containerfile", "Dockerfile"]
                ),
                (
                    "no-port", SamplePrograms.proxy, ["Containerfile": SamplePrograms.webContainerfile(expose: "")],
                    ["CFG-NOPORT", "EXPOSE", "port"]
                ),
                (
                    "keyword", SamplePrograms.proxy.replacing("container.AUTO)", with: "container.AUTO, prot=80)"), [:],
                    ["PLUG-KW", "prot"]
                ),
                (
                    "unhealthy", SamplePrograms.proxy,
                    ["Containerfile": SamplePrograms.webContainerfile("ENV WEB_STATUS=503")],
                    ["HEALTH-FAIL", "503", "3"]
                ),
                (
                    "exits", SamplePrograms.proxy, ["Containerfile": SamplePrograms.webContainerfile("ENV WEB_EXIT=7")],
                    ["RUN-EXITED", "7", "leaving early"]
                ),
                (
                    "bad-build", SamplePrograms.proxy, ["Containerfile": "FROM scratch\nCOPY missing /\nEXPOSE 8080\n"],
                    ["BUILD-FAIL", "missing"]
                ),
            ]
            for (name, program, files, tokens) in cases {
                let source = try host.webApp(name, program: program, files: files)
                if files["Containerfile"] == "" {
                    try FileManager.default.removeItem(atPath: source + "/Containerfile")
                }
                try await host.succeed("app", "create", source, "/\(name)", "--approve")

                let answer = try await host.get("/\(name)/")

                #expect(answer.status == 500, "\(name): \(answer.text)")
                for token in tokens { #expect(answer.text.contains(token), "\(name): no `\(token)` in \(answer.text)") }
                try await host.succeed("app", "delete", "/\(name)")
            }
            #expect(try await host.containers().isEmpty)
            let list = try await host.get("/")
            let nothing = try await host.get("/unhealthy")
            #expect(list.status == 200 && list.text == "no apps\n")
            #expect(nothing.status == 404 && nothing.text.contains("APP-NOTFOUND"))
        }
    }
}
