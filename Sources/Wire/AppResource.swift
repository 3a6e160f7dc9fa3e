/// How an app is to be found now.
package enum AppStateChoice: String, WireChoice {
    case absent, building, starting, running, unhealthy, idle, stopped, failed, ready
}

/// One app, short: an element of `GET /v1/apps`.
package struct AppInfo: Codable, Hashable, Sendable {
    /// Its identifier.
    package var id: String
    /// Whether it is made for development: its source is read from where it is, and every change reloads it.
    package var dev: Bool
    /// The path, or `domain:path`, at which it is served.
    package var address: String
    /// The display name from its source; empty while that cannot be evaluated.
    package var name: String
    /// The URL that opens it, when the gateway serves.
    package var url: String?
    /// The live version.
    package var version: Int
    /// How it is now.
    package var state: AppStateChoice
    /// Where its source comes from.
    package var source: String
    /// The app spec, if any.
    package var spec: String?
    /// The address of its staging twin, if it has one.
    package var stagingAddress: String?
    /// The URL that opens the staging twin, when the gateway serves.
    package var stagingURL: String?
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

    /// An app; what else is known is set afterwards.
    package init(id: String, address: String, version: Int, state: AppStateChoice, source: String, createdAt: Int64) {
        self.id = id
        self.dev = false
        self.address = address
        self.name = ""
        self.version = version
        self.state = state
        self.source = source
        self.needsApproval = false
        self.createdAt = createdAt
        self.updatedAt = createdAt
    }
}

