import Testing

@testable import Apps

@Suite("permissions")
struct PermissionTests {
    private func call(_ plugin: String, _ method: String, _ arguments: [String?]) -> PluginCall {
        PluginCall(plugin: plugin, method: method, arguments: arguments, access: .write)
    }

    private func error(_ grants: [Grant], _ call: PluginCall, refusesWrites: Bool = false) -> AppError? {
        let check = CallCheck(approved: grants, policy: PermissionPolicy(), refusesWrites: refusesWrites)
        do {
            _ = try check.authorize(call)
            return nil
        } catch {
            return error as? AppError
        }
    }

    @Test("EX-07 an address that nobody granted is refused with index, actual and expected")
    func proxiedAddress() {
        let error = error([], call("proxy.in", "config", ["http://127.0.0.1:9000", ""]))

        #expect(error?.code == .permissionArgument)
        for token in ["proxy.in", "config", "0", "http://127.0.0.1:9000", "<CONTAINER_URL>"] {
            #expect(error?.message.contains(token) == true)
        }
    }

    @Test(
        "EX-08 patterns decide by the bound value",
        arguments: [("echo", nil), ("seq", nil), ("sleep", AppError.Code.permissionArgument)]
            as [(String, AppError.Code?)])
    func patterns(program: String, expected: AppError.Code?) {
        let grant = Grant(plugin: "container.in", method: "run", arguments: ["regex:^(echo|seq)$"])
        #expect(error([grant], call("container.in", "run", [program, "[]"]))?.code == expected)
    }

    @Test("EX-08 a parameter without value is too few arguments, with given and required")
    func tooFew() {
        let grant = Grant(plugin: "container.in", method: "run", arguments: ["echo", "x"])
        let error = error([grant], call("container.in", "run", ["echo", nil]))

        #expect(error?.code == .permissionArgumentCount)
        #expect(error?.message.contains("given 1") == true && error?.message.contains("required 2") == true)
    }

    @Test("denied calls, unknown calls, writes in a stage")
    func others() {
        let run = Grant(plugin: "container.in", method: "run")
        var reading = run
        reading.access = .read

        #expect(error([Grant(plugin: "exec.in", method: "run")], call("exec.in", "run", []))?.code == .permissionDenied)
        #expect(error([], call("container.in", "run", ["x"]))?.code == .permissionCall)
        #expect(error([], call("container.in", "config", ["auto"])) == nil)
        #expect(error([run], call("container.in", "run", ["x"]), refusesWrites: true)?.code == .permissionWrite)
        #expect(error([reading], call("container.in", "run", ["x"]), refusesWrites: true) == nil)
    }

    @Test(
        "patterns are searched unless they are anchored",
        arguments: [
            ("regex:a", "xax", true), ("regex^:a", "xax", false), ("regex^:x.x", "xax", true), ("regex:", "", false),
            ("regex:(", "(", false), ("a", "a", true), ("a", "b", false),
        ])
    func matching(pattern: String, text: String, expected: Bool) {
        #expect(Pattern.matches(pattern, text) == expected)
    }

    @Test("EX-01, EX-02, EX-16 approval is needed for what the server does not grant, secrets included")
    func approval() {
        let proxy = Grant(plugin: "proxy.in", method: "config", arguments: ["<CONTAINER_URL>"])
        let config = Grant(plugin: "container.in", method: "config", arguments: ["auto"])
        let run = Grant(plugin: "container.in", method: "run")
        var secret = config
        secret.secrets = [["TOK"]]
        func needs(_ permissions: [Grant], approved: [Grant] = [], loads: [String] = ["proxy.in", "container.in"])
            -> Bool
        {
            ApprovalCheck.needsApproval(
                loads: loads, permissions: permissions, approvedLoads: [], approvedPermissions: approved,
                policy: PermissionPolicy())
        }

        #expect(!needs([proxy, config]))
        #expect(!needs([config, proxy]))
        #expect(needs([config, run]))
        #expect(!needs([run, config], approved: [config, run]))
        #expect(needs([secret]))
        #expect(needs([], loads: ["exec.in"]))
    }

    @Test("EX-16 secrets are replaced only within the grant, and messages never hold values")
    func secrets() throws {
        let resolver = SecretResolver(providers: ["env": EnvironmentSecrets(["TOK": "s3", "A_B": "two"])])
        func code(_ text: String, _ granted: [[String]]) -> AppError? {
            #expect(throws: AppError.self) { try resolver.resolve(text, granted: granted) }
        }

        #expect(try resolver.resolve("x{{secret \"TOK\"}}y", granted: [["TOK"]]).text == "xs3y")
        #expect(try resolver.resolve("{{ secret_from \"env\" \"A\" \"B\" }}", granted: [["regex:.*"]]).text == "two")
        #expect(try resolver.resolve("{{other}}", granted: []) == ("{{other}}", false))
        #expect(code("{{secret \"TOK\"}}", [])?.code == .secretNone)
        #expect(code("{{secret \"TOK\"}}", [["OTHER"]])?.code == .secretDenied)
        #expect(code("{{secret_from \"vault\" \"TOK\"}}", [["TOK"]])?.code == .secretProvider)
        #expect(code("{{secret \"NONE\"}}", [["regex:."]])?.code == .secretProvider)
        #expect(code("{{secret \"TOK\"}}", [["OTHER"]])?.message.contains("s3") == false)
    }
}
