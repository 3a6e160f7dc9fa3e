import Core
import Engines
import Testing

@testable import Apps

@Suite("waiting for a start")
struct WaitingTests {
    private static let files = ["app.star": SamplePrograms.proxy, "Containerfile": SamplePrograms.web]

    @Test("a browser sees how the start stands, everything else is held until the app serves")
    func waitingPage() async throws {
        let time = ManualTimeSource()
        var configuration = AppsConfiguration()
        configuration.idleShutdownSeconds = 0  // nobody else sleeps
        try await AppHost.run(configuration, time: time) { host in
            let gate = Gate()
            await host.engine.onBuild { _, _ in
                try await gate.pass()
                return ImageScript()
            }
            try await host.create("/ab", Self.files)
            async let held = host.get("/ab")
            async let fetched = host.get("/ab", accept: "text/html", headers: [("Sec-Fetch-Mode", "cors")])
            await gate.waitForArrival()
            async let shown = host.get("/ab", accept: "text/html,*/*", headers: [("Sec-Fetch-Mode", "navigate")])
            await time.sleepers(atLeast: 3)
            time.advance(by: .seconds(5))
            let page = try await shown
            await gate.open()
            let served = try await held
            let other = try await fetched
            let later = try await host.get("/ab", accept: "text/html")

            #expect(page.status == 503 && page.header("retry-after") == "2")
            #expect(page.header("content-type") == "text/html; charset=utf-8")
            for part in [
                "<html lang=\"en\">", "http-equiv=\"refresh\"", "role=\"status\"", "My App is starting", "5 s so far",
                "<li aria-current=\"step\"><strong>Building its image</strong>",
            ] { #expect(page.bodyText.contains(part), "\(page.bodyText)") }
            #expect(served.status == 200 && other.status == 200 && later.bodyText == served.bodyText)
        }
    }

    @Test("a request that is held too long is asked to come again; the start goes on")
    func holdLimit() async throws {
        let time = ManualTimeSource()
        var configuration = AppsConfiguration()
        configuration.idleShutdownSeconds = 0  // nobody else sleeps
        try await AppHost.run(configuration, time: time) { host in
            let gate = Gate()
            await host.engine.onBuild { _, _ in
                try await gate.pass()
                return ImageScript()
            }
            try await host.create("/a", Self.files)
            async let held = host.get("/a")
            await gate.waitForArrival()
            await time.sleepers(atLeast: 1)
            time.advance(by: .seconds(900))
            let refused = try await held
            await gate.open()

            #expect(refused.status == 503 && refused.header("retry-after") == "5")
            #expect(refused.bodyText.hasPrefix("RUN-WAIT: app `/a`: ") && refused.bodyText.contains("building"))
            #expect(try await host.get("/a").status == 200)
        }
    }

    @Test("the root of the default domain lists the apps while no app is there")
    func list() async throws {
        try await AppHost.run { host in
            let none = try await host.get("/", accept: "text/html")
            try await host.create("/a", Self.files)
            try await host.create("x.test:/b", ["app.star": "app = ace.app(\"<B>\")"])
            let page = try await host.get("/", accept: "text/html")
            let text = try await host.get("/")
            let json = try await host.get("/", accept: "application/json")
            let other = try await host.get("/nowhere")
            let stranger = try await host.get("/", host: "y.test")
            try await host.service.delete("/a")
            try await host.create("/", Self.files)
            let app = try await host.get("/")

            #expect(none.status == 200 && none.bodyText.contains("There are none yet"))
            #expect(page.bodyText.contains("<a href=\"/a\">My App</a>"))
            #expect(page.bodyText.contains("<a href=\"http://x.test:25222/b\">&lt;B&gt;</a>"))
            #expect(text.bodyText == "/a\tMy App\nx.test:/b\t<B>\n")
            #expect(
                json.bodyText.contains("{\"name\":\"My App\",\"address\":\"/a\",\"url\":\"http://localhost:25222/a\"}"))
            #expect(other.status == 404 && other.bodyText.contains("APP-NOTFOUND"))
            #expect(stranger.status == 404)
            #expect(app.bodyText.hasPrefix("clc-"))
        }
    }

    @Test("images of the live and the previous version are kept, older ones go")
    func imageRetention() async throws {
        try await AppHost.run { host in
            let app = try await host.create("/a", Self.files)
            _ = try await host.get("/a")
            var names: [[String]] = [try await host.imageNames()]
            for version in 2...4 {
                try host.source("src_a", ["Containerfile": SamplePrograms.web + "ENV V=\(version)\n"])
                _ = try await host.service.reload("/a")
                await host.service.runtimes[app.id]?.finishRetirements()
                names.append(try await host.imageNames())
            }

            #expect(names.map(\.count) == [1, 2, 2, 2])
            #expect(Set(names[1]).isSuperset(of: names[0]) && !names[2].contains(names[0][0]))
            #expect(Set(names[3]).intersection(names[2]).count == 1)
        }
    }
}
