internal import Core
internal import Engines
internal import LinuxKernel

/// The programs the engine stands on, with their versions.
struct HostTools: Sendable {
    /// An OCI runtime.
    struct Runtime: Sendable {
        enum Kind: String, Sendable {
            case crun, runc
        }
        let kind: Kind
        let path: String
        let version: String
    }

    let runtime: Runtime
    let monitor: String
    let builder: String?
    let mover: String?

    static let oldestCrun = ProgramVersion(1, 0, 0)
    static let oldestRunc = ProgramVersion(1, 0, 0)
    static let oldestConmon = ProgramVersion(2, 0, 26)

    /// Finds and checks everything that is needed.
    /// - Throws: ``EngineError`` `.hostLacks` that names what to install.
    static func find(_ choice: NativeEngineOptions.RuntimeChoice) async throws -> HostTools {
        async let runtime = findRuntime(choice)
        async let monitor = findMonitor()
        return HostTools(
            runtime: try await runtime, monitor: try await monitor, builder: Program.find("buildah"),
            mover: Program.find("skopeo"))
    }

    private static func findRuntime(_ choice: NativeEngineOptions.RuntimeChoice) async throws -> Runtime {
        let kinds: [Runtime.Kind]
        switch choice {
        case .automatic: kinds = [.crun, .runc]
        case .crun: kinds = [.crun]
        case .runc: kinds = [.runc]
        }
        var problems: [String] = []
        for kind in kinds {
            guard let path = Program.find(kind.rawValue) else {
                problems.append("`\(kind.rawValue)` is not installed")
                continue
            }
            guard let version = await version(of: path) else {
                problems.append("`\(path) --version` does not work")
                continue
            }
            let oldest = kind == .crun ? oldestCrun : oldestRunc
            guard version >= oldest else {
                problems.append("`\(path)` is version \(version), \(oldest) is needed")
                continue
            }
            return Runtime(kind: kind, path: path, version: "\(version)")
        }
        throw EngineError(
            .hostLacks, "no usable OCI runtime: " + problems.joined(separator: ", "),
            hint: "install crun: `apt-get install crun`")
    }

    private static func findMonitor() async throws -> String {
        guard let path = Program.find("conmon") else {
            throw EngineError(.hostLacks, "`conmon` is not installed", hint: "install it: `apt-get install conmon`")
        }
        guard let version = await version(of: path), version >= oldestConmon else {
            throw EngineError(
                .hostLacks, "`\(path)` is older than \(oldestConmon)", hint: "install a newer conmon")
        }
        return path
    }

    /// The version a program tells of itself; nil when it does not.
    static func version(of path: String) async -> ProgramVersion? {
        let invocation = ProgramInvocation(path, ["--version"])
        // The caller reports what is missing.
        guard let result = try? await Program.run(invocation, outputLimit: 4096), result.exitCode == 0 else {
            return nil
        }
        return ProgramVersion(firstIn: result.outputText)
    }
}

/// A version of three numbers.
struct ProgramVersion: Comparable, CustomStringConvertible, Sendable {
    let numbers: [Int]

    init(_ major: Int, _ minor: Int, _ patch: Int) { numbers = [major, minor, patch] }

    /// The first word of `text` that begins with digits and a dot; nil when there is none.
    init?(firstIn text: String) {
        for word in text.split(whereSeparator: { " \n\t,".contains($0) }) {
            let parts = word.split(separator: ".", omittingEmptySubsequences: false).prefix(3)
            let numbers = parts.map { Int($0.prefix { $0.isASCII && $0.isNumber }) }
            guard parts.count >= 2, let major = numbers[0], let minor = numbers[1] else { continue }
            self.init(major, minor, numbers.count > 2 ? numbers[2] ?? 0 : 0)
            return
        }
        return nil
    }

    var description: String { numbers.map(String.init).joined(separator: ".") }

    static func < (left: ProgramVersion, right: ProgramVersion) -> Bool {
        left.numbers.lexicographicallyPrecedes(right.numbers)
    }
}
