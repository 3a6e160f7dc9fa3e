/// The part of a ``RuntimeSpec`` that is particular to Linux.
///
/// Source: OCI runtime spec 1.0.2, "Linux Container Configuration".
package struct RuntimeLinux: Codable, Hashable, Sendable {
    /// New namespaces, and existing ones to join.
    package var namespaces: [RuntimeNamespace]?
    /// User identifiers of a user namespace.
    package var uidMappings: [RuntimeIDMapping]?
    /// Group identifiers of a user namespace.
    package var gidMappings: [RuntimeIDMapping]?
    /// Device nodes made beside the default ones.
    package var devices: [RuntimeDevice]?
    /// The control group, absolute from the root of the hierarchy.
    package var cgroupsPath: String?
    /// Upper bounds and device rules.
    package var resources: RuntimeResources?
    /// Kernel parameters by dotted name.
    package var sysctl: [String: String]?
    /// The filter of system calls.
    package var seccomp: RuntimeSeccomp?
    /// `slave`, `private`, `shared` or `unbindable`.
    package var rootfsPropagation: String?
    /// Paths that look empty inside.
    package var maskedPaths: [String]?
    /// Paths that refuse writes inside.
    package var readonlyPaths: [String]?
    /// The SELinux label of mounts.
    package var mountLabel: String?

    /// Nothing set.
    package init() {}
}

/// A namespace: new without a path, joined with one.
package struct RuntimeNamespace: Codable, Hashable, Sendable {
    /// The kinds of namespaces.
    package enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        case pid, network, mount, ipc, uts, user, cgroup
    }

    /// Which kind.
    package var type: Kind
    /// A file of the existing namespace to join.
    package var path: String?

    /// A new namespace, or the one at `path`.
    package init(_ type: Kind, path: String? = nil) {
        self.type = type
        self.path = path
    }
}

/// A range of identifiers of a user namespace.
package struct RuntimeIDMapping: Codable, Hashable, Sendable {
    /// First identifier inside.
    package var containerID: UInt32
    /// First identifier on the host.
    package var hostID: UInt32
    /// How many.
    package var size: UInt32

    /// Maps `size` identifiers from `containerID` to `hostID`.
    package init(containerID: UInt32, hostID: UInt32, size: UInt32) {
        self.containerID = containerID
        self.hostID = hostID
        self.size = size
    }
}

/// A device node inside.
package struct RuntimeDevice: Codable, Hashable, Sendable {
    /// `c`, `b`, `u` or `p`.
    package var type: String
    /// An absolute path inside.
    package var path: String
    /// Its driver.
    package var major: Int64?
    /// Its number within the driver.
    package var minor: Int64?
    /// Permission bits.
    package var fileMode: UInt32?
    /// Its owner.
    package var uid: UInt32?
    /// Its group.
    package var gid: UInt32?

    /// A node of `type` at `path`.
    package init(type: String, path: String, major: Int64? = nil, minor: Int64? = nil, fileMode: UInt32? = nil) {
        self.type = type
        self.path = path
        self.major = major
        self.minor = minor
        self.fileMode = fileMode
    }
}

/// Upper bounds and device rules of the control group.
package struct RuntimeResources: Codable, Hashable, Sendable {
    /// Rules applied in this order; without any, runtimes differ in what they allow.
    package var devices: [RuntimeDeviceRule]?
    /// Bounds on memory.
    package var memory: RuntimeMemory?
    /// Bounds on processor time.
    package var cpu: RuntimeCPU?
    /// A bound on processes and threads.
    package var pids: RuntimePIDs?
    /// Weights of block devices.
    package var blockIO: RuntimeBlockIO?
    /// Files of the unified hierarchy and what is written to them.
    package var unified: [String: String]?

    /// No bounds.
    package init() {}
}

/// Allows or denies access to devices.
package struct RuntimeDeviceRule: Codable, Hashable, Sendable {
    /// Whether access is allowed or denied.
    package var allow: Bool
    /// `a`, `b` or `c`; nil means all.
    package var type: String?
    /// Nil means all.
    package var major: Int64?
    /// Nil means all.
    package var minor: Int64?
    /// Some of `rwm`.
    package var access: String?

    /// A rule; without type, major and minor it is about every device.
    package init(allow: Bool, type: String? = nil, major: Int64? = nil, minor: Int64? = nil, access: String? = nil) {
        self.allow = allow
        self.type = type
        self.major = major
        self.minor = minor
        self.access = access
    }
}

