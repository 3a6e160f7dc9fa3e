internal import Gateway

/// The URLs under which people reach apps.
enum AppURL {
    /// `http://host:port`, without a slash at the end.
    static func base(of gateway: Gateway, _ configuration: Configuration, host: String? = nil) -> String {
        let configured = ListenAddress(parsing: configuration[ConfigurationKeys.gatewayAddress])
        let port = gateway.boundAddresses.first?.port ?? configured?.port ?? 25222
        return "http://\(host ?? configuration[ConfigurationKeys.defaultDomain]):\(port)"
    }

    /// The URL of an app with the address `[domain:]path`.
    static func url(ofApp address: String, _ gateway: Gateway, _ configuration: Configuration) -> String? {
        guard let bound = gateway.boundAddresses.first else { return nil }
        if let colon = address.firstIndex(of: ":") {
            let path = address[address.index(after: colon)...]
            return base(of: gateway, configuration, host: String(address[..<colon])) + path
        }
        let domain = configuration[ConfigurationKeys.defaultDomain]
        // `localhost` may lead to ::1, where nobody listens.
        let isLoopback = domain == "localhost" && bound.host.hasPrefix("127.")
        return base(of: gateway, configuration, host: isLoopback ? bound.host : domain) + address
    }
}
