internal import Core
internal import HTTPTypes
internal import Hummingbird
internal import Jobs
internal import Wire

extension APIServices {
    /// Runs a change as a job; answers 202 with the job at once, or the result when the request waits.
    /// - Parameter fingerprint: what makes two requests equal besides kind and target; nil when none ever are.
    func change<Result: Codable & Sendable>(
        _ request: APIRequest, _ kind: JobKind, target: String, fingerprint: String?,
        status: HTTPResponse.Status = .ok, work: @escaping @Sendable (JobContext) async throws -> Result
    ) async throws -> Response {
        let job = JobRequest(
            id: try request.jobID, kind: kind, target: target, fingerprint: fingerprint, initiator: request.initiator)
        let encoded: @Sendable (JobContext) async throws -> String = { context in
            String(decoding: try WireJSON.encode(try await work(context)), as: UTF8.self)
        }
        guard try request.waits else {
            let id = try await jobs.submit(job, work: encoded)
            return try await accepted(id)
        }
        return .json(bytes: Array(try await jobs.run(job, work: encoded).utf8), status: status)
    }

    /// 202 with the job.
    func accepted(_ id: JobID) async throws -> Response {
        guard let record = try await jobs.job(id) else { throw APIError.jobNotFound(id.rawValue) }
        var response = try Response.json(JobInfo(record), status: .accepted)
        response.headers[.location] = "/v1/jobs/\(id)"
        return response
    }
}
