import Core
import FoundationEssentials
import Testing

@Suite("container specifications")
struct ContainerSpecTests {
    @Test("a specification survives its JSON form")
    func roundTrip() throws {
        var spec = ContainerSpec(image: "alpine:3")
        spec.environment = ["A": "1"]
        spec.restart = .onFailure(maximum: 3)
        spec.health = HealthCheck(probe: .http(scheme: "http", port: 80, path: "/", statuses: 200...200))

        let decoded = try JSONDecoder().decode(ContainerSpec.self, from: JSONEncoder().encode(spec))

        #expect(decoded == spec)
    }

    @Test("a secret value reaches neither the description nor the encoding")
    func secretsAreWithheld() throws {
        var spec = ContainerSpec(image: "alpine:3")
        spec.environment = ["TOKEN": .secret("s3cr3t")]

        let encoded = try JSONEncoder().encode(spec)
        let decoded = try JSONDecoder().decode(ContainerSpec.self, from: encoded)

        #expect(!String(decoding: encoded, as: UTF8.self).contains("s3cr3t"))
        #expect(decoded.environment["TOKEN"] == .withheld)
        #expect("\(EnvironmentValue.secret("s3cr3t"))" == "******")
    }

    @Test(
        "restart policies are read and written",
        arguments: ["no", "on-failure", "on-failure:5", "always", "unless-stopped"])
    func restartPolicies(text: String) {
        #expect(RestartPolicy(parsing: text)?.description == text)
    }

    @Test(
        "a malformed restart policy is refused",
        arguments: ["", "never", "on-failure:", "on-failure:0", "on-failure:-1", "Always"])
    func malformedRestartPolicies(text: String) {
        #expect(RestartPolicy(parsing: text) == nil)
    }

    @Test("two roots have two instance names, one root always the same")
    func instanceNames() {
        #expect(InstanceLayout(root: "/a").instanceName != InstanceLayout(root: "/b").instanceName)
        #expect(InstanceLayout(root: "/a").instanceName == InstanceLayout(root: "/a").instanceName)
        #expect(InstanceLayout(root: nil).instanceName.count == 8)
    }
}
