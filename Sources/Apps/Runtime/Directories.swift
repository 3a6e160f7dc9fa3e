internal import Glibc
internal import LinuxKernel

/// Directories of ours, readable by nobody else.
enum Directories {
    /// Makes a directory and those above it, as far as they are missing. Blocks.
    static func make(_ path: String) throws {
        var made = ""
        for part in path.split(separator: "/") {
            made += "/" + part
            guard mkdir(made, 0o700) == 0 || errno == EEXIST else { throw KernelError.last("mkdir", made) }
        }
    }
}
