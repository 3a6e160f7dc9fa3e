package import Core

/// What a job is asked for.
package struct JobRequest: Sendable, Hashable {
    /// The identifier the client chose; a repeat of it joins or returns what is recorded. Nil makes a new one.
    package var id: JobID?
    /// What it does.
    package var kind: JobKind
    /// What it changes: `container/<id>`, `image/<name>`, `app/<id>`. Jobs of one target run one after another.
    package var target: String
    /// What it asks for beyond kind and target, in any stable form; equal requests in flight are one job. Nil never
    /// joins by content.
    package var fingerprint: String?
    /// Who asks, for the audit log.
    package var initiator: String

    /// A request with a new identifier that joins nothing.
    package init(
        id: JobID? = nil, kind: JobKind, target: String, fingerprint: String? = nil, initiator: String
    ) {
        self.id = id
        self.kind = kind
        self.target = target
        self.fingerprint = fingerprint
        self.initiator = initiator
    }
}

/// What the work of a job is handed.
package struct JobContext: Sendable {
    /// The job.
    package let id: JobID
    let journal: JobJournal

    /// Adds to the job's events; never blocks, may be called from any thread.
    package func report(_ event: ProgressEvent) { journal.append(event) }

    /// ``report(_:)`` in the form which engines take.
    package var progress: ProgressSink {
        { [journal] event in journal.append(event) }
    }
}
