internal import Core
internal import Engines
internal import Logging
internal import NativeEngine

/// The driver that the configuration asks for.
enum EngineSelection {
    /// The embedded engine.
    static let make: EngineFactory = { layout, configuration, logger in
        var options = NativeEngineOptions()
        switch configuration[ConfigurationKeys.engineRuntime] {
        case .auto: options.runtime = .automatic
        case .crun: options.runtime = .crun
        case .runc: options.runtime = .runc
        }
        options.concurrentLaunches = configuration[ConfigurationKeys.concurrentLaunches]
        let engine = try await NativeEngine(layout: layout, options: options, logger: logger)
        return EngineHandle(
            engine: engine, close: { await engine.close() },
            removeEverything: { try await engine.shutdown(removeEverything: true) })
    }
}
