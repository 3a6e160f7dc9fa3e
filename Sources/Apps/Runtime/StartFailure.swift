internal import Containers
internal import Core
internal import Engines
internal import Jobs

/// A failed start, remembered so that not every request repeats it.
struct StartFailure: Sendable {
    let error: AppError
    /// Failed starts in a row.
    let count: Int
    /// Uptime at which another attempt is made.
    var retryAt: Duration

    /// 5, 10, 20 … 300 seconds.
    static func pause(_ count: Int) -> Duration { .seconds(min(300, 5 << min(max(count - 1, 0), 6))) }

    init(_ error: AppError, after earlier: StartFailure?, now: Duration) {
        self.error = error
        self.count = (earlier?.count ?? 0) + 1
        self.retryAt = now + Self.pause(count)
    }

    /// The failure while its pause lasts, with what is left of it; nil afterwards.
    func remembered(at now: Duration) -> AppError? {
        guard now < retryAt else { return nil }
        var copy = error
        copy.retryAfterSeconds = max(1, Int((retryAt - now).components.seconds) + 1)
        return copy
    }
}

extension AppError {
    /// Why an app's container could not be started.
    init(starting error: any Error) {
        switch error {
        case let error as AppError: self = error
        case let error as ContainerError:
            switch error.code {
            case .exitedEarly: self.init(.runExited, Self.bare(error.message), hint: error.hint)
            case .unhealthy: self.init(.healthFailed, Self.bare(error.message), hint: error.hint)
            default: self.init(.runStart, Self.bare(error.message) + Self.reason(error.cause), hint: error.hint)
            }
            logTail = error.logTail
        case let error as EngineError where error.code == .pullFailed || error.code == .imageNotFound:
            self.init(.imagePull, error.description, hint: error.hint)
        case let error as any MartletError: self.init(.runStart, error.description, hint: error.hint)
        case is CancellationError: self.init(.runStart, "the start was cancelled")
        default: self.init(.runStart, String(describing: error))
        }
    }

    /// Whether repeating the attempt at once would cost much and change nothing.
    var isWorthRemembering: Bool {
        switch code {
        case .buildFailed, .imagePull, .runStart, .healthFailed, .runExited: true
        default: false
        }
    }

    private static func bare(_ message: String) -> String {
        for code in [Code.runStart, .runExited, .healthFailed] where message.hasPrefix(code.rawValue + ": ") {
            return String(message.dropFirst(code.rawValue.utf8.count + 2))
        }
        return message
    }

    private static func reason(_ cause: (any Error)?) -> String { cause.map { ": \($0)" } ?? "" }
}
