package import Core

/// What can be chosen about a ``NativeEngine``.
package struct NativeEngineOptions: Sendable {
    /// Which OCI runtime is used.
    package enum RuntimeChoice: String, Codable, Sendable, CaseIterable {
        /// crun, or runc where there is no crun.
        case automatic
        case crun, runc
    }

    /// Which OCI runtime is used.
    package var runtime = RuntimeChoice.automatic
    /// The size at which the log of a container goes on in a new file.
    package var logSizeLimit = ByteCount.mebibytes(16)
    /// Files a container's log has at most; the oldest goes.
    package var logFileLimit = 4
    /// Containers whose runtime is launched at the same moment; more wait their turn.
    package var concurrentLaunches = 8

    /// The defaults.
    package init() {}
}
