internal import Starlark

/// What `ace.app` declared, checked.
struct AppDeclaration: Sendable {
    var name: String
    var proxies: [ProxyDeclaration] = []
    var endpoints: [EndpointDeclaration] = []
    var actions: [ActionDeclaration] = []
    var container: ContainerConfig?
    var permissions: [Grant] = []
    /// Whether `/app` is sent to `/app/`.
    var redirectsBarePath = false
    /// Which files make up a static app; nil for all others.
    var staticScope: StaticFiles.Scope?
    /// Whether staging and production build images of their own.
    var separatesImages = false
}

/// One `ace.proxy`.
struct ProxyDeclaration: Sendable, Hashable {
    /// Inside the app, with leading slash.
    var path: String
    var config: ProxyConfig
}

/// One `ace.api`.
struct EndpointDeclaration: Sendable {
    /// What a plain value becomes.
    enum Format: String, Sendable {
        case json = "JSON"
        case text = "TEXT"
    }

    /// Inside the app, with leading slash.
    var path: String
    var method: String
    var format: Format
    /// Nil means the global `handler`.
    var handler: Value?
}

/// One `ace.action`.
struct ActionDeclaration: Sendable {
    var description: ActionDescription
    var run: Value
    var suggest: Value?
}

/// One `ace.response` or `ace.redirect`.
struct ResponseDeclaration: Sendable {
    var data: JSONValue
    /// `json` or `text`; empty means the route's own.
    var type: String
    var status: Int
    var contentType: String
    /// Where to send the client instead.
    var location: String?
    /// The name under which data is offered as a file; empty for none.
    var download: String
}

/// An object that a function of `ace` made.
final class AceObject: HostValue {
    /// What it is.
    enum Content: Sendable {
        case app(AppDeclaration)
        case proxy(path: String, config: Value)
        case endpoint(EndpointDeclaration)
        case action(ActionDeclaration)
        case permission(Grant)
        case result(ActionResult)
        case response(ResponseDeclaration)
        /// Accepted and without effect here.
        case ignored(String)
    }

    let content: Content
    init(_ content: Content) { self.content = content }

    var typeName: String {
        switch content {
        case .app: "ace.app"
        case .proxy: "ace.proxy"
        case .endpoint: "ace.api"
        case .action: "ace.action"
        case .permission: "ace.permission"
        case .result: "ace.result"
        case .response: "ace.response"
        case .ignored(let name): "ace." + name
        }
    }
}
