internal import Core

/// The jobs inside whose work the current task runs, outermost first.
///
/// A job may run further jobs and wait for them. While it waits it lends its place to others, so that waiting parents
/// never use up all places; and a further job for a target of an ancestor runs inside the ancestor's turn instead of
/// waiting for it for ever.
struct JobLineage: Sendable {
    @TaskLocal static var current = JobLineage()

    var ids: [JobID] = []
    var targets: Set<String> = []

    func adding(_ id: JobID, target: String) -> JobLineage {
        JobLineage(ids: ids + [id], targets: targets.union([target]))
    }
}
