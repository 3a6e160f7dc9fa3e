internal import Core
internal import Glibc
internal import LinuxKernel
internal import OCI

/// Makes what a container's volumes need on the host.
struct VolumeBinder: Sendable {
    let world: AppWorld

    /// The mounts of a plan; directories and files are made as far as they are missing.
    /// - Throws: ``AppError`` `.volumeDenied`.
    func mounts(_ plan: ServicePlan, imageVolumes: [String]) async throws -> [BindMount] {
        var requests = try VolumeRequest.list(imageVolumes + plan.volumes)
        if let development = plan.development { requests = try development.volumes(requests) }
        let wanted = requests
        return try await Blocking.run { try source(plan) + wanted.map { try mount($0, plan) } }
    }

    /// The source of a development app, where it is mounted; before all else, so that volumes may lie inside.
    private func source(_ plan: ServicePlan) throws -> [BindMount] {
        guard let development = plan.development, let mounted = development.mounted else { return [] }
        return [BindMount(source: try allowed(development.source, plan), target: mounted.directory)]
    }

    /// Whether the plan's own volumes can be made; changes nothing.
    /// - Throws: ``AppError`` `.volumeDenied`, and what is wrong with a template.
    func check(_ plan: ServicePlan) async throws {
        let requests = try VolumeRequest.list(plan.volumes)
        guard !requests.isEmpty else { return }
        try await Blocking.run {
            for request in requests {
                switch request.source {
                case .managed: break
                case .host(let path): _ = try allowed(path, plan)
                case .relative(let path):
                    let root = try DirectoryHandle(path: plan.version.directory, resolution: .beneath)
                    guard try root.status(path) != nil else { throw AppError.volume(path) }
                case .template(let path): _ = try rendered(path, plan)
                }
            }
        }
    }

    /// Removes the managed volumes of an app.
    func removeVolumes(of app: String) async throws {
        let directory = world.volumeDirectory
        try await Blocking.run {
            // Not made yet: nothing to remove.
            guard let base = try? DirectoryHandle(path: directory, resolution: .beneath) else { return }
            for name in try base.names() where name.hasPrefix("clv-\(app)-") { try base.removeTree(name) }
        }
    }

    /// Removes what was about to become the content of a volume when the daemon ended, unless the container it was made for
    /// still exists: that one begins anew by itself.
    func collect(containers: Set<String>) async throws {
        let directory = world.volumeDirectory
        try await Blocking.run {
            // Not made yet: nothing to collect.
            guard let base = try? DirectoryHandle(path: directory, resolution: .beneath) else { return }
            for name in try base.names() {
                guard let mark = name.range(of: ".new-"), !containers.contains(String(name[mark.upperBound...])) else {
                    continue
                }
                try base.removeTree(name)
            }
        }
    }

    /// Removes rendered templates and copies of an app.
    func removeFiles(of app: String) async throws {
        let directory = world.fileDirectory
        try await Blocking.run {
            // Not made yet: nothing to remove.
            guard let base = try? DirectoryHandle(path: directory, resolution: .beneath) else { return }
            try base.removeTree(app)
        }
    }

    /// `O_PATH`, which the C library's header hides behind `_GNU_SOURCE`.
    private static let pathOnly: Int32 = 0o10_000_000

    private func mount(_ request: VolumeRequest, _ plan: ServicePlan) throws -> BindMount {
        let source: String
        var isManaged = false
        switch request.source {
        case .managed(let key):
            source = try managed(key, app: plan.version.appID)
            isManaged = true
        case .host(let path): source = try allowed(path, plan)
        case .relative(let path):
            source =
                plan.version.isDevelopment
                ? try allowed("\(plan.version.directory)/\(path)", plan) : try copy(path, plan)
        case .template(let path): source = try render(path, plan)
        }
        return BindMount(
            source: source, target: request.target, readOnly: request.isReadOnly, takesImageContent: isManaged)
    }

    /// `clv-<app id>-<sha256 of the key>`; reachable by no user of the host. Writable by every user of the container, unless
    /// the engine finds the directory in the image and gives it that one's content, owner and mode.
    private func managed(_ key: String, app: String) throws -> String {
        try Directories.make(world.volumeDirectory)
        let path = "\(world.volumeDirectory)/clv-\(app)-\(Digest(of: Array(key.utf8)).hex)"
        if mkdir(path, 0o777) == 0 {
            guard chmod(path, 0o777) == 0 else { throw KernelError.last("chmod", path) }
        } else if errno != EEXIST {
            throw KernelError.last("mkdir", path)
        }
        return path
    }

