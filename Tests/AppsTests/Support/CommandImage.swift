import Engines

/// An image with a few programs, as far as the examples need them.
enum CommandImage {
    static var script: ImageScript {
        var script = ImageScript()
        script.process = { request in try process(request) }
        return script
    }

    @Sendable private static func process(_ request: SimulatedRequest) throws -> SimulatedProcess {
        let words = Array(request.arguments.dropFirst())
        switch request.arguments.first {
        case "echo": return SimulatedProcess(lines: [words.joined(separator: " ")], exit: 0)
        case "seq": return SimulatedProcess(lines: ["1"], exit: 0)
        case "false": return SimulatedProcess(exit: 1)
        case "env":
            return SimulatedProcess(lines: request.environment.map { "\($0.key)=\($0.value)" }.sorted(), exit: 0)
        case "sleep": return SimulatedProcess()
        case "partial": return SimulatedProcess(lines: ["x"], exit: 3)
        case "lines": return SimulatedProcess(lines: ["{\"a\":1}", "{\"b\":2}"], exit: 0)
        case "cat":
            switch words.first {
            case "/data.json": return SimulatedProcess(lines: ["{\"name\":\"x\",\"n\":3}"], exit: 0)
            case "/nested.json": return SimulatedProcess(lines: ["{\"a\":{\"b\":1}}"], exit: 0)
            default: return failing("cat: \(words.first ?? ""): No such file or directory", 1)
            }
        case "ls": return failing("ls: \(words.first ?? ""): No such file or directory", 2)
        default:
            throw EngineError(.startFailed, "`\(request.arguments.first ?? "")`: executable file not found in $PATH")
        }
    }

    private static func failing(_ text: String, _ code: Int32) -> SimulatedProcess {
        var process = SimulatedProcess(exit: code)
        process.output = [ProcessOutput(stream: .standardError, bytes: Array(text.utf8) + [10])]
        return process
    }
}
