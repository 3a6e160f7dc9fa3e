internal import Apps
internal import Logging

/// A key with its type, its default and the rule its values follow.
struct ConfigurationKey<Value: ConfigurationValue>: Sendable {
    let name: String
    let standard: Value
    let summary: String
    let rule: (@Sendable (Value) -> String?)?

    /// - Parameter rule: the rule that a value breaks, nil for a good one.
    init(_ name: String, _ standard: Value, _ summary: String, rule: (@Sendable (Value) -> String?)? = nil) {
        self.name = name
        self.standard = standard
        self.summary = summary
        self.rule = rule
    }

    /// The key without its type.
    var erased: AnyConfigurationKey {
        AnyConfigurationKey(name: name, standard: standard.shown, summary: summary) { raw in
            let value = try Value(raw: raw)
            if let broken = rule?(value) { throw RuleBroken(broken) }
            return value.shown
        }
    }
}

/// A key without its type.
struct AnyConfigurationKey: Sendable {
    let name: String
    let standard: String
    let summary: String
    /// Checks a value and gives it as it is shown.
    let check: @Sendable (RawSetting) throws -> String

    /// `gateway.http.address` is `MARTLET_GATEWAY_HTTP_ADDRESS`.
    var environmentName: String {
        "MARTLET_" + name.uppercased().replacing(".", with: "_")
    }
}

/// Where the gateway's access log goes.
enum AccessLogChoice: String, ConfigurationChoice {
    case off, json, combined
}

/// Which OCI runtime is used.
enum RuntimeChoice: String, ConfigurationChoice {
    case auto, crun, runc
}

/// How lines of the daemon's log look.
enum LogFormatChoice: String, ConfigurationChoice {
    case text, json
}

/// How much is logged.
enum LogLevelChoice: String, ConfigurationChoice {
    case trace, debug, info, notice, warning, error, critical

    var level: Logger.Level { Logger.Level(rawValue: rawValue) ?? .info }
}

/// Every key there is.
enum ConfigurationKeys {
    static let gatewayAddress = ConfigurationKey(
        "gateway.http.address", "127.0.0.1:25222", "Where apps are served over HTTP; port 0 takes a free one.",
        rule: { ListenAddress(parsing: $0) == nil ? "it is `address:port`" : nil })
    static let gatewayThreads = ConfigurationKey(
        "gateway.threads", 0, "Threads that move requests; 0 for one per core.", rule: between(0...1024))
    static let gatewayAccessLog = ConfigurationKey(
        "gateway.access_log", AccessLogChoice.off, "A line per request on standard error: off, json, combined.")
    static let gatewayTrustedProxies = ConfigurationKey(
        "gateway.trusted_proxies", [String](), "Networks whose X-Forwarded headers are believed.")
    static let gatewayDrainSeconds = ConfigurationKey(
        "gateway.shutdown_drain_secs", 5, "How long requests may go on when the daemon ends.",
        rule: between(0...86_400))

    static let apiSocket = ConfigurationKey(
        "api.socket", "", "The API's Unix socket; empty for `martlet.sock` in the runtime directory.",
        rule: { $0.isEmpty || $0.hasPrefix("/") ? nil : "it is an absolute path" })
    static let apiSocketMode = ConfigurationKey(
        "api.socket_mode", "0660", "The socket's file mode.",
        rule: { Int($0, radix: 8).map { (0...0o777).contains($0) } == true ? nil : "it is an octal mode such as 0660" })
    static let apiAddress = ConfigurationKey(
        "api.tcp.address", "", "Where the API listens on TCP; empty for nowhere.",
        rule: { $0.isEmpty || ListenAddress(parsing: $0) != nil ? nil : "it is `address:port`" })
    static let apiTokenFile = ConfigurationKey(
        "api.tcp.token_file", "", "A file with the token that TCP clients must send.",
        rule: { $0.isEmpty || $0.hasPrefix("/") ? nil : "it is an absolute path" })
    static let apiAllowOpen = ConfigurationKey(
        "api.tcp.allow_without_token", false, "Whether TCP clients on loopback need no token.")

    static let logLevel = ConfigurationKey(
        "log.level", LogLevelChoice.info, "The least important lines that are logged.")
    static let logFormat = ConfigurationKey("log.format", LogFormatChoice.text, "How lines look: text or json.")

    static let engineRuntime = ConfigurationKey(
        "engine.runtime", RuntimeChoice.auto, "The OCI runtime: auto (crun, else runc), crun, runc.")
    static let concurrentLaunches = ConfigurationKey(
        "engine.concurrent_launches", 8, "Containers whose runtime is launched at the same moment.",
        rule: between(1...1024))
    static let jobsConcurrency = ConfigurationKey(
        "jobs.concurrency", 16, "Changes that run at once.", rule: between(1...1024))

    static let defaultDomain = ConfigurationKey(
        "system.default_domain", "localhost", "The domain of apps whose address names none.")
    static let fallbackUnknownDomains = ConfigurationKey(
        "system.fallback_unknown_domains", false, "Whether such apps answer for hosts that no app names, too.")
    static let staging = ConfigurationKey(
        "system.staging", false, "Whether new apps get a staging twin unless they say otherwise.")
    static let stageAt = ConfigurationKey(
        "system.stage_at", "domain", "Where staging twins are reached: `domain`, `path`, or a domain.")
    static let stageDomain = ConfigurationKey(
        "system.default_stage_domain", "stage", "What stands before the domain of an app in that of its staging twin.")
    static let maxConcurrentBuilds = ConfigurationKey(
        "system.max_concurrent_builds", 1, "Image builds that run at once.", rule: between(1...64))
    static let maxBuildWait = ConfigurationKey(
        "system.max_build_wait_secs", 120, "How long a build waits for its turn.", rule: between(1...86_400))

