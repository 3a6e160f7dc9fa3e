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
    /// The size at which the log of a container starts again from empty: the monitor keeps one file and does not rotate.
    package var logSizeLimit = ByteCount.mebibytes(64)
    /// Containers whose runtime is launched at the same moment; more wait their turn.
    package var concurrentLaunches = 8

    /// The defaults.
    package init() {}
}
