import Core
import Glibc
import LinuxKernel
import Testing

@testable import Networking

@Suite("names", .timeLimit(.minutes(1)))
struct NameServiceTests {
    @Test("the configuration has the gateway, then a line of four fields per container")
    func configuration() {
        let entries = [
            NameService.Entry(id: "b2", address: IPv4Address(rawValue: 0x0a58_0003), names: []),
            NameService.Entry(id: "a1", address: IPv4Address(rawValue: 0x0a58_0002), names: ["web", "www"]),
        ]

        let text = NameService.configuration(gateway: IPv4Address(rawValue: 0x0a58_0001), entries: entries)

        #expect(text == "10.88.0.1\na1 10.88.0.2  web,www\nb2 10.88.0.3  b2\n")
    }

    @Test(
        "names and aliases resolve, also after changes and a restart, and no longer after detach",
        .enabled(
            if: NetworkFixture.isAvailable && NetworkFixture.hasNames, "needs root and aardvark-dns"))
    func resolution() async throws {
        try await NetworkFixture.with { fixture in
            let web = try await fixture.attach("web", name: "shop", aliases: ["alias-1", "store"])
            let client = try await fixture.attach("client")
            for name in ["shop", "alias-1", "store", "SHOP"] {
                #expect(try await resolves(name, from: fixture.path("client"), client.gateway, to: .found(web.address)))
            }
            #expect(try await resolves("client", from: fixture.path("web"), client.gateway, to: .found(client.address)))
            #expect(try await resolves("nobody", from: fixture.path("client"), client.gateway, to: .absent))

            try await fixture.network.close(removeAll: false)
            let successor = try fixture.restarted()
            try await successor.open()
            let late = try await successor.attach(
                "late", name: "late", aliases: [], namespacePath: fixture.path("late"), ports: [])
            #expect(try await resolves("late", from: fixture.path("client"), client.gateway, to: .found(late.address)))
            try await successor.detach("web", namespacePath: fixture.path("web"))
            #expect(try await resolves("shop", from: fixture.path("client"), client.gateway, to: .absent))

            let file = fixture.directory + "/run/network/names/aardvark.pid"
            let identifier = try #require(Int32(String(decoding: try NetworkFiles.read(file), as: UTF8.self)))
            #expect(kill(identifier, SIGKILL) == 0)
            let next = try await successor.attach(
                "next", name: "next", aliases: [], namespacePath: fixture.path("next"), ports: [])
            #expect(try await resolves("next", from: fixture.path("client"), client.gateway, to: .found(next.address)))
            try await successor.close(removeAll: false)
        }
    }

    @Test("a name that would not be one is refused before anything has changed", arguments: ["a b", "a,b", "", "a\nb"])
    func badName(name: String) async throws {
        let fixture = try NetworkFixture()

        let error = await #expect(throws: NetworkError.self) { try await fixture.attach("web", name: name) }
        #expect(error?.code == .badIdentifier)
    }

    @Test("servers of the host that a container cannot reach are left out")
    func hostServers() {
        let text = "# nameserver 1.1.1.1\nnameserver 127.0.0.53\nnameserver\t10.0.0.1\nnameserver ::1\nsearch x\n"

        #expect(HostResolver.nameServers(in: text) == ["10.0.0.1"])
    }

    private enum Answer: Equatable {
        case found(IPv4Address), absent
    }

    /// Asks for an A record until the answer is the one expected: the program reads its files some milliseconds after it is
    /// told to, and drops questions meanwhile. Bounded by half a minute.
    private func resolves(_ name: String, from path: String, _ server: IPv4Address, to expected: Answer) async throws
        -> Bool
    {
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            do {
                if try await resolve(name, from: path, server) == expected { return true }
            } catch is KernelError {
                continue  // refused or silent while it reads
            }
        }
        return false
    }

    private func resolve(_ name: String, from path: String, _ server: IPv4Address) async throws -> Answer {
        var question: [UInt8] = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        question += [UInt8(name.utf8.count)] + Array(name.utf8) + [0, 0, 1, 0, 1]
        let answer = try await Endpoints.exchange(
            from: path, server, 53, type: Int32(SOCK_DGRAM.rawValue), message: question, milliseconds: 200)
        guard answer.count > 12, answer[3] & 15 == 0, answer[7] > 0 else { return .absent }
        return .found(IPv4Address(rawValue: answer.suffix(4).reduce(0) { $0 << 8 | UInt32($1) }))
    }
}
