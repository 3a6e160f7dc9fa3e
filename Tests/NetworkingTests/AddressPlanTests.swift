import LinuxKernel
import Testing

@testable import Networking

@Suite("addresses")
struct AddressPlanTests {
    private func subnet(_ text: String) throws -> IPv4Subnet { try #require(IPv4Subnet(text)) }

    @Test("a free /20 of the range is chosen, the same for the same instance")
    func preferred() throws {
        let chosen = try #require(AddressPlan.chooseSubnet(instance: "0badcafe", taken: []))

        #expect(chosen.prefixLength == 20)
        #expect(AddressPlan.isOurs(chosen))
        #expect(AddressPlan.chooseSubnet(instance: "0badcafe", taken: [try subnet("0.0.0.0/0")]) == chosen)
        let other = try #require(AddressPlan.chooseSubnet(instance: "0badcafe", taken: [chosen]))
        #expect(!other.overlaps(chosen))
    }

    @Test("a /24 is chosen when every /20 is touched, and none when all is taken")
    func crowded() throws {
        let touched = (0..<640).map {
            IPv4Subnet(containing: IPv4Address(rawValue: 10 << 24 + 88 << 16 + UInt32($0) << 12), prefixLength: 24)
        }
        let small = try #require(AddressPlan.chooseSubnet(instance: "0badcafe", taken: touched))

        #expect(small.prefixLength == 24)
        #expect(AddressPlan.isOurs(small))
        #expect(!touched.contains { $0.overlaps(small) })
        #expect(AddressPlan.chooseSubnet(instance: "0badcafe", taken: [try subnet("10.0.0.0/8")]) == nil)
    }

    @Test("addresses go round the subnet and never are base, gateway, broadcast or in use")
    func nextAddress() throws {
        let small = try subnet("10.90.1.0/29")
        var last: IPv4Address?
        var used: Set<IPv4Address> = []
        for expected in 2...6 {
            let address = try #require(AddressPlan.nextAddress(in: small, after: last, used: used))
            #expect(address.description == "10.90.1.\(expected)")
            used.insert(address)
            last = address
        }
        #expect(AddressPlan.nextAddress(in: small, after: last, used: used) == nil)
        used.remove(try #require(IPv4Address("10.90.1.4")))
        #expect(AddressPlan.nextAddress(in: small, after: last, used: used)?.description == "10.90.1.4")
        let elsewhere = IPv4Address("10.91.0.1")
        #expect(AddressPlan.nextAddress(in: small, after: elsewhere, used: [])?.description == "10.90.1.2")
    }

    @Test("cable names have fifteen characters, follow from the identifier and differ by attempt")
    func cableNames() throws {
        let names = try #require(NetworkNames(instance: "0badcafe"))
        let many = Set((0..<2000).map { names.cable(for: "container-\($0)") })

        #expect(many.allSatisfy { $0.utf8.count == 15 && $0.hasPrefix("v0badcafe") })
        #expect(many.count >= 1999)
        #expect(names.cable(for: "a") == names.cable(for: "a"))
        #expect(names.cable(for: "a") != names.cable(for: "a", attempt: 1))
        #expect(names.bridge == "mt-0badcafe")
    }

    @Test(
        "instances are eight lower-case hexadecimal digits",
        arguments: ["", "0badcaf", "0BADCAFE", "0badcafg", "../../.."])
    func badInstance(text: String) {
        #expect(NetworkNames(instance: text) == nil)
    }
}