/// Bounds on memory, in bytes; -1 means unlimited.
package struct RuntimeMemory: Codable, Hashable, Sendable {
    /// Memory without swap.
    package var limit: Int64?
    /// The soft limit.
    package var reservation: Int64?
    /// Memory and swap together.
    package var swap: Int64?
    /// 0...100.
    package var swappiness: UInt64?
    /// Whether the out-of-memory killer is off.
    package var disableOOMKiller: Bool?

    /// A limit on memory without swap, if any.
    package init(limit: Int64? = nil) { self.limit = limit }
}

/// Bounds on processor time.
package struct RuntimeCPU: Codable, Hashable, Sendable {
    /// Relative weight.
    package var shares: UInt64?
    /// Microseconds per period.
    package var quota: Int64?
    /// Microseconds.
    package var period: UInt64?
    /// Allowed processors, such as `0-3,5`.
    package var cpus: String?
    /// Allowed memory nodes.
    package var mems: String?

    /// At most `quota` microseconds in each `period`.
    package init(quota: Int64? = nil, period: UInt64? = nil) {
        self.quota = quota
        self.period = period
    }
}

/// A bound on processes and threads.
package struct RuntimePIDs: Codable, Hashable, Sendable {
    /// The bound; -1 means unlimited.
    package var limit: Int64

    /// At most `limit` processes and threads.
    package init(limit: Int64) { self.limit = limit }
}

/// Weights of block devices.
package struct RuntimeBlockIO: Codable, Hashable, Sendable {
    /// 10...1000.
    package var weight: UInt16?

    /// A relative weight, if any.
    package init(weight: UInt16? = nil) { self.weight = weight }
}

/// A filter of system calls.
package struct RuntimeSeccomp: Codable, Hashable, Sendable {
    /// What happens to a call that no rule names, such as `SCMP_ACT_ERRNO`.
    package var defaultAction: String
    /// The error of the default action.
    package var defaultErrnoRet: UInt32?
    /// Such as `SCMP_ARCH_X86_64`.
    package var architectures: [String]?
    /// Such as `SECCOMP_FILTER_FLAG_LOG`.
    package var flags: [String]?
    /// The rules.
    package var syscalls: [RuntimeSystemCallRule]?

    /// A filter with a default action.
    package init(
        defaultAction: String, defaultErrnoRet: UInt32? = nil, architectures: [String]? = nil,
        syscalls: [RuntimeSystemCallRule]? = nil
    ) {
        self.defaultAction = defaultAction
        self.defaultErrnoRet = defaultErrnoRet
        self.architectures = architectures
        self.syscalls = syscalls
    }
}

/// What happens to some system calls.
package struct RuntimeSystemCallRule: Codable, Hashable, Sendable {
    /// Names of calls.
    package var names: [String]
    /// Such as `SCMP_ACT_ALLOW`.
    package var action: String
    /// The error returned, for actions that return one.
    package var errnoRet: UInt32?
    /// Conditions on arguments; all must hold.
    package var args: [RuntimeSystemCallArgument]?

    /// `action` for `names`.
    package init(
        names: [String], action: String, errnoRet: UInt32? = nil, args: [RuntimeSystemCallArgument]? = nil
    ) {
        self.names = names
        self.action = action
        self.errnoRet = errnoRet
        self.args = args
    }
}

/// A condition on one argument of a system call.
package struct RuntimeSystemCallArgument: Codable, Hashable, Sendable {
    /// 0...5.
    package var index: UInt32
    /// What it is compared with.
    package var value: UInt64
    /// The mask's right side for `SCMP_CMP_MASKED_EQ`.
    package var valueTwo: UInt64?
    /// Such as `SCMP_CMP_EQ`.
    package var op: String

    /// Compares argument `index` with `value`.
    package init(index: UInt32, value: UInt64, valueTwo: UInt64? = nil, op: String) {
        self.index = index
        self.value = value
        self.valueTwo = valueTwo
        self.op = op
    }
}
