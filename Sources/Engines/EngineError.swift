package import Core

/// A failure of an engine.
package struct EngineError: MartletError {
    /// Exactly what happened.
    package enum Code: String, Sendable {
        case imageNotFound = "image-not-found"
        case imageInUse = "image-in-use"
        case pullFailed = "image-pull-failed"
        case buildFailed = "image-build-failed"
        case loadFailed = "image-load-failed"
        case containerNotFound = "container-not-found"
        case containerExists = "container-exists"
        case containerRunning = "container-running"
        case containerNotRunning = "container-not-running"
        case nameTaken = "container-name-taken"
        case portTaken = "port-taken"
        case startFailed = "container-start-failed"
        case execFailed = "exec-failed"
        case unsupported = "engine-unsupported"
        case invalidSpec = "container-spec-invalid"
        case hostLacks = "host-lacks"
        case runtimeFailed = "runtime-failed"
    }

    package let code: Code
    package let message: String
    package var hint: String?
    package var cause: (any Error)?
    package var stableCode: String? { code.rawValue }

    /// A failure; prefer the named factories.
    package init(_ code: Code, _ message: String, hint: String? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
        self.cause = cause
    }

    package var kind: ErrorKind {
        switch code {
        case .imageNotFound, .containerNotFound: .notFound
        case .containerExists, .nameTaken, .portTaken: .alreadyExists
        case .imageInUse, .containerRunning, .containerNotRunning: .invalidState
        case .invalidSpec: .invalidArgument
        case .unsupported: .unsupported
        case .hostLacks, .pullFailed: .unavailable
        case .buildFailed, .loadFailed, .startFailed, .execFailed, .runtimeFailed: .internalError
        }
    }

    /// No such container.
    package static func notFound(_ id: ContainerID) -> EngineError {
        EngineError(
            .containerNotFound, "no container `\(id)`", hint: "`martlet container list --all` shows what exists")
    }

    /// No such image.
    package static func imageNotFound(_ name: String) -> EngineError {
        EngineError(
            .imageNotFound, "no image `\(name)` in the local store", hint: "`martlet image pull \(name)` fetches it")
    }

    /// The driver cannot do that.
    package static func unsupported(engine: String, capability: String) -> EngineError {
        EngineError(.unsupported, "engine `\(engine)` does not support \(capability)")
    }
}
