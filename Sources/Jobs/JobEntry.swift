internal import Core

/// One unfinished job. Belongs to the coordinator that made it and is touched nowhere else.
final class JobEntry {
    enum End { case asked, shutdown }
    typealias Work = @Sendable (JobContext) async throws -> String

    var record: JobRecord
    let key: JobKey?
    let work: Work
    let journal: JobJournal
    let lineage: JobLineage
    /// Whether it runs inside the turn of an ancestor with the same target.
    let isInside: Bool
    var isStored = false
    var unstoredAliases: [JobID] = []
    var aliases: [JobID] = []
    var task: Task<Void, Never>?
    /// Why it is to end early.
    var end: End?
    var waiters: [UInt64: CheckedContinuation<JobRecord, any Error>] = [:]
    /// How many of its own waits for other jobs are under way.
    var waits = 0

    init(record: JobRecord, key: JobKey?, lineage: JobLineage, journal: JobJournal, work: @escaping Work) {
        self.record = record
        self.key = key
        self.lineage = lineage
        self.isInside = lineage.targets.contains(record.target)
        self.journal = journal
        self.work = work
    }
}

/// What makes two requests equal.
struct JobKey: Hashable {
    let kind: JobKind
    let target: String
    let fingerprint: String

    /// Nil when the request joins nothing by content.
    init?(_ request: JobRequest) {
        guard let fingerprint = request.fingerprint else { return nil }
        self.kind = request.kind
        self.target = request.target
        self.fingerprint = fingerprint
    }
}
