import Core
import Engines
import LinuxKernel
import NativeEngine
import Testing

@Suite("native engine", .enabled(if: Machine.isReady, Machine.reason))
struct NativeEngineTests {
    @Test("conforms", arguments: [NetworkMode.none, .bridge])
    func conforms(network: NetworkMode) async throws {
        try await EngineHarness.with { engine, _ in
            let fixture = EngineFixture(image: EngineHarness.image, network: network)
            for check in EngineConformance.checks {
                do {
                    try await check.run(engine, fixture)
                } catch {
                    Issue.record(error, "\(check.name)")
                }
            }
        }
    }
}
