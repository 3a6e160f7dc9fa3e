import FoundationEssentials
import LinuxKernel
import Synchronization
import Testing

@Suite(
    "deploys", .serialized,
    .enabled(if: Machine.canBuild, "needs root, a container runtime, buildah, gcc and busybox-static"))
struct DeployTests {
    @Test("1,000 requests in flight while a new version is deployed: none fails")
    func noRequestFails() async throws {
        try await TestHost.run { host in
            let source = try host.webApp(containerfile: SamplePrograms.webContainerfile("ENV WEB_BODY=v1"))
            try await host.succeed("app", "create", source, "/web", "--approve")
            #expect(try await host.get("/web/").text == "v1")
            let port = try host.gatewayPort()
            // Each connection sends one slow request and goes on with quick ones until the deploy is over.
            let deployed = Locked(false)
            let connections = 1000
            let answers = Locked<[String: Int]>([:])
            let ready = Locked(0)
            try SamplePrograms.webContainerfile("ENV WEB_BODY=v2").write(
                toFile: source + "/Containerfile", atomically: true, encoding: .utf8)
            let clients = try (0..<connections).map { _ in try HTTPConnection(port: port) }
            for client in clients {
                try client.send(Array("GET /web/slow?4000 HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
            }
            async let reload: String = host.succeed("app", "reload", "/web", "--approve")
            let background = Task {
                try await offPool {
                    while !deployed.withLock({ $0 }) {
                        let text = try HTTPConnection(port: port).request(
                            "GET", "/web/", headers: ["Connection": "close"]
                        ).text
                        answers.withLock { $0[text, default: 0] += 1 }
                        ready.withLock { $0 += 1 }
                    }
                }
            }
            _ = try await reload
            deployed.withLock { $0 = true }
            try await background.value
            var failed: [String] = []
            for client in clients {
                do {
                    let answer = try client.readAnswer()
                    if answer.status != 200 || answer.text != "slow" {
                        failed.append("\(answer.status) \(answer.text)")
                    }
                } catch {
                    failed.append("\(error)")
                }
            }

            #expect(failed.isEmpty, "\(failed.count) failed, the first: \(failed.first ?? "")")
            #expect(answers.withLock { Set($0.keys) }.isSubset(of: ["v1", "v2"]))
            #expect(try await host.get("/web/").text == "v2")
            #expect(try await host.containers().filter { $0.phase == "running" }.count == 1)
        }
    }

    @Test("a version whose health check fails never takes traffic, and the old one serves on")
    func badVersion() async throws {
        try await TestHost.run(configuration: "container:\n  deploy_health_attempts: 3\n") { host in
            let source = try host.webApp(containerfile: SamplePrograms.webContainerfile("ENV WEB_BODY=v1"))
            try await host.succeed("app", "create", source, "/web", "--approve")
            #expect(try await host.get("/web/").text == "v1")
            let bad = SamplePrograms.webContainerfile("ENV WEB_BODY=v2 WEB_STATUS=500")
            try bad.write(toFile: source + "/Containerfile", atomically: true, encoding: .utf8)

            let reload = try await host.martlet("app", "reload", "/web", "--approve")

            #expect(reload.exitCode == 1)
            #expect(reload.errorText.contains("HEALTH-FAIL") && reload.errorText.contains("500"), "\(reload.errorText)")
            #expect(try await host.get("/web/").text == "v1")
            #expect(try await host.containers().filter { $0.phase == "running" }.count == 1)
        }
    }

    @Test("an unchanged app is deployed without a build and without a restart")
    func unchanged() async throws {
        try await TestHost.run { host in
            let source = try host.webApp()
            try await host.succeed("app", "create", source, "/web", "--approve")
            #expect(try await host.get("/web/").text == "ok")
            let before = (try await host.containers().map(\.id), try await host.images().map(\.digest))

            try await host.succeed("app", "reload", "/web", "--approve")

            #expect(try await host.containers().map(\.id) == before.0)
            #expect(try await host.images().map(\.digest) == before.1)
        }
    }
}
