/// Where the staging twin of an app is reached.
package enum StagingPlace: Codable, Hashable, Sendable {
    /// Below a domain of its own: `stage.` before the app's.
    case domain
    /// In the same domain, at the app's path with `_cl_stage` after it.
    case path
    /// At the same path of another domain.
    case named(String)

    /// Reads `domain`, `path`, or the name of a domain.
    package init(parsing text: String) {
        switch text {
        case "domain", "": self = .domain
        case "path": self = .path
        default: self = .named(text)
        }
    }
}

extension AppAddress {
    /// The address of this app's staging twin.
    /// - Throws: ``AppError`` `.appAddress` for a name that is no domain.
    func staging(_ place: StagingPlace, _ configuration: AppsConfiguration) throws -> AppAddress {
        switch place {
        case .domain:
            let own = domain.isEmpty ? configuration.defaultDomain : domain
            return try AppAddress(
                parsing: "\(configuration.stageDomain).\(own):\(path)", defaultDomain: configuration.defaultDomain)
        case .path:
            let prefix = domain.isEmpty ? "" : domain + ":"
            return try AppAddress(
                parsing: prefix + (path == "/" ? "/" : path) + "_cl_stage", defaultDomain: configuration.defaultDomain,
                isStaging: true)
        case .named(let name):
            return try AppAddress(parsing: "\(name):\(path)", defaultDomain: configuration.defaultDomain)
        }
    }
}
