/// Whether a plugin function reads or writes.
package enum CallAccess: String, Codable, Hashable, Sendable {
    case read = "READ"
    case write = "WRITE"
}

/// One permission: which call of which plugin, with which arguments and which secrets.
package struct Grant: Codable, Hashable, Sendable {
    /// The plugin with its suffix, such as `container.in`.
    package var plugin: String
    /// The function; empty in a deny entry means all.
    package var method: String
    /// Patterns for the first parameters: plain text, `regex:…` (found anywhere) or `regex^:…` (the whole text).
    package var arguments: [String]
    /// Overrides what the function itself is.
    package var access: CallAccess?
    /// Lists of secret keys (plain or `regex:…`) of which one must cover each use.
    package var secrets: [[String]]
    /// Custom permissions of which the user needs one, when role control is on.
    package var permit: [String]

    /// A grant.
    package init(
        plugin: String, method: String, arguments: [String] = [], access: CallAccess? = nil, secrets: [[String]] = [],
        permit: [String] = []
    ) {
        self.plugin = plugin
        self.method = method
        self.arguments = arguments
        self.access = access
        self.secrets = secrets
        self.permit = permit
    }
}
