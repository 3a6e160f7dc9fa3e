internal import Synchronization

/// Tells browsers that a development app has changed, by server-sent events.
///
/// Below the app's address: `/_martlet_app/sse` sends `event: reload` after each reload, successful or not, and
/// `/_martlet_app/reload.js` is a script that reloads the page it is part of.
/// Source: HTML living standard, "Server-sent events".
final class BrowserEvents: Sendable {
    /// The reserved path inside each development app.
    static let path = "/_martlet_app"
    static let scriptName = "reload.js"
    /// Pages that may listen at a time.
    private static let limit = 128

    private struct State {
        var listeners: [Int: AsyncThrowingStream<[UInt8], any Error>.Continuation] = [:]
        var lastKey = 0
        var reloads = 0
    }

    private let state = Mutex(State())

    /// A new listener; nil when there are too many, or the app is gone.
    func listen() -> AsyncThrowingStream<[UInt8], any Error>? {
        let (stream, continuation) = AsyncThrowingStream.makeStream(
            of: [UInt8].self, throwing: (any Error).self, bufferingPolicy: .bufferingNewest(8))
        let key: Int? = state.withLock { state in
            guard state.listeners.count < Self.limit else { return nil }
            state.lastKey += 1
            state.listeners[state.lastKey] = continuation
            return state.lastKey
        }
        guard let key else { return nil }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { $0.listeners[key] = nil }
        }
        continuation.yield(Array("retry: 1000\n\n".utf8))
        return stream
    }

    /// Tells everybody that the app was reloaded.
    func reloaded() {
        let (number, listeners) = state.withLock { state in
            state.reloads += 1
            return (state.reloads, Array(state.listeners.values))
        }
        let event = Array("event: reload\ndata: \(number)\n\n".utf8)
        for listener in listeners { listener.yield(event) }
    }

    /// Ends all streams.
    func close() {
        for listener in state.withLock({ Array($0.listeners.values) }) { listener.finish() }
    }

    /// How many pages listen.
    var listenerCount: Int { state.withLock { $0.listeners.count } }
}

/// Answers below ``BrowserEvents/path``.
struct BrowserEventsResponder: AppResponder {
    let events: BrowserEvents
    let bodyLimit = 0

    private static let script = """
        new EventSource(new URL("sse", document.currentScript.src)).addEventListener("reload", () => location.reload());

        """

    func respond(to request: AppRequest) async -> AppResponse {
        guard request.head.method == "GET" || request.head.method == "HEAD" else {
            var response = AppResponse.text("method not allowed\n", status: 405)
            response.headers.append(("allow", "GET"))
            return response
        }
        switch request.head.path.split(separator: "/").last {
        case "sse":
            var response = AppResponse.text("", type: "text/event-stream")
            guard request.head.method == "GET" else { return response }
            guard let stream = events.listen() else {
                return .text("too many pages listen\n", status: 503)
            }
            response.stream = stream
            return response
        case Substring(BrowserEvents.scriptName):
            return .text(Self.script, type: "text/javascript; charset=utf-8")
        default:
            return .text("nothing here\n", status: 404)
        }
    }
}
