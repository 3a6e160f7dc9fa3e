package import Core

/// What the containers of one image do in an ``InMemoryEngine``.
package struct ImageScript: Sendable {
    /// How the image says it is run.
    package var configuration = ImageRunConfiguration()
    /// What a process does; ``SimulatedProcess/standard(_:)`` unless set.
    package var process: @Sendable (SimulatedRequest) throws -> SimulatedProcess = SimulatedProcess.standard
    /// Every start fails with this.
    package var startError: EngineError?
    /// Every start waits until this is open.
    package var startGate: Gate?
    /// Where `address(of:port:)` points, such as a real server of the test; an address that nobody answers by default.
    package var endpoint: (@Sendable (ContainerID, UInt16) -> Endpoint)?

    /// An image without command whose processes follow ``SimulatedProcess/standard(_:)``.
    package init() { configuration.command = ["run"] }

    /// An image whose containers are reached at `endpoint`, whatever the port.
    package static func serving(_ endpoint: Endpoint) -> ImageScript {
        var script = ImageScript()
        script.endpoint = { _, _ in endpoint }
        return script
    }

    /// An image whose containers write `lines` and end with `code` right after their start.
    package static func exiting(_ code: Int32, lines: [String] = []) -> ImageScript {
        var script = ImageScript()
        script.process = { _ in SimulatedProcess(lines: lines, exit: code) }
        return script
    }

    /// An image whose containers do not start.
    package static func failing(_ error: EngineError) -> ImageScript {
        var script = ImageScript()
        script.startError = error
        return script
    }
}

/// A process that is to be simulated.
package struct SimulatedRequest: Sendable {
    /// Its container.
    package var id: ContainerID
    /// Its words.
    package var arguments: [String]
    /// Its environment.
    package var environment: [String: String]
    /// Whether it is a further process.
    package var isExec: Bool
}

/// What a simulated process does.
package struct SimulatedProcess: Sendable {
    /// What it writes when it starts.
    package var output: [ProcessOutput] = []
    /// The status with which it ends right after that; nil lets it run on.
    package var exit: Int32?
    /// The status with which it ends when asked to; nil ignores the request.
    package var statusWhenAsked: Int32? = 0
    /// Whether it copies its input to its output and ends with 0 at the end of its input.
    package var copiesInput = false

    /// A process that writes `lines` to standard output, then runs on or ends with `exit`.
    package init(lines: [String] = [], exit: Int32? = nil) {
        output = lines.map { ProcessOutput(stream: .standardOutput, bytes: Array($0.utf8) + [10]) }
        self.exit = exit
    }

    /// The programs of the conformance suite's image, by first word:
    /// `run LINE…` writes and runs until asked to end; `ignore-term` does not end when asked; `print LINE…` and
    /// `print-error LINE…` write and end; `fail N` ends with status N; `env` writes its environment; `cat` copies its
    /// input. A path that begins with `/no/` cannot be executed; any other first process runs until asked to end, any
    /// other further one ends with 0.
    @Sendable package static func standard(_ request: SimulatedRequest) throws -> SimulatedProcess {
        let words = Array(request.arguments.dropFirst())
        guard let program = request.arguments.first, !program.hasPrefix("/no/") else {
            throw EngineError(
                request.isExec ? .execFailed : .startFailed, "`\(request.arguments.first ?? "")` is not in the image")
        }
        switch program {
        case "run": return SimulatedProcess(lines: words)
        case "ignore-term":
            var process = SimulatedProcess(lines: words)
            process.statusWhenAsked = nil
            return process
        case "print": return SimulatedProcess(lines: words, exit: 0)
        case "print-error":
            var process = SimulatedProcess(lines: words, exit: 0)
            process.output = process.output.map { ProcessOutput(stream: .standardError, bytes: $0.bytes) }
            return process
        case "fail": return SimulatedProcess(exit: words.first.flatMap { Int32($0) } ?? 1)
        case "env":
            return SimulatedProcess(lines: request.environment.map { "\($0.key)=\($0.value)" }.sorted(), exit: 0)
        case "cat":
            var process = SimulatedProcess()
            process.copiesInput = true
            return process
        default: return SimulatedProcess(exit: request.isExec ? 0 : nil)
        }
    }
}
