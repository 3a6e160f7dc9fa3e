package import Core

/// Engine options of an app, as given with `--copt`.
package struct ContainerOptions: Sendable, Hashable {
    /// Processor time in thousandths of a core.
    package private(set) var milliCPUs: Int?
    /// Memory.
    package private(set) var memory: ByteCount?
    /// Options that have no meaning here and were passed over.
    package private(set) var ignored: [String] = []

    /// Reads options.
    /// - Throws: ``AppError`` `.optionDenied` for unknown, malformed or forbidden ones.
    package init(_ options: [String: String]) throws {
        for (name, value) in options.sorted(by: { $0.key < $1.key }) {
            switch name {
            case "cpus":
                guard let cpus = Self.milliCPUs(value) else { throw AppError.option(name, value: value) }
                milliCPUs = cpus
            case "memory":
                guard let bytes = ByteCount(parsing: value), bytes.rawValue > 0 else {
                    throw AppError.option(name, value: value)
                }
                memory = bytes
            case "min_replicas", "max_replicas": ignored.append(name)
            default:
                if name.hasPrefix("kubernetes.") {
                    ignored.append(name)
                } else {
                    throw AppError.option(name, value: value)
                }
            }
        }
    }

    /// `2`, `0.5`, `500m`; nil for anything else.
    static func milliCPUs(_ text: String) -> Int? {
        if text.hasSuffix("m") {
            guard let value = Int(text.dropLast()), value > 0 else { return nil }
            return value
        }
        guard let cores = Double(text), cores.isFinite, cores > 0, cores < 100_000 else { return nil }
        return Int((cores * 1000).rounded())
    }
}
