import Testing

@testable import Apps

@Suite("action forms")
struct ActionFormTests {
    private func form() throws -> ActionForm {
        let params = try ParamSet(
            definitions: [
                try ParamDefinition(name: "count", type: .int, defaultValue: .int(2), description: "How many"),
                try ParamDefinition(name: "env", defaultValue: .string("dev")),
                try ParamDefinition(
                    name: "options-env", type: .list, defaultValue: .array([.string("dev"), .string("prod")])),
                try ParamDefinition(name: "region", isRequired: false),
                try ParamDefinition(name: "note", defaultValue: .string("n")),
                try ParamDefinition(name: "tok", isRequired: false, display: .password),
                try ParamDefinition(name: "on", type: .boolean, defaultValue: .bool(true)),
            ], given: [:])
        return ActionForm(
            action: ActionDescription(
                name: "Make", path: "/", description: "", hidden: ["note"], showsValidate: true, hasSuggest: true),
            params: params)
    }

    private func page(_ form: ActionForm, _ outcome: ActionPage.Outcome = .none) -> String {
        ActionPage(appName: "A & B", links: [], target: "/act", form: form, outcome: outcome).html
    }

    @Test("EX-28 hidden params and option lists are not shown; strict lists are enforced")
    func fields() throws {
        let form = try form()
        let submitted = form.values(of: FormBody(query: "env=qa&note=zzz&count=3".utf8))

        #expect(form.fields.map(\.name) == ["count", "env", "region", "tok", "on"])
        #expect(form.fields[1].widget == .choice(options: ["dev", "prod"], isOpen: false))
        #expect(submitted.problems.map(\.error.code) == [.actionOption])
        #expect(submitted.values["note"] == .string("n"))
        #expect(submitted.values["count"] == .int(3))
        #expect(submitted.values["on"] == .bool(false))
        #expect(form.values(of: FormBody(query: "env=&count=x".utf8)).problems.map(\.error.code) == [.paramType])
    }

    @Test("the address carries what was submitted, but no passwords")
    func address() throws {
        var form = try form()
        form.keep(FormBody(query: "count=3&env=prod&tok=geheim&on=true".utf8))

        #expect(form.addressQuery == "count=3&env=prod&region=&on=true")
    }

    @Test("EX-28 suggestions become drop-downs or values")
    func suggestions() throws {
        var form = try form()
        try form.suggest([
            .init("region", .array([.string("eu"), .string("us")])), .init("on", .bool(false)), .init("none", .int(1)),
            .init("env", .array([])),
        ])

        #expect(form.fields[2].widget == .choice(options: ["eu", "us"], isOpen: false))
        #expect(form.fields[2].value == "eu" && form.fields[4].value.isEmpty && form.fields[1].value == "dev")
    }

    @Test("the page is escaped, labelled, and ties errors to their fields")
    func html() throws {
        var form = try form()
        _ = form.show(errors: [("count", "at least <1>")])
        let html = page(form)

        #expect(html.contains("A &amp; B"))
        #expect(html.contains("<label for=\"param-count\">"))
        #expect(html.contains("aria-describedby=\"param-count-hint param-count-error\""))
        #expect(html.contains("id=\"param-count-error\">at least &lt;1&gt;"))
        #expect(html.contains("formaction=\"/act/validate\"") && html.contains("formaction=\"/act/suggest\""))
        #expect(html.contains("name=\"on\" value=\"true\" checked"))
        #expect(!html.contains("options-env") && !html.contains("name=\"note\""))
    }

    @Test("results become text, tables and trees")
    func results() throws {
        let form = try form()
        let text = try ActionResult(status: "done", values: .array([.string("<a>"), .string("b")]))
        let table = try ActionResult(
            status: "",
            values: .array([.object([.init("z", .int(1)), .init("a", .double(0.5))]), .object([.init("a", .null)])]))
        let tree = try ActionResult(status: "", values: .array([.object([.init("a", .object([.init("b", .int(1))]))])]))

        #expect(text.report == .text && table.report == .table && tree.report == .json)
        #expect(page(form, .result(text)).contains("&lt;a&gt;\nb</textarea>"))
        #expect(page(form, .result(table)).contains("<th scope=\"col\">z</th><th scope=\"col\">a</th>"))
        #expect(page(form, .result(table)).contains("<td></td><td></td>"))
        #expect(page(form, .result(tree)).contains("<details"))
        #expect(page(form, .result(try ActionResult(status: ""))).contains("no output"))
        #expect(throws: AppError.self) { try ActionResult(status: "", values: .array([.int(1)])) }
        #expect(throws: AppError.self) { try ActionResult(status: "", values: .array([]), report: "NOPE") }
    }

    @Test("links that run script are not shown")
    func downloads() throws {
        let rows = ["javascript:alert(1)", "/files/1", "https://x.test/f", "data:text/html,x"].map {
            JSONValue.object([.init("url", .string($0)), .init("name", .string("n"))])
        }
        let html = page(try form(), .result(try ActionResult(status: "", values: .array(rows), report: "DOWNLOAD")))

        #expect(!html.contains("javascript:") && !html.contains("data:text"))
        #expect(html.contains("href=\"/files/1\"") || html.contains("href=\"&#x2F;files&#x2F;1\""))
    }

    @Test("multipart forms are read with their files")
    func multipart() throws {
        let body =
            "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--B\r\nContent-Disposition: form-data; "
            + "name=\"f\"; filename=\"x/y.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n\r\n--B--\r\n"
        let request = AppRequest(
            AppRequestHead(
                method: "POST", path: "/", headers: [("Content-Type", "multipart/form-data; boundary=B")]),
            body: Array(body.utf8))
        let form = try FormBody(request: request)

        #expect(form["a"] == "1" && form["f"] == "x/y.txt")
        #expect(form.uploads.map(\.bytes) == [Array("hello\r\n".utf8)])
    }

    @Test("JSON bodies are forms, too")
    func json() throws {
        let request = AppRequest(
            AppRequestHead(method: "POST", path: "/", headers: [("content-type", "application/json")]),
            body: Array("{\"count\": 3, \"on\": true, \"x\": null}".utf8))
        let form = try FormBody(request: request)

        #expect(form["count"] == "3" && form["on"] == "true" && form["x"] == nil)
    }
}
