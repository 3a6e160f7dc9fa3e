internal import Logging
internal import Starlark
internal import Synchronization

/// An app's files evaluated for real: what it declares, and the functions that answer requests.
struct LoadedApp: Sendable {
    let declaration: AppDeclaration
    let params: ParamSet
    /// The global `handler`.
    let defaultHandler: Value?
    /// The global `error_handler`.
    let errorHandler: Value?
    /// Files of `static_root/`, by their paths below it.
    let rootFiles: [String]
    /// Whether there is a folder `static/`.
    let hasStaticFiles: Bool
    /// Keeps the functions alive: whoever calls one holds this value until the call has ended.
    let memory: ProgramMemory
}

/// The modules of one evaluated app. A module and its functions refer to each other; when the last holder of this object
/// lets go of it, they are freed.
final class ProgramMemory: Sendable {
    private let modules = Mutex<[Module]>([])

    /// Takes care of a module from now on.
    func keep(_ module: Module) { modules.withLock { $0.append(module) } }

    deinit {
        for module in modules.withLock({ $0 }) { module.dispose() }
    }
}

/// What an audit found.
struct AuditedApp: Sendable, Hashable {
    let name: String
    let params: ParamSet
    let loads: [String]
    let permissions: [Grant]
}

/// Evaluates the files of one version of an app. Blocks; call it on an ``EvaluationThread``.
struct AppEvaluator: Sendable {
    let files: AppFiles
    /// Given values of params.
    let given: [String: String]
    let check: CallCheck
    let approvedLoads: [String]
    let secrets: SecretResolver
    let node: NodeConfiguration
    let logger: Logger

    /// What an app may use up while it loads; a handler has its own.
    static let limits = Limits(steps: 50_000_000, allocatedBytes: 512 << 20, callDepth: 5_000)

    /// Evaluates with plugin functions that do nothing, for loads and permissions.
    func audit(_ bridge: BlockingBridge) throws -> AuditedApp {
        let params = try params(bridge)
        let scope = scope(.audit)
        let memory = ProgramMemory()
        let (declaration, _) = try run(scope, params, bridge, memory)
        defer { withExtendedLifetime(memory) {} }
        return AuditedApp(
            name: declaration.name, params: params, loads: scope.loads, permissions: declaration.permissions)
    }

    /// Evaluates for real.
    func load(_ bridge: BlockingBridge) throws -> LoadedApp {
        let params = try params(bridge)
        let scope = scope(.load)
        let memory = ProgramMemory()
        let (declaration, module) = try run(scope, params, bridge, memory)
        try scope.finish()
        let errorHandler = module["error_handler"].flatMap { $0.isCallable ? $0 : nil }
        let handler = module["handler"].flatMap { $0.isCallable ? $0 : nil }
        if handler == nil, let endpoint = declaration.endpoints.first(where: { $0.handler == nil }) {
            throw AppError.star(
                "app.star", "the route `\(endpoint.path)` has no handler, and there is no global `handler`")
        }
        return LoadedApp(
            declaration: declaration, params: params, defaultHandler: handler, errorHandler: errorHandler,
            rootFiles: files.rootFiles, hasStaticFiles: files.hasStaticFiles, memory: memory)
    }

    private func scope(_ purpose: EvaluationScope.Purpose) -> EvaluationScope {
        EvaluationScope(purpose: purpose, check: check, approvedLoads: approvedLoads, secrets: secrets, node: node)
    }

    private func run(
        _ scope: EvaluationScope, _ params: ParamSet, _ bridge: BlockingBridge, _ memory: ProgramMemory
    ) throws -> (AppDeclaration, Module) {
        guard let text = files["app.star"] else {
            throw AppError.star("app.star", "the file is missing, so there is no `app`")
        }
        let predeclared = ["ace": AceModule.value, "param": try Self.module(of: params)]
        let loader = AppLoader(files: files, scope: scope, predeclared: predeclared, memory: memory)
        let evaluation = evaluation(loader: loader)
        evaluation.context = scope
        bridge.cancels(evaluation.cancellation)
        do {
            let program = try Program(
                source: text, name: "app.star", dialect: .openRun, predeclared: Set(predeclared.keys))
            let module = try evaluation.run(program, predeclared: predeclared)
            memory.keep(module)
            guard let object = module["app"]?.hostValue as? AceObject, case .app(let declaration) = object.content
            else {
                throw AppError.star("app.star", "the global `app` is missing or was not made by ace.app")
            }
            return (declaration, module)
        } catch {
            throw AppError(any: error)
        }
    }

    /// Evaluates `params.star` and gives each param its value.
    private func params(_ bridge: BlockingBridge) throws -> ParamSet {
        guard let text = files["params.star"] else { return try ParamSet(definitions: [], given: given) }
        let scope = scope(.audit)
        let predeclared = ParamModule.predeclared
        let evaluation = evaluation(loader: nil)
        evaluation.context = scope
        bridge.cancels(evaluation.cancellation)
        do {
            let program = try Program(
                source: text, name: "params.star", dialect: .standard, predeclared: Set(predeclared.keys))
            try evaluation.run(program, predeclared: predeclared).dispose()
        } catch {
            throw AppError(any: error)
        }
        return try ParamSet(definitions: scope.definitions, given: given)
    }

    private func evaluation(loader: AppLoader?) -> Evaluation {
        let logger = logger
        return Evaluation(
            limits: Self.limits,
            print: { logger.info("app printed", metadata: ["text": "\($0.prefix(2000))"]) }, loader: loader)
    }

    /// The module `param`, frozen so that requests may share it.
    private static func module(of params: ParamSet) throws -> Value {
        let members = params.definitions.map { ($0.name, (params[$0.name] ?? $0.type.zero).starlark) }
        let program = try Program(source: "frozen = given", name: "param", predeclared: ["given"])
        let module = try Evaluation().run(program, predeclared: ["given": .module("param", members)])
        return module["frozen"] ?? .none
    }
}

/// What `params.star` can use.
enum ParamModule {
    static var predeclared: [String: Value] {
        var names: [String: Value] = ["param": .function(param), "config": .function(config)]
        for type in ParamType.allCases { names[type.rawValue] = .string(type.rawValue) }
        for display in ["PASSWORD", "TEXTAREA", "FILE", "COMBO"] { names[display] = .string(display) }
        return names
    }

    private static let param = NativeFunction(
        "param",
        [
            .required("name", .string), .optional("type", .string, default: "STRING"), .optional("default"),
            .optional("description", .string, default: ""), .optional("required", .bool, default: true),
            .optional("display_type", .string, default: ""),
        ]
    ) { call in
        let name = try call.string("name")
        let typeText = try call.string("type")
        guard let type = ParamType(rawValue: typeText) else {
            throw AppError(.paramType, "param `\(name)`: `\(typeText)` is no type of params")
        }
        let displayText = try call.string("display_type")
        guard let display = ParamDisplay(parsing: displayText) else {
            throw AppError(.paramType, "param `\(name)`: `\(displayText)` is no display type")
        }
        let scope = try EvaluationScope.of(call.evaluation)
        guard !scope.definitions.contains(where: { $0.name == name }) else { throw AppError.paramDuplicate(name) }
        let value = call["default"]
        scope.definitions.append(
            try ParamDefinition(
                name: name, type: type, defaultValue: value.isNone ? nil : JSONValue(value),
                description: try call.string("description"), isRequired: try call.bool("required"), display: display))
        return .none
    }

    private static let config = NativeFunction("config", [.required("key", .string), .optional("default")]) { call in
        try EvaluationScope.of(call.evaluation).node.value(try call.string("key"), default: call["default"])
    }
}
