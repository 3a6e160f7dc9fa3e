import FoundationEssentials
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import Gateway

@Suite("kinds of backends", .timeLimit(.minutes(1)))
struct BackendKindTests {
    /// For `app.test`, signed by itself, valid for a hundred years; the key guards nothing.
    private static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBfDCCASOgAwIBAgIUfG9wzCY2iQtXBBr5a/BFcNSaLiwwCgYIKoZIzj0EAwIw
        EzERMA8GA1UEAwwIYXBwLnRlc3QwIBcNMjYxMTIxMDI1MjM5WhgPMjEyNjEwMjgw
        MjUyMzlaMBMxETAPBgNVBAMMCGFwcC50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
        AQcDQgAEAHpan9543NePHRFslbXXtbaXE5OPMcx+2owGlWzj6mY2Ul/TEHoE9WI8
        1CW3cYAQZE2Y0atcdD1Jux3GSrqjW6NTMFEwHQYDVR0OBBYEFH0zTtjZ3dv6mTQG
        QNeeOxMXCtZwMB8GA1UdIwQYMBaAFH0zTtjZ3dv6mTQGQNeeOxMXCtZwMA8GA1Ud
        EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgChmsJ/L2eRWULHOqHYXJJoNe
        3q4JYHidTkp6d2d2BNgCIHeZ21vzWBDP0wqRVJrEzngBrScIBo41pNdjetBucks3
        -----END CERTIFICATE-----
        """
    private static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglZly43BGaFFPKO4I
        K1mGxgSrq1vhFPxywXt5g4X38YGhRANCAAQAelqf3njc148dEWyVtde1tpcTk48x
        zH7ajAaVbOPqZjZSX9MQegT1YjzUJbdxgBBkTZjRq1x0PUm7HcZKuqNb
        -----END PRIVATE KEY-----
        """

    @Test("a backend on this host may speak TLS with a certificate of its own making")
    func https() async throws {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(try NIOSSLCertificate(bytes: Array(Self.certificate.utf8), format: .pem))],
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(Self.key.utf8), format: .pem)))
        configuration.minimumTLSVersion = .tlsv12
        let context = try NIOSSLContext(configuration: configuration)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let connection = RawConnection()
                    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    _ = connection.adopt(channel)
                    // Ends with its connection.
                    Task {
                        while true {
                            let (head, body) = try await connection.readResponse()
                            let answer = "\(head.field("host") ?? "") \(body)"
                            try await connection.send(
                                "HTTP/1.1 200 OK\r\nContent-Length: \(answer.utf8.count)\r\n\r\n\(answer)")
                        }
                    }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = UInt16(listener.localAddress!.port!)
        let backend = try Backend(id: BackendID("tls"), url: "https://127.0.0.1:\(port)")
        try await withGateway([.all(backend)]) { gateway, gatewayPort in
            let client = try await RawConnection.connect(to: gatewayPort)
            for _ in 0..<3 {
                try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab")
                #expect(try await client.readResponse().body == "127.0.0.1:\(port) ab")
            }
            #expect(gateway.activity(of: backend.id).requests == 3)
        }
        try await listener.close()
    }

    @Test("a backend that does not speak TLS where it should is 502")
    func noTLS() async throws {
        let upstream = try await TestUpstream { connection in
            try await connection.send("HTTP/1.1 400 Bad Request\r\n\r\n")
            await connection.close()
        }
        let backend = try Backend(id: BackendID("tls"), url: "https://127.0.0.1:\(upstream.port)")
        try await withGateway([.all(backend)]) { _, port in
            let head = try await fetch(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").head

            #expect(head.status == 502)
        }
    }

    @Test("a backend may listen on a Unix socket")
    func unixSocket() async throws {
        let path = "\(FileManager.default.temporaryDirectory.path)/gateway-\(UInt32.random(in: 0 ... .max)).sock"
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                let connection = RawConnection()
                // Ends with its connection.
                Task {
                    let (head, body) = try await connection.readResponse()
                    let host = (head.field("host") ?? "") + body
                    try await connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(host.utf8.count)\r\n\r\n\(host)")
                }
                return connection.adopt(channel)
            }
            .bind(unixDomainSocketPath: path).get()
        try await withGateway([.all(Backend(id: BackendID("unix"), address: .unix(path: path)))]) { _, port in
            let body = try await fetch(port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n!!!").body

            #expect(body == "localhost!!!")
        }
        try await listener.close()
        try? FileManager.default.removeItem(atPath: path)
    }

    @Test("a backend may be named by a host name")
    func hostName() async throws {
        let upstream = try await TestUpstream.answering { head, _ in head.field("host") ?? "" }
        let backend = try Backend(id: BackendID("name"), url: "http://localhost:\(upstream.port)")
        try await withGateway([.all(backend)]) { _, port in
            let body = try await fetch(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").body

            #expect(body == "localhost:\(upstream.port)")
        }
    }

    @Test("one function makes a proxy in front of one target; cancelling its run stops it")
    func reverseProxy() async throws {
        let upstream = try await TestUpstream.answering { head, _ in String(head.split(separator: " ")[1]) }
        let gateway = try Gateway.reverseProxy(
            listen: GatewayAddress(host: "127.0.0.1", port: 0), to: "http://127.0.0.1:\(upstream.port)/base",
            threads: 1,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await gateway.start()
        let port = gateway.boundAddresses[0].port
        let running = Task { try await gateway.run() }

        let body = try await fetch(port, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n").body
        running.cancel()
        try await running.value

        #expect(body == "/base/x")
        #expect(gateway.boundAddresses.isEmpty)
    }
}
