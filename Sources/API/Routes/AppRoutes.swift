internal import Apps
internal import Core
internal import Engines
internal import Hummingbird
internal import Jobs
internal import Wire

/// Apps. `{app}` is an identifier, or an address with its slashes percent-encoded.
struct AppRoutes: Sendable {
    let services: APIServices
    let background: BackgroundWork

    var routes: [APIRoute] { collection + changes }

    private var collection: [APIRoute] {
        [
            APIRoute(
                .get, "/apps", "listApps", "All apps, by address.", query: [.limit, .after, .internal],
                answers: [.json(200, ListPage<AppInfo>.self, "A part of the list.")]
            ) { request in
                let part = try Paging.part(
                    of: try await services.apps.apps(all: request.flag("internal") ?? false), request
                ) { $0.id }
                var items: [AppInfo] = []
                for app in part.items { items.append(await info(app)) }
                return try .json(ListPage(items: items, next: part.next))
            },
            APIRoute(
                .post, "/apps", "createApp", "Create an app from its source and serve it at an address.",
                query: [.wait],
                body: .json(CreateAppRequest.self),
                answers: [.json(201, AppChangeInfo.self, "What was done."), .accepted], handle: create),
            APIRoute(
                .get, "/apps/{app}", "getApp", "One app by identifier or percent-encoded address.",
                answers: [.json(200, AppDetail.self, "The app.")]
            ) { request in
                let details = try await services.apps.app(request.parameter("app"))
                return try .json(AppDetail(details, summary: await info(details.summary)))
            },
            APIRoute(
                .delete, "/apps/{app}", "deleteApp", "Delete an app with its containers.",
                query: [.wait, .init(name: "volumes", kind: .flag, summary: "Whether its volumes are deleted, too.")],
                answers: [.json(200, EmptyResult.self, "It is gone."), .accepted]
            ) { request in
                let app = request.parameter("app")
                let volumes = try request.flag("volumes") ?? false
                return try await perform(request) { id in
                    try await services.apps.delete(app, volumes: volumes, jobID: id, initiator: request.initiator)
                    return EmptyResult()
                }
            },
            APIRoute(
                .get, "/apps/{app}/logs", "followAppLogs", "Lines of the log of an app's container.",
                query: [.follow, .tail, .since], answers: [.lines(LogLine.self, "One line per line.")]
            ) { request in
                let entries = try await services.apps.logs(
                    request.parameter("app"), options: try LogQuery.options(request))
                return .lines(request, entries.map(LogLine.init))
            },
        ]
    }

    private var changes: [APIRoute] {
        [
            APIRoute(
                .post, "/apps/{app}/approve", "approveApp", "Allow an app what its source asks for.", query: [.wait],
                body: .optional(ApproveAppRequest.self),
                answers: [.json(200, AppChangeInfo.self, "What was done."), .accepted]
            ) { request in
                let body = try await request.body(orElse: ApproveAppRequest())
                let (dryRun, promote) = (body.dryRun ?? false, body.promote ?? false)
                let app = request.parameter("app")
                return try await perform(request) { id in
                    AppChangeInfo(
                        try await services.apps.approve(
                            app, promote: promote, dryRun: dryRun, jobID: id, initiator: request.initiator))
                }
            },
            APIRoute(
                .post, "/apps/{app}/reload", "reloadApp", "Read an app's source again and serve the new version.",
                query: [.wait], body: .optional(ReloadAppRequest.self),
                answers: [.json(200, AppChangeInfo.self, "What was done."), .accepted], handle: reload),
            APIRoute(
                .post, "/apps/{app}/promote", "promoteApp", "Bring what is staged to production.", query: [.wait],
                body: .optional(PromoteAppRequest.self),
                answers: [.json(200, AppChangeInfo.self, "What was done."), .accepted]
            ) { request in
                let dryRun = try await request.body(orElse: PromoteAppRequest()).dryRun ?? false
                let app = request.parameter("app")
                return try await perform(request) { id in
                    AppChangeInfo(
                        try await services.apps.promote(app, dryRun: dryRun, jobID: id, initiator: request.initiator))
                }
            },
            APIRoute(
                .post, "/apps/{app}/settings", "changeAppSettings", "Change what is not part of an app's versions.",
                query: [.wait], body: .json(AppSettingsRequest.self),
                answers: [.json(200, AppInfo.self, "The app."), .accepted]
            ) { request in
                let allowed = try await request.body(AppSettingsRequest.self).stageWriteAccess
                let app = request.parameter("app")
                return try await perform(request) { id in
                    await info(
                        try await services.apps.setStagingWrites(
                            app, allowed: allowed, jobID: id, initiator: request.initiator))
                }
            },
            APIRoute(
                .post, "/apps/{app}/start", "startApp", "Start an app's container and wait until it is healthy.",
                query: [.wait], answers: [.json(200, AppInfo.self, "The app."), .accepted]
            ) { request in
                let app = request.parameter("app")
                return try await perform(request) { id in
                    let summary = try await services.apps.start(app, jobID: id, initiator: request.initiator)
                    return await info(summary)
                }
            },
            APIRoute(
                .post, "/apps/{app}/stop", "stopApp", "Stop an app's container; the next request starts it again.",
                query: [.wait], answers: [.json(200, AppInfo.self, "The app."), .accepted]
            ) { request in
                let app = request.parameter("app")
                return try await perform(request) { id in
                    try await services.apps.stop(app, jobID: id, initiator: request.initiator)
                    let summary = try await services.apps.app(app).summary
                    return await info(summary)
                }
            },
        ]
    }

