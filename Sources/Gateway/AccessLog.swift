internal import Dispatch
internal import Glibc
internal import Logging
internal import NIOCore
internal import Synchronization

/// What is noted of a request while it is under way.
struct AccessRecord {
    var status = 0
    /// Bytes sent to the client, heads included.
    var bytesOut = 0
    fileprivate(set) var started = NIODeadline.uptimeNanoseconds(0)
    fileprivate(set) var isOpen = false
    /// The head was refused, so that there is nothing to quote.
    var isMalformed = false
}

/// Takes whole lines from event loops and writes them on a queue of its own. When the disk is slower than the requests,
/// lines are dropped and counted: no event loop ever waits.
final class AccessLogSink: Sendable {
    let format: GatewayConfiguration.AccessLog.Format
    private let path: String?
    private let descriptor: Mutex<CInt>
    private let queue = DispatchQueue(label: "martlet.gateway.access-log")
    private let waiting = Atomic<Int>(0)
    private let dropped = Atomic<Int>(0)
    private let logger: Logger
    private static let limit = 8 << 20

    /// Nil when the log is off.
    static func make(_ setting: GatewayConfiguration.AccessLog, logger: Logger) throws -> AccessLogSink? {
        switch setting {
        case .off: return nil
        case .standardError(let format): return AccessLogSink(format: format, path: nil, descriptor: 2, logger: logger)
        case .file(let path, let format):
            let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
            guard descriptor >= 0 else {
                throw GatewayError(
                    code: .logFailed,
                    message: "open(2) of access log `\(path)`: \(String(cString: strerror(errno))) (\(errno))",
                    hint: "create its directory, or set `gateway.accessLog` to off")
            }
            return AccessLogSink(format: format, path: path, descriptor: descriptor, logger: logger)
        }
    }

    private init(format: GatewayConfiguration.AccessLog.Format, path: String?, descriptor: CInt, logger: Logger) {
        self.format = format
        self.path = path
        self.descriptor = Mutex(descriptor)
        self.logger = logger
    }

    deinit {
        if path != nil { _ = descriptor.withLock { Glibc.close($0) } }
    }

    /// Queues whole lines.
    func write(_ lines: [UInt8]) {
        guard waiting.load(ordering: .relaxed) < Self.limit else {
            dropped.wrappingAdd(1, ordering: .relaxed)
            return
        }
        waiting.wrappingAdd(lines.count, ordering: .relaxed)
        queue.async { self.perform(lines) }
    }

    /// Waits until everything queued so far is written.
    func flush() async {
        await withCheckedContinuation { continuation in queue.async { continuation.resume() } }
    }

    private func perform(_ lines: [UInt8]) {
        defer { waiting.wrappingSubtract(lines.count, ordering: .relaxed) }
        descriptor.withLock { descriptor in
            reopenIfMoved(&descriptor)
            lines.withUnsafeBytes { raw in
                var offset = 0
                while offset < raw.count {
                    let count = Glibc.write(descriptor, raw.baseAddress! + offset, raw.count - offset)
                    if count < 0, errno == EINTR { continue }
                    guard count > 0 else { break }
                    offset += count
                }
            }
        }
        let lost = dropped.exchange(0, ordering: .relaxed)
        if lost > 0 { logger.warning("access log lines dropped", metadata: ["batches": "\(lost)"]) }
    }

    /// Follows a rotation: when the path names another file now, or none.
    private func reopenIfMoved(_ descriptor: inout CInt) {
        guard let path else { return }
        var now = stat()
        var ours = stat()
        let isSame =
            stat(path, &now) == 0 && fstat(descriptor, &ours) == 0 && now.st_ino == ours.st_ino
            && now.st_dev == ours.st_dev
        guard !isSame else { return }
        let fresh = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        guard fresh >= 0 else { return }
        _ = Glibc.close(descriptor)
        descriptor = fresh
    }
}

