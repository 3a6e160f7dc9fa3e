import Core
import Testing
import Wire

@testable import CLI

@Suite("what is printed")
struct RenderingTests {
    @Test("columns are aligned, the last one is not padded, control characters do no harm")
    func table() {
        var table = Table("ID", "NAME", "X")
        table.rows = [["1", "a longer name", "z"], ["12345", "b\u{1B}[2J", "-"]]

        #expect(table.lines == ["ID     NAME           X", "1      a longer name  z", "12345  b [2J          -"])
    }

    @Test("containers")
    func containers() {
        var running = ContainerSummary(
            id: "0123456789abcdef", image: "docker.io/library/web:1", owner: "user", phase: .running, createdAt: 0)
        running.name = "web"
        running.startedAt = 0
        running.address = "10.88.0.2"
        running.ports = [PortSettings(hostAddress: "127.0.0.1", hostPort: 8080, containerPort: 80)]
        var ended = ContainerSummary(
            id: "fedcba9876543210", image: "job:1", owner: "app/a", phase: .exited, createdAt: 0)
        ended.exit = ExitInfo(code: 3)

        #expect(
            ContainerList.table([running, ended], now: 300_000).lines == [
                "ID            NAME  IMAGE  STATE            ADDRESS    PORTS                   OWNER",
                "0123456789ab  web   web:1  running (5 min)  10.88.0.2  127.0.0.1:8080->80/tcp  user",
                "fedcba987654  -     job:1  exited (3)       -          -                       app/a",
            ])
    }

    @Test(
        "digits are cut, names are not",
        arguments: [
            ("0123456789abcdef", "0123456789ab"), ("sha256:0123456789abcdef", "0123456789ab"),
            ("clc-app_prd_0mwp-7e6c1c104dc40057", "clc-app_prd_0mwp-7e6c1c104dc40057"),
        ])
    func identifiers(id: String, text: String) {
        #expect(Formats.short(id) == text)
    }

    @Test("images: one row per name")
    func images() {
        let image = ImageInfo(
            digest: "sha256:" + String(repeating: "a", count: 64),
            references: ["docker.io/library/alpine:3", "localhost/x:1"], sizeBytes: 3 << 20, createdAt: 0,
            architecture: "amd64")

        let lines = ImageList.table([image], now: 60_000).lines

        #expect(lines.count == 3)
        #expect(lines[1].hasPrefix("alpine:3  aaaaaaaaaaaa  3.0 MiB  amd64") && lines[1].hasSuffix("60 s ago"))
        #expect(lines[2].hasPrefix("x:1 "))
    }

    @Test(
        "durations",
        arguments: [
            (0, "0 s"), (119_000, "119 s"), (120_000, "2 min"), (7_200_000, "2 h"), (200_000_000, "2 d"),
        ] as [(Int64, String)])
    func durations(milliseconds: Int64, text: String) {
        #expect(Formats.duration(milliseconds: milliseconds) == text)
    }

    @Test("elapsed times", arguments: [(35, "35 ms"), (1_250, "1.2 s"), (61_000, "61 s")] as [(Int64, String)])
    func elapsed(milliseconds: Int64, text: String) {
        #expect(Formats.elapsed(milliseconds: milliseconds) == text)
    }

    @Test("failures are told as error and hint, with the catalogue's code in front")
    func errors() {
        let plain = Problem(
            kind: .notFound, status: 404, detail: "no container `web`", code: "container-not-found", hint: "look")
        let coded = Problem(kind: .internalError, status: 500, detail: "it failed", code: "BUILD-FAIL")
        let repeated = Problem(kind: .internalError, status: 500, detail: "BUILD-FAIL: it failed", code: "BUILD-FAIL")

        #expect(ErrorText.lines(plain) == ["error: no container `web`", "hint: look"])
        #expect(ErrorText.lines(plain, about: "web") == ["error: no container `web`", "hint: look"])
        #expect(ErrorText.lines(plain, about: "b") == ["error: b: no container `web`", "hint: look"])
        #expect(ErrorText.lines(coded) == ["error: BUILD-FAIL it failed"])
        #expect(ErrorText.lines(repeated) == ["error: BUILD-FAIL: it failed"])
    }

    @Test("progress on a terminal: bars that are drawn again, lines that stay")
    func progressBars() {
        var renderer = ProgressRenderer(isTerminal: true, columns: 80)
        var step = JobEventInfo(sequence: 1, time: 0)
        step.step = "pulling"
        var bytes = JobEventInfo(sequence: 2, time: 0)
        bytes.bytes = TransferInfo(item: "layer", done: 1 << 20, total: 2 << 20)
        var log = JobEventInfo(sequence: 3, time: 0)
        log.log = "a line"
        var next = JobEventInfo(sequence: 4, time: 0)
        next.step = "unpacking"

        #expect(renderer.apply(step) == .init(live: ["pulling …"]))
        let bar = renderer.apply(bytes)
        #expect(bar.live.count == 2 && bar.live[1].contains("[###############...............] 1.0 MiB / 2.0 MiB"))
        #expect(renderer.apply(log).permanent == ["a line"])
        #expect(renderer.apply(next) == .init(permanent: ["pulling: done"], live: ["unpacking …"]))
        #expect(renderer.finish() == .init(permanent: ["unpacking: done"]))
    }

    @Test("progress elsewhere: plain lines, each amount once")
    func progressLines() {
        var renderer = ProgressRenderer(isTerminal: false, columns: 80)
        var step = JobEventInfo(sequence: 1, time: 0)
        step.step = "pulling"
        var half = JobEventInfo(sequence: 2, time: 0)
        half.bytes = TransferInfo(item: "layer", done: 1, total: 2)
        var whole = JobEventInfo(sequence: 3, time: 0)
        whole.bytes = TransferInfo(item: "layer", done: 2, total: 2)

        #expect(renderer.apply(step) == .init(permanent: ["pulling"]))
        #expect(renderer.apply(half) == .init())
        #expect(renderer.apply(whole) == .init(permanent: ["layer: 2 B"]))
        #expect(renderer.apply(whole) == .init())
        #expect(renderer.finish() == .init())
    }

    @Test("what an app asks for beyond what is approved")
    func wishes() {
        var audit = AppAuditInfo()
        audit.newLoads = ["container.in", "proxy.in"]
        audit.approvedLoads = ["proxy.in"]
        audit.newPermissions = [GrantInfo(plugin: "container.in", method: "run", arguments: ["a"], secrets: [["K"]])]
        audit.needsApproval = true

        #expect(AppCommand.wishes(audit) == ["load container.in", "call container.in.run(`a`), with secrets K"])
        let change = AppChangeInfo(id: "app_1", address: "/x", version: 1, changed: true, audit: audit)
        #expect(AppCommand.lines(change).last == "  approve with `martlet app approve /x`")
    }
}
