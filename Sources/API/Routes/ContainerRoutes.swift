internal import Containers
internal import Core
internal import Engines
internal import Hummingbird
internal import Jobs
internal import OCI
internal import Wire

/// Containers.
struct ContainerRoutes: Sendable {
    let services: APIServices
    let sessions: SessionRegistry
    private let lists = ContainerListCache()

    /// The routes over `services`.
    init(services: APIServices, sessions: SessionRegistry) {
        self.services = services
        self.sessions = sessions
    }

    var routes: [APIRoute] { collection + changes + reports + processes }

    // MARK: The collection

    private var collection: [APIRoute] {
        [
            APIRoute(
                .get, "/containers", "listContainers", "All containers, oldest first.",
                query: [
                    .init(name: "owner", kind: .text, summary: "Only those of `user` or of `app/<id>`."), .limit,
                    .after,
                ],
                answers: [.json(200, ListPage<ContainerSummary>.self, "A part of the list.")], handle: list),
            APIRoute(
                .post, "/containers", "createContainer",
                "Create a container, fetching its image if need be, and start it unless told otherwise.",
                query: [
                    .wait,
                    .init(
                        name: "start", kind: .flag, summary: "Whether it is started; wins over the field of the body."),
                ], body: .json(CreateContainerRequest.self),
                answers: [.json(201, ContainerInfo.self, "It exists, and runs if it was to be started."), .accepted],
                handle: create),
            APIRoute(
                .get, "/containers/{container}", "getContainer", "One container by identifier, unique prefix or name.",
                answers: [.json(200, ContainerInfo.self, "The container.")]
            ) { request in
                try .json(ContainerInfo(try await services.containers.container(request.parameter("container"))))
            },
            APIRoute(
                .delete, "/containers/{container}", "deleteContainer", "Delete a container with everything it has.",
                query: [.wait, .force], answers: [.json(200, EmptyResult.self, "It is gone."), .accepted]
            ) { request in
                let force = try request.flag("force") ?? false
                return try await change(request, .containerDelete, fingerprint: "\(force)") { id in
                    try await services.containers.delete(id, force: force)
                    return EmptyResult()
                }
            },
        ]
    }

    private func list(_ request: APIRequest) async throws -> Response {
        var owner: ContainerOwner?
        if let text = request.query["owner"] {
            guard let parsed = ContainerOwner(parsing: text) else {
                throw InvalidArgument(field: "query parameter owner", value: text, rule: "it is `user` or `app/<id>`")
            }
            owner = parsed
        }
        // Taken before the list: a change in between makes the bytes newer than their number, never older.
        let key = ContainerListCache.Key(
            version: services.containers.listVersion, owner: request.query["owner"], limit: request.query["limit"],
            after: request.query["after"])
        let bytes = try await lists.bytes(key) {
            let statuses = await services.containers.containers(owner: owner)
            let part = try Paging.part(of: statuses, request) { $0.id.rawValue }
            return ContainerListWriter.write(part.items, next: part.next)
        }
        return .json(bytes)
    }

    private func create(_ request: APIRequest) async throws -> Response {
        let body = try await request.body(CreateContainerRequest.self)
        let spec = try ContainerSpec(body.settings)
        let id = try identifier(body, request)
        let starts = try request.flag("start") ?? body.start ?? true
        let policy = PullPolicy(body.pull ?? .missing)
        return try await services.change(
            request, .containerCreate, target: "container/\(id)", fingerprint: nil, status: .created
        ) { context in
            try await ImageRoutes.provide(spec.image, policy: policy, services.engine, progress: context.progress)
            var status = try await services.containers.create(spec, id: id, owner: .user)
            if starts { status = try await services.containers.start(id) }
            return ContainerInfo(status)
        }
    }

    /// A repeat of a job must mean the same container: without an identifier of its own it is named after the job.
    private func identifier(_ body: CreateContainerRequest, _ request: APIRequest) throws -> ContainerID {
        if let text = body.id {
            guard let id = ContainerID(rawValue: text) else {
                throw InvalidArgument(
                    field: "id", value: text,
                    rule: "1 to 128 letters, digits, `_`, `.`, `-`, beginning with a letter or digit")
            }
            return id
        }
        if let job = try request.jobID, let id = ContainerID(rawValue: String(job.rawValue.prefix(24))) { return id }
        return .random()
    }

