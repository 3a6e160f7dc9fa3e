internal import Core
internal import Wire

/// Writes the list of containers without Codable: it is asked for often, and with a thousand containers the general
/// encoder takes an order of magnitude longer. A test compares the two.
enum ContainerListWriter {
    /// The JSON of `ListPage<ContainerSummary>`.
    static func write(_ statuses: some Collection<ContainerStatus>, next: String?) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(64 + statuses.count * 400)
        out += "{\"items\":[".utf8
        var isFirst = true
        for status in statuses {
            if !isFirst { out.append(UInt8(ascii: ",")) }
            isFirst = false
            write(status, to: &out)
        }
        out.append(UInt8(ascii: "]"))
        if let next { text("next", next, to: &out) }
        out.append(UInt8(ascii: "}"))
        return out
    }

    private static func write(_ status: ContainerStatus, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "{"))
        if let address = status.address {
            out += "\"address\":".utf8
            JSONDocument.write(address, to: &out)
            out.append(UInt8(ascii: ","))
        }
        out += "\"createdAt\":\(status.createdAt)".utf8
        if let exit = status.exit {
            out += ",\"exit\":{".utf8
            if let code = exit.code { out += "\"code\":\(code),".utf8 }
            out += "\"outOfMemory\":\(exit.outOfMemory)}".utf8
        }
        if let finishedAt = status.finishedAt { number("finishedAt", finishedAt, to: &out) }
        text("id", status.id.rawValue, to: &out)
        text("image", status.spec.image, to: &out)
        if let message = status.message { text("message", message, to: &out) }
        if let name = status.spec.name { text("name", name.rawValue, to: &out) }
        text("owner", status.owner.description, to: &out)
        text("phase", PhaseChoice(status.phase).rawValue, to: &out)
        out += ",\"ports\":[".utf8
        for (index, port) in status.ports.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            out += "{\"containerPort\":\(port.containerPort)".utf8
            text("hostAddress", port.hostAddress, to: &out)
            out += ",\"hostPort\":\(port.hostPort),\"transport\":\"\(port.transport.rawValue)\"}".utf8
        }
        out.append(UInt8(ascii: "]"))
        number("restarts", Int64(status.restarts), to: &out)
        if let startedAt = status.startedAt { number("startedAt", startedAt, to: &out) }
        out.append(UInt8(ascii: "}"))
    }

    private static func text(_ key: StaticString, _ value: String, to out: inout [UInt8]) {
        out += ",\"\(key)\":".utf8
        JSONDocument.write(value, to: &out)
    }

    private static func number(_ key: StaticString, _ value: Int64, to out: inout [UInt8]) {
        out += ",\"\(key)\":\(value)".utf8
    }
}
