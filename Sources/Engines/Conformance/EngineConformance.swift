package import Core
internal import OCI

/// The definition of an ``Engine`` as checks that every driver passes.
///
/// A test target runs each of ``checks`` against its engine. A check makes containers under identifiers of its own and
/// removes them; the engine needs the fixture's image and nothing else. Checks of capabilities the engine does not
/// declare demand the `unsupported` error instead.
package enum EngineConformance {
    /// One named check.
    package struct Check: Sendable, CustomStringConvertible {
        /// A sentence about behaviour.
        package let name: String
        /// Throws ``Violation`` when the engine misbehaves.
        package let run: @Sendable (any Engine, EngineFixture) async throws -> Void
        package var description: String { name }

        init(_ name: String, _ run: @escaping @Sendable (any Engine, EngineFixture) async throws -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// A way in which an engine departs from the protocol.
    package struct Violation: MartletError {
        package let kind = ErrorKind.internalError
        package let message: String
    }

    /// Every check.
    package static let checks = lifecycle + removal + streams + processes + resources + images
}

/// What checks run: an image with the programs described at ``SimulatedProcess/standard(_:)``.
package struct EngineFixture: Sendable {
    /// The image's name in the local store.
    package var image: String
    /// The network mode of the containers of checks that are not about networks.
    package var network: NetworkMode

    /// A fixture that uses `image`.
    package init(image: String, network: NetworkMode = .none) {
        self.image = image
        self.network = network
    }

    /// A specification of a container of the image that runs `command`.
    func spec(_ command: String...) -> ContainerSpec {
        var spec = ContainerSpec(image: image)
        spec.command = command
        spec.network = network
        return spec
    }
}

extension EngineConformance {
    static func expect(
        _ condition: Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
    ) throws {
        guard condition else { throw Violation(message: "\(message()) (\(file):\(line))") }
    }

    static func expectEqual<Value: Equatable>(
        _ left: Value, _ right: Value, _ message: @autoclosure () -> String, line: UInt = #line
    ) throws {
        try expect(left == right, "\(message()): got \(left), expected \(right)", line: line)
    }

    static func expectError(
        _ code: EngineError.Code, _ message: @autoclosure () -> String, line: UInt = #line,
        _ body: () async throws -> Void
    ) async throws {
        do {
            try await body()
        } catch let error as EngineError {
            try expect(error.code == code, "\(message()): threw \(error.code): \(error), expected \(code)", line: line)
            return
        }
        throw Violation(message: "\(message()): succeeded, expected \(code) (line \(line))")
    }

    /// Creates a container under a new identifier, hands it to `body` and removes it whatever happens.
    static func withContainer(
        _ engine: any Engine, _ spec: ContainerSpec, start: Bool = true,
        _ body: (ContainerID) async throws -> Void
    ) async throws {
        let id = ContainerID.random()
        do {
            try await engine.createContainer(id, spec)
            if start { try await engine.startContainer(id) }
            try await body(id)
        } catch {
            try? await engine.removeContainer(id, force: true)  // the first error is the one to report
            throw error
        }
        try await engine.removeContainer(id, force: true)
        let left = try await engine.container(id)
        try expect(left == nil, "container is still there after its removal")
    }

    static func state(_ engine: any Engine, _ id: ContainerID) async throws -> ObservedState {
        guard let container = try await engine.container(id) else {
            throw Violation(message: "container \(id) is gone")
        }
        return container.state
    }

    static func lines(_ engine: any Engine, _ id: ContainerID, _ options: LogOptions = LogOptions()) async throws
        -> [String]
    {
        var lines: [String] = []
        for try await entry in try await engine.logs(id, options: options) { lines.append(entry.text) }
        return lines
    }

    static func text(_ session: any ProcessSession, _ stream: OutputStream = .standardOutput) async throws -> String {
        var bytes: [UInt8] = []
        for try await piece in session.output where piece.stream == stream { bytes += piece.bytes }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads until `wanted` has appeared, so that a check waits for events and not for time.
    static func read(_ session: any ProcessSession, until wanted: String) async throws -> String {
        var bytes: [UInt8] = []
        for try await piece in session.output {
            bytes += piece.bytes
            let text = String(decoding: bytes, as: UTF8.self)
            if text.contains(wanted) { return text }
        }
        throw Violation(message: "output ended before `\(wanted)`: \(String(decoding: bytes, as: UTF8.self))")
    }
}
