import Testing

@testable import Apps

@Suite("container files")
struct ContainerFileTests {
    private func port(_ text: String, arguments: [String: String] = [:]) throws -> UInt16? {
        try ContainerFile(text: text, name: "Containerfile", buildArguments: arguments).exposedPort
    }

    @Test(
        "EX-11 the exposed port is found in every form",
        arguments: [
            ("FROM a\nEXPOSE 8080\n", 8080), ("FROM a\nEXPOSE 8080/tcp", 8080), ("FROM a\nEXPOSE 53/udp 80/tcp", 80),
            ("FROM a\nARG P=8080\nEXPOSE $P", 8080), ("FROM a\nENV P=81\nEXPOSE ${P}", 81),
            ("FROM a\nENV P 82\nEXPOSE ${P:-90}", 82), ("FROM a\nEXPOSE ${P:-90}", 90),
            ("ARG P=70\nFROM a\nARG P\nEXPOSE $P", 70), ("FROM a\nEXPOSE 1 \\\n# comment\n 2", 1),
            ("FROM a AS x\nEXPOSE 5\nFROM b\nEXPOSE 6", 6), ("FROM a AS x\nEXPOSE 5\nFROM x", 5),
            ("FROM a AS x\nENV P=9\nFROM x\nEXPOSE $P", 9), ("FROM a\nEXPOSE 1\nEXPOSE 2", 2),
            ("# escape=`\nFROM a\nEXPOSE `\n 7", 7), ("from a\nexpose 8", 8),
            ("FROM a\nRUN <<EOF\nEXPOSE 1\nEOF\nEXPOSE 2", 2), ("FROM a AS x\nEXPOSE 5\nFROM b", 5),
            ("\u{FEFF}FROM a\r\nEXPOSE 8080\r\n", 8080), ("FROM --platform=$BUILDPLATFORM a\nEXPOSE 3", 3),
        ] as [(String, UInt16)])
    func exposed(text: String, expected: UInt16) throws {
        #expect(try port(text) == expected)
    }

    @Test(
        "no usable EXPOSE means no port",
        arguments: [
            "FROM a", "FROM a\nEXPOSE 53/udp", "FROM a\nEXPOSE 8000-8010", "FROM a\nEXPOSE $NONE", "FROM a\nEXPOSE 0",
        ])
    func noPort(text: String) throws {
        #expect(try port(text) == nil)
    }

    @Test("a build argument wins over the file's default")
    func buildArgument() throws {
        #expect(try port("FROM a\nARG P=1\nEXPOSE $P", arguments: ["P": "2"]) == 2)
    }

    @Test("volumes and the working directory are read in both forms")
    func volumes() throws {
        let text = """
            FROM base AS build
            WORKDIR /src
            VOLUME /build
            FROM build
            ENV DATA=/data
            VOLUME ["/a b", "$DATA"]
            VOLUME /x "/y" /x
            WORKDIR app
            """
        let file = try ContainerFile(text: text, name: "f")

        #expect(file.volumes == ["/build", "/a b", "/data", "/x", "/y"])
        #expect(file.workingDirectory == "/src/app")
    }

    @Test(
        "what is no container file is refused with its line",
        arguments: [
            ("", "line 1"), ("RUN x", "line 1"), ("FROM a\n\n!!", "line 3"), ("FROM", "line 1"),
            ("FROM a b c d", "line 1"), ("FROM a\nRUN <<EOF\nx", "line 2"),
        ])
    func malformed(text: String, place: String) {
        let error = #expect(throws: AppError.self) { try ContainerFile(text: text, name: "Containerfile") }
        #expect(error?.code == .configParse)
        #expect(error?.message.contains(place) == true && error?.message.contains("Containerfile") == true)
    }
}
