package import Core
internal import NIOHTTP1
package import Wire

extension DaemonClient {
    /// The latest jobs, newest first.
    package func jobs(limit: Int = 100) async throws -> [JobInfo] {
        try await send(
            Call(.GET, "jobs").with { $0.query = [("limit", "\(limit)")] }, as: ListPage<JobInfo>.self
        ).items
    }

    /// One job.
    package func job(_ id: String) async throws -> JobInfo { try await send(Call(.GET, "jobs", id)) }

    /// A job's events from the beginning or after a number, until it ends.
    package func jobEvents(_ id: String, after sequence: Int = 0) async throws -> LineStream<JobEventInfo> {
        let call = Call(.GET, "jobs", id, "events").with { $0.query = [("after", "\(sequence)")] }
        return try await lines(call)
    }

    /// Asks a job to end.
    package func cancelJob(_ id: String) async throws -> JobInfo { try await send(Call(.POST, "jobs", id, "cancel")) }

    /// Follows a job to its end.
    package func follow(_ job: JobInfo, onEvent: (JobEventInfo) -> Void) async throws -> JobInfo {
        for try await event in try await jobEvents(job.id) { onEvent(event) }
        return try await self.job(job.id)
    }

    /// Submits a change, reports its progress, and gives its result or throws its failure.
    func perform<Result: Decodable>(
        _ call: Call, as type: Result.Type = Result.self, onEvent: ((JobEventInfo) -> Void)?
    ) async throws -> Result {
        guard let onEvent else { return try await send(call.with { $0.wait = true }) }
        let job = try await follow(try await send(call, as: JobInfo.self), onEvent: onEvent)
        return try Self.result(of: job)
    }

    /// The result of a finished job.
    package static func result<Result: Decodable>(of job: JobInfo, as type: Result.Type = Result.self) throws -> Result
    {
        if let error = job.error {
            throw JobFailed(error, job: job.id)
        }
        switch job.state {
        case .succeeded: return try WireJSON.decode(type, from: (job.result ?? "{}").utf8)
        case .queued, .running, .failed, .cancelled, .interrupted:
            throw ClientError(
                code: .jobFailed,
                message: "job `\(job.id)` (\(job.kind) of `\(job.target)`) ended as \(job.state.rawValue)")
        }
    }
}

/// The failure of a job, as its record tells it.
package struct JobFailed: MartletError {
    package let kind: ErrorKind
    package let stableCode: String?
    package let message: String
    package let hint: String?

    /// The failure in the record of the job.
    package init(_ failure: JobFailureInfo, job: String) {
        kind = ErrorKind(rawValue: failure.kind) ?? .internalError
        stableCode = failure.code
        message = failure.message
        hint = failure.hint
    }
}
