internal import Core
internal import Synchronization

/// A queue between one or more writers and one reader: a writer waits while it is full, the reader while it is empty.
package final class BoundedChannel<Element: Sendable>: Sendable {
    private struct State {
        var queue: [Element] = []
        var isClosed = false
        var reader: CheckedContinuation<Void, Never>?
        var writers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let capacity: Int

    /// A channel that holds `capacity` elements.
    package init(capacity: Int) { self.capacity = capacity }

    /// Appends an element, waiting while the channel is full. False once it is closed: the element is dropped.
    @discardableResult
    package func send(_ element: Element) async -> Bool {
        while true {
            let outcome: Bool? = state.withLock { state in
                if state.isClosed { return false }
                guard state.queue.count < capacity else { return nil }
                state.queue.append(element)
                state.reader?.resume()
                state.reader = nil
                return true
            }
            if let outcome { return outcome }
            await withCheckedContinuation { continuation in
                let proceed = state.withLock { state in
                    guard !state.isClosed, state.queue.count >= capacity else { return true }
                    state.writers.append(continuation)
                    return false
                }
                if proceed { continuation.resume() }
            }
        }
    }

    /// The next element; nil once the channel is closed and drained, or when the reading task was cancelled.
    package func next() async -> Element? {
        while !Task.isCancelled {
            let (element, isDone): (Element?, Bool) = state.withLock { state in
                guard !state.queue.isEmpty else { return (nil, state.isClosed) }
                let element = state.queue.removeFirst()
                state.writers.forEach { $0.resume() }
                state.writers = []
                return (element, false)
            }
            if let element { return element }
            if isDone { return nil }
            await waitForElement()
        }
        return nil
    }

    /// Lets the reader drain what is there; writers are refused from now on.
    package func close() {
        state.withLock { state in
            state.isClosed = true
            state.reader?.resume()
            state.reader = nil
            state.writers.forEach { $0.resume() }
            state.writers = []
        }
    }

    /// The elements as a stream; the channel closes when the stream is dropped.
    package func stream() -> AsyncThrowingStream<Element, any Error> {
        let owner = ChannelOwner(self)
        return AsyncThrowingStream { await owner.channel.next() }
    }

    private func waitForElement() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let proceed = state.withLock { state in
                    guard state.queue.isEmpty, !state.isClosed, !Task.isCancelled else { return true }
                    state.reader?.resume()
                    state.reader = continuation
                    return false
                }
                if proceed { continuation.resume() }
            }
        } onCancel: {
            state.withLock { state in
                state.reader?.resume()
                state.reader = nil
            }
        }
    }
}

/// Closes its channel when nobody reads any more.
private final class ChannelOwner<Element: Sendable>: Sendable {
    let channel: BoundedChannel<Element>
    init(_ channel: BoundedChannel<Element>) { self.channel = channel }
    deinit { channel.close() }
}
