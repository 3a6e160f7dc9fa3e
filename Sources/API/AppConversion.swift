internal import Apps
internal import Wire

extension AppStateChoice {
    init(_ state: AppState) {
        switch state {
        case .absent: self = .absent
        case .building: self = .building
        case .starting: self = .starting
        case .running: self = .running
        case .unhealthy: self = .unhealthy
        case .idle: self = .idle
        case .stopped: self = .stopped
        case .failed: self = .failed
        case .ready: self = .ready
        }
    }
}

extension AppInfo {
    init(_ summary: AppSummary, url: String?, stagingURL: String?) {
        self.init(
            id: summary.id, address: summary.address, version: summary.version, state: AppStateChoice(summary.state),
            source: summary.source, createdAt: summary.createdAt)
        name = summary.name
        self.url = url
        dev = summary.isDevelopment
        stagingAddress = summary.staging
        self.stagingURL = stagingURL
        spec = summary.spec
        container = summary.container
        needsApproval = summary.needsApproval
        lastError = summary.lastError
        updatedAt = summary.updatedAt
    }
}

extension AppDetail {
    init(_ details: AppDetails, summary: AppInfo) {
        self.init(summary: summary, audit: AppAuditInfo(details.audit))
        parameters = details.params
        containerOptions = details.containerOptions
        buildArguments = details.buildArguments
        versions = details.versions.map {
            AppVersionInfo(number: $0.number, sourceHash: $0.sourceHash, createdAt: $0.createdAt, isLive: $0.isLive)
        }
        image = details.image
    }
}

extension AppAuditInfo {
    init(_ audit: AppAudit) {
        self.init()
        newLoads = audit.newLoads
        newPermissions = audit.newPermissions.map(GrantInfo.init)
        approvedLoads = audit.approvedLoads
        approvedPermissions = audit.approvedPermissions.map(GrantInfo.init)
        needsApproval = audit.needsApproval
    }
}

extension GrantInfo {
    init(_ grant: Grant) {
        self.init(plugin: grant.plugin, method: grant.method, arguments: grant.arguments, secrets: grant.secrets)
    }
}

extension AppChangeInfo {
    init(_ change: AppChange) {
        self.init(
            id: change.id, address: change.address, version: change.version, changed: change.changed,
            audit: AppAuditInfo(change.audit))
        verified = change.verified
        notices = change.notices
    }
}