    /// A host path that lies, links resolved, in the app's source or in an allowed directory.
    private func allowed(_ path: String, _ plan: ServicePlan) throws -> String {
        for root in [plan.version.directory] + world.configuration.allowedMounts where AppAddress.covers(root, path) {
            // An allowed directory that does not exist allows nothing.
            guard let base = try? DirectoryHandle(path: root, resolution: .beneath) else { continue }
            let inside = path.dropFirst(root.utf8.count).drop { $0 == "/" }
            guard let found = try? base.open(inside.isEmpty ? "." : String(inside), flags: Self.pathOnly) else {
                throw AppError.volume(path)  // missing, or a link that leads out
            }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = readlink("/proc/self/fd/\(found.rawValue)", &buffer, buffer.count)
            guard count > 0 else { throw KernelError.last("readlink", path) }
            return String(decoding: buffer[..<count], as: UTF8.self)
        }
        throw AppError.volume(path)
    }

    /// A copy of a file or directory of the source, made once for each container.
    private func copy(_ path: String, _ plan: ServicePlan) throws -> String {
        let directory = try files(of: plan)
        let target = "\(directory)/\(IdentityHash.combined([path]).prefix(16))"
        let root = try DirectoryHandle(path: plan.version.directory, resolution: .beneath)
        guard let status = try root.status(path) else { throw AppError.volume(path) }
        guard access(target, F_OK) != 0 else { return target }
        let base = try DirectoryHandle(path: directory, resolution: .beneath)
        let name = String(target.dropFirst(directory.utf8.count + 1))
        if status.st_mode & S_IFMT == S_IFDIR {
            let source = try root.directory(path)
            try base.removeTree(name + ".new")
            try base.makeDirectory(name + ".new")
            _ = try SourceTree.scan(source, name: path, bounds: world.sources.bounds)
                .copy(from: source, to: try base.directory(name + ".new"))
        } else {
            try write(try root.contents(path, limit: 1 << 28), to: name + ".new", in: base, mode: 0o644)
        }
        try base.rename(name + ".new", to: name)
        return target
    }

    /// The template rendered with params and secrets, readable by root alone.
    private func render(_ path: String, _ plan: ServicePlan) throws -> String {
        let text = try rendered(path, plan)
        let directory = try files(of: plan)
        let base = path.split(separator: "/").last.map(String.init) ?? path
        let handle = try DirectoryHandle(path: directory, resolution: .beneath)
        try write(Array(text.utf8), to: base + ".new", in: handle, mode: 0o600)
        try handle.rename(base + ".new", to: base + ".gen")
        return "\(directory)/\(base).gen"
    }

    private func rendered(_ path: String, _ plan: ServicePlan) throws -> String {
        let root = try DirectoryHandle(path: plan.version.directory, resolution: .beneath)
        guard try root.status(path) != nil else { throw AppError.volume(path) }
        let text = String(decoding: try root.contents(path, limit: 4 << 20), as: UTF8.self)
        let granted = plan.config.secrets
        var params: [String: String] = [:]
        for (name, value) in plan.params.values where name != "secrets" {
            params[name] = try world.secrets.resolve(value.plainText, granted: granted).text
        }
        return try FileTemplate(text, name: path).render(params: params) { words in
            let quoted = words.dropFirst().map { "\"\($0)\"" }.joined(separator: " ")
            return try world.secrets.resolve("{{\(words[0]) \(quoted)}}", granted: granted).text
        }
    }

    private func files(of plan: ServicePlan) throws -> String {
        let directory = "\(world.fileDirectory)/\(plan.version.appID)/\(plan.versionHash.prefix(16))"
        try Directories.make(directory)
        return directory
    }

    private func write(_ bytes: [UInt8], to name: String, in base: DirectoryHandle, mode: UInt32) throws {
        try base.removeTree(name)
        let file = try base.open(name, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file.rawValue, $0.baseAddress, $0.count) }
            guard count > 0 else { throw KernelError.last("write", name) }
            rest = rest.dropFirst(count)
        }
    }
}
