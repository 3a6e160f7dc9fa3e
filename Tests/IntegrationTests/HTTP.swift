import FoundationEssentials
import Glibc

/// An answer as it came from the wire.
struct HTTPAnswer: Sendable {
    let status: Int
    let head: String
    let body: [UInt8]
    var text: String { String(decoding: body, as: UTF8.self) }

    /// The value of a header; nil when it is absent.
    func header(_ name: String) -> String? {
        for line in head.split(separator: "\r\n").dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased() == name.lowercased() {
                return String(parts[1].drop { $0 == " " })
            }
        }
        return nil
    }
}

/// One connection to the gateway, on plain sockets: what it sends and reads is exactly what is written here.
final class HTTPConnection {
    private let socket: CInt
    private var buffered: [UInt8] = []

    /// Connects to a port of the loopback address.
    init(port: UInt16) throws {
        socket = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else {
            close(socket)
            throw TestFailure("connect to port \(port): errno \(errno)")
        }
        var limit = timeval(tv_sec: 90, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(socket) }

    /// Sends bytes as they are.
    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress! + sent, bytes.count - sent, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw TestFailure("send: errno \(errno)") }
            sent += count
        }
    }

    /// Sends a request and reads its answer.
    func request(_ method: String, _ path: String, headers: [String: String] = [:], body: [UInt8] = []) throws
        -> HTTPAnswer
    {
        var head = "\(method) \(path) HTTP/1.1\r\n"
        if headers["Host"] == nil { head += "Host: localhost\r\n" }
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if !body.isEmpty || method == "POST" { head += "Content-Length: \(body.count)\r\n" }
        try send(Array((head + "\r\n").utf8) + body)
        return try readAnswer(hasBody: method != "HEAD")
    }

    /// Reads one answer, whichever way it is framed.
    func readAnswer(hasBody: Bool = true) throws -> HTTPAnswer {
        let head = String(decoding: try readThrough(Array("\r\n\r\n".utf8)), as: UTF8.self)
        let words = head.split(separator: " ", maxSplits: 2)
        guard words.count > 1, let status = Int(words[1]) else { throw TestFailure("no status in `\(head)`") }
        let answer = HTTPAnswer(status: status, head: head, body: [])
        guard hasBody, status != 204, status != 304, status != 101 else { return answer }
        var body: [UInt8] = []
        if answer.header("transfer-encoding")?.lowercased() == "chunked" {
            while true {
                let line = String(decoding: try readThrough(Array("\r\n".utf8)).dropLast(2), as: UTF8.self)
                guard let size = Int(line, radix: 16) else { throw TestFailure("chunk size `\(line)`") }
                if size == 0 {
                    _ = try readThrough(Array("\r\n".utf8))
                    break
                }
                body += try read(size)
                _ = try read(2)
            }
        } else if let length = answer.header("content-length").flatMap({ Int($0) }) {
            body = try read(length)
        } else {
            while try fill() {}
            body = buffered
            buffered = []
        }
        return HTTPAnswer(status: status, head: head, body: body)
    }

    /// Reads exactly `count` bytes.
    func read(_ count: Int) throws -> [UInt8] {
        while buffered.count < count {
            guard try fill() else {
                throw TestFailure("the connection ended after \(buffered.count) of \(count) bytes")
            }
        }
        defer { buffered.removeFirst(count) }
        return Array(buffered[..<count])
    }

    /// Reads up to and with `delimiter`.
    func readThrough(_ delimiter: [UInt8]) throws -> [UInt8] {
        while true {
            if let range = buffered.firstRange(of: delimiter) { return try read(range.upperBound) }
            guard try fill() else {
                throw TestFailure("the connection ended in `\(String(decoding: buffered, as: UTF8.self))`")
            }
        }
    }

    private func fill() throws -> Bool {
        var piece = [UInt8](repeating: 0, count: 65536)
        let count = recv(socket, &piece, piece.count, 0)
        guard count >= 0 else { throw TestFailure("recv: errno \(errno)") }
        buffered += piece[..<count]
        return count > 0
    }
}

extension TestHost {
    /// Sends one request to the gateway on a connection of its own.
    func request(
        _ method: String, _ path: String, headers: [String: String] = [:], body: String = ""
    ) async throws -> HTTPAnswer {
        let port = try gatewayPort()
        return try await offPool {
            try HTTPConnection(port: port).request(
                method, path, headers: headers.merging(["Connection": "close"]) { a, _ in a }, body: Array(body.utf8))
        }
    }

    /// GETs a page.
    func get(_ path: String, headers: [String: String] = [:]) async throws -> HTTPAnswer {
        try await request("GET", path, headers: headers)
    }

    /// Submits a form and asks for JSON.
    func submit(_ path: String, _ form: String) async throws -> HTTPAnswer {
        try await request(
            "POST", path, headers: ["Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"],
            body: form)
    }
}

/// The loopback address of this machine.
enum Loopback {
    /// A port that nobody listens on at the moment.
    static func freePort() throws -> UInt16 {
        let socket = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let done = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, size) == 0 && getsockname(socket, $0, &size) == 0
            }
        }
        guard done else { throw TestFailure("no free port: errno \(errno)") }
        return UInt16(bigEndian: address.sin_port)
    }
}
