/// One app as it is wanted. Texts named JSON hold shapes that belong to the module which writes them; none may hold a
/// secret in clear.
package struct AppRecord: Sendable, Hashable {
    /// Its identifier.
    package var id: String
    /// The host it answers to; empty for any.
    package var host: String
    /// The path it answers to, beginning with `/`; unique together with the host.
    package var path: String
    /// Its display name.
    package var name: String
    /// Where its source came from.
    package var source: String
    /// Its state, a word of the apps module.
    package var state: String
    /// The number of the version that takes traffic.
    package var currentVersion: Int?
    /// Parameter values: a JSON object.
    package var paramsJSON: String
    /// What it may do: a JSON array.
    package var approvedPermissionsJSON: String
    /// Further settings: a JSON object.
    package var settingsJSON: String
    /// Why it is in this state, for people.
    package var message: String?
    /// Milliseconds since 1970.
    package var createdAt: Int64
    /// Milliseconds since 1970 of the latest change.
    package var updatedAt: Int64

    /// An app without versions.
    package init(
        id: String, host: String, path: String, name: String, source: String, state: String, createdAt: Int64
    ) {
        self.id = id
        self.host = host
        self.path = path
        self.name = name
        self.source = source
        self.state = state
        self.paramsJSON = "{}"
        self.approvedPermissionsJSON = "[]"
        self.settingsJSON = "{}"
        self.createdAt = createdAt
        self.updatedAt = createdAt
    }
}

/// One version of an app.
package struct AppVersionRecord: Sendable, Hashable {
    /// The app.
    package var appID: String
    /// Its number, ascending from 1.
    package var number: Int
    /// Where its stored source is.
    package var sourceDirectory: String
    /// The digest of that source.
    package var sourceDigest: String
    /// What the source declared: a JSON object.
    package var specJSON: String
    /// The container that serves it.
    package var containerID: String?
    /// The image that container runs.
    package var image: String?
    /// Its status, a word of the apps module.
    package var status: String
    /// Why it has this status, for people.
    package var message: String?
    /// Milliseconds since 1970.
    package var createdAt: Int64

    /// A version without container.
    package init(
        appID: String, number: Int, sourceDirectory: String, sourceDigest: String, status: String, createdAt: Int64
    ) {
        self.appID = appID
        self.number = number
        self.sourceDirectory = sourceDirectory
        self.sourceDigest = sourceDigest
        self.specJSON = "{}"
        self.status = status
        self.createdAt = createdAt
    }
}

