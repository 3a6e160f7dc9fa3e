import Engines
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// An HTTP server on a free loopback port that answers as the path says: `/status/N`, `/redirect/N` (N times, then
/// 200), `/endless` (a body that never ends), `/silent` (no answer); anything else is 200.
final class StubServer: Sendable {
    let endpoint: Endpoint
    private let channel: any Channel

    init(tls: Bool = false) async throws {
        let context = tls ? try Self.context() : nil
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(StubHandler())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        endpoint = Endpoint(host: "127.0.0.1", port: UInt16(channel.localAddress?.port ?? 0))
    }

    func close() async throws { try await channel.close() }

    /// A free loopback port that nobody listens on.
    static func closedPort() async throws -> Endpoint {
        let server = try await StubServer()
        try await server.close()
        return server.endpoint
    }

    private static func context() throws -> NIOSSLContext {
        try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: [.certificate(NIOSSLCertificate(bytes: Array(certificate.utf8), format: .pem))],
                privateKey: .privateKey(NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem))))
    }
}

private final class StubHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let request) = unwrapInboundIn(data) else { return }
        let words = request.uri.split(separator: "/").map(String.init)
        let number = words.count > 1 ? Int(words[1]) ?? 0 : 0
        switch words.first {
        case "status": answer(context, status: number)
        case "redirect":
            answer(context, status: 302, location: number > 1 ? "/redirect/\(number - 1)" : "/fine")
        case "endless": answer(context, status: 200, ends: false)
        case "silent": break
        default: answer(context, status: 200)
        }
    }

    private func answer(
        _ context: ChannelHandlerContext, status: Int, location: String? = nil, ends: Bool = true
    ) {
        var head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status))
        if let location { head.headers.add(name: "Location", value: location) }
        if ends { head.headers.add(name: "Content-Length", value: "0") }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if ends {
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        } else {
            context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: "…")))), promise: nil)
        }
    }
}

/// A certificate nobody trusts, for tests only.
private let certificate = """
    -----BEGIN CERTIFICATE-----
    MIIBeTCCAR+gAwIBAgIUZ/oDjZg1M+FbwN2Hzm8Sxm+pCPcwCgYIKoZIzj0EAwIw
    ETEPMA0GA1UEAwwGbm9ib2R5MCAXDTI2MTEyMTAyMTg0MVoYDzIxMjYxMDI4MDIx
    ODQxWjARMQ8wDQYDVQQDDAZub2JvZHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
    AASyUR5DGuabpIP/8rB6sWKbgLrCVZwzvIqdNWsxzuixxy8xvQqw9fGa9TKmdBQx
    71dzVA5B9RToPeKy/e4b9Vsmo1MwUTAdBgNVHQ4EFgQUn4fDOLed7iHiUqYvoPc+
    iARH5i8wHwYDVR0jBBgwFoAUn4fDOLed7iHiUqYvoPc+iARH5i8wDwYDVR0TAQH/
    BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAG5DFmQAW/8/UagV0KRTsLKy0tyzSC
    z3Lw6WlhSKcd1gIhALK7E2E6Dk/gkrb8QQ3dQ12WzZM5z0+3CavtfC/ZlgDG
    -----END CERTIFICATE-----
    """

private let key = """
    -----BEGIN PRIVATE KEY-----
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgF0JjZ8RlHI9XQ5HT
    OzUbvb7rC0ZvvqjEkoSWX3S5qiGhRANCAASyUR5DGuabpIP/8rB6sWKbgLrCVZwz
    vIqdNWsxzuixxy8xvQqw9fGa9TKmdBQx71dzVA5B9RToPeKy/e4b9Vsm
    -----END PRIVATE KEY-----
    """
