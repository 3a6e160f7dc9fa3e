internal import NIOCore

/// Responses of backends on their way to the client.
extension ClientConnection {
    /// Prepares the head of the final response; ``writeHead()`` or the first body bytes send it.
    func startResponse(_ response: borrowing ResponseHead, _ buffer: ByteBuffer, closes: Bool, decodes: Bool) {
        guard let plan, let route else { return }
        hasResponded = true
        if closes || !body.isDone || loop.isShuttingDown { closesAfterResponse = true }
        let needsSentHead = response.hasLocation || !plan.responseFields.isEmpty
        let context = ResponseContext(
            plan: plan, route: route, sentHead: needsSentHead ? sentHead : nil, forwardedPath: forwardedPath,
            origin: route.hidesCrossOrigin ? requestHeader(.origin) : nil, clientIsSecure: facts.isSecure,
            closes: closesAfterResponse && response.status != 101, isOldClient: head.minorVersion == 0,
            decodes: decodes)
        buffer.withUnsafeReadableBytes {
            response.forward($0.assumingMemoryBound(to: UInt8.self), context, into: &responseHead)
        }
        record.status = response.status
        headIsUnwritten = true
        loop.clearDeadline(self)
    }

    /// Passes a 1xx response on; HTTP/1.0 clients do not know these.
    func interimResponse(_ response: ResponseHead, _ buffer: ByteBuffer) {
        guard head.minorVersion == 1, let plan else { return }
        let context = ResponseContext(
            plan: plan, route: nil, sentHead: sentHead, forwardedPath: forwardedPath, origin: nil,
            clientIsSecure: facts.isSecure, closes: false, isOldClient: false, decodes: false)
        var out = ByteBuffer()
        buffer.withUnsafeReadableBytes {
            response.forward($0.assumingMemoryBound(to: UInt8.self), context, into: &out)
        }
        write(out)
    }

    /// Writes the head unless body bytes have taken it along.
    @inline(__always)
    func writeHead() {
        guard headIsUnwritten else { return }
        headIsUnwritten = false
        write(responseHead)
    }

    /// Writes body bytes; up to `mergeLimit` bytes go into the buffer of an unwritten head.
    @inline(__always)
    func writeBody(_ part: ByteBuffer, mergeLimit: Int) {
        if headIsUnwritten, part.readableBytes <= mergeLimit {
            responseHead.writeImmutableBuffer(part)
            return
        }
        writeHead()
        write(part)
    }

    @inline(__always)
    func write(_ buffer: ByteBuffer) {
        guard let context else { return }
        needsFlush = true
        record.bytesOut &+= buffer.readableBytes
        context.write(wrapOutboundOut(buffer), promise: nil)
    }

    @inline(__always)
    func flushIfNeeded() {
        guard needsFlush else { return }
        needsFlush = false
        context?.flush()
    }

    /// The response has been passed on to its end.
    func responseEnded(_ from: UpstreamConnection, isReusable: Bool) {
        flushIfNeeded()
        guard upstream === from else { return from.abandon() }
        upstream = nil
        endCounting()
        from.release(isReusable: isReusable && body.isDone, now: .now())
        finishExchange()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isClientWritable = context.channel.isWritable
        upstream?.setReadingPaused(!isClientWritable)
        if isClientWritable {
            if phase == .forwarding, hasResponded { loop.clearDeadline(self) }
            resumeStream()
        } else if phase != .tunnel {
            loop.setDeadline(self, .now() + loop.timeouts.clientStall)
        }
        context.fireChannelWritabilityChanged()
    }

    // MARK: Tunnels

    /// Both sides have agreed on another protocol: from here on bytes pass as they are.
    func beginTunnel(_ early: ByteBuffer) {
        writeHead()
        if early.readableBytes > 0 { write(early) }
        if let counters = counted {
            isTunnelCounted = true
            BackendCounters.add(counters.tunnels, 1)
            BackendCounters.add(counters.inFlight, -1)
            if counters.isBeingDrained { loop.shared.drainProgressed() }
        }
        phase = .tunnel
        let waiting = pending
        pending = ByteBuffer()
        updateReading()
        if waiting.readableBytes > 0, let upstream {
            upstream.write(waiting)
            upstream.flush()
        }
        touchTunnel()
        if inputIsClosed { upstream?.closeOutput() }
        if loop.isShuttingDown { close() }
    }

    /// Bytes from the backend.
    func tunnel(_ buffer: ByteBuffer) {
        touchTunnel()
        write(buffer)
    }

    @inline(__always)
    func touchTunnel() {
        if let idle = loop.timeouts.tunnelIdle { loop.setDeadline(self, .now() + idle) }
        counted?.touch()
    }

    /// The backend will send no more, but may still listen.
    func tunnelHalfClosed() {
        guard let context else { return }
        // The end goes out after what has been written: as a write of nothing completes.
        let promise = context.eventLoop.makePromise(of: Void.self)
        needsFlush = false
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: promise)
        promise.futureResult.assumeIsolated().whenComplete { _ in
            self.context?.close(mode: .output, promise: nil)
        }
    }

    /// The backend's side is gone.
    func tunnelEnded() {
        upstream = nil
        endCounting()
        endRecord()
        closeAfterFlush(lingers: false)
    }
}
