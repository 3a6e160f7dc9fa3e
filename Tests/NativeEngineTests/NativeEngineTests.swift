import Core
import Engines
import LinuxKernel
import NativeEngine
import Testing

@Suite("native engine", .enabled(if: Machine.isReady, Machine.reason))
struct NativeEngineTests {
    @Test("conforms with each runtime", arguments: Machine.runtimes, [NetworkMode.none, .bridge])
    func conforms(runtime: NativeEngineOptions.RuntimeChoice, network: NetworkMode) async throws {
        // The network is the engine's work, not the runtime's.
        if runtime == .runc, network == .bridge, Machine.runtimes.count > 1 { return }
        try await EngineHarness.with(runtime: runtime) { engine, _ in
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