/// Collects the lines of one event loop; batches go to the sink when they are large or half a second old.
final class AccessLogWriter {
    private let sink: AccessLogSink
    private let eventLoop: any EventLoop
    private var lines: [UInt8] = []
    private var isScheduled = false
    private static let batch = 32 << 10

    init(_ sink: AccessLogSink, eventLoop: any EventLoop) {
        self.sink = sink
        self.eventLoop = eventLoop
    }

    fileprivate func append(_ entry: AccessEntry) {
        entry.write(sink.format, to: &lines)
        if lines.count >= Self.batch {
            flush()
        } else if !isScheduled {
            isScheduled = true
            eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(500)) {
                self.isScheduled = false
                self.flush()
            }
        }
    }

    /// Hands over what has been collected.
    func flush() {
        guard !lines.isEmpty else { return }
        sink.write(lines)
        lines = []
        lines.reserveCapacity(Self.batch)
    }
}

/// One line of the log.
private struct AccessEntry {
    var time: Int64
    var microseconds: Int
    var client: String
    var request: GatewayRequestHead
    var minorVersion: UInt8
    var status: Int
    var bytes: Int
    var backend: String?

    func write(_ format: GatewayConfiguration.AccessLog.Format, to out: inout [UInt8]) {
        switch format {
        case .json: writeJSON(&out)
        case .combined: writeCombined(&out)
        }
        out.append(0x0A)
    }

    private func writeJSON(_ out: inout [UInt8]) {
        out += "{\"time\":\"\(CalendarTime(milliseconds: time).iso)\",\"client\":".utf8
        Self.quote(client, &out)
        for (name, value) in [
            ("method", request.method), ("host", request.authority), ("target", request.target),
            ("route", request.routeID), ("backend", backend ?? ""), ("agent", request.header("user-agent") ?? ""),
            ("referer", request.header("referer") ?? ""),
        ] where !value.isEmpty {
            out += ",\"\(name)\":".utf8
            Self.quote(value, &out)
        }
        out += ",\"status\":\(status),\"bytes\":\(bytes),\"microseconds\":\(microseconds)}".utf8
    }

    private func writeCombined(_ out: inout [UInt8]) {
        out += "\(client) - - [\(CalendarTime(milliseconds: time).common)] ".utf8
        Self.quote(request.method.isEmpty ? "-" : "\(request.method) \(request.target) HTTP/1.\(minorVersion)", &out)
        out += " \(status) \(bytes) ".utf8
        Self.quote(request.header("referer") ?? "-", &out)
        out.append(0x20)
        Self.quote(request.header("user-agent") ?? "-", &out)
    }

    /// A JSON string; nothing a client sends can end the line or the string.
    private static func quote(_ text: String, _ out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                out.append(UInt8(ascii: "\\"))
                out.append(byte)
            case 0..<0x20, 0x7F:
                out += "\\u00".utf8
                out += [byte >> 4, byte & 15].map { $0 < 10 ? $0 + 0x30 : $0 + 0x57 }
            default: out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
    }
}

extension ClientConnection {
    /// A request begins.
    @inline(__always)
    func beginRecord() {
        record.status = 0
        record.bytesOut = 0
        record.isMalformed = false
        guard loop.log != nil else { return }
        record.isOpen = true
        record.started = .now()
    }

    /// A request ends; `status` is noted when none was sent.
    @inline(__always)
    func endRecord(unless status: Int = 0) {
        guard record.isOpen, let log = loop.log else { return }
        record.isOpen = false
        writeRecord(log, status)
    }

    private func writeRecord(_ log: AccessLogWriter, _ status: Int) {
        let elapsed = NIODeadline.now() - record.started
        log.append(
            AccessEntry(
                time: CoarseClock.milliseconds(), microseconds: Int(elapsed.nanoseconds / 1000),
                client: facts.address,
                request: record.isMalformed ? GatewayRequestHead(method: "", target: "") : requestHead(),
                minorVersion: head.minorVersion, status: record.status == 0 ? status : record.status,
                bytes: record.bytesOut, backend: plan?.backend.id.rawValue))
    }
}
