internal import Core
internal import Hummingbird
internal import Jobs
internal import Wire

/// Changes under way and their records.
struct JobRoutes: Sendable {
    let services: APIServices

    var routes: [APIRoute] {
        [
            APIRoute(
                .get, "/jobs", "listJobs", "The latest jobs, newest first.", query: [.limit],
                answers: [.json(200, ListPage<JobInfo>.self, "The jobs.")]
            ) { request in
                let limit = try request.number("limit", in: 1...APILimits.page) ?? 100
                return try .json(ListPage(items: try await services.jobs.jobs(limit: limit).map(JobInfo.init)))
            },
            APIRoute(
                .get, "/jobs/{job}", "getJob", "One job by identifier or unique prefix.",
                answers: [.json(200, JobInfo.self, "The job.")]
            ) { request in try .json(JobInfo(try await job(request))) },
            APIRoute(
                .get, "/jobs/{job}/events", "followJob", "The progress of a job until it ends.",
                query: [.init(name: "after", kind: .number, summary: "Only events with a greater number.")],
                answers: [.lines(JobEventInfo.self, "One line per event.")]
            ) { request in
                let after = try request.number("after", in: 0...Int.max) ?? 0
                let events = try await services.jobs.events(of: try await job(request).id, after: after)
                return .lines(request, events.map(JobEventInfo.init))
            },
            APIRoute(
                .post, "/jobs/{job}/cancel", "cancelJob", "Ask a job to end.",
                answers: [.json(200, JobInfo.self, "The job, which may need a moment to end.")]
            ) { request in
                let id = try await job(request).id
                try await services.jobs.cancel(id)
                return try .json(JobInfo(try await job(request)))
            },
        ]
    }

    private func job(_ request: APIRequest) async throws -> JobRecord {
        let text = request.parameter("job")
        if let id = JobID(rawValue: text) {
            guard let record = try await services.jobs.job(id) else { throw APIError.jobNotFound(text) }
            return record
        }
        guard text.count >= 4 else { throw APIError.jobNotFound(text) }
        let matches = try await services.jobs.jobs(limit: 2000).filter { $0.id.rawValue.hasPrefix(text.lowercased()) }
        guard let record = matches.first, matches.count == 1 else { throw APIError.jobNotFound(text) }
        return record
    }
}
