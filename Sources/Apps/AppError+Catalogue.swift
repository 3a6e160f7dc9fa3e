// The factories guarantee the tokens of each message.
extension AppError {
    /// No app serves that host and path.
    package static func notFound(host: String, path: String) -> AppError {
        AppError(.appNotFound, "no app at host `\(host)`, path `\(path)`")
    }

    /// No app has that address or identifier.
    package static func unknownApp(_ name: String) -> AppError {
        AppError(.appNotFound, "no app `\(name)`", hint: "`martlet app list` shows what exists")
    }

    /// The address overlaps with that of another app.
    package static func exists(_ address: AppAddress, other: AppAddress) -> AppError {
        AppError(
            .appExists, "the address `\(address)` overlaps with the app at `\(other)`",
            hint: "within a domain no app's path may begin with another one's")
    }

    static func star(_ file: String, _ problem: String) -> AppError { AppError(.appStar, "`\(file)`: \(problem)") }

    static func needsApproval(_ address: String) -> AppError {
        AppError(
            .appApproval, "`\(address)` asks for permissions that are not approved",
            hint: "`martlet app approve \(address)` shows and approves them")
    }

    static func load(_ plugin: String) -> AppError {
        AppError(.permissionLoad, "loading plugin `\(plugin)` is not approved", hint: approveHint)
    }

    static func call(_ plugin: String, _ method: String) -> AppError {
        AppError(
            .permissionCall, "the app has no permission to call `\(method)` of `\(plugin)`",
            hint: "add ace.permission(\"\(plugin)\", \"\(method)\") and approve the app")
    }

    static func argument(
        _ plugin: String, _ method: String, index: Int, actual: String, expected: String
    ) -> AppError {
        AppError(
            .permissionArgument,
            "`\(plugin)` `\(method)`: argument \(index) is `\(clip(actual))`, the permission expects `\(clip(expected))`",
            hint: approveHint)
    }

    static func argumentCount(_ plugin: String, _ method: String, given: Int, required: Int) -> AppError {
        AppError(
            .permissionArgumentCount,
            "`\(plugin)` `\(method)`: the call has \(given) arguments (given \(given)), the permission lists \(required) "
                + "(required \(required))")
    }

    static func denied(_ plugin: String, _ method: String) -> AppError {
        AppError(.permissionDenied, "this server denies `\(method)` of `\(plugin)` to all apps")
    }

    static func unknownKeyword(_ function: String, _ keyword: String, known: [String]) -> AppError {
        let near = nearest(to: keyword, among: known)
        return AppError(
            .pluginKeyword, "`\(function)` has no parameter `\(keyword)`",
            hint: near.map { "did you mean `\($0)`?" })
    }

    static func givenTwice(_ function: String, _ parameter: String) -> AppError {
        AppError(.pluginDuplicate, "`\(function)`: parameter `\(parameter)` is given twice")
    }

    static func tooManyArguments(_ function: String, given: Int, accepted: Int) -> AppError {
        AppError(.pluginKeyword, "`\(function)` takes at most \(accepted) positional arguments, \(given) were given")
    }

    static func missing(_ function: String, _ parameter: String) -> AppError {
        AppError(.pluginMissing, "`\(function)`: parameter `\(parameter)` is required")
    }

    static func type(_ function: String, _ parameter: String, expected: String, actual: String) -> AppError {
        AppError(.pluginType, "`\(function)`: parameter `\(parameter)` must be \(expected), not \(actual)")
    }

    static func argumentValue(_ function: String, _ parameter: String, _ rule: String) -> AppError {
        AppError(.pluginArgument, "`\(function)`: parameter `\(parameter)` \(rule)")
    }

    static func previous(_ earlier: String) -> AppError {
        AppError(.pluginPrevious, "an earlier plugin call failed and its error was never looked at: \(earlier)")
    }

    static func secretNone(_ keys: [String]) -> AppError {
        AppError(
            .secretNone, "secret `\(keys.joined(separator: " "))` is used, and the permission grants no secrets",
            hint: "add secrets=[…] to the ace.permission of the call and approve the app")
    }

    static func secretDenied(_ keys: [String]) -> AppError {
        AppError(.secretDenied, "secret `\(keys.joined(separator: " "))` is not covered by the permission's secrets")
    }

    static func secretProvider(_ provider: String, keys: [String]) -> AppError {
        AppError(
            .secretProvider, "secret `\(keys.joined(separator: " "))`: there is no secrets provider `\(provider)`")
    }

