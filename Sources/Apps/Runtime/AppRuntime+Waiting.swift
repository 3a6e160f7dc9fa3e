internal import Core
internal import Synchronization

extension AppRuntime {
    /// Where a held request goes once the container runs.
    ///
    /// Requests wait as long as a start takes. Somebody at a browser sees after a few seconds how it stands instead; the
    /// page asks again by itself.
    func wake(_ head: AppRequestHead, _ options: ProxyRouteOptions) async -> WakeOutcome {
        let isPage = head.isNavigation
        let seconds = isPage ? world.configuration.waitingPageSeconds : world.configuration.holdLimitSeconds
        do {
            if let service = try await ensure(within: .seconds(seconds)) { return .proxy(backend(service, options)) }
        } catch {
            let failure = AppError(starting: error)
            return .respond(
                ErrorAnswer.response(
                    failure, for: head,
                    showsLog: live.version.isDevelopment || world.configuration.showLogsForFailure,
                    script: refreshScript))
        }
        guard !isPage else { return .respond(waitingPage.response) }
        return .respond(
            ErrorAnswer.response(
                AppError.starting(progress).naming(app: address.description), for: head, showsLog: false))
    }

    private var waitingPage: WaitingPage {
        var name = live.version.details.name
        if name.isEmpty { name = address.description }
        return WaitingPage(name: name, state: progress, elapsed: world.time.uptime - startedAt)
    }

    /// The running service; nil when its start takes longer than `limit`. The start goes on.
    private func ensure(within limit: Duration) async throws -> RunningService? {
        let first = FirstResult<Result<RunningService?, any Error>>()
        // Ends with the start, which others wait for, too, and which `close()` cancels.
        let start = Task { [self] in
            do { first.settle(.success(try await ensure())) } catch { first.settle(.failure(error)) }
        }
        let time = world.time
        // Ends at the limit; cancelled below as soon as the wait is over.
        let alarm = Task {
            try await time.sleep(for: limit)
            first.settle(.success(nil))
        }
        defer { alarm.cancel() }
        return try await withTaskCancellationHandler {
            try await first.value.get()
        } onCancel: {
            start.cancel()
            first.settle(.failure(CancellationError()))
        }
    }
}

/// What came first of several things; whatever comes later is dropped.
private final class FirstResult<T: Sendable>: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<T, Never>)
        case settled(T)
    }

    private let state = Mutex(State.open)

    func settle(_ value: T) {
        let waiter: CheckedContinuation<T, Never>? = state.withLock { state in
            switch state {
            case .open:
                state = .settled(value)
                return nil
            case .awaited(let waiter):
                state = .settled(value)
                return waiter
            case .settled: return nil
            }
        }
        waiter?.resume(returning: value)
    }

    /// Awaited once.
    var value: T {
        get async {
            await withCheckedContinuation { continuation in
                let settled: T? = state.withLock { state in
                    if case .settled(let value) = state { return value }
                    state = .awaited(continuation)
                    return nil
                }
                if let settled { continuation.resume(returning: settled) }
            }
        }
    }
}

extension AppRequestHead {
    /// Whether somebody waits before a browser's window: a GET of a page, not of a picture or by a script.
    var isNavigation: Bool {
        guard method == "GET", wantsHTML, header("x-requested-with") == nil, header("hx-request") == nil else {
            return false
        }
        return header("sec-fetch-mode").map { $0 == "navigate" } ?? true
    }
}
