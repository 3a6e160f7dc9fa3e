internal import Core
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import Wire

/// Answers requests: authorise, find the route, call it, and turn failures into problems.
struct APIResponder: HTTPResponder {
    typealias Context = BasicRequestContext

    let table: RouteTable
    let access: AccessPolicy
    let logger: Logger

    func respond(to request: Request, context: Context) async throws -> Response {
        let start = ContinuousClock.now
        let id = String(JobID.random().rawValue.prefix(16))
        var logger = logger
        logger[metadataKey: "request.id"] = "\(id)"
        var response: Response
        do {
            response = try await answer(request, id: id, logger)
        } catch {
            response = ProblemMapping.response(error, requestID: id)
            if response.status.code >= 500 {
                logger.warning(
                    "request failed",
                    metadata: [
                        "http.method": "\(request.method)", "http.path": "\(request.uri.path)", "error": "\(error)",
                    ])
            }
        }
        response.headers[.martletRequest] = id
        let took = ContinuousClock.now - start
        logger.debug(
            "request",
            metadata: [
                "http.method": "\(request.method)", "http.path": "\(request.uri.path)",
                "http.status": "\(response.status.code)",
                "took.us": "\(took.components.attoseconds / 1_000_000_000_000)",
            ])
        return response
    }

    private func answer(_ request: Request, id: String, _ logger: Logger) async throws -> Response {
        let initiator = try access.authorise(request)
        let (route, parameters) = try table.find(request.method, path: request.uri.path)
        let query = try RouteTable.query(request.uri.query, of: route.description)
        let apiRequest = APIRequest(
            request: request, route: route.description, parameters: parameters, query: query, id: id,
            initiator: initiator, logger: logger)
        return try await route.handle(apiRequest)
    }
}