    static func secretMissing(_ provider: String, keys: [String]) -> AppError {
        AppError(
            .secretProvider, "secret `\(keys.joined(separator: " "))` is not known to the provider `\(provider)`")
    }

    static func paramRequired(_ name: String) -> AppError {
        AppError(.paramRequired, "param `\(name)` is required and has no value", hint: "--param \(name)=…")
    }

    static func paramEmpty(_ name: String) -> AppError {
        AppError(.paramEmpty, "param `\(name)` is required and must not be empty")
    }

    static func paramType(_ name: String, expected: String, value: String) -> AppError {
        AppError(.paramType, "param `\(name)` must be \(expected), not `\(clip(value))`")
    }

    static func paramDuplicate(_ name: String) -> AppError {
        AppError(.paramDuplicate, "param `\(name)` is defined twice")
    }

    static func paramName(_ name: String) -> AppError {
        AppError(.paramName, "param name `\(clip(name))` is empty or has blanks")
    }

    static let noFile = AppError(
        .configNoFile, "neither `Containerfile` nor `Dockerfile` is in the app's source",
        hint: "add one, or name another file or an image in container.config")

    static func read(_ file: String) -> AppError {
        AppError(.configRead, "container file `\(file)` is not in the app's source")
    }

    static func parse(_ file: String, line: Int, _ problem: String) -> AppError {
        AppError(.configParse, "container file `\(file)`, line \(line): \(problem)")
    }

    static func noPort(_ file: String) -> AppError {
        AppError(
            .configNoPort, "no port for `\(file)`: it has no usable EXPOSE and container.config gives no port",
            hint: "add `EXPOSE 8080` to the file, or port=8080 to container.config")
    }

    static let nixpacks = AppError(
        .configNixpacks, "the source `nixpacks` is not supported", hint: "use a Containerfile")

    static func engine(_ name: String, lacks ability: String) -> AppError {
        AppError(
            .configEngine,
            "the app wants a container and the engine `\(name)` cannot \(ability) (`container_command` of the server)")
    }

    static func starting(_ state: AppState) -> AppError {
        var error = AppError(
            .runWait, "its start takes long, it is still \(state.rawValue)", hint: "the start goes on; ask again")
        error.retryAfterSeconds = 5
        return error
    }

    static func option(_ option: String, value: String?) -> AppError {
        AppError(.optionDenied, "container option `\(option)` with value `\(value ?? "")` is not allowed")
    }

    static func volume(_ source: String) -> AppError {
        AppError(.volumeDenied, "volume source `\(source)` is outside the directories that apps may mount")
    }

    static func commandExit(_ code: Int32, stderr: String) -> AppError {
        let tail = stderr.isEmpty ? "" : ": \(stderr)"
        var error = AppError(.commandExit, "the command ended with exit code \(code)\(tail)")
        error.exitCode = code
        return error
    }

    static func commandTimeout(_ seconds: Int) -> AppError {
        var error = AppError(.commandExit, "the command ran into its timeout of \(seconds) s and was killed")
        error.exitCode = 124
        return error
    }

    static func commandJSON(_ problem: String) -> AppError {
        AppError(.commandJSON, "the command's output is not the json wanted: \(problem)")
    }

    static func commandFormat(_ value: String) -> AppError {
        AppError(.commandFormat, "parse=`\(clip(value))` is none of `json`, `jsonlines`")
    }

    static func actionOption(_ param: String, value: String) -> AppError {
        AppError(.actionOption, "`\(clip(value))` is not an option of param `\(param)`")
    }

    static func actionBody(limit: Int) -> AppError {
        AppError(.actionBody, "the form is larger than the limit of \(limit) bytes")
    }

    private static let approveHint = "`martlet app approve` shows and approves what the app asks for"

    private static func clip(_ text: String) -> String { text.count > 300 ? text.prefix(300) + "…" : text }

    /// The closest of `known` to `word` within two edits.
    static func nearest(to word: String, among known: [String]) -> String? {
        let best = known.map { (distance: editDistance(Array(word.utf8), Array($0.utf8)), name: $0) }
            .min { $0.distance < $1.distance }
        guard let best, best.distance <= 2 else { return nil }
        return best.name
    }

    private static func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        guard abs(left.count - right.count) <= 2 else { return 3 }
        var row = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in right.enumerated() {
                let above = row[j + 1]
                row[j + 1] = a == b ? diagonal : min(diagonal, above, row[j]) + 1
                diagonal = above
            }
        }
        return row[right.count]
    }
}
