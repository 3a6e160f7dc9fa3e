internal import NIOCore

/// What the gateway knows of a client connection, ready to be written into heads.
struct ClientFacts {
    /// `X-Forwarded-For`, `X-Real-IP` and `X-Forwarded-Proto` lines.
    var lines: [UInt8]
    /// Numeric, without port.
    var address: String
    /// `https` when TLS ends here (or before a trusted proxy).
    var isSecure: Bool

    init(address: String, isSecure: Bool) {
        self.address = address
        self.isSecure = isSecure
        let proto = isSecure ? "https" : "http"
        lines = Array(
            "X-Forwarded-For: \(address)\r\nX-Real-IP: \(address)\r\nX-Forwarded-Proto: \(proto)\r\n".utf8)
    }
}

extension RequestHead {
    /// Where the forwarded path is in a head written by ``forward(_:to:client:into:)``.
    struct Forwarded {
        var path: ByteRange
    }

    /// Writes the head a backend gets for this request.
    /// - Returns: nil when the path does not begin with the prefix to strip; then nothing is written.
    func forward(
        _ bytes: Bytes, to plan: ForwardingPlan, client: ClientFacts, into buffer: inout ByteBuffer
    ) -> Forwarded? {
        var stripped = 0
        if !plan.stripPrefix.isEmpty {
            guard let length = PathBytes.prefixLength(bytes[path], plan.stripPrefix, hasEscapes: hasEscapes) else {
                return nil
            }
            stripped = length
        }
        let rest = ByteRange(Int(path.start) + stripped, Int(path.end))
        let authorityLength = authority.count
        let capacity = length + plan.requestOverhead + client.lines.count + 2 * authorityLength + 160
        var forwarded = Forwarded(path: .empty)
        buffer.rewrite(capacity: capacity) { writer in
            writer.write(bytes[methodName])
            writer.write(byte: 0x20)
            let pathStart = writer.count
            writer.write(plan.basePath)
            if rest.isEmpty { writer.write(byte: UInt8(ascii: "/")) } else { writer.write(bytes[rest]) }
            forwarded.path = ByteRange(pathStart, writer.count)
            writer.write(bytes[query])
            writer.write(" HTTP/1.1\r\n")
            writeHost(bytes, plan, &writer)
            writeFields(bytes, plan, &writer)
            writer.write(plan.requestLines)
            writer.write(client.lines)
            writeForwardedAuthority(bytes, client, &writer)
            if isUpgrade { writer.write("Connection: upgrade\r\n") }
            writer.write("\r\n")
        }
        return forwarded
    }

    private func writeHost(_ bytes: Bytes, _ plan: ForwardingPlan, _ writer: inout HeadWriter) {
        func writeOwn() {
            writer.write("Host: ")
            writer.write(bytes[authority])
            writer.write("\r\n")
        }
        if isUpgrade, !authority.isEmpty { return writeOwn() }
        switch plan.host {
        case .line(let line):
            writer.write(line)
        case .client:
            writeOwn()
        case .clientWithin(let name, let line):
            if HostName.normalized(bytes[host]).equalsIgnoringCase(name) { writeOwn() } else { writer.write(line) }
        }
    }

    private func writeFields(_ bytes: Bytes, _ plan: ForwardingPlan, _ writer: inout HeadWriter) {
        var runs = LineRuns(bytes)
        for field in fields {
            switch field.kind {
            case .host, .connection, .hopByHop, .spoofable, .forwardedFor, .forwardedProto:
                continue
            case .upgrade:
                guard isUpgrade else { continue }
            case .te:
                guard bytes[field.value].equalsIgnoringCase("trailers") else { continue }
            case .expect:
                guard expectsContinue, minorVersion == 1 else { continue }
            case .contentLength, .transferEncoding:
                break
            case .ordinary, .origin, .secFetchSite, .accessControlRequestMethod, .location, .contentTypeOptions,
                .frameOptions, .referrerPolicy, .userAgent, .referer:
                if !plan.droppedFromRequests.isEmpty, isListed(bytes[field.name], plan.droppedFromRequests) { continue }
                if connection.contains(.nominates), isNominated(bytes[field.name], fields, bytes) { continue }
            }
            runs.keep(field.line, &writer)
        }
        runs.flush(&writer)
    }

    private func writeForwardedAuthority(_ bytes: Bytes, _ client: ClientFacts, _ writer: inout HeadWriter) {
        guard !authority.isEmpty else { return }
        writer.write("X-Forwarded-Host: ")
        writer.write(bytes[authority])
        writer.write("\r\nX-Forwarded-Port: ")
        if host.end < authority.end, authority.end - host.end > 1 {
            writer.write(bytes[ByteRange(Int(host.end) + 1, Int(authority.end))])
        } else {
            writer.write(client.isSecure ? "443" : "80")
        }
        writer.write("\r\n")
    }
}

/// Whether a name is in a list of lower-case names.
func isListed(_ name: Bytes, _ names: [[UInt8]]) -> Bool {
    for candidate in names where name.equalsIgnoringCase(candidate) { return true }
    return false
}

/// Whether a Connection field names this one.
func isNominated(_ name: Bytes, _ fields: FieldList, _ bytes: Bytes) -> Bool {
    var found = false
    for field in fields where field.kind == .connection {
        bytes[field.value].forEachListElement { element in
            guard element.count == name.count else { return }
            for i in 0..<name.count where ByteClass.lowercase(name[i]) != ByteClass.lowercase(element[i]) { return }
            found = true
        }
    }
    return found
}
