internal import CLinux
internal import Glibc

/// A rtnetlink socket: it configures the interfaces, addresses and routes of the network namespace it was made in,
/// whichever thread uses it. Calls block until the kernel has answered; one caller at a time.
package struct RouteSocket: ~Copyable, Sendable {
    private let descriptor: OwnedDescriptor

    /// A socket in the namespace of this process.
    package init() throws {
        let result = clx_socket(AF_NETLINK, Int32(SOCK_RAW.rawValue), 0)
        guard result >= 0 else { throw KernelError(call: "socket", errorNumber: -result, subject: "NETLINK_ROUTE") }
        self.init(adopting: OwnedDescriptor(adopting: result))
    }

    /// Takes over a socket that was made elsewhere.
    package init(adopting descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }

    /// Sends all requests at once. Each is carried out, also when an earlier one failed.
    /// - Returns: for each request 0 or the `errno` of its failure.
    package func perform(_ requests: [RouteRequest]) throws -> [Int32] {
        var datagram: [UInt8] = []
        for (index, request) in requests.enumerated() { datagram += request.message.numbered(UInt32(index + 1)) }
        try send(datagram)
        var results = [Int32?](repeating: nil, count: requests.count)
        var open = requests.count
        while open > 0 {
            for reply in NetlinkReply.parse(try receive()[...]) where reply.type == Netlink.error {
                let index = Int(reply.sequence) - 1
                guard results.indices.contains(index), results[index] == nil,
                    let code = NetlinkBytes.decode(reply.payload, at: 0, as: Int32.self)
                else { continue }
                results[index] = -code
                open -= 1
            }
        }
        return results.map { $0 ?? 0 }
    }

    /// Sends all requests at once and throws the first failure that its request does not tolerate.
    package func run(_ requests: RouteRequest...) throws { try run(requests) }

    /// Sends all requests at once and throws the first failure that its request does not tolerate.
    package func run(_ requests: [RouteRequest]) throws {
        for (request, code) in zip(requests, try perform(requests)) where code != 0 && !request.tolerated.contains(code)
        {
            throw KernelError(call: request.name, errorNumber: code, subject: request.subject)
        }
    }

    /// Asks for one thing.
    func ask(_ message: NetlinkMessage) throws -> Result<NetlinkReply?, KernelError> {
        try send(message.numbered(1))
        let reply = NetlinkReply.parse(try receive()[...]).first
        guard let reply, reply.type == Netlink.error else { return .success(reply) }
        let code = NetlinkBytes.decode(reply.payload, at: 0, as: Int32.self) ?? -EPROTO
        return code == 0 ? .success(nil) : .failure(KernelError(call: "netlink", errorNumber: -code))
    }

    /// Asks for a list. A list that changed while it was read is read again.
    func dump(type: UInt16, body: [UInt8], subject: String) throws -> [NetlinkReply] {
        let message = NetlinkMessage(type: type, flags: Netlink.request | Netlink.dump, body: body)
        for _ in 0..<8 {
            try send(message.numbered(1))
            if let replies = try receiveList(subject: subject) { return replies }
        }
        throw KernelError(call: "netlink dump", errorNumber: EINTR, subject: subject)
    }

    /// Nil when the list was interrupted.
    private func receiveList(subject: String) throws -> [NetlinkReply]? {
        var replies: [NetlinkReply] = []
        var interrupted = false
        while true {
            let datagram = try receive()
            interrupted = interrupted || Netlink.isInterrupted(datagram)
            for reply in NetlinkReply.parse(datagram[...]) {
                switch reply.type {
                case Netlink.done: return interrupted ? nil : replies
                case Netlink.error:
                    let code = NetlinkBytes.decode(reply.payload, at: 0, as: Int32.self) ?? -EPROTO
                    throw KernelError(call: "netlink dump", errorNumber: -code, subject: subject)
                default: replies.append(reply)
                }
            }
        }
    }

    private func send(_ bytes: [UInt8]) throws {
        while Glibc.send(descriptor.rawValue, bytes, bytes.count, 0) < 0 {
            guard errno == EINTR else { throw KernelError.last("send", "NETLINK_ROUTE") }
        }
    }

    private func receive() throws -> [UInt8] {
        while true {
            let capacity = 64 << 10
            var length = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
                length = recv(descriptor.rawValue, buffer.baseAddress, capacity, 0)
                count = max(0, length)
            }
            if length >= 0 { return bytes }
            guard errno == EINTR else { throw KernelError.last("recv", "NETLINK_ROUTE") }
        }
    }
}

/// Numbers of `<linux/netlink.h>`.
enum Netlink {
    static let request: UInt16 = 0x1
    static let acknowledge: UInt16 = 0x4
    static let dump: UInt16 = 0x300
    static let exclusive: UInt16 = 0x200
    static let create: UInt16 = 0x400
    static let error: UInt16 = 2
    static let done: UInt16 = 3

    /// NLM_F_DUMP_INTR in the first message of a datagram.
    static func isInterrupted(_ datagram: [UInt8]) -> Bool {
        (NetlinkBytes.decode(datagram[...], at: 6, as: UInt16.self) ?? 0) & 0x10 != 0
    }
}
