internal import Core
internal import Engines
internal import Logging

/// The driver that the configuration asks for.
enum EngineSelection {
    static let make: EngineFactory = { layout, configuration, logger in
        EngineHandle(engine: InMemoryEngine())
    }
}