    // MARK: Changes

    private var changes: [APIRoute] {
        [
            route("start", "startContainer", "Start a container.") { request in
                try await changeAndShow(request, .containerStart, fingerprint: "") {
                    _ = try await services.containers.start($0)
                }
            },
            route(
                "stop", "stopContainer", "Stop a container; it stays stopped.",
                body: .optional(StopContainerRequest.self)
            ) {
                request in
                let grace = try await grace(request)
                return try await changeAndShow(request, .containerStop, fingerprint: "\(grace as Duration?)") {
                    _ = try await services.containers.stop($0, grace: grace)
                }
            },
            route(
                "restart", "restartContainer", "Stop and start a container.", body: .optional(StopContainerRequest.self)
            ) { request in
                let grace = try await grace(request)
                return try await changeAndShow(request, .containerRestart, fingerprint: "\(grace as Duration?)") {
                    _ = try await services.containers.restart($0, grace: grace)
                }
            },
            route("pause", "pauseContainer", "Freeze all processes of a container.") { request in
                try await changeAndShow(request, .containerPause, fingerprint: "") {
                    try await services.containers.pause($0)
                }
            },
            route("resume", "resumeContainer", "Thaw the processes of a container.") { request in
                try await changeAndShow(request, .containerResume, fingerprint: "") {
                    try await services.containers.resume($0)
                }
            },
            APIRoute(
                .post, "/containers/{container}/kill", "killContainer", "Send a signal to a container's first process.",
                body: .optional(SignalRequest.self), answers: [.json(200, EmptyResult.self, "The signal was sent.")]
            ) { request in
                let signal = try SignalName.number(try await request.body(orElse: SignalRequest()).signal ?? "KILL")
                try await services.containers.kill(try await id(request), signal: signal)
                return try .json(EmptyResult())
            },
        ]
    }

    private func route(
        _ verb: String, _ name: String, _ summary: String, body: APIRoute.Body? = nil,
        handle: @escaping @Sendable (APIRequest) async throws -> Response
    ) -> APIRoute {
        APIRoute(
            .post, "/containers/{container}/\(verb)", name, summary, query: [.wait], body: body,
            answers: [.json(200, ContainerInfo.self, "The container afterwards."), .accepted], handle: handle)
    }

    private func id(_ request: APIRequest) async throws -> ContainerID {
        try await services.containers.container(request.parameter("container")).id
    }

    private func grace(_ request: APIRequest) async throws -> Duration? {
        guard let seconds = try await request.body(orElse: StopContainerRequest()).graceSeconds else { return nil }
        guard (0...86_400).contains(seconds) else {
            throw InvalidArgument(field: "graceSeconds", value: "\(seconds)", rule: "it is from 0 to 86400")
        }
        return .seconds(seconds)
    }

    private func change<Result: Codable & Sendable>(
        _ request: APIRequest, _ kind: JobKind, fingerprint: String,
        work: @escaping @Sendable (ContainerID) async throws -> Result
    ) async throws -> Response {
        let id = try await id(request)
        return try await services.change(request, kind, target: "container/\(id)", fingerprint: fingerprint) { _ in
            try await work(id)
        }
    }

    private func changeAndShow(
        _ request: APIRequest, _ kind: JobKind, fingerprint: String,
        work: @escaping @Sendable (ContainerID) async throws -> Void
    ) async throws -> Response {
        try await change(request, kind, fingerprint: fingerprint) { id in
            try await work(id)
            return ContainerInfo(try await services.containers.container(id.rawValue))
        }
    }

    // MARK: Reports

    private var reports: [APIRoute] {
        [
            APIRoute(
                .get, "/containers/{container}/logs", "followContainerLogs", "Lines of a container's log.",
                query: [.follow, .tail, .since], answers: [.lines(LogLine.self, "One line per line.")]
            ) { request in
                let entries = try await services.engine.logs(
                    try await id(request), options: try LogQuery.options(request))
                return .lines(request, entries.map(LogLine.init))
            },
            APIRoute(
                .get, "/containers/{container}/stats", "followContainerStats", "What a container uses.",
                query: [.init(name: "stream", kind: .flag, summary: "A sample every second until the container ends.")],
                answers: [.lines(StatsSample.self, "One line per sample.")]
            ) { request in
                let id = try await id(request)
                let samples = StatsSamples(
                    engine: services.engine, id: id, repeats: try request.flag("stream") ?? false,
                    first: StatsSample(try await services.engine.stats(id)))
                return .lines(request, samples)
            },
            APIRoute(
                .get, "/containers/{container}/wait", "waitForContainer",
                "How the current or latest run of a container ended, waiting for the end.",
                answers: [.json(200, ExitInfo.self, "How it ended.")]
            ) { request in
                let id = try await id(request)
                return try await request.untilShutdown {
                    try .json(ExitInfo(try await services.engine.waitForExit(id)))
                }
            },
        ]
    }

