import FoundationEssentials
import Testing

@Suite(
    "development apps", .serialized, .timeLimit(.minutes(3)),
    .enabled(if: Machine.canBuild, "needs root, a container runtime, buildah, gcc and busybox-static"))
struct DevelopmentAppTests {
    private static let containerfile = """
        FROM scratch
        COPY busybox web /bin/
        RUN ["/bin/busybox", "--install", "-s", "/bin"]
        WORKDIR /app
        COPY . .
        EXPOSE 8080
        CMD ["sh", "run.sh"]

        """

    private static func script(_ body: String) -> String { "export WEB_BODY='\(body)'\nexec web\n" }

    private static func app(_ host: TestHost, program: String = SamplePrograms.proxy) throws -> String {
        let source = try host.folder(
            "dev", ["app.star": program, "Containerfile": containerfile, "run.sh": script("one")])
        try host.copyProgram(Machine.webServer, to: source + "/web")
        try host.copyProgram(Machine.busybox, to: source + "/busybox")
        return source
    }

    private struct Started: Decodable, Sendable, Equatable {
        let id: String
        let startedAt: Int64?
    }

    /// Waits for an answer; one may come that began before the change.
    private static func until(_ host: TestHost, _ path: String, answers text: String) async throws {
        try await host.until("`\(path)` answers `\(text)`") { try await host.get(path).text.contains(text) }
    }

    @Test("EX-33 one build; a change restarts in place; a new Containerfile makes a new image; nothing is written")
    func fastReload() async throws {
        try await TestHost.run { host in
            let source = try Self.app(host)
            try await host.succeed("app", "create", source, "/try", "--dev", "--approve")
            #expect(try await host.get("/try/").text == "one")
            let first = try await host.json([Started].self, "container", "list")
            let images = try await host.images()
            #expect(images.count == 1)
            #expect(
                images[0].references.allSatisfy {
                    $0.wholeMatch(of: /localhost\/cli-app_dev_[a-z0-9]{27}:dev-[0-9a-f]{12}/) != nil
                })
            #expect(try await host.succeed("app", "list").contains(" dev "))

            try Self.script("two").write(toFile: source + "/run.sh", atomically: true, encoding: .utf8)
            try await Self.until(host, "/try/", answers: "two")
            let second = try await host.json([Started].self, "container", "list")
            #expect(second.map(\.id) == first.map(\.id))
            #expect(second != first)
            #expect(try await host.images().map(\.digest) == images.map(\.digest))

            try (Self.containerfile + "ENV X=new\n").write(
                toFile: source + "/Containerfile", atomically: true, encoding: .utf8)
            try await Self.until(host, "/try/env", answers: #""X":"new""#)
            try await host.until("the old image is gone") { try await host.images().count == 1 }
            #expect(try await host.images().map(\.references) != images.map(\.references))

            let names = try FileManager.default.contentsOfDirectory(atPath: source).sorted()
            #expect(names == ["Containerfile", "app.star", "busybox", "run.sh", "web"])
        }
    }

    @Test("errors are shown until they are put right, browsers are told, and a crash of the daemon changes nothing")
    func errorsAndCrash() async throws {
        try await TestHost.run { host in
            let source = try Self.app(host)
            try await host.succeed("app", "create", source, "/", "--dev", "--approve")
            #expect(try await host.get("/").text == "one")
            let port = try host.gatewayPort()
            let listening = Locked(false)
            async let heard: String = offPool {
                let events = try HTTPConnection(port: port)
                try events.send(Array("GET /_martlet_app/sse HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
                var text = ""
                while !text.contains("event: reload") {
                    text += String(decoding: try events.read(1), as: UTF8.self)
                    if text.contains("retry:") { listening.withLock { $0 = true } }
                }
                return text
            }
            while !listening.withLock({ $0 }) { await Task.yield() }

            try "app = nonsense(".write(toFile: source + "/app.star", atomically: true, encoding: .utf8)
            #expect(try await heard.contains("text/event-stream"))
            let broken = try await host.get("/any")
            #expect(broken.status == 500 && broken.text.contains("APP-EVAL"))
            #expect(try await host.containers().map(\.phase) == ["running"])

            try await host.kill9()
            try SamplePrograms.proxy.write(toFile: source + "/app.star", atomically: true, encoding: .utf8)
            try await host.start()
            #expect(try await host.get("/").text == "one")
            try Self.script("two").write(toFile: source + "/run.sh", atomically: true, encoding: .utf8)
            try await Self.until(host, "/", answers: "two")
            try await host.succeed("app", "delete", "/", "--yes")
            #expect(try await host.containers().isEmpty)
            #expect(try await host.images().isEmpty)
            #expect(FileManager.default.fileExists(atPath: source + "/run.sh"))
        }
    }

    @Test("a program that is built from the source is built again in the same container")
    func replay() async throws {
        try await TestHost.run { host in
            let source = try Self.app(host)
            try """
            FROM scratch AS build
            COPY busybox web /bin/
            RUN ["/bin/busybox", "--install", "-s", "/bin"]
            WORKDIR /src
            COPY . .
            RUN --mount=type=cache,target=/cache mkdir -p /out && (echo '#!/bin/sh'; cat run.sh) > /out/server && chmod 755 /out/server
            FROM scratch
            COPY --from=build /bin /bin
            COPY --from=build /out/server /server
            EXPOSE 8080
            CMD ["/server"]

            """.write(toFile: source + "/Containerfile", atomically: true, encoding: .utf8)
            try await host.succeed("app", "create", source, "/", "--dev", "--approve")
            #expect(try await host.get("/").text == "one")
            let containers = try await host.containers()
            let images = try await host.images()
            try Self.script("two").write(toFile: source + "/run.sh", atomically: true, encoding: .utf8)
            try await Self.until(host, "/", answers: "two")

            #expect(try await host.containers().map(\.id) == containers.map(\.id))
            #expect(try await host.images().map(\.digest) == images.map(\.digest))
        }
    }

    @Test("a wrong key of dev_settings is CFG-DEV; a stage for development placed last is one in production only")
    func wrongSettings() async throws {
        try await TestHost.run { host in
            let wrong = SamplePrograms.proxy.replacing(
                "container.AUTO),", with: "container.AUTO, dev_settings={\"relod\": \"none\"}),")
            let source = try Self.app(host, program: wrong)
            try await host.succeed("app", "create", source, "/dev", "--dev", "--approve")
            let answer = try await host.get("/dev/")
            #expect(answer.status == 500 && answer.text.contains("CFG-DEV") && answer.text.contains("relod"))

            try Self.containerfile.replacing("FROM scratch", with: "FROM scratch AS dev").write(
                toFile: source + "/Containerfile", atomically: true, encoding: .utf8)
            try SamplePrograms.proxy.write(toFile: source + "/app.star", atomically: true, encoding: .utf8)
            try await Self.until(host, "/dev/", answers: "one")
            try await host.succeed("app", "create", source, "/prd", "--approve")
            let refused = try await host.get("/prd/")
            #expect(refused.status == 500 && refused.text.contains("CFG-DEV"))
        }
    }
}
