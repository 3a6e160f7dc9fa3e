internal import Containers
internal import Core
internal import Engines
internal import Glibc
internal import Logging
internal import Starlark
internal import State
internal import Synchronization

/// Answers requests with the app's own functions: actions and `ace.api` routes.
struct AppHandlers: AppResponder {
    let runtime: AppRuntime
    let live: LiveVersion
    let loaded: LoadedApp
    let world: AppWorld

    var bodyLimit: Int { world.configuration.actionBodyLimit }

    func respond(to request: AppRequest) async -> AppResponse {
        let path = inside(request.head.path)
        if request.body.count > bodyLimit { return failure(AppError.actionBody(limit: bodyLimit), request.head) }
        if let (action, step) = action(at: path) { return await respond(to: request, action, step) }
        let endpoints = loaded.declaration.endpoints.filter { $0.path == path }
        if let endpoint = endpoints.first(where: { $0.method == request.head.method || isHead(request, $0) }) {
            return await EndpointHandler(handlers: self, endpoint: endpoint).respond(to: request, path: path)
        }
        if !endpoints.isEmpty { return methodNotAllowed(Set(endpoints.map(\.method))) }
        return failure(
            AppError.notFound(host: request.head.header("host") ?? "", path: request.head.path), request.head)
    }

    /// The path without the app's own, percent-decoded, without slash at its end.
    private func inside(_ path: String) -> String {
        let own = live.version.address.path
        let rest = own == "/" ? path[...] : path.dropFirst(own.count)
        return AppDefinition.route(FormBody.decodedPath(Array(rest.utf8)))
    }

    private func isHead(_ request: AppRequest, _ endpoint: EndpointDeclaration) -> Bool {
        request.head.method == "HEAD" && endpoint.method == "GET"
    }

    private func action(at path: String) -> (ActionDeclaration, ActionStep)? {
        for action in loaded.declaration.actions {
            let base = action.description.path
            if path == base { return (action, .run) }
            for step in [ActionStep.validate, .suggest] where path == (base == "/" ? "" : base) + "/" + step.rawValue {
                return (action, step)
            }
        }
        return nil
    }

    private func respond(to request: AppRequest, _ action: ActionDeclaration, _ step: ActionStep) async -> AppResponse {
        let handler = ActionHandler(handlers: self, action: action)
        switch (request.head.method, step) {
        case ("GET", .run), ("HEAD", .run): return handler.form(request)
        case ("POST", _): return await handler.submit(request, step)
        case (_, .run): return methodNotAllowed(["GET", "POST"])
        case (_, .validate), (_, .suggest): return methodNotAllowed(["POST"])
        }
    }

    private func methodNotAllowed(_ methods: Set<String>) -> AppResponse {
        var response = AppResponse.text("method not allowed\n", status: 405)
        response.headers.append(("allow", methods.sorted().joined(separator: ", ")))
        return response
    }

    func failure(_ error: AppError, _ head: AppRequestHead) -> AppResponse {
        ErrorAnswer.response(
            error.naming(app: live.version.address.description), for: head,
            showsLog: world.configuration.showLogsForFailure)
    }

    // MARK: Calling

    /// Limits of one handler; the time it takes is bounded by what it waits for.
    private static let limits = Limits(steps: 500_000_000, allocatedBytes: 2 << 30, callDepth: 5_000)

    /// Calls a function of the app on a thread of its own and turns its value into one of ours.
    /// - Throws: ``AppError``, also for a failed plugin call that nobody looked at.
    func call<T: Sendable>(
        _ function: Value, arguments: @escaping @Sendable () -> [Value], named: [(String, JSONValue)] = [],
        _ transform: @escaping @Sendable (Value) throws -> T
    ) async throws -> T {
        let world = world
        let live = live
        let runtime = runtime
        let custom = Box<CustomAudit>(nil)
        let result = try await world.threads.run { bridge in
            let runner = ContainerRunner(runtime: runtime, live: live, bridge: bridge)
            defer { withExtendedLifetime(live) { runner.removeFiles() } }
            let scope = EvaluationScope(
                purpose: .handler(runner), check: live.check(world), approvedLoads: live.approvedLoads,
                secrets: world.secrets, node: world.node(of: live.version))
            defer { custom.value = scope.customAudit }
            let evaluation = Evaluation(
                limits: Self.limits,
                print: {
                    world.logger.info(
                        "app printed", metadata: ["app.id": "\(live.version.appID)", "text": "\($0.prefix(2000))"])
                })
            evaluation.context = scope
            bridge.cancels(evaluation.cancellation)
            do {
                let value = try evaluation.call(
                    function, arguments(), named: named.map { ($0.0, $0.1.starlark) })
                let response = value.hostValue as? PluginResponse
                try scope.finish(returning: response)
                // A response that is returned unread is looked at here; a stream is for whoever answers the request.
                return try transform(try response.map { $0.streamed == nil ? try $0.unwrapped() : value } ?? value)
            } catch {
                throw AppError(any: error)
            }
        }
        if let custom = custom.value { await audit(custom.operation, target: custom.target, message: custom.detail) }
        return result
    }

