internal import API
internal import Core
internal import FoundationEssentials
internal import Logging

/// Where the API listens, and who may enter, as the configuration says.
enum APIListeners {
    static func listeners(
        layout: InstanceLayout, configuration: Configuration, logger: Logger
    ) throws -> [APIListener] {
        let configured = configuration[ConfigurationKeys.apiSocket]
        let path = configured.isEmpty ? layout.apiSocket : configured
        guard path.utf8.count <= 107 else {
            throw DaemonError(
                code: .fileSystem,
                message: "the API's socket `\(path)` is longer than the 107 bytes a Unix socket may have",
                hint: "choose a shorter --root, or set api.socket")
        }
        let mode = UInt32(configuration[ConfigurationKeys.apiSocketMode], radix: 8) ?? 0o660
        var listeners = [APIListener(.unixSocket(path: path, mode: mode), access: .socketMode)]
        if let tcp = try tcpListener(configuration, logger) { listeners.append(tcp) }
        return listeners
    }

    private static func tcpListener(_ configuration: Configuration, _ logger: Logger) throws -> APIListener? {
        let text = configuration[ConfigurationKeys.apiAddress]
        guard !text.isEmpty, let address = ListenAddress(parsing: text) else { return nil }
        let place = APIListener.Address.tcp(host: address.host, port: Int(address.port))
        let file = configuration[ConfigurationKeys.apiTokenFile]
        if !file.isEmpty { return APIListener(place, access: .token(try token(file))) }
        guard configuration[ConfigurationKeys.apiAllowOpen] else {
            throw DaemonError(
                code: .unsafeListener, message: "api.tcp.address `\(text)` has no token",
                hint: "set api.tcp.token_file, or api.tcp.allow_without_token for a loopback address")
        }
        guard address.isLoopback else {
            throw DaemonError(
                code: .unsafeListener, message: "api.tcp.address `\(text)` is no loopback address and has no token",
                hint: "set api.tcp.token_file")
        }
        logger.warning(
            "the api is open to everybody on this machine", metadata: ["address": "\(text)"])
        return APIListener(place, access: .open)
    }

    private static func token(_ file: String) throws -> String {
        guard let bytes = FileManager.default.contents(atPath: file) else {
            throw DaemonError(code: .token, message: "api.tcp.token_file `\(file)` cannot be read")
        }
        let token = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).first.map(String.init)
        guard let token, token.utf8.count >= 16 else {
            throw DaemonError(
                code: .token, message: "api.tcp.token_file `\(file)` holds no token of at least 16 characters",
                hint: "make one with `head -c 24 /dev/urandom | base64`")
        }
        return token
    }
}
