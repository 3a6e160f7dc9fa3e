import Testing

/// The edges of `design.md` section 2: dependencies point down only.
@Suite("imports")
struct ImportEdgeTests {
    /// What each module of ours may import of ours; everything absent is forbidden.
    static let allowed: [String: Set<String>] = [
        "Core": [],
        "Starlark": [],
        "CLinux": [],
        "LinuxKernel": ["Core", "CLinux"],
        "OCI": ["Core"],
        "Images": ["Core", "OCI", "LinuxKernel", "CLinux", "CArchive"],
        "Networking": ["Core", "LinuxKernel"],
        "Engines": ["Core", "OCI"],
        "NativeEngine": ["Core", "OCI", "Engines", "Images", "Networking", "LinuxKernel"],
        "State": ["Core"],
        "Jobs": ["Core", "State"],
        "Containers": ["Core", "OCI", "Engines", "State", "Jobs"],
        "Apps": ["Core", "OCI", "Starlark", "Engines", "State", "Jobs", "Containers", "LinuxKernel"],
        "Gateway": ["Core"],
        "Wire": ["Core"],
        "API": ["Core", "Wire", "Jobs", "Containers", "Apps", "Engines", "OCI"],
        "Client": ["Core", "Wire"],
        "CLI": ["Core", "Wire", "Client", "Starlark"],
        "Daemon": [
            "Core", "OCI", "LinuxKernel", "Engines", "NativeEngine", "State", "Jobs", "Containers", "Apps", "Gateway",
            "API", "Wire",
        ],
        "martlet": ["Core", "CLI", "Daemon"],
    ]

    /// Packages of others and the only modules that may import them.
    static let importSites: [String: Set<String>] = [
        "GRDB": ["State"],
        "Yams": ["Daemon"],
        "Mustache": ["Apps"],
        "Hummingbird": ["API"],
        "AsyncHTTPClient": ["Client", "Containers"],
        "ArgumentParser": ["CLI", "Daemon", "martlet"],
        "Crypto": ["OCI"],
        "CArchive": ["Images"],
        "CLinux": ["LinuxKernel", "Images"],
    ]

    /// What every Swift toolchain brings on every platform.
    static let standardLibrary: Set<String> = ["Swift", "Synchronization", "Glibc", "Musl", "Darwin"]

    @Test("every module is in the table")
    func everyModuleIsKnown() {
        let modules = Set(SourceTree.files.map(\.module))

        #expect(modules.subtracting(Self.allowed.keys) == [])
        #expect(modules.count > 10)
    }

    @Test("modules import only what lies below them")
    func edges() {
        for file in SourceTree.files {
            for name in imports(of: file) {
                if Self.allowed[name] != nil {
                    #expect(
                        Self.allowed[file.module]?.contains(name) == true,
                        "\(file) imports \(name), which is not below it")
                }
                if let sites = Self.importSites[name] {
                    #expect(
                        sites.contains(file.module), "\(file) imports \(name), whose import site is \(sites.sorted())")
                }
            }
        }
    }

    @Test("Starlark needs nothing but the standard library")
    func starlarkIsAlone() {
        for file in SourceTree.files where file.module == "Starlark" {
            let foreign = Set(imports(of: file)).subtracting(Self.standardLibrary)
            #expect(foreign.isEmpty, "\(file) imports \(foreign)")
        }
    }

    private func imports(of file: SourceTree.File) -> [String] {
        file.lines.compactMap { line in
            let words = line.split(separator: " ")
            guard let index = words.firstIndex(of: "import"), index <= 2, index + 1 < words.count else { return nil }
            let modifiers = words[..<index]
            guard
                modifiers.allSatisfy({
                    ["internal", "package", "public", "private", "fileprivate"].contains($0) || $0.hasPrefix("@")
                })
            else { return nil }
            return String(words[index + 1].split(separator: ".")[0])
        }
    }
}
