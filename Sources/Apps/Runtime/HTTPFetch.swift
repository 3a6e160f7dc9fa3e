internal import Containers
internal import Core

extension AppRuntime {
    /// Sends a handler's request; one to the own container wakes it.
    func fetch(_ call: HTTPCall, for live: LiveVersion) async throws -> HTTPCaller.Answer {
        var url = call.url
        if url.hasPrefix(PermissionPolicy.containerURL) {
            guard let config = try live.outcome.get().declaration.container, !config.isCommand else {
                throw AppError(.httpFailed, "`\(call.shownURL)`: the app has no container that serves")
            }
            let service = try await ensure()
            let rest = url.dropFirst(PermissionPolicy.containerURL.count)
            // Whatever follows the marker is a path: no host can be made of it.
            url = "\(config.scheme.rawValue)://\(service.endpoint)" + (rest.hasPrefix("/") ? rest : "/" + rest)
        } else {
            _ = try ProxyTarget(url)
        }
        do {
            return try await HTTPCaller.send(
                call.method, url, headers: call.headers, body: call.body, timeoutSeconds: call.timeoutSeconds)
        } catch let error as CancellationError {
            throw error
        } catch {
            throw AppError(
                .httpFailed, "`\(call.method.lowercased())` of `\(call.shownURL)` failed: \(String(describing: error))")
        }
    }
}
