/// What `app create` is asked for.
package struct AppCreateRequest: Codable, Hashable, Sendable {
    /// A local directory as an absolute path, or `-` for no source.
    package var source: String
    /// `[domain:]path`.
    package var address: String
    /// The app spec whose files fill in what the source lacks.
    package var spec: String?
    /// Whether it is made for development: the source is read from where it is, and every change reloads it.
    package var development: Bool
    /// Whether it gets a staging twin; nil leaves it to the server's configuration.
    package var staging: Bool?
    /// Where the twin is reached: `domain`, `path`, or a domain; nil leaves it to the server's configuration.
    package var stageAt: String?
    /// Whether the permissions asked for are approved in the same step.
    package var approve: Bool
    /// Values of params, as text.
    package var params: [String: String]
    /// `cpus`, `memory` and the like.
    package var containerOptions: [String: String]
    /// Build arguments; they win over those in the app.
    package var buildArguments: [String: String]
    /// Volumes beside those of the source.
    package var containerVolumes: [String]
    /// Whether everything is checked and nothing is changed.
    package var dryRun: Bool

    /// A request with nothing but source and address.
    package init(
        source: String, address: String, spec: String? = nil, development: Bool = false, staging: Bool? = nil,
        stageAt: String? = nil, approve: Bool = false, params: [String: String] = [:],
        containerOptions: [String: String] = [:],
        buildArguments: [String: String] = [:], containerVolumes: [String] = [], dryRun: Bool = false
    ) {
        self.development = development
        self.staging = staging
        self.stageAt = stageAt
        self.containerVolumes = containerVolumes
        self.source = source
        self.address = address
        self.spec = spec
        self.approve = approve
        self.params = params
        self.containerOptions = containerOptions
        self.buildArguments = buildArguments
        self.dryRun = dryRun
    }
}

/// What `app reload` is asked for.
package struct AppReloadRequest: Codable, Hashable, Sendable {
    /// Whether new permissions are approved in the same step.
    package var approve: Bool
    /// Whether what is staged is promoted to production, too; of no meaning without a staging twin.
    package var promote: Bool
    /// Whether the new version's container is started and must be healthy even if the app is not running.
    package var verify: Bool
    /// Whether a remembered failure is forgotten and an unchanged source makes a new version.
    package var force: Bool
    /// Params that change: a value sets, nil deletes.
    package var params: [String: String?]
    /// Build arguments that change.
    package var buildArguments: [String: String?]
    /// Container options that change.
    package var containerOptions: [String: String?]
    /// Replaces the volumes beside those of the source; nil keeps them.
    package var containerVolumes: [String]?
    /// Whether everything is checked and nothing is changed.
    package var dryRun: Bool

    /// A plain reload.
    package init(
        approve: Bool = false, promote: Bool = false, verify: Bool = false, force: Bool = false,
        params: [String: String?] = [:],
        buildArguments: [String: String?] = [:], containerOptions: [String: String?] = [:],
        containerVolumes: [String]? = nil, dryRun: Bool = false
    ) {
        self.buildArguments = buildArguments
        self.containerOptions = containerOptions
        self.containerVolumes = containerVolumes
        self.approve = approve
        self.promote = promote
        self.verify = verify
        self.force = force
        self.params = params
        self.dryRun = dryRun
    }
}

/// What an app asks for against what is approved.
package struct AppAudit: Codable, Hashable, Sendable {
    /// The app's identifier.
    package var id: String
    /// Its address.
    package var address: String
    /// Plugins the source loads, in order.
    package var newLoads: [String]
    /// Permissions the source asks for.
    package var newPermissions: [Grant]
    /// Plugins approved so far.
    package var approvedLoads: [String]
    /// Permissions approved so far.
    package var approvedPermissions: [Grant]
    /// Whether something is neither approved nor granted to every app by the server.
    package var needsApproval: Bool

    /// A report.
    package init(
        id: String, address: String, newLoads: [String], newPermissions: [Grant], approvedLoads: [String],
        approvedPermissions: [Grant], needsApproval: Bool
    ) {
        self.id = id
        self.address = address
        self.newLoads = newLoads
        self.newPermissions = newPermissions
        self.approvedLoads = approvedLoads
        self.approvedPermissions = approvedPermissions
        self.needsApproval = needsApproval
    }
}

