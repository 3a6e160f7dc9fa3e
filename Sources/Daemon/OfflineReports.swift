internal import Core
internal import FoundationEssentials
package import Wire

/// What the program can say without a running daemon.
package enum OfflineReports {
    /// The configuration that a daemon with this root would have.
    package static func configuration(root: String?) async throws -> ConfigurationReport {
        let layout = InstanceLayout(root: root)
        return try Configuration(
            file: layout.configurationFile, environment: ProcessInfo.processInfo.environment
        ).report
    }

    /// What the host has and lacks for an instance with this root.
    package static func doctor(root: String?) async throws -> DoctorReport {
        await HostExamination.report(InstanceLayout(root: root))
    }
}
