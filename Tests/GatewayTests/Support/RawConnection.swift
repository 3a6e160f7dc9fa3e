import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// A TCP connection spoken to in raw bytes. Reads wait for events, never for time.
final class RawConnection: Sendable {
    /// How the other side ended.
    enum End: Sendable, Equatable {
        case closed, reset
    }
    struct Ended: Error {
        let end: End
        let received: String
    }
    private struct State {
        var bytes: [UInt8] = []
        var end: End?
        var waiter: (condition: @Sendable ([UInt8]) -> Int?, continuation: CheckedContinuation<[UInt8], any Error>)?
        var endWaiters: [CheckedContinuation<End, Never>] = []
        var total = 0
        var keepsBytes = true
        var arrivalWaiter: CheckedContinuation<Void, any Error>?
    }
    private let state = Mutex(State())
    private let channelBox = Mutex<(any Channel)?>(nil)
    var channel: any Channel { channelBox.withLock { $0! } }

    static func connect(to port: UInt16) async throws -> RawConnection {
        let connection = RawConnection()
        _ = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { connection.adopt($0) }
            .connect(host: "127.0.0.1", port: Int(port)).get()
        return connection
    }

    func adopt(_ channel: any Channel) -> EventLoopFuture<Void> {
        channelBox.withLock { $0 = channel }
        return channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(Handler(connection: self))
        }
    }

    // MARK: Sending

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }
    func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }
    func close() async { try? await channel.close() }
    func closeOutput() async throws { try await channel.close(mode: .output) }
    func reset() async throws {
        try await (channel as! any SocketOptionProvider).setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        try await channel.close()
    }
    func pauseReading(_ paused: Bool) async throws { try await channel.setOption(.autoRead, value: !paused).get() }

    /// While reading is paused: waits for one piece.
    func readOnce() async throws {
        let before = total
        channel.read()
        try await arrival(after: before)
    }

    private func arrival(after before: Int) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            state.withLock { state in
                if state.total > before || state.end != nil {
                    continuation.resume()
                } else {
                    state.arrivalWaiter = continuation
                }
            }
        }
    }

    // MARK: Receiving

    /// Bytes received so far, read ones included.
    var total: Int { state.withLock { $0.total } }

    /// Only counts from now on.
    func discard() {
        state.withLock {
            $0.keepsBytes = false; $0.bytes = []
        }
    }

    /// Waits until `condition` names a length and takes that many bytes off the front.
    func read(until condition: @escaping @Sendable ([UInt8]) -> Int?) async throws -> [UInt8] {
        try await withCheckedThrowingContinuation { continuation in
            state.withLock { state in
                if let count = condition(state.bytes) {
                    let result = Array(state.bytes[..<count])
                    state.bytes.removeFirst(count)
                    continuation.resume(returning: result)
                } else if let end = state.end {
                    continuation.resume(
                        throwing: Ended(end: end, received: String(decoding: state.bytes, as: UTF8.self)))
                } else {
                    precondition(state.waiter == nil, "one reader at a time")
                    state.waiter = (condition, continuation)
                }
            }
        }
    }

    func readExactly(_ count: Int) async throws -> String {
        String(decoding: try await read { $0.count >= count ? count : nil }, as: UTF8.self)
    }

    /// Up to and with `mark`.
    func read(through mark: String) async throws -> String {
        let mark = Array(mark.utf8)
        let bytes = try await read { bytes in
            guard bytes.count >= mark.count else { return nil }
            for start in 0...(bytes.count - mark.count) where bytes[start] == mark[0] {
                if bytes[start..<start + mark.count].elementsEqual(mark) { return start + mark.count }
            }
            return nil
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    func readHead() async throws -> String { try await read(through: "\r\n\r\n") }

    /// A head and a body of the length it tells.
    func readResponse() async throws -> (head: String, body: String) {
        let head = try await readHead()
        return (head, try await readExactly(Int(head.field("content-length") ?? "0")!))
    }

    /// Everything until the end, and how it ended.
    func readToEnd() async -> (text: String, end: End) {
        let end = await withCheckedContinuation { continuation in
            state.withLock { state in
                if let end = state.end {
                    continuation.resume(returning: end)
                } else {
                    state.endWaiters.append(continuation)
                }
            }
        }
        return (state.withLock { String(decoding: $0.bytes, as: UTF8.self) }, end)
    }

    fileprivate func received(_ buffer: ByteBuffer) {
        state.withLock { state in
            state.total += buffer.readableBytes
            state.arrivalWaiter?.resume()
            state.arrivalWaiter = nil
            guard state.keepsBytes || state.waiter != nil else { return }
            state.bytes += Array(buffer.readableBytesView)
            if let waiter = state.waiter, let count = waiter.condition(state.bytes) {
                state.waiter = nil
                let result = Array(state.bytes[..<count])
                state.bytes.removeFirst(count)
                waiter.continuation.resume(returning: result)
            }
        }
    }

    fileprivate func ended(_ end: End) {
        state.withLock { state in
            guard state.end == nil else { return }
            state.end = end
            state.arrivalWaiter?.resume(throwing: Ended(end: end, received: ""))
            state.arrivalWaiter = nil
            if let waiter = state.waiter {
                waiter.continuation.resume(
                    throwing: Ended(end: end, received: String(decoding: state.bytes, as: UTF8.self)))
            }
            state.waiter = nil
            for waiter in state.endWaiters { waiter.resume(returning: end) }
            state.endWaiters = []
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        let connection: RawConnection
        init(connection: RawConnection) { self.connection = connection }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { connection.received(unwrapInboundIn(data)) }
        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if let event = event as? ChannelEvent, event == .inputClosed { connection.ended(.closed) }
        }
        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            connection.ended(.reset)
            context.close(promise: nil)
        }
        func channelInactive(context: ChannelHandlerContext) { connection.ended(.closed) }
    }
}

extension String {
    /// The first value of a header field in a head.
    func field(_ name: String) -> String? {
        for line in self.split(separator: "\r\n").dropFirst() {
            guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == name.lowercased() else {
                continue
            }
            return String(line[line.index(after: colon)...].drop { $0 == " " })
        }
        return nil
    }

    /// The status of a response head.
    var status: Int { Int(split(separator: " ").dropFirst().first ?? "") ?? 0 }
}
