import Core
import FoundationEssentials
import Testing
import Wire

@testable import CLI

@Suite("what is written on a command line")
struct RunSyntaxTests {
    @Test(
        "ports",
        arguments: [
            ("80", PortSettings(containerPort: 80)), ("8080:80", PortSettings(hostPort: 8080, containerPort: 80)),
            ("127.0.0.1:8080:80", PortSettings(hostAddress: "127.0.0.1", hostPort: 8080, containerPort: 80)),
            ("127.0.0.1:0:80", PortSettings(hostAddress: "127.0.0.1", hostPort: 0, containerPort: 80)),
            ("0.0.0.0::53/udp", PortSettings(hostAddress: "0.0.0.0", containerPort: 53, transport: .udp)),
            ("[::1]:8080:80/tcp", PortSettings(hostAddress: "::1", hostPort: 8080, containerPort: 80, transport: .tcp)),
        ])
    func ports(text: String, expected: PortSettings) throws {
        #expect(try RunSyntax.port(text) == expected)
    }

    @Test(
        "bad ports are refused", arguments: ["", "0", "x", "1:2:3:4", "80/sctp", "70000", "-1:80", "[::1:80", "8080:"])
    func badPorts(text: String) {
        #expect(throws: UsageError.self) { try RunSyntax.port(text) }
    }

    @Test("volumes: relative sources become absolute")
    func mounts() throws {
        let here = FileManager.default.currentDirectoryPath

        #expect(try RunSyntax.mount("/a:/b") == MountSettings(source: "/a", target: "/b"))
        #expect(try RunSyntax.mount("/a/../c/:/b:ro") == MountSettings(source: "/c", target: "/b", readOnly: true))
        #expect(try RunSyntax.mount("./x:/b:rw") == MountSettings(source: here + "/x", target: "/b"))
        for bad in ["/a", "data:/b", "/a:b", "/a:/b:rx", ":/b", "/a:/b:ro:z"] {
            #expect(throws: UsageError.self, "\(bad)") { try RunSyntax.mount(bad) }
        }
    }

    @Test("variables: files first, then options; a bare name takes our value")
    func environment() throws {
        let file = "/tmp/mt-cli-\(UInt32.random(in: 0..<UInt32.max)).env"
        defer { try? FileManager.default.removeItem(atPath: file) }  // a leftover in /tmp harms nobody
        try "B = x\n".write(toFile: file, atomically: true, encoding: .utf8)
        #expect(throws: UsageError.self) { try RunSyntax.environment([], files: [file], own: [:]) }
        try "# comment\nA=1\nC=\n\n".write(toFile: file, atomically: true, encoding: .utf8)

        let found = try RunSyntax.environment(["A=2=3", "HOME", "NOPE"], files: [file], own: ["HOME": "/h"])

        #expect(found == ["A": "2=3", "C": "", "HOME": "/h"])
        #expect(throws: UsageError.self) { try RunSyntax.environment(["=x"], files: [], own: [:]) }
        #expect(throws: UsageError.self) { try RunSyntax.environment([], files: ["/nowhere"], own: [:]) }
        #expect(try RunSyntax.environment([], files: [], own: [:]) == nil)
    }

    @Test("pairs", arguments: [("a=b=c", "a", "b=c"), ("a=", "a", "")])
    func pairs(text: String, name: String, value: String) throws {
        #expect(try RunSyntax.pairs([text], option: "--x") == [name: value])
        #expect(try RunSyntax.pairs(["a"], option: "--x", bare: "") == ["a": ""])
        #expect(throws: UsageError.self) { try RunSyntax.pairs(["a"], option: "--x") }
        #expect(throws: UsageError.self) { try RunSyntax.pairs(["=b"], option: "--x") }
    }

    @Test(
        "spans of time",
        arguments: [("90s", 90_000), ("15m", 900_000), ("2h", 7_200_000), ("1d", 86_400_000)] as [(String, Int64)])
    func spans(text: String, milliseconds: Int64) throws {
        #expect(try TimeSpan.milliseconds(text) == milliseconds)
        for bad in ["", "5", "s", "-1s", "1w"] { #expect(throws: UsageError.self) { try TimeSpan.milliseconds(bad) } }
    }

    @Test("paths become absolute", arguments: [("/a/./b/../c/", "/a/c"), ("/..", "/"), ("/", "/")])
    func paths(text: String, expected: String) {
        #expect(Paths.absolute(text) == expected)
        #expect(Paths.absolute("x") == FileManager.default.currentDirectoryPath + "/x")
    }
}
