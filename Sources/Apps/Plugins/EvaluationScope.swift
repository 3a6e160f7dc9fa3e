internal import Containers
internal import Starlark

/// What the host's functions know during one evaluation; used from the evaluation's thread only.
final class EvaluationScope {
    /// What the evaluation is for.
    enum Purpose {
        /// Only loads and permissions are wanted; plugin functions do nothing.
        case audit
        /// The app's files are evaluated.
        case load
        /// A handler runs.
        case handler(any CommandRunner)
    }

    let purpose: Purpose
    let check: CallCheck
    let approvedLoads: [String]
    let secrets: SecretResolver
    let node: NodeConfiguration
    /// Plugins loaded so far, in order.
    private(set) var loads: [String] = []
    private var pending: PluginResponse?
    /// The latest output that is still to be read.
    private var stream: PluginResponse?
    /// The custom audit event of the handler; the last one counts.
    var customAudit: CustomAudit?
    /// Params collected while `params.star` is evaluated.
    var definitions: [ParamDefinition] = []

    init(
        purpose: Purpose, check: CallCheck, approvedLoads: [String], secrets: SecretResolver,
        node: NodeConfiguration
    ) {
        self.purpose = purpose
        self.check = check
        self.approvedLoads = approvedLoads
        self.secrets = secrets
        self.node = node
    }

    /// The scope of an evaluation that runs app code.
    static func of(_ evaluation: Evaluation) throws -> EvaluationScope {
        guard let scope = evaluation.context(as: EvaluationScope.self) else {
            throw StarlarkFailure("this function works only in an app")
        }
        return scope
    }

    /// Notes that a plugin is loaded.
    func recordLoad(_ plugin: String) { if !loads.contains(plugin) { loads.append(plugin) } }

    /// Raises the failure of an earlier call that the program never looked at.
    func raisePending() throws {
        guard let response = pending, !response.isSeen, let error = response.error else { return }
        response.markSeen()
        throw AppError.previous(error.message)
    }

    /// Raises, as itself, a failure that nobody has looked at when the program ends.
    /// - Parameter returned: the stream that is returned, if any; all others are forgotten.
    func finish(returning returned: PluginResponse? = nil) throws {
        if let stream, stream !== returned {
            throw AppError(.pluginArgument, "a response with stream=True must be returned by the handler of an ace.api")
        }
        guard let response = pending, !response.isSeen, let error = response.error else { return }
        response.markSeen()
        throw error
    }

    /// Notes a call's outcome.
    func record(_ response: PluginResponse) {
        if response.error != nil { pending = response }
        if response.streamed != nil { stream = response }
    }
}

/// What `ace.audit` was told.
struct CustomAudit: Sendable, Hashable {
    var operation: String
    var target: String
    var detail: String
}

/// One `container.run`.
struct RunCommand: Sendable, Hashable {
    var path: String
    var arguments: [String] = []
    var environment: [String: String] = [:]
    var workingDirectory: String?
    var timeoutSeconds = 300
    /// Whether standard error is merged into what counts as output.
    var includesErrorOutput = true
    /// Whether output goes to a file instead of memory.
    var toFile = false
}

/// How a command ended.
struct RunResult: Sendable {
    var exitCode: Int32 = 0
    /// Standard output, or both streams in order where they are merged.
    var output: [UInt8] = []
    /// The file that holds it instead.
    var file: String?
    /// The last bytes of standard error.
    var errorTail = ""
    /// Whether output was dropped beyond the limit.
    var isTruncated = false
    /// Whether it was killed for taking too long.
    var timedOut = false
}

/// Runs commands for a handler; blocks the evaluation's thread.
protocol CommandRunner: Sendable {
    /// Removes files of outputs; called when the handler has ended.
    func removeFiles()
    /// Runs a command in a fresh container of the app's image. A non-zero exit is a result.
    func run(_ command: RunCommand) throws -> RunResult
    /// Sends a request. Whatever status it is answered with is a result.
    func fetch(_ call: HTTPCall) throws -> HTTPCaller.Answer
}