    static let rootList = ConfigurationKey(
        "system.root_serve_list_apps", true, "Whether `/` lists the apps as long as no app is there.")
    static let waitingPage = ConfigurationKey(
        "container.waiting_page_secs", 5, "After how long a browser sees how the start of an app stands.",
        rule: between(0...86_400))
    static let holdLimit = ConfigurationKey(
        "container.hold_limit_secs", 900, "How long all other requests are held while an app starts.",
        rule: between(1...86_400))
    static let healthURL = ConfigurationKey(
        "container.health_url", "/", "The path that is asked whether an app is ready.")
    static let healthTimeout = ConfigurationKey(
        "container.health_timeout_secs", 5, "How long one such request may take.", rule: between(1...3600))
    static let healthAttempts = ConfigurationKey(
        "container.deploy_health_attempts", 75, "How often it is asked before a start counts as failed.",
        rule: between(1...100_000))
    static let developmentHealthAttempts = ConfigurationKey(
        "container.health_attempts_after_startup", 30, "How often a development app is asked before its start failed.",
        rule: between(1...100_000))
    static let idleShutdown = ConfigurationKey(
        "container.idle_shutdown_secs", 180,
        "After how long without requests an app's container is stopped; 0 for never.",
        rule: between(0...31_536_000))
    static let idleBytes = ConfigurationKey(
        "container.idle_bytes_high_watermark", 1500,
        "Bytes on open connections in that time that still count as silence.",
        rule: between(0...1_000_000_000))
    static let statusInterval = ConfigurationKey(
        "container.status_check_interval_secs", 20, "The pause between health checks of a running app.",
        rule: between(0...86_400))
    static let logLines = ConfigurationKey(
        "container.log_lines_to_show", 1000, "Log lines shown with a failed start.", rule: between(0...100_000))
    static let showLogs = ConfigurationKey(
        "container.show_logs_for_failure", true, "Whether log lines are shown with a failed start.")

    static let actionBody = ConfigurationKey(
        "action.max_request_body_bytes", 33_554_432, "The largest form an action takes.", rule: between(1...1 << 40))
    static let retainVersions = ConfigurationKey(
        "fs.retain_versions", 5, "Versions of an app that are kept besides the live one.", rule: between(0...1000))
    static let secretsProvider = ConfigurationKey(
        "security.default_secrets_provider", "env", "Where secrets come from.")
    static let permissionsAllow = ConfigurationKey(
        "permissions.allow", PermissionPolicy.defaultAllow, "Calls that every app may make.")
    static let permissionsDeny = ConfigurationKey(
        "permissions.deny", PermissionPolicy.defaultDeny, "Calls that no app may make.")

    static let allowedMounts = ConfigurationKey(
        "security.allowed_mounts", [String](), "Directories of this host that volumes of apps may lie in.",
        rule: { paths in paths.allSatisfy { $0.hasPrefix("/") } ? nil : "each is an absolute path" })
    static let nodeConfiguration = ConfigurationKey(
        "node_config", [String: String](), "Values that apps may read with `config`; `$NAME` stands for a variable.")
    static let allowedEnvironment = ConfigurationKey(
        "system.allowed_env", [String](), "Environment variables that `node_config` may use.")

    static let all: [AnyConfigurationKey] = [
        gatewayAddress.erased, gatewayThreads.erased, gatewayAccessLog.erased, gatewayTrustedProxies.erased,
        gatewayDrainSeconds.erased, apiSocket.erased, apiSocketMode.erased, apiAddress.erased, apiTokenFile.erased,
        apiAllowOpen.erased, logLevel.erased, logFormat.erased, engineRuntime.erased, concurrentLaunches.erased,
        jobsConcurrency.erased,
        defaultDomain.erased, fallbackUnknownDomains.erased, staging.erased, stageAt.erased,
        stageDomain.erased, maxConcurrentBuilds.erased, maxBuildWait.erased,
        rootList.erased, waitingPage.erased, holdLimit.erased,
        healthURL.erased, healthTimeout.erased, healthAttempts.erased,
        developmentHealthAttempts.erased, idleShutdown.erased, idleBytes.erased,
        statusInterval.erased, logLines.erased, showLogs.erased, actionBody.erased, retainVersions.erased,
        secretsProvider.erased, permissionsAllow.erased, permissionsDeny.erased,
        allowedMounts.erased, nodeConfiguration.erased, allowedEnvironment.erased,
    ]

    private static func between(_ range: ClosedRange<Int>) -> @Sendable (Int) -> String? {
        { range.contains($0) ? nil : "it is from \(range.lowerBound) to \(range.upperBound)" }
    }
}

/// `127.0.0.1:25222`, `[::1]:25222`, `:25222` for every address.
struct ListenAddress: Hashable, Sendable {
    let host: String
    let port: UInt16

    init?(parsing text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            return nil
        }
        self.host = host.isEmpty ? "0.0.0.0" : host
        self.port = port
    }

    /// Whether it can be reached from this machine only.
    var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
}
