/// `GET /v1/version`.
package struct VersionInfo: Codable, Hashable, Sendable {
    /// The product's version.
    package var version: String
    /// The API's version.
    package var api: String
    /// The commit it was built from, when known.
    package var commit: String?
    /// The instance's short name.
    package var instance: String
    /// The driver that runs containers.
    package var engine: String
    /// The daemon's process.
    package var processID: Int32

    /// A version.
    package init(version: String, api: String, commit: String?, instance: String, engine: String, processID: Int32) {
        self.version = version
        self.api = api
        self.commit = commit
        self.instance = instance
        self.engine = engine
        self.processID = processID
    }
}

/// `GET /v1/health`.
package struct HealthInfo: Codable, Hashable, Sendable {
    /// `ok` once everything serves.
    package var status: String
    /// Milliseconds since the daemon began to serve.
    package var uptimeMilliseconds: Int64
    /// Containers whose process runs.
    package var runningContainers: Int
    /// Addresses of the gateway.
    package var gateway: [String]

    /// A health.
    package init(status: String, uptimeMilliseconds: Int64, runningContainers: Int, gateway: [String]) {
        self.status = status
        self.uptimeMilliseconds = uptimeMilliseconds
        self.runningContainers = runningContainers
        self.gateway = gateway
    }
}

/// `GET /v1/doctor`.
package struct DoctorReport: Codable, Hashable, Sendable {
    /// What was examined.
    package var findings: [DoctorFinding]

    /// A report.
    package init(findings: [DoctorFinding]) { self.findings = findings }
}

/// One thing the host has or lacks.
package struct DoctorFinding: Codable, Hashable, Sendable {
    /// What was examined.
    package var name: String
    /// Whether it will do.
    package var status: FindingChoice
    /// What was found.
    package var detail: String
    /// The way out.
    package var hint: String?

    /// A finding.
    package init(name: String, status: FindingChoice, detail: String, hint: String?) {
        self.name = name
        self.status = status
        self.detail = detail
        self.hint = hint
    }
}

/// Whether something will do.
package enum FindingChoice: String, WireChoice {
    case ok, warning, missing
}

/// `GET /v1/config`.
package struct ConfigurationReport: Codable, Hashable, Sendable {
    /// The file that was read, whether or not it exists.
    package var file: String
    /// Every key.
    package var entries: [ConfigurationEntry]

    /// A report.
    package init(file: String, entries: [ConfigurationEntry]) {
        self.file = file
        self.entries = entries
    }
}

/// One key of the configuration.
package struct ConfigurationEntry: Codable, Hashable, Sendable {
    /// The dotted key.
    package var key: String
    /// The effective value; secrets are stars.
    package var value: String
    /// `default`, `file:<line>`, `environment:<NAME>` or `command line`.
    package var origin: String
    /// What it means.
    package var summary: String

    /// An entry.
    package init(key: String, value: String, origin: String, summary: String) {
        self.key = key
        self.value = value
        self.origin = origin
        self.summary = summary
    }
}

/// `POST /v1/shutdown`; the body may be left out.
package struct ShutdownRequest: Codable, Hashable, Sendable {
    /// Whether containers are stopped and everything on the host (mounts, bridge, cgroups) is removed; false by default:
    /// containers go on.
    package var removeEverything: Bool?

    /// A shutdown.
    package init(removeEverything: Bool? = nil) { self.removeEverything = removeEverything }
}

/// One element of `GET /v1/events`.
package struct EventInfo: Codable, Hashable, Sendable {
    /// `container`, or `overflow` when events were lost: list again.
    package var type: String
    /// Milliseconds since 1970.
    package var time: Int64
    /// The container as it is now.
    package var container: ContainerSummary?

    /// An event.
    package init(type: String, time: Int64, container: ContainerSummary? = nil) {
        self.type = type
        self.time = time
        self.container = container
    }
}

/// An answer without content.
package struct EmptyResult: Codable, Hashable, Sendable {
    /// Nothing.
    package init() {}
}

/// A part of a list.
package struct ListPage<Element: Codable & Hashable & Sendable>: Codable, Hashable, Sendable {
    /// The elements.
    package var items: [Element]
    /// The value for `after` that gives the next part; absent at the end.
    package var next: String?

    /// A part.
    package init(items: [Element], next: String? = nil) {
        self.items = items
        self.next = next
    }
}
