import FoundationEssentials
import Testing

@Suite(
    "files and streams", .serialized,
    .enabled(if: Machine.canBuild, "needs root, a container runtime, buildah, gcc and busybox-static"))
struct FileTests {
    @Test("static files, the bare path, and EX-30 a stream that arrives while its command runs")
    func throughTheGateway() async throws {
        let program = """
            load("container.in", "container")
            def h(req):
                return container.run("sh", ["-c", "echo one; sleep 30; echo two"], stream=True)
            app = ace.app("f", redirect_bare_path=True, routes=[ace.api("/stream", handler=h, type=ace.TEXT)],
                container=container.config("image:localhost/busybox:1", lifetime=container.COMMAND),
                permissions=[ace.permission("container.in", "config", ["regex:.*"]), ace.permission("container.in", "run")])
            """
        try await TestHost.run { host in
            try await host.buildBusybox("localhost/busybox:1")
            let source = try host.folder(
                "files", ["app.star": program, "static/a.css": "body{}", "static_root/robots.txt": "none"])
            try await host.succeed("app", "create", source, "/f", "--approve")

            let bare = try await host.get("/f?x=1")
            let style = try await host.get("/f/static/a.css")
            let head = try await host.request("HEAD", "/f/static/a.css")
            let robots = try await host.get("/f/robots.txt")
            let port = try host.gatewayPort()
            try await offPool {
                let client = try HTTPConnection(port: port)
                try client.send(Array("GET /f/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
                var seen = ""
                while !seen.contains("one\n") { seen += String(decoding: try client.read(1), as: UTF8.self) }
                #expect(seen.contains("HTTP/1.1 200") && !seen.contains("two"))
            }
            // The client has gone, and so does its container.
            for _ in 0..<200 where try await !host.containersOfEngine().isEmpty {
                try await Task.sleep(for: .milliseconds(25))
            }

            #expect(bare.status == 307 && bare.header("location") == "/f/?x=1")
            #expect(style.status == 200 && style.text == "body{}")
            #expect(style.header("content-type") == "text/css; charset=utf-8" && style.header("etag") != nil)
            #expect(head.status == 200 && head.text.isEmpty && robots.text == "none")
            #expect(try await host.containersOfEngine().isEmpty)
        }
    }
}

extension TestHost {
    /// Directories of containers, those of commands included.
    fileprivate func containersOfEngine() async throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root + "/lib/containers").filter { $0.hasPrefix("clr-") }
    }
}