    private func info(_ summary: AppSummary) async -> AppInfo {
        var staging: String?
        if let address = summary.staging { staging = await services.system.url(ofApp: address) }
        return AppInfo(summary, url: await services.system.url(ofApp: summary.address), stagingURL: staging)
    }

    private func create(_ request: APIRequest) async throws -> Response {
        let body = try await request.body(CreateAppRequest.self)
        let create = AppCreateRequest(
            source: body.source, address: body.address, spec: body.spec, development: body.dev ?? false,
            staging: body.staging, stageAt: body.stageAt, approve: body.approve ?? false,
            params: body.parameters ?? [:],
            containerOptions: body.containerOptions ?? [:],
            buildArguments: body.buildArguments ?? [:], containerVolumes: body.containerVolumes ?? [],
            dryRun: body.dryRun ?? false)
        return try await perform(request, status: .created) { id in
            AppChangeInfo(try await services.apps.create(create, jobID: id, initiator: request.initiator))
        }
    }

    private func reload(_ request: APIRequest) async throws -> Response {
        let body = try await request.body(orElse: ReloadAppRequest())
        var params: [String: String?] = [:]
        for (name, value) in body.parameters ?? [:] { params[name] = .some(value) }
        for name in body.deletedParameters ?? [] { params[name] = .some(nil) }
        var arguments: [String: String?] = [:]
        for (name, value) in body.buildArguments ?? [:] { arguments[name] = .some(value) }
        for name in body.deletedBuildArguments ?? [] { arguments[name] = .some(nil) }
        let reload = AppReloadRequest(
            approve: body.approve ?? false, promote: body.promote ?? false, verify: body.verify ?? false,
            force: body.force ?? false, params: params, buildArguments: arguments, dryRun: body.dryRun ?? false)
        let app = request.parameter("app")
        return try await perform(request) { id in
            AppChangeInfo(try await services.apps.reload(app, reload, jobID: id, initiator: request.initiator))
        }
    }

    /// Apps make jobs of their changes themselves; so the job is known by the identifier it is told to bear.
    private func perform<Result: Codable & Sendable>(
        _ request: APIRequest, status: HTTPResponse.Status = .ok,
        work: @escaping @Sendable (JobID) async throws -> Result
    ) async throws -> Response {
        let id = try request.jobID ?? .random()
        guard try !request.waits else { return try .json(try await work(id), status: status) }
        let outcome = background.start { try await work(id) }
        // The job is recorded a moment after the change was begun, or the change is refused before it becomes one.
        while try await services.jobs.job(id) == nil {
            switch outcome.state {
            case .failed(let error): throw error
            case .succeeded(let result): return try .json(result, status: status)
            case .running: try await Task.sleep(for: .milliseconds(2))
            }
        }
        return try await services.accepted(id)
    }
}
