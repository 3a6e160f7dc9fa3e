package import Core

/// Assembles the environment of an app's container.
///
/// Params first, as text, without `secrets`; then `CL_APP_PATH`, `CL_APP_URL` and `PORT`, which win.
package struct ContainerEnvironment: Sendable {
    /// The variables; values made from secrets are marked so.
    package private(set) var variables: [String: EnvironmentValue] = [:]
    /// Params left out because their names are no valid variable names.
    package private(set) var skipped: [String] = []

    /// Assembles the environment.
    /// - Parameters:
    ///   - port: the port the app listens on; nil for command apps.
    ///   - resolve: replaces secret templates in one text; says whether it held any.
    package init(
        params: ParamSet, address: AppAddress, publicURL: String, port: UInt16?,
        resolve: (String) throws -> (text: String, isSecret: Bool)
    ) throws {
        let declared = params.definitions.compactMap { definition in
            params[definition.name].map { (name: definition.name, value: $0.plainText) }
        }
        for (name, value) in declared + params.extras where name != "secrets" {
            guard Self.isName(name) else {
                skipped.append(name)
                continue
            }
            let resolved = try resolve(value)
            variables[name] = resolved.isSecret ? .secret(resolved.text) : .plain(resolved.text)
        }
        variables["CL_APP_PATH"] = .plain(address.environmentPath)
        variables["CL_APP_URL"] = .plain(Self.url(of: address, publicURL: publicURL))
        if let port { variables["PORT"] = .plain(String(port)) }
    }

    /// The public address of an app.
    package static func url(of address: AppAddress, publicURL: String) -> String {
        guard !address.domain.isEmpty, let scheme = publicURL.range(of: "://") else {
            return publicURL + address.environmentPath
        }
        let rest = publicURL[scheme.upperBound...]
        let port = rest.lastIndex(of: ":").map { String(rest[$0...]) } ?? ""
        return publicURL[..<scheme.upperBound] + address.domain + port + address.environmentPath
    }

    /// Letters, digits, underscore; no digit first.
    static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return text.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x5F
        }
    }
}
