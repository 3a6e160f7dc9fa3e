internal import NIOCore

/// Requests on their way to a backend.
extension ClientConnection {
    /// Small bodies travel in one write with their head.
    private static let mergeLimit = 16 << 10

    /// Sends the request to `plan`'s backend, over an idle connection when there is one.
    func forward(to plan: ForwardingPlan, _ buffer: inout ByteBuffer) {
        let forwarded = headBytes.withUnsafeReadableBytes {
            head.forward($0.assumingMemoryBound(to: UInt8.self), to: plan, client: facts, into: &sentHead)
        }
        guard let forwarded else { return answerOwn(NotFound.response(to: requestHead()), &buffer) }
        forwardedPath = forwarded.path
        self.plan = plan
        beginCounting(plan)
        let isRepeatable = head.method.isIdempotent && head.framing == .none
        if let upstream = plan.pool.take(repeatable: isRepeatable, now: .now()) {
            self.upstream = upstream
            send(to: upstream, &buffer)
        } else {
            connect(to: plan)
        }
    }

    private func connect(to plan: ForwardingPlan) {
        phase = .connecting
        plan.pool.connect(for: self)
    }

    /// The connection asked for is there.
    func upstreamConnected(_ upstream: UpstreamConnection) {
        guard phase == .connecting, self.upstream === upstream else { return upstream.abandon() }
        withPending { send(to: upstream, &$0) }
    }

    private func send(to upstream: UpstreamConnection, _ buffer: inout ByteBuffer) {
        phase = .forwarding
        upstream.begin(self)
        if body.isDone {
            upstream.write(sentHead)
        } else {
            var merged = false
            if buffer.readableBytes <= Self.mergeLimit, buffer.readableBytes > 0 {
                merged = true
                readBody(&buffer) { self.sentHead.writeImmutableBuffer($0) }
            }
            guard phase == .forwarding else { return }
            upstream.write(sentHead)
            if !merged { forwardBody(&buffer) }
        }
        guard phase == .forwarding else { return }
        upstream.flush()
        if !isClientWritable { upstream.setReadingPaused(true) }
        updateSendingDeadline()
    }

    private func updateSendingDeadline() {
        loop.setDeadline(self, .now() + (body.isDone ? loop.timeouts.firstByte : loop.timeouts.clientStall))
    }

    /// Passes on what `buffer` holds of the request body; what follows the body stays.
    func forwardBody(_ buffer: inout ByteBuffer) {
        guard let upstream, !body.isDone, buffer.readableBytes > 0 else { return }
        readBody(&buffer) { upstream.write($0) }
        guard phase == .forwarding, !hasResponded else { return }
        updateSendingDeadline()
    }

    private func readBody(_ buffer: inout ByteBuffer, _ emit: (ByteBuffer) -> Void) {
        do throws(BodyFailure) {
            try body.read(&buffer, emit: emit)
        } catch {
            buffer.moveReaderIndex(to: buffer.writerIndex)
            let upstream = self.upstream
            dropUpstream()
            upstream?.close()
            if hasResponded { abort() } else { refuse(400, "malformed chunks in the request") }
        }
    }

    /// Lets go of the backend before it has answered.
    func dropUpstream() {
        guard let dropped = upstream else { return }
        upstream = nil
        endCounting()
        dropped.abandon()
    }

    // MARK: Failure

    /// Nothing was sent yet, so that any request can be tried elsewhere.
    func connectFailed(_ failed: UpstreamConnection, _ error: any Error) {
        guard phase == .connecting, upstream === failed, let plan else { return }
        upstream = nil
        endCounting()
        if let wake = plan.backend.wake, !hasWoken {
            hasWoken = true
            return hold(wake)
        }
        loop.shared.noteFailure(plan.backend, error)
        answerOwn(.text(502, "the backend cannot be reached"))
    }

    /// The backend ended the connection in the middle of an exchange.
    func upstreamGone(_ gone: UpstreamConnection, hasReceived: Bool) {
        guard upstream === gone, let plan else { return }
        upstream = nil
        guard !hasResponded else {
            endCounting()
            return abort()
        }
        let isRepeatable = head.method.isIdempotent && head.framing == .none && !hasReceived
        if isRepeatable, gone.isReused, !hasRetried {
            // It was closed while idle, and our request crossed that on the way.
            hasRetried = true
            return connect(to: plan)
        }
        endCounting()
        if isRepeatable, let wake = plan.backend.wake, !hasWoken {
            hasWoken = true
            return hold(wake)
        }
        answerOwn(.text(502, "the backend closed the connection without an answer"))
    }

    /// The backend answered something that cannot be passed on.
    func badResponse(_ from: UpstreamConnection, _ reason: String) {
        from.client = nil
        from.close()
        guard upstream === from else { return }
        upstream = nil
        endCounting()
        if hasResponded { abort() } else { answerOwn(.text(502, "the backend's response is malformed: \(reason)")) }
    }

    // MARK: Counting

    func beginCounting(_ plan: ForwardingPlan) {
        let counters = plan.pool.counters
        BackendCounters.add(counters.inFlight, 1)
        BackendCounters.add(counters.requests, 1)
        counters.touch()
        counted = counters
    }

    func endCounting() {
        guard let counters = counted else { return }
        counted = nil
        counters.touch()
        if isTunnelCounted {
            isTunnelCounted = false
            BackendCounters.add(counters.tunnels, -1)
        } else {
            BackendCounters.add(counters.inFlight, -1)
        }
        if counters.isBeingDrained { loop.shared.drainProgressed() }
    }
}