/// What a change of an app did.
package struct AppChange: Codable, Hashable, Sendable {
    /// The app's identifier.
    package var id: String
    /// Its address.
    package var address: String
    /// The version that is live now.
    package var version: Int
    /// Whether anything changed.
    package var changed: Bool
    /// Permissions asked for and approved.
    package var audit: AppAudit
    /// Whether the app serves from a container that was checked to be healthy in this change.
    package var verified: Bool
    /// Things a person should know, such as ignored options.
    package var notices: [String]

    /// A report.
    package init(
        id: String, address: String, version: Int, changed: Bool, audit: AppAudit, verified: Bool = false,
        notices: [String] = []
    ) {
        self.id = id
        self.address = address
        self.version = version
        self.changed = changed
        self.audit = audit
        self.verified = verified
        self.notices = notices
    }
}

/// How an app is to be found now.
package enum AppState: String, Codable, Hashable, Sendable, CaseIterable {
    /// Nothing runs; the first request starts it.
    case absent
    /// Its image is being built or fetched.
    case building
    /// Its container starts; health is not known yet.
    case starting
    /// It serves.
    case running
    /// Its container runs and fails its health check.
    case unhealthy
    /// Stopped for lack of requests; the next one starts it.
    case idle
    /// Its container has ended; the next request starts it.
    case stopped
    /// The latest attempt failed.
    case failed
    /// It has no service container: requests are answered by the server itself.
    case ready
}

/// One app in a list.
package struct AppSummary: Codable, Hashable, Sendable {
    /// `app_prd_…`.
    package var id: String
    /// Whether it is a development app.
    package var isDevelopment: Bool
    /// `[domain:]path`.
    package var address: String
    /// The display name of `ace.app`; empty while the source cannot be evaluated.
    package var name: String
    /// The live version.
    package var version: Int
    /// How it is now.
    package var state: AppState
    /// Where the source came from.
    package var source: String
    /// The app spec, if any.
    package var spec: String?
    /// The address of its staging twin, if it has one.
    package var staging: String?
    /// The container it serves from, if any.
    package var container: String?
    /// Whether it asks for permissions that nobody approved.
    package var needsApproval: Bool
    /// Why the latest attempt failed.
    package var lastError: String?
    /// Milliseconds since 1970.
    package var createdAt: Int64
    /// Milliseconds since 1970 of the latest change.
    package var updatedAt: Int64

    /// A row of a list.
    package init(
        id: String, isDevelopment: Bool, address: String, name: String, version: Int, state: AppState, source: String,
        spec: String?,
        staging: String? = nil, container: String?, needsApproval: Bool, lastError: String?, createdAt: Int64,
        updatedAt: Int64
    ) {
        self.id = id
        self.isDevelopment = isDevelopment
        self.address = address
        self.name = name
        self.version = version
        self.state = state
        self.source = source
        self.spec = spec
        self.staging = staging
        self.container = container
        self.needsApproval = needsApproval
        self.lastError = lastError
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// One version of an app.
package struct AppVersionSummary: Codable, Hashable, Sendable {
    /// Counted from 1.
    package var number: Int
    /// SHA-256 of the source, hexadecimal.
    package var sourceHash: String
    /// Milliseconds since 1970.
    package var createdAt: Int64
    /// Whether requests go to it.
    package var isLive: Bool

    /// A row of a list.
    package init(number: Int, sourceHash: String, createdAt: Int64, isLive: Bool) {
        self.number = number
        self.sourceHash = sourceHash
        self.createdAt = createdAt
        self.isLive = isLive
    }
}

/// Everything known of one app.
package struct AppDetails: Codable, Hashable, Sendable {
    /// The row of the list.
    package var summary: AppSummary
    /// Permissions asked for and approved.
    package var audit: AppAudit
    /// Given params as text, secrets as templates.
    package var params: [String: String]
    /// Container options.
    package var containerOptions: [String: String]
    /// Build arguments.
    package var buildArguments: [String: String]
    /// Versions kept, newest first.
    package var versions: [AppVersionSummary]
    /// The image it runs, if known.
    package var image: String?
    /// The image's digest, for `image:` apps.
    package var imageDigest: String?

    /// Everything known of one app.
    package init(
        summary: AppSummary, audit: AppAudit, params: [String: String], containerOptions: [String: String],
        buildArguments: [String: String], versions: [AppVersionSummary], image: String?, imageDigest: String?
    ) {
        self.summary = summary
        self.audit = audit
        self.params = params
        self.containerOptions = containerOptions
        self.buildArguments = buildArguments
        self.versions = versions
        self.image = image
        self.imageDigest = imageDigest
    }
}
