internal import Containers
internal import Core
internal import Hummingbird
internal import Wire

/// The daemon itself.
struct SystemRoutes: Sendable {
    let services: APIServices

    var routes: [APIRoute] {
        [
            APIRoute(
                .get, "/version", "getVersion", "The daemon's version.",
                answers: [.json(200, VersionInfo.self, "The version.")]
            ) { _ in try .json(await services.system.version()) },
            APIRoute(
                .get, "/health", "getHealth", "Whether everything serves.",
                answers: [.json(200, HealthInfo.self, "Everything serves.")]
            ) { _ in try .json(await services.system.health()) },
            APIRoute(
                .get, "/doctor", "getDoctor", "What the host has and lacks.",
                answers: [.json(200, DoctorReport.self, "The findings.")]
            ) { _ in try .json(try await services.system.doctor()) },
            APIRoute(
                .get, "/config", "getConfiguration", "The effective configuration with the origin of each value.",
                answers: [.json(200, ConfigurationReport.self, "Every key; secrets as stars.")]
            ) { _ in try .json(await services.system.configuration()) },
            APIRoute(
                .post, "/shutdown", "shutDown", "End the daemon; containers go on unless everything is removed.",
                body: .optional(ShutdownRequest.self),
                answers: [.json(200, EmptyResult.self, "It is about to end; what was to be removed is gone.")]
            ) { request in
                let body = try await request.body(orElse: ShutdownRequest())
                try await services.system.shutDown(removeEverything: body.removeEverything ?? false)
                return try .json(EmptyResult())
            },
            APIRoute(
                .get, "/events", "followEvents", "What happens to containers from now on.",
                answers: [.lines(EventInfo.self, "One line per change.")]
            ) { request in
                .lines(
                    request,
                    services.containers.updates().map {
                        EventInfo(type: "container", time: Clock.now, container: ContainerSummary($0))
                    })
            },
        ]
    }
}
