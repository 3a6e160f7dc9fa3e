import Core
import Engines
import Testing

@testable import Apps

/// One way an app can be wrong, and what must be told of it.
struct WrongApp: Sendable, CustomTestStringConvertible {
    /// When the failure shows.
    enum Moment: Sendable {
        /// Creating is refused.
        case create
        /// The first request.
        case get(String)
        /// A form is submitted.
        case post(String, String)
    }

    /// What a failure may leave behind.
    enum Leftover: Sendable {
        case nothing, image, stoppedContainer
    }

    let code: AppError.Code
    let tokens: [String]
    var moment = Moment.get("/w")
    /// 200 where the failure is in the response's `.error`, which the program returns.
    var status = 500
    var leaves = Leftover.nothing
    var files: [String: String]
    var params: [String: String] = [:]
    var options: [String: String] = [:]
    var volumes: [String] = []
    var approve = true
    var configure: @Sendable (inout AppsConfiguration) -> Void = { _ in }
    var capabilities: EngineCapabilities?
    var prepare: @Sendable (AppHost) async -> Void = { _ in }

    var testDescription: String { "\(code.rawValue) \(tokens.joined(separator: " "))" }
}

/// What exists on an engine and on disk.
struct HostListing: Equatable {
    var images: [String]
    var containers: [String]
    var running: Int
    var paths: Set<String>
    var apps: Int

    init(_ host: AppHost) async throws {
        images = try await host.imageNames()
        let observed = try await host.observed()
        containers = observed.map(\.id.rawValue).sorted()
        running = observed.count { $0.state.isAlive }
        apps = try await host.service.apps().count
        // Ours to keep, empty or not.
        let bases: Set = ["lib", "run", "apps", "app-files", "volumes"]
        paths = Set(
            host.allPaths().filter { path in
                !path.hasPrefix("src") && !bases.contains(path.split(separator: "/").last.map(String.init) ?? "")
            })
    }
}

@Suite("the error catalogue")
struct ErrorCatalogueTests {
    @Test("every code comes with its tokens and status, names the app, and leaves nothing half-done", arguments: all)
    func entry(wrong: WrongApp) async throws {
        var configuration = AppsConfiguration()
        configuration.deployHealthAttempts = 1
        wrong.configure(&configuration)
        try await AppHost.run(configuration, secrets: ["TOK": "s3cr3t"], capabilities: wrong.capabilities) { host in
            await host.engine.publish(image: "alpine:3", CommandImage.script)
            await wrong.prepare(host)
            let source = try host.source("src", wrong.files)
            let request = AppCreateRequest(
                source: source, address: "/w", approve: wrong.approve, params: wrong.params,
                containerOptions: wrong.options, containerVolumes: wrong.volumes)
            var before = try await HostListing(host)
            let text: String
            switch wrong.moment {
            case .create:
                let error = await #expect(throws: AppError.self) { try await host.service.create(request) }
                text = error?.message ?? ""
                #expect(error?.code == wrong.code && error?.httpStatus == wrong.status)
            case .get(let path):
                _ = try await host.service.create(request)
                before = try await HostListing(host)
                let answer = try await host.get(path)
                text = answer.bodyText
                #expect(answer.status == wrong.status, "\(text)")
            case .post(let path, let body):
                _ = try await host.service.create(request)
                before = try await HostListing(host)
                let answer = try await host.post(path, body, accept: "*/*")
                let json = try await host.post(path, body)
                text = json.bodyText.replacing("{\"code\":\"\(wrong.code.rawValue)\",\"message\":\"", with: "")
                #expect(answer.status == wrong.status && json.status == wrong.status, "\(text)")
            }
            let after = try await HostListing(host)

            #expect(text.hasPrefix(wrong.code.rawValue + ": "), "\(text)")
            if wrong.status != 200 { #expect(text.contains("`/w`"), "does not name the app: \(text)") }
            for token in wrong.tokens { #expect(text.contains(token), "no `\(token)` in: \(text)") }
            #expect(!text.contains("s3cr3t"))
            check(before, after, wrong.leaves)
        }
    }

    private func check(_ before: HostListing, _ after: HostListing, _ leaves: WrongApp.Leftover) {
        #expect(after.apps == before.apps)
        #expect(after.running == before.running)
        switch leaves {
        case .nothing: #expect(after == before)
        case .image:
            #expect(after.containers == before.containers && after.paths == before.paths)
            #expect(after.images.count == before.images.count + 1)
        case .stoppedContainer:
            #expect(after.paths == before.paths)
            #expect(after.images.count <= before.images.count + 1)
            #expect(after.containers.count == before.containers.count + 1)
        }
    }

    @Test("APP-NOTFOUND names host and path")
    func notFound() async throws {
        try await AppHost.run { host in
            let answer = try await host.get("/nope", host: "h.test")

            #expect(answer.status == 404 && answer.bodyText.hasPrefix("APP-NOTFOUND: "))
            #expect(answer.bodyText.contains("h.test") && answer.bodyText.contains("/nope"))
        }
    }

    @Test("BUILD-WAIT: a build that gets no turn in time answers 503 with the seconds")
    func buildWait() async throws {
        var configuration = AppsConfiguration()
        configuration.maxBuildWaitSeconds = 0
        try await AppHost.run(configuration) { host in
            let gate = Gate()
            await host.engine.onBuild { _, _ in
                try await gate.pass()
                return ImageScript()
            }
            for path in ["/a", "/b"] {
                try await host.create(path, ["app.star": SamplePrograms.proxy, "Containerfile": SamplePrograms.web])
            }
            let before = try await HostListing(host)
            async let first = host.get("/a")
            await gate.waitForArrival()
            let second = try await host.get("/b")
            let after = try await HostListing(host)
            await gate.open()

            #expect(second.status == 503 && second.header("retry-after") != nil)
            #expect(second.bodyText.hasPrefix("BUILD-WAIT: app `/b`: ") && second.bodyText.contains("0 s"))
            #expect(after == before)
            #expect(try await first.status == 200)
        }
    }

    @Test("ACT-BODY: a form over the limit answers 413 with the limit")
    func actionBody() async throws {
        var configuration = AppsConfiguration()
        configuration.actionBodyLimit = 10
        try await AppHost.run(configuration) { host in
            try await host.create("/w", WrongApps.action)
            let answer = try await host.post("/w", "env=12345678901", accept: "*/*")

            #expect(answer.status == 413 && answer.bodyText.hasPrefix("ACT-BODY: app `/w`: "))
            #expect(answer.bodyText.contains("10 bytes"))
        }
    }

    @Test("every code of the catalogue is shown here, by another suite, or belongs to what is not built yet")
    func isComplete() {
        let shown = Set(Self.all.map(\.code)).union([.appNotFound, .buildWait, .actionBody])
        // Shown by the suites of addresses, life cycle, waiting, staging, command apps and action forms.
        let elsewhere: Set<AppError.Code> = [
            .appExists, .appAddress, .appSource, .appApproval, .appOutput, .runBackoff, .runWait, .permissionWrite,
            .pluginArgument,
            .actionForm,
            .actionResult,
        ]
        // Nothing here signs users in yet.
        let later: Set<AppError.Code> = [.permissionRole, .permissionAnonymous]
        #expect(Set(AppError.Code.allCases).subtracting(shown).subtracting(elsewhere) == later)
    }

    static let all =
        WrongApps.files + WrongApps.permissions + WrongApps.arguments + WrongApps.secrets + WrongApps.params
        + WrongApps.containers + WrongApps.starts + WrongApps.commands + WrongApps.requests + WrongApps.actions
}