    // MARK: Processes

    private var processes: [APIRoute] {
        [
            APIRoute(
                .post, "/containers/{container}/exec", "execInContainer",
                "Run a further process in a running container.", body: .json(ExecRequest.self),
                answers: [.json(201, SessionInfo.self, "The session connected with it.")], handle: exec),
            APIRoute(
                .post, "/containers/{container}/attach", "attachToContainer",
                "Connect with the first process, and start the container then if asked to.",
                body: .optional(AttachRequest.self),
                answers: [.json(201, SessionInfo.self, "The session connected with it.")], handle: attach),
        ]
    }

    private func exec(_ request: APIRequest) async throws -> Response {
        let body = try await request.body(ExecRequest.self)
        guard let program = body.command.first, !program.isEmpty else {
            throw InvalidArgument(field: "command", value: "", rule: "it names at least a program")
        }
        let id = try await id(request)
        var spec = ExecSpec(command: body.command)
        spec.environment = body.environment ?? [:]
        spec.workingDirectory = body.workingDirectory
        spec.user = body.user
        spec.terminal = body.terminal ?? false
        spec.openInput = body.openInput ?? false
        spec.size = body.size.map { TerminalSize(columns: $0.columns, rows: $0.rows) }
        let session = try await services.engine.exec(id, spec)
        return try .json(try await sessions.add(session, container: id, now: Clock.now), status: .created)
    }

    private func attach(_ request: APIRequest) async throws -> Response {
        let body = try await request.body(orElse: AttachRequest())
        let id = try await id(request)
        let session =
            body.start ?? false ? try await startConnected(id) : try await services.engine.attach(id)
        do {
            if let size = body.size {
                try await session.resize(to: TerminalSize(columns: size.columns, rows: size.rows))
            }
            return try .json(try await sessions.add(session, container: id, now: Clock.now), status: .created)
        } catch {
            await session.detach()
            throw error
        }
    }

    /// Connects and starts. A driver that can connect before the start loses no output; with another one the connection
    /// comes right after it, and the log stands in for a process that has ended by then.
    private func startConnected(_ id: ContainerID) async throws -> any ProcessSession {
        let early: any ProcessSession
        do {
            early = try await services.engine.attach(id)
        } catch let error as any MartletError where error.kind == .invalidState {
            let status = try await services.containers.start(id)
            do {
                return try await services.engine.attach(id)
            } catch let error as any MartletError where error.kind == .invalidState {
                return try await LoggedSession(services.engine, id, since: status.startedAt)
            }
        }
        do {
            try await services.containers.start(id)
            return early
        } catch {
            await early.detach()
            throw error
        }
    }
}

/// Samples of what a container uses: one, or one each second until it ends.
private struct StatsSamples: AsyncSequence, Sendable {
    let engine: any Engine
    let id: ContainerID
    let repeats: Bool
    let first: StatsSample

    struct AsyncIterator: AsyncIteratorProtocol {
        let samples: StatsSamples
        var hasBegun = false

        mutating func next() async throws -> StatsSample? {
            guard hasBegun else {
                hasBegun = true
                return samples.first
            }
            guard samples.repeats else { return nil }
            try await Task.sleep(for: .seconds(1))
            do {
                return StatsSample(try await samples.engine.stats(samples.id))
            } catch let error as any MartletError where [.invalidState, .notFound].contains(error.kind) {
                return nil
            }
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(samples: self) }
}

/// What part of a log a request asks for.
enum LogQuery {
    static func options(_ request: APIRequest) throws -> LogOptions {
        LogOptions(
            follow: try request.flag("follow") ?? false, tail: try request.number("tail", in: 0...10_000_000),
            since: try request.number("since", in: 0...Int64.max))
    }
}
