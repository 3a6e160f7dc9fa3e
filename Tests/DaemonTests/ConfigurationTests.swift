import Core
import Testing
import Wire

@testable import Daemon

@Suite("configuration")
struct ConfigurationTests {
    private func read(_ text: String, _ environment: [String: String] = [:]) throws -> Configuration {
        try Configuration(text: text, file: "m.yaml", environment: environment)
    }

    private func failure(_ text: String, _ environment: [String: String] = [:]) -> ConfigurationError? {
        do {
            _ = try read(text, environment)
            return nil
        } catch {
            return error as? ConfigurationError
        }
    }

    @Test("every key has a default, and each default follows its own rule")
    func defaults() throws {
        let configuration = try read("")

        #expect(configuration[ConfigurationKeys.gatewayAddress] == "127.0.0.1:25222")
        #expect(configuration[ConfigurationKeys.healthAttempts] == 75)
        #expect(configuration.report.entries.allSatisfy { $0.origin == "default" })
        #expect(Set(ConfigurationKeys.all.map(\.name)).count == ConfigurationKeys.all.count)
        for key in ConfigurationKeys.all {
            #expect(key.summary.hasSuffix("."), "\(key.name)")
            guard !key.name.hasPrefix("permissions."), key.standard != "[]" else { continue }
            #expect(throws: Never.self, "\(key.name)") { try key.check(.scalar(key.standard)) }
        }
    }

    @Test("the environment wins over the file, the file over the default, and each value knows where it is from")
    func origins() throws {
        let configuration = try read(
            """
            gateway:
              http:
                address: 127.0.0.1:0
              trusted_proxies: [10.0.0.0/8, "::1"]
            log: {level: debug}
            jobs:
            permissions:
              allow:
                - {plugin: container.in, method: run, arguments: ["a", "regex:b.*"]}
            """, ["MARTLET_LOG_LEVEL": "warning", "MARTLET_JOBS_CONCURRENCY": "3", "OTHER": "x"])
        func entry(_ key: String) -> String? {
            configuration.report.entries.first { $0.key == key }.map { "\($0.value) \($0.origin)" }
        }

        #expect(entry("gateway.http.address") == "127.0.0.1:0 file:3")
        #expect(entry("gateway.trusted_proxies") == "[10.0.0.0/8, ::1] file:4")
        #expect(entry("log.level") == "warning environment:MARTLET_LOG_LEVEL")
        #expect(entry("jobs.concurrency") == "3 environment:MARTLET_JOBS_CONCURRENCY")
        #expect(entry("permissions.allow") == "[container.in.run(a, regex:b.*)] file:8")
        #expect(configuration[ConfigurationKeys.logLevel] == .warning)
    }

    @Test(
        "an unknown key is named with its line and the nearest known one",
        arguments: [
            ("gateway:\n  htp:\n    address: x", "m.yaml:2: the key `gateway.htp` is not known", "gateway.http"),
            ("log:\n  levle: debug", "m.yaml:2: the key `log.levle` is not known", "log.level"),
            ("\n\nloog: 1", "m.yaml:3: the key `loog` is not known", "log"),
        ])
    func unknownKey(text: String, message: String, nearest: String) {
        let error = failure(text)

        #expect(error?.message == message)
        #expect(error?.hint == "did you mean `\(nearest)`?", "\(error?.hint ?? "")")
    }

    @Test(
        "a bad value is named with its line, its key and the rule",
        arguments: [
            (
                "gateway:\n  http:\n    address: here",
                "m.yaml:3: gateway.http.address `here` is not valid: it is `address:port`"
            ), ("log:\n  level: loud", "m.yaml:2: log.level `loud` is not valid: it is one of trace"),
            ("jobs:\n  concurrency: 0", "m.yaml:2: jobs.concurrency `0` is not valid: it is from 1 to 1024"),
            ("jobs:\n  concurrency: [1]", "m.yaml:2: jobs.concurrency `[1]` is not valid: it is a whole number"),
            ("gateway: 1", "m.yaml:1: gateway `1` is not valid: it is a mapping"),
            ("- 1", "m.yaml:1: the file `[1]` is not valid: it is a mapping"),
            ("permissions:\n  allow:\n    - {plugin: a, mehtod: b}", "m.yaml:2: permissions.allow"),
            ("api:\n  socket: relative", "m.yaml:2: api.socket `relative` is not valid: it is an absolute path"),
        ])
    func badValue(text: String, message: String) {
        #expect(failure(text)?.message.hasPrefix(message) == true, "\(failure(text)?.message ?? "none")")
    }

    @Test("a bad value of the environment names the variable")
    func badEnvironment() {
        let message = failure("", ["MARTLET_JOBS_CONCURRENCY": "many"])?.message

        #expect(message?.hasPrefix("environment MARTLET_JOBS_CONCURRENCY: jobs.concurrency `many`") == true)
    }

    @Test("what is no YAML is told with line and column")
    func malformed() {
        let error = failure("a: [1\nb: 2")

        #expect(error?.code == .malformed && error?.message.contains("line ") == true, "\(error?.message ?? "")")
    }

    @Test(
        "addresses",
        arguments: [("127.0.0.1:80", "127.0.0.1", 80), ("[::1]:0", "::1", 0), (":8080", "0.0.0.0", 8080)]
            as [(String, String, UInt16)])
    func addresses(text: String, host: String, port: UInt16) {
        let address = ListenAddress(parsing: text)

        #expect(address?.host == host && address?.port == port)
        for bad in ["", "a", "a:", "::1:80", "a:99999"] { #expect(ListenAddress(parsing: bad) == nil, "\(bad)") }
    }

    @Test(
        "times as people read them",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400_123, "2000-02-29T00:00:00.123Z"),
            (1_795_224_245_000, "2026-11-21T01:24:05.000Z"),
        ] as [(Int64, String)])
    func timestamps(milliseconds: Int64, text: String) {
        #expect(Timestamp.text(milliseconds) == text)
    }
}
