/// What the server grants to every app and denies to all.
package struct PermissionPolicy: Hashable, Sendable {
    /// Grants every app has.
    package var allow: [Grant]
    /// Calls no app may make.
    package var deny: [Grant]

    /// A policy.
    package init(allow: [Grant] = defaultAllow, deny: [Grant] = defaultDeny) {
        self.allow = allow
        self.deny = deny
    }

    /// The marker that stands for the address of the app's own container.
    package static let containerURL = "<CONTAINER_URL>"

    /// Proxying to the own container, configuring it, and calling it.
    package static let defaultAllow: [Grant] =
        [
            Grant(plugin: "proxy.in", method: "config", arguments: [containerURL]),
            Grant(plugin: "container.in", method: "config", arguments: ["regex:.*"]),
        ]
        + ["get", "head", "options", "post", "put", "delete", "patch"].map {
            Grant(plugin: "http.in", method: $0, arguments: ["regex:^\(containerURL)"])
        }

    /// Programs on the host.
    package static let defaultDeny = [Grant(plugin: "exec.in", method: "")]
}
