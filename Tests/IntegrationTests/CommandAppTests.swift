import FoundationEssentials
import Testing

@Suite(
    "the command app", .serialized,
    .enabled(if: Machine.canBuild, "needs root, a container runtime, buildah, gcc and busybox-static"))
struct CommandAppTests {
    @Test("EX-02 to EX-06 the program of the seed: form, text, table, JSON, failures, approval")
    func sampleProgram() async throws {
        try await TestHost.run { host in
            try await host.buildBusybox("localhost/busybox:1")
            let created = try await host.succeed(
                "app", "create", "-", "/cmd", "--spec", "image-cmd", "--param", "image=localhost/busybox:1")
            #expect(created.contains("approv"))

            let form = try await host.get("/cmd")
            let refused = try await host.submit("/cmd", "command=echo+a")
            try await host.succeed("app", "approve", "/cmd")
            let text = try await host.submit("/cmd", "command=echo+a+b")
            let table = try await host.submit("/cmd", "command=cat+/data.json&json=true")
            let json = try await host.submit("/cmd", "command=cat+/nested.json&json=true")
            let notJSON = try await host.submit("/cmd", "command=echo+hello&json=true")
            let failing = try await host.submit("/cmd", "command=ls+/nope")
            let missing = try await host.submit("/cmd", "command=notacommand")
            let page = try await host.request(
                "POST", "/cmd", headers: ["Content-Type": "application/x-www-form-urlencoded"],
                body: "command=echo+%3Cb%3E")

            #expect(form.status == 200)
            #expect(form.text.contains(#"name="command""#) && form.text.contains(#"name="json""#))
            #expect(!form.text.contains(#"name="image""#) && !form.text.contains(#"name="secrets""#))
            #expect(refused.status == 500 && refused.text.contains("PERM-CALL") && refused.text.contains("run"))
            #expect(text.status == 200 && text.text.contains("Command output") && text.text.contains("a b"))
            #expect(table.status == 200 && table.text.contains("TABLE") && table.text.contains(#""n""#))
            #expect(json.text.contains("JSON"))
            #expect(notJSON.status == 500 && notJSON.text.contains("CMD-JSON"))
            #expect(failing.status == 500 && failing.text.contains("CMD-EXIT") && failing.text.contains("No such file"))
            #expect(missing.status == 500 && missing.text.contains("CMD-EXIT") && missing.text.contains("127"))
            #expect(page.status == 200 && page.text.contains("&lt;b&gt;") && !page.text.contains("<b>"))
            #expect(try await host.containers().isEmpty)
        }
    }

    @Test("the program of the seed as a source folder runs to the letter")
    func sampleFolder() async throws {
        try await TestHost.run { host in
            try await host.buildBusybox("localhost/busybox:1")
            let parameters = """
                param("image", description="image")
                param("app_name", default="Image command")
                param("command", default="ls /")
                param("json", type=BOOLEAN, default=False)
                param("secrets", type=LIST, default=[["regex:.*"]])
                """
            let source = try host.folder("cmd", ["app.star": SamplePrograms.command, "params.star": parameters])
            try await host.succeed("app", "create", source, "/cmd", "--approve", "--param", "image=localhost/busybox:1")

            let answer = try await host.submit("/cmd", "command=echo+one+two")

            #expect(answer.status == 200 && answer.text.contains("one two"), "\(answer.text)")
        }
    }
}
