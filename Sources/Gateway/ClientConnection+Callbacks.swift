internal import NIOCore

/// Requests answered by, or held for, code outside the data path.
extension ClientConnection {
    /// Holds the request, body unread, until the callback has said where it goes.
    func hold(_ callback: @escaping WakeCallback) {
        let id = route?.id ?? ""
        let held = loop.held[id, default: 0]
        guard held < loop.configuration.limits.heldPerRoute else {
            return answerOwn(.text(503, "too many requests are waiting for the app", headers: [.retryAfter(5)]))
        }
        loop.held[id] = held + 1
        phase = .held
        loop.setDeadline(self, .now() + loop.timeouts.held)
        updateReading()
        let request = requestHead()
        runTask({ await callback(request) }) { client, result in
            client.task = nil
            switch result {
            case .respond(let response): client.answerOwn(response)
            case .backend(let backend):
                let plan = client.loop.shared.plan(for: backend, on: client.loop)
                client.withPending { client.forward(to: plan, &$0) }
            }
        } always: { loop in
            let left = (loop.held[id] ?? 1) - 1
            loop.held[id] = left > 0 ? left : nil
        }
    }

    /// Collects the body for a responder.
    func beginCollecting(_ responder: any GatewayResponder, _ buffer: inout ByteBuffer) {
        self.responder = responder
        collected = ByteBuffer()
        body = BodyReader(head.framing, mode: .decoded, direction: .request)
        phase = .collecting
        if case .length(let length) = head.framing, length > responder.bodyLimit { return refuseLargeBody(responder) }
        if !body.isDone, head.expectsContinue, head.minorVersion == 1, buffer.readableBytes == 0 {
            write(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n"))
            flushIfNeeded()
        }
        collect(&buffer)
    }

    /// Takes body bytes; calls the responder once all are there.
    func collect(_ buffer: inout ByteBuffer) {
        guard let responder else { return }
        do throws(BodyFailure) {
            try body.read(&buffer) { part in
                if collected.readableBytes + part.readableBytes <= responder.bodyLimit {
                    collected.writeImmutableBuffer(part)
                }
            }
        } catch {
            buffer.moveReaderIndex(to: buffer.writerIndex)
            return refuse(400, "malformed chunks in the request")
        }
        if body.bytes > responder.bodyLimit { return refuseLargeBody(responder) }
        guard body.isDone else { return loop.setDeadline(self, .now() + loop.timeouts.clientStall) }
        loop.clearDeadline(self)
        phase = .responding
        let request = GatewayRequest(head: requestHead(), body: Array(collected.readableBytesView))
        collected = ByteBuffer()
        runTask({ await responder.respond(to: request) }) { client, response in
            client.task = nil
            client.answerOwn(response)
        }
    }

    private func refuseLargeBody(_ responder: any GatewayResponder) {
        refuse(413, "ACT-BODY: the request body is over the limit of \(responder.bodyLimit) bytes")
    }

    /// Runs a callback as a child of this connection: cancelled when the client goes away, its result used only while
    /// the same request is under way. `always` runs on the loop in any case.
    private func runTask<Value: Sendable>(
        _ work: @escaping @Sendable () async -> Value,
        then: @escaping @Sendable (ClientConnection, Value) -> Void,
        always: @escaping @Sendable (LoopContext) -> Void = { _ in }
    ) {
        let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let current = generation
        let loop = loop
        // Bridges from the event loop; `dropExchange` cancels it.
        task = Task {
            let value = await work()
            loop.eventLoop.execute {
                always(loop)
                let client = bound.value
                guard client.generation == current, client.phase != .closed, client.phase != .closing else { return }
                then(client, value)
                client.flushIfNeeded()
            }
        }
    }

    // MARK: Own answers

    /// Refuses a request whose end may never come: answers and closes.
    func refuse(_ status: Int, _ text: String) {
        dropUpstream()
        closesAfterResponse = true
        answerOwn(.text(status, text))
    }

    /// Answers; body bytes of the request that are in `buffer` are skipped.
    func answerOwn(_ response: GatewayResponse, _ buffer: inout ByteBuffer) {
        if !body.isDone {
            // A malformed body only means that the connection cannot be used again.
            try? body.read(&buffer) { _ in }
        }
        answerOwn(response)
    }

    /// Answers out of this process.
    func answerOwn(_ response: GatewayResponse) {
        task?.cancel()
        task = nil
        generation &+= 1
        hasResponded = true
        record.status = response.status
        loop.clearDeadline(self)
        phase = .responding
        if !body.isDone || loop.isShuttingDown { closesAfterResponse = true }
        let hasNoBody = response.status == 204 || response.status == 304 || response.status < 200
        switch response.body {
        case .stream(let stream) where !hasNoBody && head.method != .head:
            let isChunked = head.minorVersion == 1
            if !isChunked { closesAfterResponse = true }
            write(ownHead(response, isChunked ? "Transfer-Encoding: chunked\r\n" : ""))
            flushIfNeeded()
            send(stream, isChunked: isChunked)
        case .stream, .none, .bytes:
            var bytes: [UInt8] = []
            if case .bytes(let content) = response.body { bytes = content }
            var isUnknown = false
            if case .stream = response.body { isUnknown = true }
            var out = ownHead(response, hasNoBody || isUnknown ? "" : "Content-Length: \(bytes.count)\r\n")
            if !hasNoBody, head.method != .head { out.writeBytes(bytes) }
            write(out)
            flushIfNeeded()
            finishExchange()
        }
    }

    private func ownHead(_ response: GatewayResponse, _ framing: String) -> ByteBuffer {
        var text = "HTTP/1.1 \(response.status) \(ReasonPhrase.of(response.status))\r\n"
        for header in response.headers where ReasonPhrase.isAllowed(header.name) {
            text += "\(header.name): \(header.value)\r\n"
        }
        text += framing
        if closesAfterResponse {
            text += "Connection: close\r\n"
        } else if head.minorVersion == 0 {
            text += "Connection: keep-alive\r\n"
        }
        var out = ByteBuffer(string: text)
        if let policy = route?.policy { out.writeBytes(policy.lines(for: response, origin: requestHeader(.origin))) }
        out.writeInteger(0x0D0A as UInt16)
        return out
    }

    private func send(_ stream: any AsyncSequence<[UInt8], any Error> & Sendable, isChunked: Bool) {
        let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let eventLoop = loop.eventLoop
        let current = generation
        runTask({ () -> Bool in
            do {
                for try await part in stream where !part.isEmpty {
                    let goesOn = await withCheckedContinuation { continuation in
                        eventLoop.execute { bound.value.sendPart(part, isChunked, current, continuation) }
                    }
                    guard goesOn else { return false }
                }
                return true
            } catch {
                return false
            }
        }) { client, isWhole in
            client.task = nil
            guard isWhole else { return client.abort() }
            if isChunked { client.write(ByteBuffer(string: "0\r\n\r\n")) }
            client.flushIfNeeded()
            client.finishExchange()
        }
    }

    /// Writes one element of a stream; `continuation` hears true when the client can take the next.
    private func sendPart(
        _ part: [UInt8], _ isChunked: Bool, _ current: Int, _ continuation: CheckedContinuation<Bool, Never>
    ) {
        guard generation == current, phase == .responding, context != nil else {
            return continuation.resume(returning: false)
        }
        var out = ByteBuffer()
        if isChunked { out.writeString("\(String(part.count, radix: 16))\r\n") }
        out.writeBytes(part)
        if isChunked { out.writeInteger(0x0D0A as UInt16) }
        write(out)
        flushIfNeeded()
        if phase == .closed {
            continuation.resume(returning: false)
        } else if isClientWritable {
            continuation.resume(returning: true)
        } else {
            streamWaiter = continuation
        }
    }

    /// The client takes bytes again.
    func resumeStream() {
        guard let waiter = streamWaiter else { return }
        streamWaiter = nil
        loop.clearDeadline(self)
        waiter.resume(returning: true)
    }

    // MARK: Values for callbacks

    /// The head as a value.
    func requestHead() -> GatewayRequestHead {
        headBytes.withUnsafeReadableBytes { raw in
            let bytes = raw.assumingMemoryBound(to: UInt8.self)
            return GatewayRequestHead(
                method: bytes[head.methodName].text,
                target: (head.path.isEmpty ? "/" : bytes[head.path].text) + bytes[head.query].text,
                host: bytes[head.host].text.lowercased(),
                authority: bytes[head.authority].text,
                headers: head.fields.map { GatewayHeader(bytes[$0.name].text, bytes[$0.value].text) },
                clientAddress: facts.address, scheme: facts.isSecure ? "https" : "http",
                routeID: route?.id ?? "", isUpgrade: head.isUpgrade)
        }
    }

    /// The first value of a field of some kind.
    func requestHeader(_ kind: FieldKind) -> String? {
        guard let field = head.fields.first(where: { $0.kind == kind }) else { return nil }
        return headBytes.withUnsafeReadableBytes { $0.assumingMemoryBound(to: UInt8.self)[field.value].text }
    }
}