/// The apps and their versions. Writes survive a power failure.
package struct AppStore: Sendable {
    private let database: Database

    /// The apps in `database`.
    package init(_ database: Database) { self.database = database }

    /// Adds an app, with its first version when given.
    /// - Throws: ``StateError`` `.constraint` when its identifier or its address is taken.
    package func insert(_ app: AppRecord, version: AppVersionRecord? = nil) async throws {
        try await database.write(.powerFailure) { connection in
            try Self.write("INSERT", app, connection)
            if let version { try Self.write("INSERT", version, connection) }
        }
    }

    /// Replaces everything of an app but its versions.
    package func update(_ app: AppRecord) async throws {
        try await database.write(.powerFailure) { try Self.update(app, $0) }
    }

    /// Adds or replaces a version, and replaces the app with it when given, in one transaction.
    package func save(_ version: AppVersionRecord, updating app: AppRecord? = nil) async throws {
        try await database.write(.powerFailure) { connection in
            try Self.write("INSERT OR REPLACE", version, connection)
            if let app { try Self.update(app, connection) }
        }
    }

    /// Removes an app with its versions; unknown ones are ignored.
    package func remove(_ id: String) async throws {
        try await database.write(.powerFailure) { try $0.execute("DELETE FROM apps WHERE id = ?", .text(id)) }
    }

    /// Removes one version; an unknown one is ignored.
    package func removeVersion(_ number: Int, of id: String) async throws {
        try await database.write(.powerFailure) { connection in
            try connection.execute(
                "DELETE FROM app_versions WHERE app_id = ? AND number = ?", .text(id), .integer(Int64(number)))
        }
    }

    /// All apps by host and path.
    package func apps() async throws -> [AppRecord] {
        try await database.read { try $0.rows("SELECT * FROM apps ORDER BY host, path").map(Self.app) }
    }

    /// The app, or nil.
    package func app(_ id: String) async throws -> AppRecord? {
        try await database.read { try $0.row("SELECT * FROM apps WHERE id = ?", .text(id)).map(Self.app) }
    }

    /// The app at an address, or nil.
    package func app(host: String, path: String) async throws -> AppRecord? {
        try await database.read { connection in
            try connection.row("SELECT * FROM apps WHERE host = ? AND path = ?", .text(host), .text(path))
                .map(Self.app)
        }
    }

    /// The versions of an app, newest first.
    package func versions(of id: String) async throws -> [AppVersionRecord] {
        try await database.read { connection in
            try connection.rows("SELECT * FROM app_versions WHERE app_id = ? ORDER BY number DESC", .text(id))
                .map(Self.version)
        }
    }

    // MARK: Rows

    private static func write(_ verb: String, _ app: AppRecord, _ connection: Connection) throws {
        try connection.execute(
            """
            \(verb) INTO apps (id, host, path, name, source, state, current_version, params, approved_permissions,
                settings, message, created_at, updated_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            .text(app.id), .text(app.host), .text(app.path), .text(app.name), .text(app.source), .text(app.state),
            SQLValue(app.currentVersion), .text(app.paramsJSON), .text(app.approvedPermissionsJSON),
            .text(app.settingsJSON), SQLValue(app.message), .integer(app.createdAt), .integer(app.updatedAt))
    }

    private static func update(_ app: AppRecord, _ connection: Connection) throws {
        try connection.execute(
            """
            UPDATE apps SET host = ?, path = ?, name = ?, source = ?, state = ?, current_version = ?, params = ?,
                approved_permissions = ?, settings = ?, message = ?, updated_at = ?
            WHERE id = ?
            """,
            .text(app.host), .text(app.path), .text(app.name), .text(app.source), .text(app.state),
            SQLValue(app.currentVersion), .text(app.paramsJSON), .text(app.approvedPermissionsJSON),
            .text(app.settingsJSON), SQLValue(app.message), .integer(app.updatedAt), .text(app.id))
    }

    private static func write(_ verb: String, _ version: AppVersionRecord, _ connection: Connection) throws {
        try connection.execute(
            """
            \(verb) INTO app_versions (app_id, number, source_directory, source_digest, spec, container_id, image,
                status, message, created_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            .text(version.appID), .integer(Int64(version.number)), .text(version.sourceDirectory),
            .text(version.sourceDigest), .text(version.specJSON), SQLValue(version.containerID),
            SQLValue(version.image), .text(version.status), SQLValue(version.message), .integer(version.createdAt))
    }

    private static func app(_ row: SQLRow) -> AppRecord {
        var app = AppRecord(
            id: row.text("id"), host: row.text("host"), path: row.text("path"), name: row.text("name"),
            source: row.text("source"), state: row.text("state"), createdAt: row.integer("created_at"))
        app.currentVersion = row.optionalInteger("current_version").map { Int($0) }
        app.paramsJSON = row.text("params")
        app.approvedPermissionsJSON = row.text("approved_permissions")
        app.settingsJSON = row.text("settings")
        app.message = row.optionalText("message")
        app.updatedAt = row.integer("updated_at")
        return app
    }

    private static func version(_ row: SQLRow) -> AppVersionRecord {
        var version = AppVersionRecord(
            appID: row.text("app_id"), number: Int(row.integer("number")),
            sourceDirectory: row.text("source_directory"), sourceDigest: row.text("source_digest"),
            status: row.text("status"), createdAt: row.integer("created_at"))
        version.specJSON = row.text("spec")
        version.containerID = row.optionalText("container_id")
        version.image = row.optionalText("image")
        version.message = row.optionalText("message")
        return version
    }
}
