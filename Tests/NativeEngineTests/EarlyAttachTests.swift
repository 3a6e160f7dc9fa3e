import Core
import Engines
import FoundationEssentials
import NativeEngine
import Testing

@Suite("early attach", .enabled(if: Machine.isReady, Machine.reason))
struct EarlyAttachTests {
    /// `MARTLET_TEST_ATTACH_RUNS=200` on a busy machine is the proof; a few show that it works at all.
    private static let runs =
        ProcessInfo.processInfo.environment["MARTLET_TEST_ATTACH_RUNS"].flatMap { Int($0) } ?? 3

    @Test("no output of a short program is lost", arguments: [false, true], [false, true])
    func completeOutput(terminal: Bool, writes: Bool) async throws {
        try await EngineHarness.with { engine, harness in
            var spec = harness.spec("echo", "x")
            spec.terminal = terminal
            spec.openInput = terminal || writes
            for run in 1...Self.runs {
                let id = ContainerID.random()
                try await engine.createContainer(id, spec)
                let session = try await engine.attach(id)
                try await engine.startContainer(id)
                if writes { try? await session.write(Array("unread\n".utf8)) }  // the program may have ended
                var text = ""
                for try await piece in session.output { text += String(decoding: piece.bytes, as: UTF8.self) }
                let exit = try await session.waitForExit()
                try await engine.removeContainer(id, force: true)
                #expect(exit.code == 0, "run \(run)")
                // A terminal echoes what is written to it.
                #expect(text.split(whereSeparator: \.isNewline).contains("x"), "run \(run): `\(text)`")
            }
        }
    }
}