    private func audit(_ operation: String, target: String, message: String) async {
        await write(
            AuditRecord(
                time: world.time.milliseconds, initiator: "gateway", action: operation,
                target: "app/\(live.version.appID)/\(target)", outcome: .succeeded,
                message: message.isEmpty ? nil : message))
    }

    /// Adds an entry to the audit log.
    func audit(_ operation: String, target: String, failure: AppError?) async {
        await write(
            AuditRecord(
                time: world.time.milliseconds, initiator: "gateway", action: operation,
                target: "app/\(live.version.appID)/\(target)", outcome: failure == nil ? .succeeded : .failed,
                message: failure?.message))
    }

    private func write(_ record: AuditRecord) async {
        do {
            try await world.audit.append(record)
        } catch {
            world.logger.error("audit entry could not be written", metadata: ["error": "\(error)"])
        }
    }
}

/// What a POST to an action does.
enum ActionStep: String, Sendable {
    case run, validate, suggest

    /// The word in the audit log.
    var operation: String {
        switch self {
        case .run: "execute"
        case .validate: "validate"
        case .suggest: "suggest"
        }
    }
}

/// Runs commands for a handler; see ``AppRuntime/run(_:for:)``.
private final class ContainerRunner: CommandRunner {
    private let runtime: AppRuntime
    private let live: LiveVersion
    private let bridge: BlockingBridge
    private let files = Mutex<[String]>([])

    init(runtime: AppRuntime, live: LiveVersion, bridge: BlockingBridge) {
        self.runtime = runtime
        self.live = live
        self.bridge = bridge
    }

    func run(_ command: RunCommand) throws -> RunResult {
        let result = try bridge.wait { [runtime, live] in try await runtime.run(command, for: live) }
        if let file = result.file { files.withLock { $0.append(file) } }
        return result
    }

    func fetch(_ call: HTTPCall) throws -> HTTPCaller.Answer {
        try bridge.wait { [runtime, live] in try await runtime.fetch(call, for: live) }
    }

    func removeFiles() {
        for file in files.withLock({ $0 }) { unlink(file) }
    }
}

extension AppRuntime {
    /// Runs a command in a fresh container of a version's image.
    func run(_ command: RunCommand, for live: LiveVersion) async throws -> RunResult {
        let (container, spec) = try await commandContainer(command, for: live)
        let file = command.toFile ? "\(world.runDirectory)/\(container).out" : nil
        if file != nil { try await Blocking.run { [world] in try Directories.make(world.runDirectory) } }
        do {
            return try await CommandContainer(engine: world.engine, time: world.time, logger: world.logger)
                .run(container, spec, command, file: file)
        } catch {
            if let file { unlink(file) }
            throw AppError(starting: error)
        }
    }

    /// The container of one command, its image built or fetched; nothing of it exists yet.
    func commandContainer(
        _ command: RunCommand, for live: LiveVersion
    ) async throws -> (id: ContainerID, spec: ContainerSpec) {
        let plan = try await plan(for: live)
        let image: ImageRecord
        do { image = try await resolver.image(of: plan) } catch { throw AppError(starting: error) }
        var spec = plan.runSpec(
            image: image, command: command, capabilities: world.engine.capabilities, instance: world.instance)
        spec.mounts = try await mounts(plan, image)
        let name = AppNames.runContainer(app: id)
        guard let container = ContainerID(rawValue: name) else {
            throw AppError(.runStart, "`\(name)` is no identifier")
        }
        return (container, spec)
    }
}
