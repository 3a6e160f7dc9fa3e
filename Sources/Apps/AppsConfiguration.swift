/// What the server's configuration says about apps; every field has the default of the original.
package struct AppsConfiguration: Sendable {
    /// The domain of apps without one.
    package var defaultDomain = "localhost"
    /// Whether apps without a domain also answer to hosts no app names.
    package var fallbackUnknownDomains = false
    /// Whether apps get a staging twin unless they say otherwise.
    package var stagesApps = false
    /// Where staging twins are reached.
    package var stagePlace = StagingPlace.domain
    /// What stands before the domain of an app in that of its staging twin.
    package var stageDomain = "stage"
    /// The address users reach the gateway at, such as `http://localhost:25222`; `CL_APP_URL` is made from it.
    package var publicURL = "http://localhost:25222"
    /// Permissions every app has.
    package var allow = PermissionPolicy.defaultAllow
    /// Calls no app may make.
    package var deny = PermissionPolicy.defaultDeny
    /// The provider of `{{secret …}}`.
    package var defaultSecretsProvider = "env"
    /// The health path of apps that name none.
    package var healthPath = "/"
    /// Time for one answer to a health check, in seconds.
    package var healthTimeoutSeconds = 5
    /// Attempts of a start.
    package var deployHealthAttempts = 75
    /// Attempts of a start of a development app.
    package var developmentHealthAttempts = 30
    /// Pause between checks of a healthy container, in seconds; 0 switches them off.
    package var statusCheckIntervalSeconds = 20
    /// Seconds without a request after which a container is stopped; 0 means never.
    package var idleShutdownSeconds = 180
    /// Bytes per idle period below which open connections count as silent.
    package var idleBytesHighWatermark = 1500
    /// Log lines shown with a failed start.
    package var logLinesToShow = 1000
    /// Whether log lines are shown with a failed start.
    package var showLogsForFailure = true
    /// Builds at a time.
    package var maxConcurrentBuilds = 1
    /// Seconds a build waits for its turn.
    package var maxBuildWaitSeconds = 120
    /// Host directories that volumes of apps may lie in.
    package var allowedMounts: [String] = []
    /// Largest form.
    package var actionBodyLimit = 33_554_432
    /// Versions kept besides the live one.
    package var retainVersions = 5
    /// Files and bytes a source may have.
    package var sourceFileLimit = 20_000
    /// Bytes a source may have.
    package var sourceByteLimit: Int64 = 1 << 30
    /// Evaluations that may run at a time.
    package var maxEvaluations = 32
    /// Seconds after which somebody at a browser sees how a start stands instead of nothing.
    package var waitingPageSeconds = 5
    /// Seconds that all other requests are held while an app starts.
    package var holdLimitSeconds = 900
    /// Whether the root of the default domain lists the apps as long as no app is there.
    package var listsApps = true
    /// What apps may read with `config`.
    package var nodeConfiguration: [String: String] = [:]
    /// Seconds a replaced container's last requests have.
    package var drainSeconds = 30

    /// The defaults.
    package init() {}
}
