internal import Core
internal import Glibc

/// The directories of an instance.
enum HostDirectories {
    /// Makes what is missing. Only the owner reads the state; others may pass to the sockets, whose modes decide.
    static func prepare(_ layout: InstanceLayout) throws {
        try make(layout.stateDirectory, mode: 0o711)
        try make(layout.runtimeDirectory, mode: 0o711)
    }

    private static func make(_ path: String, mode: mode_t) throws {
        var current = ""
        for part in path.split(separator: "/") {
            current += "/" + part
            if mkdir(current, current == path ? mode : 0o755) != 0, errno != EEXIST {
                throw DaemonError.fileSystem("mkdir", current, errno)
            }
        }
        let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw DaemonError.fileSystem("open", path, errno) }
        close(directory)
    }

    /// Lets the process open as many files as it may: each connection and each log that is followed is one.
    static func raiseFileLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = min(limit.rlim_max, 1 << 20)
        // A refusal leaves the old limit, with which the daemon works too.
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
