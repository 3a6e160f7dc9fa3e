/// Where one instance of the host keeps its things, and the short name its host state (bridge, tables, cgroups) bears.
///
/// Two instances with different roots share nothing.
package struct InstanceLayout: Sendable, Hashable {
    /// Durable: database, images, snapshots, logs, app sources.
    package let stateDirectory: String
    /// Gone after a reboot: sockets, bundles, monitor files, network namespaces.
    package let runtimeDirectory: String
    /// The configuration file; it need not exist.
    package let configurationFile: String
    /// Eight hexadecimal digits derived from the state directory; `mt-<name>` fits a network interface name.
    package let instanceName: String

    /// The layout below one root, or the system's own directories for nil.
    /// - Parameter root: an absolute path without trailing slash.
    package init(root: String?) {
        if let root {
            stateDirectory = root + "/lib"
            runtimeDirectory = root + "/run"
            configurationFile = root + "/martlet.yaml"
        } else {
            stateDirectory = "/var/lib/martlet"
            runtimeDirectory = "/run/martlet"
            configurationFile = "/etc/martlet/martlet.yaml"
        }
        instanceName = Self.shortHash(stateDirectory)
    }

    /// The API's Unix socket.
    package var apiSocket: String { runtimeDirectory + "/martlet.sock" }
    /// The SQLite database.
    package var databaseFile: String { stateDirectory + "/martlet.db" }
    /// The local image store.
    package var imageDirectory: String { stateDirectory + "/images" }
    /// Durable parts of containers: snapshots' upper directories, logs.
    package var containerDirectory: String { stateDirectory + "/containers" }
    /// Stored app sources.
    package var appDirectory: String { stateDirectory + "/apps" }

    /// FNV-1a, 32 bits, as eight hexadecimal digits.
    private static func shortHash(_ text: String) -> String {
        var hash: UInt32 = 2_166_136_261
        for byte in text.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
