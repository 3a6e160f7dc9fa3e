internal import Starlark

/// What `config` and `ace.config` give: settings of this server that apps may read.
struct NodeConfiguration: Sendable {
    /// `node_config` of the server.
    var values: [String: String] = [:]
    /// `_app_url`.
    var url = ""
    /// `_dev`.
    var isDevelopment = false

    /// The value of a key; a number or truth value where the default is one.
    func value(_ key: String, default fallback: Value) -> Value {
        switch key {
        case "_app_url": return .string(url)
        case "_dev": return .bool(isDevelopment)
        case "_branch": return .string("")  // sources are folders
        default: break
        }
        guard let text = values[key] else { return fallback }
        if fallback.boolValue != nil, text == "true" || text == "false" { return .bool(text == "true") }
        if fallback.intValue != nil, let number = Int(text) { return .int(number) }
        return .string(text)
    }
}
