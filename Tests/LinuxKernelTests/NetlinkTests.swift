import Testing

@testable import LinuxKernel

@Suite("netlink")
struct NetlinkTests {
    @Test("a message carries its length, padded attributes and its number")
    func encoding() {
        var message = NetlinkMessage(type: 16, flags: 5, body: [1, 2, 3, 4])
        message.attribute(3, "eth0")
        message.nested(18) { $0.attribute(1, [7]) }

        let bytes = message.numbered(9)

        #expect(bytes.count == 16 + 4 + 12 + 12)
        #expect(Array(bytes[0..<16]) == [44, 0, 0, 0, 16, 0, 5, 0, 9, 0, 0, 0, 0, 0, 0, 0])
        #expect(Array(bytes[20..<32]) == [9, 0, 3, 0] + Array("eth0".utf8) + [0, 0, 0, 0])
        #expect(Array(bytes[32..<44]) == [12, 0, 18, 0, 5, 0, 1, 0, 7, 0, 0, 0])
    }

    @Test("replies are cut out of a datagram with their attributes, and a broken rest is dropped")
    func parsing() throws {
        var message = NetlinkMessage(type: 24, flags: 0, body: [0, 0, 0, 0])
        message.attribute(4, UInt32(77))
        message.attribute(0x8001, [1])
        let datagram = message.numbered(1) + message.numbered(2) + [40, 0, 0, 0, 1]

        let replies = NetlinkReply.parse(datagram[...])

        #expect(replies.map(\.sequence) == [1, 2])
        let attributes = try #require(replies.last).attributes(after: 4)
        #expect(attributes[4].flatMap { NetlinkBytes.decode($0, at: 0, as: UInt32.self) } == 77)
        #expect(attributes[1].map(Array.init) == [1])
        #expect(try #require(replies.first).attributes(after: 400).isEmpty)
    }

    @Test("every datagram is parsed without a trap", arguments: 0..<64)
    func malformed(length: Int) {
        for filler in [UInt8(0), 1, 16, 17, 255] {
            let datagram = [UInt8](repeating: filler, count: length)
            for reply in NetlinkReply.parse(datagram[...]) { _ = reply.attributes(after: 4) }
            _ = NetlinkReply.attributes(in: datagram[...])
        }
        #expect(Bool(true))
    }

    @Test(
        "addresses and subnets read only their usual form",
        arguments: ["1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "a.b.c.d", "1.2.3.4 ", ""])
    func badAddress(text: String) {
        #expect(IPv4Address(text) == nil)
        #expect(IPv4Subnet(text + "/24") == nil)
    }

    @Test("a subnet knows its gateway, broadcast and members")
    func subnet() throws {
        let subnet = try #require(IPv4Subnet("10.88.0.0/16"))

        #expect(subnet.gateway.description == "10.88.0.1")
        #expect(subnet.broadcast.description == "10.88.255.255")
        #expect(subnet.hosts.count == 65_533)
        #expect(subnet.overlaps(try #require(IPv4Subnet("10.0.0.0/8"))))
        #expect(!subnet.overlaps(try #require(IPv4Subnet("10.89.0.0/16"))))
        #expect(IPv4Subnet("10.88.0.1/16") == nil)
        #expect(IPv4Subnet("0.0.0.0/0")?.contains(.loopback) == true)
    }
}