/// One app with everything known of it.
package struct AppDetail: Codable, Hashable, Sendable {
    /// What a list shows; its fields stand beside the other ones in the JSON.
    package var summary: AppInfo
    /// Permissions asked for and approved.
    package var audit: AppAuditInfo
    /// Given parameters as text, secrets as templates.
    package var parameters: [String: String]
    /// Container options.
    package var containerOptions: [String: String]
    /// Build arguments.
    package var buildArguments: [String: String]
    /// Versions kept, newest first.
    package var versions: [AppVersionInfo]
    /// The image it runs, if known.
    package var image: String?

    /// An app with its permissions; what else is known is set afterwards.
    package init(summary: AppInfo, audit: AppAuditInfo) {
        self.summary = summary
        self.audit = audit
        self.parameters = [:]
        self.containerOptions = [:]
        self.buildArguments = [:]
        self.versions = []
    }

    private enum CodingKeys: String, CodingKey {
        case audit, parameters, containerOptions, buildArguments, versions, image
    }

    package init(from decoder: any Decoder) throws {
        summary = try AppInfo(from: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        audit = try container.decode(AppAuditInfo.self, forKey: .audit)
        parameters = try container.decode([String: String].self, forKey: .parameters)
        containerOptions = try container.decode([String: String].self, forKey: .containerOptions)
        buildArguments = try container.decode([String: String].self, forKey: .buildArguments)
        versions = try container.decode([AppVersionInfo].self, forKey: .versions)
        image = try container.decodeIfPresent(String.self, forKey: .image)
    }

    package func encode(to encoder: any Encoder) throws {
        try summary.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(audit, forKey: .audit)
        try container.encode(parameters, forKey: .parameters)
        try container.encode(containerOptions, forKey: .containerOptions)
        try container.encode(buildArguments, forKey: .buildArguments)
        try container.encode(versions, forKey: .versions)
        try container.encodeIfPresent(image, forKey: .image)
    }
}

/// One version of an app.
package struct AppVersionInfo: Codable, Hashable, Sendable {
    /// Counted from 1.
    package var number: Int
    /// SHA-256 of the source, hexadecimal.
    package var sourceHash: String
    /// Milliseconds since 1970.
    package var createdAt: Int64
    /// Whether requests go to it.
    package var isLive: Bool

    /// A version.
    package init(number: Int, sourceHash: String, createdAt: Int64, isLive: Bool) {
        self.number = number
        self.sourceHash = sourceHash
        self.createdAt = createdAt
        self.isLive = isLive
    }
}

/// What an app asks for against what is approved.
package struct AppAuditInfo: Codable, Hashable, Sendable {
    /// Plugins the source loads.
    package var newLoads: [String]
    /// Permissions the source asks for.
    package var newPermissions: [GrantInfo]
    /// Plugins approved so far.
    package var approvedLoads: [String]
    /// Permissions approved so far.
    package var approvedPermissions: [GrantInfo]
    /// Whether something is not approved.
    package var needsApproval: Bool

    /// A report that nothing is asked for.
    package init() {
        newLoads = []
        newPermissions = []
        approvedLoads = []
        approvedPermissions = []
        needsApproval = false
    }
}

/// One call an app may make.
package struct GrantInfo: Codable, Hashable, Sendable {
    /// The plugin, such as `container.in`.
    package var plugin: String
    /// The function.
    package var method: String
    /// Patterns for the first parameters.
    package var arguments: [String]
    /// Lists of secret keys of which one must cover each use.
    package var secrets: [[String]]

    /// A grant.
    package init(plugin: String, method: String, arguments: [String], secrets: [[String]] = []) {
        self.plugin = plugin
        self.method = method
        self.arguments = arguments
        self.secrets = secrets
    }
}

/// What a change of an app did.
package struct AppChangeInfo: Codable, Hashable, Sendable {
    /// The app's identifier.
    package var id: String
    /// Its address.
    package var address: String
    /// The version that is live now.
    package var version: Int
    /// Whether anything changed.
    package var changed: Bool
    /// Permissions asked for and approved.
    package var audit: AppAuditInfo
    /// Whether a container was checked to be healthy.
    package var verified: Bool
    /// Things a person should know.
    package var notices: [String]

    /// A report.
    package init(id: String, address: String, version: Int, changed: Bool, audit: AppAuditInfo) {
        self.id = id
        self.address = address
        self.version = version
        self.changed = changed
        self.audit = audit
        self.verified = false
        self.notices = []
    }
}

/// `POST /v1/apps`.
package struct CreateAppRequest: Codable, Hashable, Sendable {
    /// A directory of the server's machine as an absolute path, or `-` for no source.
    package var source: String
    /// `/path` or `domain:/path`.
    package var address: String
    /// The app spec whose files fill in what the source lacks.
    package var spec: String?
    /// Whether it is made for development: the source is read from where it is, and every change reloads it; false by
    /// default.
    package var dev: Bool?
    /// Whether it gets a staging twin, on which changes land first; the server's configuration decides when left out.
    package var staging: Bool?
    /// Where the twin is reached: `domain`, `path`, or a domain; the server's configuration decides when left out.
    package var stageAt: String?
    /// Whether what the source asks for is approved at once; false by default.
    package var approve: Bool?
    /// Values of the app's parameters.
    package var parameters: [String: String]?
    /// Engine options, such as `cpus`.
    package var containerOptions: [String: String]?
    /// Build arguments; they win over those in the app.
    package var buildArguments: [String: String]?
    /// Volumes beside those of the source: `/data`, `name:/data`, `./file:/path`, `/host:/path`, each with `:ro` or without.
    package var containerVolumes: [String]?
    /// Whether nothing is changed, only reported; false by default.
    package var dryRun: Bool?

    /// An app of `source` at `address`.
    package init(source: String, address: String) {
        self.source = source
        self.address = address
    }
}

/// `POST /v1/apps/{app}/approve`; the body may be left out.
package struct ApproveAppRequest: Codable, Hashable, Sendable {
    /// Whether nothing is changed, only reported; false by default.
    package var dryRun: Bool?
    /// Whether what is staged is promoted to production, too; false by default.
    package var promote: Bool?

    /// An approval.
    package init(dryRun: Bool? = nil, promote: Bool? = nil) {
        self.dryRun = dryRun
        self.promote = promote
    }
}

/// `POST /v1/apps/{app}/promote`; the body may be left out.
package struct PromoteAppRequest: Codable, Hashable, Sendable {
    /// Whether nothing is changed, only reported; false by default.
    package var dryRun: Bool?

    /// A promotion.
    package init(dryRun: Bool? = nil) { self.dryRun = dryRun }
}

/// `POST /v1/apps/{app}/settings`.
package struct AppSettingsRequest: Codable, Hashable, Sendable {
    /// Whether the staging twin may write: requests that are no reads, and calls of plugins that change something.
    package var stageWriteAccess: Bool

    /// A change of settings.
    package init(stageWriteAccess: Bool) { self.stageWriteAccess = stageWriteAccess }
}

/// `POST /v1/apps/{app}/reload`; the body may be left out.
package struct ReloadAppRequest: Codable, Hashable, Sendable {
    /// Whether new permissions are approved at once; false by default.
    package var approve: Bool?
    /// Whether the new version's container is started and must be healthy even if the app does not run; false by default.
    package var verify: Bool?
    /// Whether an unchanged source makes a new version and a remembered failure is forgotten; false by default.
    package var force: Bool?
    /// Parameters that change.
    package var parameters: [String: String]?
    /// Parameters that are deleted.
    package var deletedParameters: [String]?
    /// Build arguments that change.
    package var buildArguments: [String: String]?
    /// Build arguments that are deleted.
    package var deletedBuildArguments: [String]?
    /// Whether what is staged is promoted to production, too; false by default, of no meaning without a staging twin.
    package var promote: Bool?
    /// Whether nothing is changed, only reported; false by default.
    package var dryRun: Bool?

    /// A plain reload.
    package init() {}
}
