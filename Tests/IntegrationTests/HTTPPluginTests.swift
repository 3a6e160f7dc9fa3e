import FoundationEssentials
import Testing

@Suite(
    "requests of handlers", .serialized,
    .enabled(if: Machine.canBuild, "needs root, a container runtime, buildah, gcc and busybox-static"))
struct HTTPPluginTests {
    private static let program = """
        load("proxy.in", "proxy")
        load("container.in", "container")
        load("http.in", "http")
        def environment(req):
            answer = http.get(container.URL + "/env")
            return [answer.value.status_code, answer.value.json()["CL_APP_PATH"], answer.value.url]
        def echo(req):
            return http.put(ace.CONTAINER_URL + "/echo", json_body={"a": [1, None]}).value.body()
        def headers(req):
            return http.get(ace.CONTAINER_URL + "/headers", params={"q": "a b&c", "l": [1, 2]}, headers={"X-Mine": "7"},
                auth_basic=("user", "pass")).value.body()
        def status(req):
            answer = http.get("http://127.0.0.1:1/x")
            return answer.error if not answer else "fine"
        def redirected(req):
            return str(http.get(ace.CONTAINER_URL + "/redirect").value.status_code)
        def outside(req):
            return http.get(ace.CONTAINER_URL + "@127.0.0.1:1/").value.body()
        def refused(req):
            return http.get("http://127.0.0.1:1/").error
        app = ace.app("calls", container=container.config(container.AUTO),
            routes=[ace.proxy("/web", proxy.config(container.URL))] + [
                ace.api("/" + f[0], handler=f[1], type=ace.TEXT if f[0] != "environment" else ace.JSON)
                for f in [("environment", environment), ("echo", echo), ("headers", headers), ("status", status), ("redirected", redirected),
                    ("outside", outside), ("refused", refused)]],
            permissions=[ace.permission("http.in", "get", ["http://127.0.0.1:1/x"])])
        """

    @Test("http.in reaches the own container, which it wakes, and nothing that nobody permitted")
    func calls() async throws {
        try await TestHost.run { host in
            try await host.succeed("app", "create", try host.webApp(program: Self.program), "/c", "--approve")

            let environment = try await host.get("/c/environment")
            let echo = try await host.get("/c/echo")
            let headers = try await host.get("/c/headers").text.lowercased()
            let status = try await host.get("/c/status")
            let redirected = try await host.get("/c/redirected")
            let outside = try await host.get("/c/outside")
            let refused = try await host.get("/c/refused")

            #expect(environment.text == "[200,\"/c\",\"<CONTAINER_URL>/env\"]\n", "\(environment.text)")
            #expect(echo.text == "{\"a\":[1,null]}", "\(echo.text)")
            #expect(headers.hasPrefix("get /headers?q=a+b%26c&l=1&l=2 http/1.1\r\n"), "\(headers)")
            #expect(headers.contains("x-mine: 7\r\n") && headers.contains("authorization: basic dxnlcjpwyxnz\r\n"))
            #expect(status.text.contains("HTTP-FAIL") && status.text.contains("127.0.0.1:1/x"), "\(status.text)")
            #expect(redirected.text == "302", "\(redirected.text)")
            #expect(outside.text == "ok", "a path of the own container, no host: \(outside.text)")
            #expect(refused.status == 500 && refused.text.contains("PERM-ARG") && refused.text.contains("http.in"))
        }
    }
}
