internal import NIOCore

/// What a response head depends on besides the backend's own.
struct ResponseContext {
    let plan: ForwardingPlan
    /// Whose policy holds; nil for interim responses.
    let route: CompiledRoute?
    /// The head the backend was sent, if it is needed, and where the path is in it.
    var sentHead: ByteBuffer?
    var forwardedPath: ByteRange
    /// The Origin of the request when the route has a cross-origin policy.
    var origin: String?
    var clientIsSecure: Bool
    /// The connection is closed after this response.
    var closes: Bool
    /// The client is HTTP/1.0.
    var isOldClient: Bool
    /// The transfer coding is removed.
    var decodes: Bool
}

extension ResponseHead {
    /// Writes the head the client gets for this response.
    func forward(_ bytes: Bytes, _ context: ResponseContext, into buffer: inout ByteBuffer) {
        let plan = context.plan
        let location = locationLine(bytes, context)
        let extra = policyLines(bytes, context)
        let capacity =
            length + 96 + location.count + extra.count
            + (plan.responseFields.isEmpty ? 0 : plan.responseOverhead(path: context.forwardedPath.count))
        buffer.rewrite(capacity: capacity) { writer in
            writer.write("HTTP/1.1 ")
            writer.write(bytes[statusText])
            writer.write("\r\n")
            writeFields(bytes, context, dropsLocation: !location.isEmpty, &writer)
            if !location.isEmpty { writer.write(location) }
            if !extra.isEmpty { writer.write(extra) }
            if !plan.responseFields.isEmpty { writeConfigured(context, &writer) }
            if status == 101 {
                writer.write("Connection: upgrade\r\n")
            } else if context.closes {
                writer.write("Connection: close\r\n")
            } else if context.isOldClient {
                writer.write("Connection: keep-alive\r\n")
            }
            writer.write("\r\n")
        }
    }

    private func writeFields(
        _ bytes: Bytes, _ context: ResponseContext, dropsLocation: Bool, _ writer: inout HeadWriter
    ) {
        let plan = context.plan
        let hidesCrossOrigin = context.route?.hidesCrossOrigin ?? false
        var runs = LineRuns(bytes)
        for field in fields {
            switch field.kind {
            case .connection, .hopByHop:
                continue
            case .upgrade:
                guard status == 101 else { continue }
            case .transferEncoding:
                if context.decodes { continue }
            case .location:
                if dropsLocation { continue }
            case .contentLength:
                break
            default:
                if connection.contains(.nominates), isNominated(bytes[field.name], fields, bytes) { continue }
            }
            if !plan.droppedFromResponses.isEmpty, field.kind != .contentLength, field.kind != .transferEncoding,
                isListed(bytes[field.name], plan.droppedFromResponses)
            {
                continue
            }
            if hidesCrossOrigin, bytes[field.name].hasPrefixIgnoringCase("access-control-") {
                continue
            }
            runs.keep(field.line, &writer)
        }
        runs.flush(&writer)
    }

    private func writeConfigured(_ context: ResponseContext, _ writer: inout HeadWriter) {
        context.sentHead?.withUnsafeReadableBytes { raw in
            let path = raw.assumingMemoryBound(to: UInt8.self)[context.forwardedPath]
            for field in context.plan.responseFields {
                writer.write(field.name)
                for (i, part) in field.parts.enumerated() {
                    if i > 0 { writer.write(path) }
                    writer.write(part)
                }
                writer.write("\r\n")
            }
        }
    }

    /// Security and cross-origin lines the route asks for.
    private func policyLines(_ bytes: Bytes, _ context: ResponseContext) -> [UInt8] {
        guard let route = context.route, route.marksResponses else { return [] }
        let policy = route.policy
        var lines: [UInt8] = []
        if policy.securityHeaders {
            lines += SecurityHeaders.lines(
                hasTypeOptions: fields.contains { $0.kind == .contentTypeOptions },
                hasFrameOptions: fields.contains { $0.kind == .frameOptions },
                hasReferrerPolicy: fields.contains { $0.kind == .referrerPolicy })
        }
        if let crossOrigin = policy.crossOrigin { lines += crossOrigin.responseLines(origin: context.origin) }
        return lines
    }

    /// The Location line as the client must see it; empty when it stays as it is.
    private func locationLine(_ bytes: Bytes, _ context: ResponseContext) -> [UInt8] {
        guard hasLocation, context.plan.rewritesLocation,
            let field = fields.first(where: { $0.kind == .location }),
            let value = LocationRewriter(context).rewritten(bytes[field.value])
        else { return [] }
        return Array("Location: ".utf8) + value + [0x0D, 0x0A]
    }
}

/// Translates a backend's `Location` into what the client can follow (proxy.rewrite_location).
struct LocationRewriter {
    private let plan: ForwardingPlan
    private let sentHost: [UInt8]
    private let clientIsSecure: Bool

    init(_ context: ResponseContext) {
        plan = context.plan
        clientIsSecure = context.clientIsSecure
        sentHost = context.sentHead.map { Self.host(in: $0) } ?? []
    }

    /// Nil when the value stays as it is.
    func rewritten(_ value: Bytes) -> [UInt8]? {
        if value.first == UInt8(ascii: "/"), value.count == 1 || value[1] != UInt8(ascii: "/") {
            let path = restored(value)
            return path.elementsEqual(value) ? nil : path
        }
        let isSecure = value.hasPrefixIgnoringCase("https://")
        guard isSecure || value.hasPrefixIgnoringCase("http://") else { return nil }
        let start = isSecure ? 8 : 7
        var end = start
        while end < value.count, !"/?#".utf8.contains(value[end]) { end += 1 }
        let authority = Bytes(rebasing: value[start..<end])
        let isOwn =
            isListed(authority, plan.ownAuthorities)
            || (isSecure == clientIsSecure && authority.equalsIgnoringCase(sentHost))
        guard isOwn else { return nil }
        let rest = Bytes(rebasing: value[end...])
        if rest.first == UInt8(ascii: "/") { return restored(rest) }
        return ([UInt8(ascii: "/")] + rest).withUnsafeBufferPointer { restored($0) }
    }

    /// The target's own path removed and the stripped prefix put back, once.
    private func restored(_ value: Bytes) -> [UInt8] {
        var pathEnd = 0
        while pathEnd < value.count, value[pathEnd] != UInt8(ascii: "?"), value[pathEnd] != UInt8(ascii: "#") {
            pathEnd += 1
        }
        let path = Bytes(rebasing: value[..<pathEnd])
        if !plan.stripPrefix.isEmpty, PathBytes.prefixLength(path, plan.stripPrefix, hasEscapes: true) != nil {
            return Array(value)
        }
        var rest = value
        if !plan.basePath.isEmpty, let length = PathBytes.prefixLength(path, plan.basePath, hasEscapes: true) {
            rest = Bytes(rebasing: value[length...])
        }
        let result = plan.stripPrefix + rest
        return result.first == UInt8(ascii: "/") ? result : [UInt8(ascii: "/")] + result
    }

    private static func host(in head: ByteBuffer) -> [UInt8] {
        head.withUnsafeReadableBytes { raw in
            let bytes = raw.assumingMemoryBound(to: UInt8.self)
            guard let line = bytes.offset(of: 0x0A, from: 0), bytes.count > line + 7,
                Bytes(rebasing: bytes[(line + 1)..<(line + 7)]).equals("Host: "),
                let end = bytes.offset(of: 0x0D, from: line + 1)
            else { return [] }
            return bytes[(line + 7)..<end].map { ByteClass.lowercase($0) }
        }
    }
}
