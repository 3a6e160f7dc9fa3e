internal import Core
internal import Engines

/// One version of an app that has been evaluated, or why it could not be.
struct LiveVersion: Sendable {
    var version: AppVersion
    var approvedLoads: [String]
    var approvedPermissions: [Grant]
    /// Whether it must not write, as staging without write access.
    var refusesWrites = false
    let outcome: Result<LoadedApp, AppError>

    /// What calls of this app are checked against.
    func check(_ world: AppWorld) -> CallCheck {
        CallCheck(approved: approvedPermissions, policy: world.policy, refusesWrites: refusesWrites)
    }
}

/// The running container of an app.
struct RunningService: Sendable, Hashable {
    let container: ContainerID
    let port: UInt16
    var endpoint: Endpoint
    /// The image it was made from; nil when it was found running.
    var image: String?

    /// Names it for the gateway: a new address is a new backend.
    var backendID: String { "\(container)@\(endpoint)" }
}
