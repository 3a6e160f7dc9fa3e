internal import Synchronization
package import Wire

/// What can be found out without a daemon; the executable, which knows how, fills it in.
package struct LocalReports: Sendable {
    /// What the host has and lacks, for the instance at a root.
    package var doctor: @Sendable (_ root: String?) async throws -> DoctorReport
    /// The configuration that a daemon would have.
    package var configuration: @Sendable (_ root: String?) async throws -> ConfigurationReport

    /// Both reports.
    package init(
        doctor: @escaping @Sendable (_ root: String?) async throws -> DoctorReport,
        configuration: @escaping @Sendable (_ root: String?) async throws -> ConfigurationReport
    ) {
        self.doctor = doctor
        self.configuration = configuration
    }

    private static let shared = Mutex<LocalReports?>(nil)

    /// What the commands use when there is no daemon; nil when they must have one.
    package static var current: LocalReports? {
        get { shared.withLock { $0 } }
        set { shared.withLock { $0 = newValue } }
    }
}
