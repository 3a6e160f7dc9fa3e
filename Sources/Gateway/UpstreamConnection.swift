internal import NIOCore

/// One connection to a backend: sends heads and bodies, parses response heads, follows response bodies.
///
///     connecting ──▶ idle ──begin──▶ head ──▶ body ──▶ idle (pooled)
///                                      └─101─▶ tunnel ──▶ closed
///
/// About unchecked exclusivity see ``ClientConnection``.
final class UpstreamConnection: TimedConnection, ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Phase {
        case connecting, idle, head, body, tunnel, closed
    }

    let pool: UpstreamPool
    /// Whose request is under way.
    @exclusivity(unchecked) var client: ClientConnection?
    @exclusivity(unchecked) var idleSince = NIODeadline.uptimeNanoseconds(0)
    @exclusivity(unchecked) var isPooled = false
    /// The pool is still inside the call that opens it.
    @exclusivity(unchecked) var isStarting = false
    /// It has carried a whole exchange before this one.
    @exclusivity(unchecked) private(set) var isReused = false
    /// Something of the response has arrived.
    @exclusivity(unchecked) private(set) var hasReceived = false
    @exclusivity(unchecked) private(set) var phase = Phase.connecting
    @exclusivity(unchecked) private var context: ChannelHandlerContext?
    @exclusivity(unchecked) private var hasFailed = false
    /// Bytes of an incomplete head.
    private var input = ByteBuffer()
    @exclusivity(unchecked) private var scanner = HeadScanner()
    @exclusivity(unchecked) private var head = ResponseHead()
    private var body = BodyReader(.none, direction: .response)
    @exclusivity(unchecked) private var interimCount = 0
    @exclusivity(unchecked) private var isReadingPaused = false
    @exclusivity(unchecked) private var needsFlush = false
    /// Bodies up to this size travel in one write with their head.
    private static let mergeLimit = 32 << 10

    init(pool: UpstreamPool) { self.pool = pool }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        pool.loop.add(self)
        pool.opened(self)
        phase = .idle
        if isStarting {
            context.eventLoop.assumeIsolated().execute { self.announce() }
        } else {
            announce()
        }
    }

    private func announce() {
        guard phase == .idle else { return }
        if let client { client.upstreamConnected(self) } else { pool.put(self, now: .now()) }
    }

    /// Nothing was opened.
    func connectFailed(_ error: any Error) {
        guard phase == .connecting else { return }
        phase = .closed
        if isStarting {
            pool.loop.eventLoop.assumeIsolated().execute { self.announceFailure(error) }
        } else {
            announceFailure(error)
        }
    }

    private func announceFailure(_ error: any Error) {
        let client = client
        self.client = nil
        client?.connectFailed(self, error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        let endedPhase = phase
        phase = .closed
        pool.closed(self)
        pool.loop.remove(self)
        self.context = nil
        guard let client else { return }
        self.client = nil
        switch endedPhase {
        case .tunnel: client.tunnelEnded()
        case .body where body.endsWithConnection && !hasFailed: client.responseEnded(self, isReusable: false)
        case .head, .body: client.upstreamGone(self, hasReceived: hasReceived)
        case .connecting, .idle, .closed: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        hasFailed = true
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            if phase == .tunnel { client?.tunnelHalfClosed() } else { context.close(promise: nil) }
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    override func deadlinePassed() {
        if isPooled { close() }
    }

    func close() {
        context?.close(promise: nil)
    }

    /// Ends the connection on behalf of a client that is gone or does not want the rest.
    func abandon() {
        client = nil
        switch phase {
        case .connecting, .closed: break  // connecting: kept for the next request once it is there
        case .idle, .head, .body, .tunnel: close()
        }
    }

    // MARK: Sending

    /// Begins an exchange; its response goes to `client`.
    @inline(__always)
    func begin(_ client: ClientConnection) {
        self.client = client
        phase = .head
        hasReceived = false
        interimCount = 0
        pool.loop.clearDeadline(self)
    }

    @inline(__always)
    func write(_ buffer: ByteBuffer) {
        BackendCounters.add(pool.counters.bytesSent, buffer.readableBytes)
        needsFlush = true
        context?.write(wrapOutboundOut(buffer), promise: nil)
    }

    @inline(__always)
    func flush() {
        guard needsFlush else { return }
        needsFlush = false
        context?.flush()
    }

    var isWritable: Bool { context?.channel.isWritable ?? true }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        client?.upstreamWritabilityChanged(context.channel.isWritable)
    }

    func closeOutput() { context?.close(mode: .output, promise: nil) }

    /// Stops or resumes reading, for back-pressure.
    func setReadingPaused(_ paused: Bool) {
        guard paused != isReadingPaused, let context else { return }
        isReadingPaused = paused
        // Fails only when the channel is closed, which is reported otherwise.
        try? context.channel.syncOptions?.setOption(.autoRead, value: !paused)
    }

    // MARK: Receiving

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        guard let client else {
            // A backend that speaks without being asked cannot be trusted with the next request.
            if phase != .closed { context.close(promise: nil) }
            return
        }
        hasReceived = true
        BackendCounters.add(pool.counters.bytesReceived, buffer.readableBytes)
        switch phase {
        case .head: readHead(&buffer, client)
        case .body: readBody(&buffer, client)
        case .tunnel: client.tunnel(buffer)
        case .connecting, .idle, .closed: context.close(promise: nil)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        client?.flushIfNeeded()
    }

    private func readHead(_ buffer: inout ByteBuffer, _ client: ClientConnection) {
        if input.readableBytes > 0 {
            input.writeBuffer(&buffer)
            buffer = input
            input = ByteBuffer()
        }
        while phase == .head, buffer.readableBytes > 0 {
            let limit = pool.loop.configuration.limits.responseHeadBytes
            let failure: HeadFailure?
            switch buffer.withUnsafeReadableBytes({ scanner.scan($0.assumingMemoryBound(to: UInt8.self)) }) {
            case .incomplete:
                guard buffer.readableBytes > limit else {
                    input = buffer
                    return
                }
                failure = .headTooLarge
            case .bareLineFeed:
                failure = .bareLineFeed
            case .end(let end):
                failure = end > limit ? .headTooLarge : parseHead(buffer, end: end)
            }
            scanner = HeadScanner()
            if let failure { return client.badResponse(self, failure.message) }
            accept(&buffer, client)
        }
    }

    @inline(__always)
    private func parseHead(_ buffer: ByteBuffer, end: Int) -> HeadFailure? {
        buffer.withUnsafeReadableBytes {
            head.parse($0.assumingMemoryBound(to: UInt8.self), end: end, limits: pool.loop.configuration.limits)
        }
    }

    /// Passes a parsed head on, and the bytes that follow it.
    private func accept(_ buffer: inout ByteBuffer, _ client: ClientConnection) {
        if head.isInterim {
            interimCount += 1
            guard interimCount <= 64 else { return client.badResponse(self, "too many interim responses") }
            client.interimResponse(head, buffer)
            buffer.moveReaderIndex(forwardBy: head.length)
            return
        }
        if head.status == 101 {
            guard client.head.isUpgrade else { return client.badResponse(self, "an upgrade nobody asked for") }
            client.startResponse(head, buffer, closes: false, decodes: false)
            buffer.moveReaderIndex(forwardBy: head.length)
            return beginTunnel(buffer, client)
        }
        let framing = head.framing(for: client.head.method)
        let decodes = framing == .chunked && client.head.minorVersion == 0
        client.startResponse(head, buffer, closes: framing == .untilClose || decodes, decodes: decodes)
        buffer.moveReaderIndex(forwardBy: head.length)
        body = BodyReader(framing, mode: decodes ? .decoded : .verbatim, direction: .response)
        phase = .body
        if body.isDone || buffer.readableBytes > 0 { readBody(&buffer, client, mergeLimit: Self.mergeLimit) }
        client.writeHead()
    }

    @inline(__always)
    private func readBody(_ buffer: inout ByteBuffer, _ client: ClientConnection, mergeLimit: Int = 0) {
        do throws(BodyFailure) {
            try body.read(&buffer) { client.writeBody($0, mergeLimit: mergeLimit) }
        } catch {
            return client.badResponse(self, "malformed chunks in the response")
        }
        guard body.isDone else { return }
        client.writeHead()
        // Bytes beyond the response: the backend and we do not agree where it ended.
        client.responseEnded(self, isReusable: head.keepsAlive && buffer.readableBytes == 0)
    }

    private func beginTunnel(_ early: ByteBuffer, _ client: ClientConnection) {
        phase = .tunnel
        // Fails only when the channel is closed, which is reported otherwise.
        try? context?.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
        client.beginTunnel(early)
    }

    /// The exchange is over: into the pool, or away.
    @inline(__always)
    func release(isReusable: Bool, now: NIODeadline) {
        client = nil
        guard phase == .body, isReusable else { return close() }
        phase = .idle
        isReused = true
        setReadingPaused(false)
        pool.put(self, now: now)
    }
}
