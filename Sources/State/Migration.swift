/// One step of the schema: numbered, forward only, never changed once released. To change the schema, append a
/// migration and a test which runs it on a database of the version before.
struct Migration: Sendable {
    /// Its number, one above its predecessor's.
    let number: Int
    /// Its statements, run in one transaction.
    let statements: [String]

    /// All migrations, in order.
    static let all: [Migration] = [
        Migration(number: 1, statements: jobs + containers + apps)
    ]

    private static let jobs = [
        """
        CREATE TABLE jobs (
            id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 32),
            kind TEXT NOT NULL,
            target TEXT NOT NULL,
            fingerprint TEXT,
            initiator TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('queued','running','succeeded','failed','cancelled','interrupted')),
            created_at INTEGER NOT NULL,
            started_at INTEGER,
            finished_at INTEGER,
            result TEXT,
            error_kind TEXT,
            error_code TEXT,
            error_message TEXT,
            error_hint TEXT,
            last_sequence INTEGER NOT NULL DEFAULT 0,
            CHECK ((finished_at IS NULL) = (state IN ('queued','running'))),
            CHECK ((error_kind IS NULL) = (error_message IS NULL))
        ) STRICT
        """,
        "CREATE INDEX jobs_by_time ON jobs (created_at)",
        "CREATE INDEX jobs_unfinished ON jobs (state) WHERE state IN ('queued','running')",
        """
        CREATE TABLE job_aliases (
            id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 32),
            job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX job_aliases_by_job ON job_aliases (job_id)",
        """
        CREATE TABLE job_events (
            job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
            sequence INTEGER NOT NULL CHECK (sequence > 0),
            time INTEGER NOT NULL,
            event TEXT NOT NULL CHECK (json_valid(event)),
            PRIMARY KEY (job_id, sequence)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE audit (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            time INTEGER NOT NULL,
            initiator TEXT NOT NULL,
            action TEXT NOT NULL,
            target TEXT NOT NULL,
            job_id TEXT,
            outcome TEXT NOT NULL CHECK (outcome IN ('succeeded','failed','cancelled','interrupted','denied')),
            message TEXT
        ) STRICT
        """,
        "CREATE INDEX audit_by_time ON audit (time)",
    ]

    private static let containers = [
        """
        CREATE TABLE containers (
            id TEXT NOT NULL PRIMARY KEY,
            name TEXT UNIQUE,
            owner TEXT NOT NULL,
            spec TEXT NOT NULL CHECK (json_valid(spec)),
            desired TEXT NOT NULL CHECK (desired IN ('stopped','running','deleted')),
            was_started INTEGER NOT NULL DEFAULT 0 CHECK (was_started IN (0, 1)),
            restarts INTEGER NOT NULL DEFAULT 0,
            failed_in_a_row INTEGER NOT NULL DEFAULT 0,
            created_at INTEGER NOT NULL
        ) STRICT
        """,
        "CREATE INDEX containers_by_owner ON containers (owner)",
    ]

    private static let apps = [
        """
        CREATE TABLE apps (
            id TEXT NOT NULL PRIMARY KEY,
            host TEXT NOT NULL DEFAULT '',
            path TEXT NOT NULL CHECK (substr(path, 1, 1) = '/'),
            name TEXT NOT NULL,
            source TEXT NOT NULL,
            state TEXT NOT NULL,
            current_version INTEGER,
            params TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(params)),
            approved_permissions TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(approved_permissions)),
            settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
            message TEXT,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            UNIQUE (host, path)
        ) STRICT
        """,
        """
        CREATE TABLE app_versions (
            app_id TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
            number INTEGER NOT NULL CHECK (number > 0),
            source_directory TEXT NOT NULL,
            source_digest TEXT NOT NULL,
            spec TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(spec)),
            container_id TEXT,
            image TEXT,
            status TEXT NOT NULL,
            message TEXT,
            created_at INTEGER NOT NULL,
            PRIMARY KEY (app_id, number)
        ) STRICT, WITHOUT ROWID
        """,
    ]
}
