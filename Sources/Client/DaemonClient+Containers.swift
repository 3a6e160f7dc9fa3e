internal import NIOHTTP1
package import Wire

extension DaemonClient {
    /// All containers, or those of one owner.
    package func containers(owner: String? = nil) async throws -> [ContainerSummary] {
        var items: [ContainerSummary] = []
        var after: String?
        repeat {
            let call = Call(.GET, "containers").with { $0.query = [("owner", owner), ("after", after)] }
            let page = try await send(call, as: ListPage<ContainerSummary>.self)
            items += page.items
            after = page.next
        } while after != nil
        return items
    }

    /// One container by identifier, unique prefix or name.
    package func container(_ name: String) async throws -> ContainerInfo {
        try await send(Call(.GET, "containers", name))
    }

    /// Creates a container, and starts it unless the request says otherwise.
    package func createContainer(
        _ request: CreateContainerRequest, onEvent: ((JobEventInfo) -> Void)? = nil
    ) async throws -> ContainerInfo {
        try await perform(Call(.POST, "containers").with { try $0.setBody(request) }, onEvent: onEvent)
    }

    private func change(_ name: String, _ verb: String) async throws -> ContainerInfo {
        try await send(Call(.POST, "containers", name, verb).with { $0.wait = true })
    }

    /// Starts a container.
    package func startContainer(_ name: String) async throws -> ContainerInfo { try await change(name, "start") }

    /// Freezes a container.
    package func pauseContainer(_ name: String) async throws -> ContainerInfo { try await change(name, "pause") }

    /// Thaws a container.
    package func resumeContainer(_ name: String) async throws -> ContainerInfo { try await change(name, "resume") }

    /// Stops a container.
    package func stopContainer(_ name: String, graceSeconds: Int?) async throws -> ContainerInfo {
        try await send(
            Call(.POST, "containers", name, "stop").with {
                try $0.setBody(StopContainerRequest(graceSeconds: graceSeconds))
                $0.wait = true
            })
    }

    /// Stops and starts a container.
    package func restartContainer(_ name: String, graceSeconds: Int?) async throws -> ContainerInfo {
        try await send(
            Call(.POST, "containers", name, "restart").with {
                try $0.setBody(StopContainerRequest(graceSeconds: graceSeconds))
                $0.wait = true
            })
    }

    /// Sends a signal to the first process.
    package func killContainer(_ name: String, signal: String?) async throws {
        try await sendIgnoringAnswer(
            Call(.POST, "containers", name, "kill").with { try $0.setBody(SignalRequest(signal: signal)) })
    }

    /// Deletes a container; a running one only with `force`.
    package func deleteContainer(_ name: String, force: Bool = false) async throws {
        try await sendIgnoringAnswer(
            Call(.DELETE, "containers", name).with {
                $0.query = [("force", force ? "true" : nil)]
                $0.wait = true
            })
    }

    /// Lines of the log.
    /// - Parameter since: milliseconds since 1970.
    package func containerLogs(
        _ name: String, follow: Bool = false, tail: Int? = nil, since: Int64? = nil
    ) async throws -> LineStream<LogLine> {
        let call = Call(.GET, "containers", name, "logs").with {
            $0.query = [
                ("follow", follow ? "true" : nil), ("tail", tail.map(String.init)), ("since", since.map(String.init)),
            ]
        }
        return try await lines(call)
    }

    /// What the container uses: once, or every second.
    package func containerStats(_ name: String, stream: Bool) async throws -> LineStream<StatsSample> {
        let call = Call(.GET, "containers", name, "stats").with { $0.query = [("stream", stream ? "true" : nil)] }
        return try await lines(call)
    }

    /// How the current or latest run ended, waiting for the end.
    package func waitForContainer(_ name: String) async throws -> ExitInfo {
        try await send(Call(.GET, "containers", name, "wait"))
    }
}
