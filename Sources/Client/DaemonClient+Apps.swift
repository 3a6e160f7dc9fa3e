internal import NIOHTTP1
package import Wire

extension DaemonClient {
    /// All apps.
    /// - Parameter all: whether staging twins are among them.
    package func apps(all: Bool = false) async throws -> [AppInfo] {
        try await send(
            Call(.GET, "apps").with { if all { $0.query = [("internal", "true")] } }, as: ListPage<AppInfo>.self
        ).items
    }

    /// One app by address or identifier.
    package func app(_ name: String) async throws -> AppDetail { try await send(Call(.GET, "apps", name)) }

    /// Creates an app; with `onEvent` its progress is reported.
    package func createApp(
        _ request: CreateAppRequest, onEvent: ((JobEventInfo) -> Void)? = nil
    ) async throws -> AppChangeInfo {
        try await perform(Call(.POST, "apps").with { try $0.setBody(request) }, onEvent: onEvent)
    }

    /// Approves what an app asks for.
    package func approveApp(
        _ name: String, _ request: ApproveAppRequest = ApproveAppRequest(), onEvent: ((JobEventInfo) -> Void)? = nil
    ) async throws -> AppChangeInfo {
        try await perform(Call(.POST, "apps", name, "approve").with { try $0.setBody(request) }, onEvent: onEvent)
    }

    /// Reads an app's source again.
    package func reloadApp(
        _ name: String, _ request: ReloadAppRequest, onEvent: ((JobEventInfo) -> Void)? = nil
    ) async throws -> AppChangeInfo {
        try await perform(Call(.POST, "apps", name, "reload").with { try $0.setBody(request) }, onEvent: onEvent)
    }

    /// Brings what is staged to production.
    package func promoteApp(
        _ name: String, _ request: PromoteAppRequest, onEvent: ((JobEventInfo) -> Void)? = nil
    ) async throws -> AppChangeInfo {
        try await perform(Call(.POST, "apps", name, "promote").with { try $0.setBody(request) }, onEvent: onEvent)
    }

    /// Changes what is not part of an app's versions.
    package func changeAppSettings(_ name: String, _ request: AppSettingsRequest) async throws -> AppInfo {
        try await send(
            Call(.POST, "apps", name, "settings").with {
                try $0.setBody(request)
                $0.wait = true
            })
    }

    /// Starts an app's container and waits until it is healthy.
    package func startApp(_ name: String) async throws -> AppInfo {
        try await send(Call(.POST, "apps", name, "start").with { $0.wait = true })
    }

    /// Stops an app's container.
    package func stopApp(_ name: String) async throws -> AppInfo {
        try await send(Call(.POST, "apps", name, "stop").with { $0.wait = true })
    }

    /// Deletes an app with its containers.
    package func deleteApp(_ name: String, volumes: Bool = false) async throws {
        try await sendIgnoringAnswer(
            Call(.DELETE, "apps", name).with {
                $0.query = [("volumes", volumes ? "true" : nil)]
                $0.wait = true
            })
    }

    /// Lines of the log of an app's container.
    package func appLogs(
        _ name: String, follow: Bool = false, tail: Int? = nil, since: Int64? = nil
    ) async throws -> LineStream<LogLine> {
        let call = Call(.GET, "apps", name, "logs").with {
            $0.query = [
                ("follow", follow ? "true" : nil), ("tail", tail.map(String.init)), ("since", since.map(String.init)),
            ]
        }
        return try await lines(call)
    }
}
