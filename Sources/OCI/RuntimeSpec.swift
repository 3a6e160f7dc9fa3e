/// The `config.json` of a runtime bundle. Absent optionals are left out of the encoding.
///
/// Only Linux is described. Source: OCI runtime spec 1.0.2.
package struct RuntimeSpec: Codable, Hashable, Sendable {
    /// The version of the spec this configuration follows.
    package var ociVersion = "1.0.2"
    /// The process that is started.
    package var process: RuntimeProcess?
    /// The root file system.
    package var root: RuntimeRoot?
    /// The host name, for containers with their own UTS namespace.
    package var hostname: String?
    /// Further mounts, made in this order.
    package var mounts: [RuntimeMount]?
    /// Programs that the runtime runs on the way.
    package var hooks: RuntimeHooks?
    /// Free metadata.
    package var annotations: [String: String]?
    /// Everything that is particular to Linux.
    package var linux: RuntimeLinux?

    /// A configuration of a process in a root file system.
    package init(process: RuntimeProcess? = nil, root: RuntimeRoot? = nil) {
        self.process = process
        self.root = root
    }
}

/// The process of a container.
package struct RuntimeProcess: Codable, Hashable, Sendable {
    /// Whether it gets a pseudo-terminal.
    package var terminal: Bool?
    /// First size of the terminal.
    package var consoleSize: RuntimeConsoleSize?
    /// Whom it runs as.
    package var user = RuntimeUser()
    /// Program and arguments.
    package var args: [String]
    /// `NAME=value` entries.
    package var env: [String]?
    /// An absolute path inside.
    package var cwd = "/"
    /// What it may do; nil means nothing.
    package var capabilities: RuntimeCapabilities?
    /// POSIX resource limits.
    package var rlimits: [RuntimeResourceLimit]?
    /// Whether set-user-ID programs gain nothing.
    package var noNewPrivileges: Bool?
    /// The AppArmor profile.
    package var apparmorProfile: String?
    /// The SELinux label.
    package var selinuxLabel: String?
    /// The adjustment of its score for the out-of-memory killer, -1000...1000.
    package var oomScoreAdj: Int?

    /// A process of `args` as root in `/`.
    package init(args: [String]) { self.args = args }
}

/// The size of a terminal in characters.
package struct RuntimeConsoleSize: Codable, Hashable, Sendable {
    /// Rows.
    package var height: UInt
    /// Columns.
    package var width: UInt

    /// A size of `height` rows and `width` columns.
    package init(height: UInt, width: UInt) {
        self.height = height
        self.width = width
    }
}

/// The identity of a process inside its container.
package struct RuntimeUser: Codable, Hashable, Sendable {
    /// The user.
    package var uid: UInt32
    /// The group.
    package var gid: UInt32
    /// The file mode creation mask.
    package var umask: UInt32?
    /// Supplementary groups.
    package var additionalGids: [UInt32]?

    /// An identity; root by default.
    package init(uid: UInt32 = 0, gid: UInt32 = 0, additionalGids: [UInt32]? = nil) {
        self.uid = uid
        self.gid = gid
        self.additionalGids = additionalGids
    }
}

/// The five capability sets of a process, by names such as `CAP_KILL`.
package struct RuntimeCapabilities: Codable, Hashable, Sendable {
    /// What the process can ever gain.
    package var bounding: [String]?
    /// What it can do now.
    package var effective: [String]?
    /// What passes through execve(2) to files that allow it.
    package var inheritable: [String]?
    /// What it may make effective.
    package var permitted: [String]?
    /// What passes through execve(2) to ordinary programs.
    package var ambient: [String]?

    /// Given sets; nil leaves a set out.
    package init(
        bounding: [String]? = nil, effective: [String]? = nil, inheritable: [String]? = nil,
        permitted: [String]? = nil, ambient: [String]? = nil
    ) {
        self.bounding = bounding
        self.effective = effective
        self.inheritable = inheritable
        self.permitted = permitted
        self.ambient = ambient
    }
}

/// A POSIX resource limit.
package struct RuntimeResourceLimit: Codable, Hashable, Sendable {
    /// Such as `RLIMIT_NOFILE`.
    package var type: String
    /// The ceiling.
    package var hard: UInt64
    /// What is enforced.
    package var soft: UInt64

    /// A limit of `type`.
    package init(type: String, hard: UInt64, soft: UInt64) {
        self.type = type
        self.hard = hard
        self.soft = soft
    }
}

/// The root file system of a container.
package struct RuntimeRoot: Codable, Hashable, Sendable {
    /// An absolute path, or one relative to the bundle.
    package var path: String
    /// Whether writes are refused.
    package var readonly: Bool?

    /// A root file system at `path`.
    package init(path: String, readonly: Bool? = nil) {
        self.path = path
        self.readonly = readonly
    }
}

/// A mount inside a container.
package struct RuntimeMount: Codable, Hashable, Sendable {
    /// An absolute path inside.
    package var destination: String
    /// The file system type; `bind` for a bind mount.
    package var type: String?
    /// A device, a name or an absolute path on the host.
    package var source: String?
    /// Options as in fstab(5).
    package var options: [String]?

    /// A mount at `destination`.
    package init(destination: String, type: String? = nil, source: String? = nil, options: [String]? = nil) {
        self.destination = destination
        self.type = type
        self.source = source
        self.options = options
    }
}

/// Programs that the runtime runs on the way, outside unless said otherwise.
package struct RuntimeHooks: Codable, Hashable, Sendable {
    /// After the namespaces exist, before the root is changed; in the runtime's namespaces.
    package var createRuntime: [RuntimeHook]?
    /// As ``createRuntime``, in the container's namespaces.
    package var createContainer: [RuntimeHook]?
    /// Before the process runs, in the container's namespaces.
    package var startContainer: [RuntimeHook]?
    /// After the process was started.
    package var poststart: [RuntimeHook]?
    /// After the container was deleted.
    package var poststop: [RuntimeHook]?

    /// No hooks.
    package init() {}
}

/// One program to run on the way; the container's state arrives on its standard input.
package struct RuntimeHook: Codable, Hashable, Sendable {
    /// An absolute path.
    package var path: String
    /// All arguments, the name first.
    package var args: [String]?
    /// `NAME=value` entries.
    package var env: [String]?
    /// Seconds before it is killed.
    package var timeout: Int?

    /// A hook that runs `path`.
    package init(path: String, args: [String]? = nil, env: [String]? = nil, timeout: Int? = nil) {
        self.path = path
        self.args = args
        self.env = env
        self.timeout = timeout
    }
}
