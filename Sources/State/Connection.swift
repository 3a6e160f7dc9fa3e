internal import GRDB

/// A value in SQL.
enum SQLValue: Sendable, Hashable {
    case null
    case integer(Int64)
    case text(String)

    /// Text, or null.
    init(_ text: String?) { self = text.map(SQLValue.text) ?? .null }
    /// An integer, or null.
    init(_ integer: Int64?) { self = integer.map(SQLValue.integer) ?? .null }
    /// An integer, or null.
    init(_ integer: Int?) { self = integer.map { .integer(Int64($0)) } ?? .null }
}

/// One row of an answer, read by column name.
struct SQLRow {
    fileprivate let row: GRDB.Row

    /// The text in `column`; empty when it is null.
    func text(_ column: String) -> String { row[column] as String? ?? "" }
    /// The text in `column`, or nil.
    func optionalText(_ column: String) -> String? { row[column] }
    /// The integer in `column`; 0 when it is null.
    func integer(_ column: String) -> Int64 { row[column] as Int64? ?? 0 }
    /// The integer in `column`, or nil.
    func optionalInteger(_ column: String) -> Int64? { row[column] }
}

/// A connection inside one transaction. Values are always bound, never spliced into the statement.
struct Connection {
    let database: GRDB.Database

    /// Runs one statement; returns how many rows it changed.
    @discardableResult
    func execute(_ sql: String, _ arguments: SQLValue...) throws -> Int {
        try database.cachedStatement(sql: sql).execute(arguments: Self.bind(arguments))
        return database.changesCount
    }

    /// The rows of one statement.
    func rows(_ sql: String, _ arguments: SQLValue...) throws -> [SQLRow] {
        let statement = try database.cachedStatement(sql: sql)
        return try GRDB.Row.fetchAll(statement, arguments: Self.bind(arguments)).map(SQLRow.init)
    }

    /// Calls `body` with each row of one statement, without keeping them.
    func forEachRow(_ sql: String, _ arguments: SQLValue..., body: (SQLRow) throws -> Void) throws {
        let statement = try database.cachedStatement(sql: sql)
        let cursor = try GRDB.Row.fetchCursor(statement, arguments: Self.bind(arguments))
        while let row = try cursor.next() { try body(SQLRow(row: row)) }
    }

    /// The first row of one statement.
    func row(_ sql: String, _ arguments: SQLValue...) throws -> SQLRow? {
        let statement = try database.cachedStatement(sql: sql)
        return try GRDB.Row.fetchOne(statement, arguments: Self.bind(arguments)).map(SQLRow.init)
    }

    private static func bind(_ values: [SQLValue]) -> StatementArguments {
        StatementArguments(
            values.map { value -> (any DatabaseValueConvertible)? in
                switch value {
                case .null: nil
                case .integer(let integer): integer
                case .text(let text): text
                }
            })
    }
}
