import NIOCore
import NIOPosix
import Synchronization

@testable import Gateway

/// A backend whose every connection runs a script.
final class TestUpstream: Sendable {
    private let listener: any Channel
    var port: UInt16 { UInt16(listener.localAddress!.port!) }

    init(port: Int = 0, _ script: @escaping @Sendable (RawConnection) async throws -> Void) async throws {
        let accepted = SharedCount()
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 2048)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                accepted.increment()
                let connection = RawConnection()
                let adopted = connection.adopt(channel)
                // A script ends with its connection, and with it the task.
                Task {
                    do { try await script(connection) } catch { await connection.close() }
                }
                return adopted
            }
            .bind(host: "127.0.0.1", port: port).get()
        count = accepted
    }

    /// Connections so far.
    private let count: SharedCount
    var connectionCount: Int { count.value }

    /// Answers every request with 200 and what `answer` makes of its head and body.
    static func answering(_ answer: @escaping @Sendable (String, String) -> String) async throws -> TestUpstream {
        try await TestUpstream { connection in
            while true {
                let (head, body) = try await connection.readResponse()
                let text = answer(head, body)
                try await connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
            }
        }
    }

    func close() async { try? await listener.close() }

    func backend(
        _ id: String = "up", options: ProxyOptions = ProxyOptions(), wake: WakeCallback? = nil, basePath: String = ""
    ) -> Backend {
        Backend(
            id: BackendID(id), address: .tcp(host: "127.0.0.1", port: port), basePath: basePath, options: options,
            wake: wake)
    }
}

/// A number several tasks count up and wait for.
final class SharedCount: Sendable {
    private let state = Mutex<(value: Int, waiters: [(Int, CheckedContinuation<Void, Never>)])>((0, []))
    var value: Int { state.withLock { $0.value } }

    func increment() {
        state.withLock { state in
            state.value += 1
            let value = state.value
            for waiter in state.waiters where waiter.0 <= value { waiter.1.resume() }
            state.waiters.removeAll { $0.0 <= value }
        }
    }

    func wait(for value: Int) async {
        await withCheckedContinuation { continuation in
            state.withLock { state in
                if state.value >= value { continuation.resume() } else { state.waiters.append((value, continuation)) }
            }
        }
    }
}

/// Opens once; whoever waits goes on then.
final class Gate: Sendable {
    private let count = SharedCount()
    func open() { count.increment() }
    func pass() async { await count.wait(for: 1) }
}

/// A value handed from one task to another.
final class SharedBox<Value: Sendable>: Sendable {
    private let state = Mutex<Value?>(nil)
    var value: Value? {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}
