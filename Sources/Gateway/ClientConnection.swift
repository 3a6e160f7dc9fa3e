internal import Glibc
internal import NIOCore

/// One client connection: reads requests one after the other, finds their routes and sees their responses through.
///
///     idle ─head─▶ forwarding ─response ended─▶ idle
///       ├──▶ connecting ─▶ forwarding ─101─▶ tunnel
///       ├──▶ held ─▶ connecting | responding
///       └──▶ collecting ─▶ responding ─▶ idle
///     any ─▶ closing (last bytes on their way out) ─▶ closed
///
/// Properties that no callee can reach while they are being changed are not checked for exclusive access at run time: a
/// tenth of the work for a request would be these checks. `pending` and `body` are changed across calls, and are checked.
final class ClientConnection: TimedConnection, ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Phase {
        case idle, connecting, forwarding, held, collecting, responding, tunnel, closing, closed
    }

    let loop: LoopContext
    @exclusivity(unchecked) var phase = Phase.idle
    @exclusivity(unchecked) var context: ChannelHandlerContext?
    private let peerFacts: ClientFacts
    private let isPeerTrusted: Bool

    // What has been read.
    var pending = ByteBuffer()
    @exclusivity(unchecked) private var scanner = HeadScanner()
    @exclusivity(unchecked) private var isProcessing = false
    @exclusivity(unchecked) private var pausedForPending = false
    @exclusivity(unchecked) private var pausedForUpstream = false
    @exclusivity(unchecked) var inputIsClosed = false
    @exclusivity(unchecked) var isClientWritable = true

    // The request under way.
    @exclusivity(unchecked) var head = RequestHead()
    @exclusivity(unchecked) var headBytes = ByteBuffer()
    @exclusivity(unchecked) var facts: ClientFacts
    var body = BodyReader(.none, direction: .request)
    @exclusivity(unchecked) var route: CompiledRoute?
    @exclusivity(unchecked) var plan: ForwardingPlan?
    @exclusivity(unchecked) var upstream: UpstreamConnection?
    @exclusivity(unchecked) var sentHead = ByteBuffer()
    @exclusivity(unchecked) var forwardedPath = ByteRange.empty
    @exclusivity(unchecked) var hasRetried = false
    @exclusivity(unchecked) var hasWoken = false
    /// Distinguishes the answers of callbacks to earlier requests.
    @exclusivity(unchecked) var generation = 0
    @exclusivity(unchecked) var task: Task<Void, Never>?
    @exclusivity(unchecked) var responder: (any GatewayResponder)?
    @exclusivity(unchecked) var collected = ByteBuffer()
    /// Where the request under way is counted.
    @exclusivity(unchecked) var counted: BackendCounters?
    @exclusivity(unchecked) var isTunnelCounted = false
    @exclusivity(unchecked) var streamWaiter: CheckedContinuation<Bool, Never>?

    // Its response.
    @exclusivity(unchecked) var responseHead = ByteBuffer()
    @exclusivity(unchecked) var headIsUnwritten = false
    @exclusivity(unchecked) var hasResponded = false
    @exclusivity(unchecked) var closesAfterResponse = false
    @exclusivity(unchecked) var needsFlush = false
    @exclusivity(unchecked) var record = AccessRecord()

    init(loop: LoopContext, facts: ClientFacts, isPeerTrusted: Bool) {
        self.loop = loop
        self.facts = facts
        peerFacts = facts
        self.isPeerTrusted = isPeerTrusted
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func channelActive(context: ChannelHandlerContext) {
        loop.clientOpened(self)
        loop.setDeadline(self, .now() + loop.timeouts.requestHead)
        if loop.isShuttingDown { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        let wasClosed = phase == .closed
        phase = .closed
        dropExchange(status: 499)
        self.context = nil
        if !wasClosed { loop.clientClosed(self) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let event = event as? ChannelEvent, event == .inputClosed else {
            return context.fireUserInboundEventTriggered(event)
        }
        inputIsClosed = true
        switch phase {
        case .tunnel: upstream?.closeOutput()
        case .idle, .closing, .closed: context.close(promise: nil)
        case .connecting, .forwarding, .held, .collecting, .responding:
            // Who asked for one response only may have said all there is to say; anyone else has gone away.
            if body.isDone, !head.keepsAlive { return }
            context.close(promise: nil)
        }
    }

    override func deadlinePassed() {
        switch phase {
        case .idle where pending.readableBytes > 0: refuse(408, "the request head took too long")
        case .idle, .closing, .closed, .responding: close()
        case .tunnel:
            close()
        case .held: answerOwn(.text(503, "the app did not become ready in time", headers: [.retryAfter(10)]))
        case .collecting: refuse(408, "the request body took too long")
        case .connecting, .forwarding:
            if hasResponded || !isClientWritable {
                abort()
            } else if !body.isDone {
                refuse(408, "the request body took too long")
            } else {
                dropUpstream()
                answerOwn(.text(504, "the backend did not answer in time"))
            }
        }
    }

    /// The gateway stops: idle connections and tunnels end now, others after their response.
    func shutDown() {
        switch phase {
        case .idle where pending.readableBytes == 0, .tunnel: close()
        default: closesAfterResponse = true
        }
    }

    func close() { context?.close(promise: nil) }

    /// Closes so that the client cannot take what it got for everything: with a reset.
    func abort() {
        guard let context else { return }
        // Without it the end looks regular; then the missing length or last chunk still tells.
        _ = (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        context.close(promise: nil)
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        switch phase {
        case .idle:
            if pending.readableBytes > 0 {
                pending.writeBuffer(&buffer)
                processPending()
            } else {
                process(&buffer)
                keep(buffer)
            }
        case .forwarding where !body.isDone:
            forwardBody(&buffer)
            keep(buffer)
        case .collecting:
            collect(&buffer)
            keep(buffer)
        case .tunnel:
            touchTunnel()
            upstream?.write(buffer)
        case .connecting, .forwarding, .held, .responding:
            keep(buffer)
        case .closing, .closed:
            break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        upstream?.flush()
        flushIfNeeded()
    }

    /// Keeps bytes for later; reading stops until they have been used.
    @inline(__always)
    private func keep(_ buffer: ByteBuffer) {
        guard buffer.readableBytes > 0, phase != .closing, phase != .closed else { return }
        if pending.readableBytes == 0 {
            pending = buffer
        } else {
            var more = buffer
            pending.writeBuffer(&more)
        }
        updateReading()
    }

    /// Goes on with kept bytes.
    func processPending() {
        guard !isProcessing, pending.readableBytes > 0 else { return updateReading() }
        withPending { process(&$0) }
    }

    /// Gives kept bytes to `body`, keeps what it leaves, and goes on with that if the connection is free again.
    func withPending(_ body: (inout ByteBuffer) -> Void) {
        var buffer = pending
        pending = ByteBuffer()
        let wasProcessing = isProcessing
        isProcessing = true
        body(&buffer)
        isProcessing = wasProcessing
        if phase == .idle, !wasProcessing, buffer.readableBytes > 0 { process(&buffer) }
        keep(buffer)
        updateReading()
    }

    /// Reading goes on unless somebody has to catch up. An incomplete head is no reason to stop.
    func updateReading() {
        let mustWait = pending.readableBytes > 0 && phase != .idle
        if mustWait != pausedForPending { setPaused(pending: mustWait, upstream: pausedForUpstream) }
    }

    func upstreamWritabilityChanged(_ isWritable: Bool) {
        setPaused(pending: pausedForPending, upstream: !isWritable)
    }

    private func setPaused(pending: Bool, upstream: Bool) {
        let was = pausedForPending || pausedForUpstream
        pausedForPending = pending
        pausedForUpstream = upstream
        guard was != (pending || upstream), let context else { return }
        // Fails only when the channel is closed, which is reported otherwise.
        try? context.channel.syncOptions?.setOption(.autoRead, value: was)
    }

    private func process(_ buffer: inout ByteBuffer) {
        let wasProcessing = isProcessing
        isProcessing = true
        while phase == .idle, buffer.readableBytes > 0, readHead(&buffer) { startRequest(&buffer) }
        isProcessing = wasProcessing
    }

    /// Reads a head off the front of `buffer`; false when it is not whole yet or was refused.
    private func readHead(_ buffer: inout ByteBuffer) -> Bool {
        let limits = loop.configuration.limits
        let failure: HeadFailure?
        while buffer.readableBytes >= 2, buffer.getInteger(at: buffer.readerIndex, as: UInt16.self) == 0x0D0A {
            buffer.moveReaderIndex(forwardBy: 2)
            scanner = HeadScanner()
        }
        switch buffer.withUnsafeReadableBytes({ scanner.scan($0.assumingMemoryBound(to: UInt8.self)) }) {
        case .incomplete:
            failure = Self.earlyFailure(buffer, limits)
            if failure == nil {
                if deadlineIsIdle {
                    deadlineIsIdle = false
                    loop.setDeadline(self, .now() + loop.timeouts.requestHead)
                }
                return false
            }
        case .bareLineFeed:
            failure = .bareLineFeed
        case .end(let end):
            failure = end > limits.requestHeadBytes ? Self.tooLarge(buffer, limits) : parseHead(&buffer, end)
        }
        scanner = HeadScanner()
        guard let failure else { return true }
        beginRecord()
        record.isMalformed = true
        route = nil
        head.minorVersion = 1
        head.method = .get
        body = BodyReader(.untilClose, direction: .request)
        buffer.moveReaderIndex(to: buffer.writerIndex)
        refuse(failure.status, failure.message)
        return false
    }

    private func parseHead(_ buffer: inout ByteBuffer, _ end: Int) -> HeadFailure? {
        headBytes.clear()
        let limits = loop.configuration.limits
        let failure = buffer.withUnsafeReadableBytes { raw in
            headBytes.writeBytes(UnsafeRawBufferPointer(rebasing: raw[0..<end]))
            return head.parse(raw.assumingMemoryBound(to: UInt8.self), end: end, limits: limits)
        }
        buffer.moveReaderIndex(forwardBy: end)
        return failure
    }

    /// A head that cannot become valid any more is refused before it is whole.
    private static func earlyFailure(_ buffer: ByteBuffer, _ limits: GatewayConfiguration.Limits) -> HeadFailure? {
        if buffer.readableBytes > limits.requestHeadBytes { return tooLarge(buffer, limits) }
        guard let first = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else { return nil }
        return ByteClass.isToken(first) || first == 0x0D ? nil : .malformedRequestLine
    }

    private static func tooLarge(_ buffer: ByteBuffer, _ limits: GatewayConfiguration.Limits) -> HeadFailure {
        let lineEnd = buffer.withUnsafeReadableBytes { $0.firstIndex(of: 0x0A) } ?? buffer.readableBytes
        return lineEnd > limits.targetBytes + 32 ? .targetTooLong : .headTooLarge
    }

    /// Whether the deadline in force is the one for the next request, not yet the one for the rest of a head.
    @exclusivity(unchecked) private var deadlineIsIdle = false

    // MARK: Requests

    private func startRequest(_ buffer: inout ByteBuffer) {
        deadlineIsIdle = false
        loop.clearDeadline(self)
        beginRecord()
        hasRetried = false
        hasWoken = false
        hasResponded = false
        closesAfterResponse = !head.keepsAlive || loop.isShuttingDown
        generation &+= 1
        body = BodyReader(head.framing, direction: .request)
        if isPeerTrusted { facts = loop.shared.trustedProxies.facts(peer: peerFacts, head, headBytes) }
        if head.isAsterisk {
            return answerOwn(
                GatewayResponse(
                    status: 200, headers: [GatewayHeader("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")]),
                &buffer)
        }
        let index = loop.routes()
        let found = headBytes.withUnsafeReadableBytes { raw in
            let bytes = raw.assumingMemoryBound(to: UInt8.self)
            return index.route(host: bytes[head.host], path: bytes[head.path], hasEscapes: head.hasEscapes)
        }
        route = found
        guard let found else { return answerUnrouted(index, &buffer) }
        if found.policy.redirectsBarePath, let redirect = bareRedirect(found) { return answerOwn(redirect, &buffer) }
        if found.checksRequests, let verdict = verdict(of: found.policy) { return answerOwn(verdict, &buffer) }
        switch found.target {
        case .backend(let plan): forward(to: plan, &buffer)
        case .wake(let callback): hold(callback)
        case .respond(let responder): beginCollecting(responder, &buffer)
        }
    }

    private func bareRedirect(_ route: CompiledRoute) -> GatewayResponse? {
        headBytes.withUnsafeReadableBytes {
            head.bareRedirect(route.prefix, $0.assumingMemoryBound(to: UInt8.self))
        }
    }

    private func verdict(of policy: RoutePolicy) -> GatewayResponse? {
        headBytes.withUnsafeReadableBytes { head.verdict(of: policy, $0.assumingMemoryBound(to: UInt8.self)) }
    }

    private func answerUnrouted(_ index: RouteIndex, _ buffer: inout ByteBuffer) {
        if let fallback = index.fallback { return beginCollecting(fallback, &buffer) }
        answerOwn(NotFound.response(to: requestHead()), &buffer)
    }

    /// The response is complete; the next request may begin.
    func finishExchange() {
        endRecord()
        upstream = nil
        plan = nil
        route = nil
        responder = nil
        task = nil
        guard phase != .closed, phase != .closing else { return }
        if pausedForUpstream { setPaused(pending: pausedForPending, upstream: false) }
        if closesAfterResponse || !body.isDone { return closeAfterFlush(lingers: !body.isDone) }
        phase = .idle
        deadlineIsIdle = true
        loop.setDeadline(self, .now() + loop.timeouts.clientIdle)
        if pending.readableBytes > 0 || pausedForPending {
            processPending()
        }
        if inputIsClosed, phase == .idle { close() }
    }

    /// Forgets the request under way because the client is gone.
    private func dropExchange(status: Int) {
        task?.cancel()
        task = nil
        streamWaiter?.resume(returning: false)
        streamWaiter = nil
        generation &+= 1
        guard let abandoned = upstream else { return endRecord(unless: status) }
        upstream = nil
        endCounting()
        abandoned.abandon()
        endRecord(unless: status)
    }

    /// Everything is written; when that has reached the kernel the connection is closed. `lingers` when the client may
    /// still be sending: closing at once would reset the connection and with it the response.
    func closeAfterFlush(lingers: Bool) {
        guard let context, phase != .closing, phase != .closed else { return }
        phase = .closing
        needsFlush = false
        setPaused(pending: false, upstream: false)
        loop.setDeadline(self, .now() + loop.timeouts.clientStall)
        let promise = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: promise)
        promise.futureResult.assumeIsolated().whenComplete { _ in
            guard let context = self.context else { return }
            if lingers, !self.inputIsClosed {
                self.loop.setDeadline(self, .now() + self.loop.timeouts.linger)
                context.close(mode: .output, promise: nil)
            } else {
                context.close(promise: nil)
            }
        }
    }
}
