internal import Core
package import Engines

/// How one attempt to find a container healthy ended.
package enum ProbeResult: Sendable, Hashable {
    case healthy
    /// Nobody listens on the port yet; worth asking again at once when somebody does.
    case refused(String)
    /// It answered wrongly, or not in time: the status or the error, for people.
    case failed(String)
}

/// Asks a container from outside whether it is healthy.
package protocol HealthProber: Sendable {
    /// A GET; redirects are followed, certificates not verified, the body is not read. Healthy when the final status
    /// is one of `statuses`.
    func http(
        scheme: String, at endpoint: Endpoint, path: String, statuses: ClosedRange<Int>, timeout: Duration
    ) async -> ProbeResult
    /// A connection that is accepted.
    func tcp(_ endpoint: Endpoint, timeout: Duration) async -> ProbeResult
    /// Called once nothing will be asked any more.
    func shutdown() async
}
