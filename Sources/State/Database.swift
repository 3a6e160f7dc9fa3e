internal import Core
internal import GRDB

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// The SQLite database of one instance: write-ahead log, one writer, many readers, forward-only migrations.
///
/// Nothing blocks the cooperative pool: every access runs on a queue of the database. A transaction that has begun is
/// not abandoned when the calling task is cancelled, so that an accepted change is never half recorded.
///
/// Durability: `synchronous = NORMAL`. A killed process loses nothing, which is the promise that matters for running
/// containers; a power failure may lose the last moments before it, never consistency, and costs no `fsync` on the
/// way of a container start. Changes a person would miss after a power failure (apps, their versions) are written
/// with ``Durability/powerFailure``, which makes everything before them durable, too.
///
/// A file that is no database or is damaged is renamed aside (``quarantinedPath``) and a new one begun: what runs is
/// found again through the engine's labels. It is never deleted.
package final class Database: Sendable {
    /// What a write survives.
    package enum Durability: Sendable {
        /// The end of this process at any instant.
        case processKill
        /// The end of the machine, too; costs an `fsync`.
        case powerFailure
    }

    /// Where a damaged predecessor has been put; nil when there was none.
    package let quarantinedPath: String?
    private let writer: any DatabaseWriter

    /// Opens the database, creating it when it is missing, and brings it to the newest version.
    /// - Parameter path: a file in an existing directory, or `:memory:` for a private one that vanishes.
    /// - Throws: ``StateError`` `.newerVersion` when a newer program wrote it, `.cannotOpen` when the file system refuses.
    package convenience init(path: String) throws {
        try self.init(path: path, migrations: Migration.all)
    }

    init(path: String, migrations: [Migration]) throws {
        var quarantined: String?
        do {
            writer = try Self.open(path, migrations)
        } catch let error as DatabaseError where Self.isDamage(error) && path != ":memory:" {
            quarantined = try Self.quarantine(path)
            do { writer = try Self.open(path, migrations) } catch { throw Self.translated(error, path: path) }
        } catch {
            throw Self.translated(error, path: path)
        }
        quarantinedPath = quarantined
    }

    /// Closes all connections; later accesses fail.
    package func close() throws { try writer.close() }

    /// The number of the newest migration that has been applied.
    package func version() async throws -> Int {
        try await read { try Int($0.row("PRAGMA user_version")?.integer("user_version") ?? 0) }
    }

    // MARK: For the stores

    /// Reads in one snapshot.
    func read<T: Sendable>(_ body: @escaping @Sendable (Connection) throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            writer.asyncRead { opened in
                continuation.resume(
                    with: Result { try Self.translating { try body(Connection(database: opened.get())) } })
            }
        }
    }

    /// Writes in one transaction; a thrown error rolls it back.
    @discardableResult
    func write<T: Sendable>(
        _ durability: Durability = .processKill, _ body: @escaping @Sendable (Connection) throws -> T
    ) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            writer.asyncWriteWithoutTransaction { database in
                let result = Result {
                    try Self.translating { try Self.transaction(database, durability, body) }
                }
                continuation.resume(with: result)
            }
        }
    }

    private static func transaction<T>(
        _ database: GRDB.Database, _ durability: Durability, _ body: (Connection) throws -> T
    ) throws -> T {
        if durability == .powerFailure { try database.execute(sql: "PRAGMA synchronous = FULL") }
        defer {
            // A connection that stays at FULL is slower, not wrong.
            if durability == .powerFailure { try? database.execute(sql: "PRAGMA synchronous = NORMAL") }
        }
        var value: T?
        try database.inTransaction(.immediate) {
            value = try body(Connection(database: database))
            return .commit
        }
        guard let value else { throw StateError(code: .failed, message: "a transaction ended without an answer") }
        return value
    }

    // MARK: Opening

    private static func open(_ path: String, _ migrations: [Migration]) throws -> any DatabaseWriter {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = 4
        configuration.label = "martlet.state"
        configuration.prepareDatabase { database in
            if !database.configuration.readonly { try database.execute(sql: "PRAGMA synchronous = NORMAL") }
        }
        if path == ":memory:" {
            let queue = try DatabaseQueue(configuration: configuration)
            try migrate(queue, migrations, path: path)
            return queue
        }
        if access(path, F_OK) == 0 { try examine(path) }
        let pool = try DatabasePool(path: path, configuration: configuration)
        try migrate(pool, migrations, path: path)
        return pool
    }

    /// Looks for damage without changing the file.
    private static func examine(_ path: String) throws {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        defer { try? queue.close() }  // nothing was written, so nothing can be lost
        try queue.read { database in
            let answer = try String.fetchOne(database, sql: "PRAGMA quick_check(1)")
            guard answer == "ok" else {
                throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: answer ?? "no answer from quick_check")
            }
        }
    }

    /// Applies what is missing, each migration in its own transaction together with the new version number.
    private static func migrate(_ writer: any DatabaseWriter, _ migrations: [Migration], path: String) throws {
        let known = migrations.last?.number ?? 0
        try writer.writeWithoutTransaction { database in
            let found = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
            guard found <= known else { throw StateError.newerVersion(path, found: found, known: known) }
            for migration in migrations where migration.number > found {
                try database.inTransaction(.immediate) {
                    for statement in migration.statements { try database.execute(sql: statement) }
                    try database.execute(sql: "PRAGMA user_version = \(migration.number)")
                    return .commit
                }
            }
        }
    }

    private static func isDamage(_ error: DatabaseError) -> Bool {
        error.resultCode == .SQLITE_CORRUPT || error.resultCode == .SQLITE_NOTADB
    }

    /// Renames the database and its companions to the first free `….damaged-<n>`.
    private static func quarantine(_ path: String) throws -> String {
        var number = 1
        while access("\(path).damaged-\(number)", F_OK) == 0 { number += 1 }
        let target = "\(path).damaged-\(number)"
        for suffix in ["-wal", "-shm", ""] where access(path + suffix, F_OK) == 0 {
            guard rename(path + suffix, target + suffix) == 0 else {
                throw StateError(
                    code: .cannotOpen,
                    message: "damaged database `\(path)` cannot be renamed: \(String(cString: strerror(errno)))")
            }
        }
        return target
    }

    // MARK: Errors

    private static func translating<T>(_ body: () throws -> T) throws -> T {
        do { return try body() } catch let error as DatabaseError {
            let code: StateError.Code = error.resultCode == .SQLITE_CONSTRAINT ? .constraint : .failed
            throw StateError(code: code, message: "the database refused a change", cause: SQLiteFailure(error))
        }
    }

    private static func translated(_ error: any Error, path: String) -> any Error {
        switch error {
        case let error as StateError: error
        case let error as DatabaseError: StateError.cannotOpen(path, cause: SQLiteFailure(error))
        default: StateError.cannotOpen(path, cause: error)
        }
    }
}

/// What SQLite said, without the values of the statement.
struct SQLiteFailure: Error, CustomStringConvertible {
    let description: String

    init(_ error: DatabaseError) {
        description = "\(error.message ?? "no message") (SQLite \(error.extendedResultCode.rawValue))"
    }
}
