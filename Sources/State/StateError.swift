package import Core

/// A failure of the database.
package struct StateError: MartletError {
    /// Exactly what happened.
    package enum Code: String, Sendable {
        case cannotOpen = "database-cannot-open"
        case newerVersion = "database-newer"
        case constraint = "database-constraint"
        case unreadable = "database-record-unreadable"
        case failed = "database-failed"
    }

    package let code: Code
    package let message: String
    package var hint: String?
    package var cause: (any Error)?
    package var stableCode: String? { code.rawValue }

    package var kind: ErrorKind {
        switch code {
        case .cannotOpen: .unavailable
        case .newerVersion: .unsupported
        case .constraint: .alreadyExists
        case .unreadable, .failed: .internalError
        }
    }

    static func cannotOpen(_ path: String, cause: any Error) -> StateError {
        StateError(
            code: .cannotOpen, message: "database `\(path)` cannot be opened",
            hint: "check that the directory exists, belongs to this user and is not full", cause: cause)
    }

    static func newerVersion(_ path: String, found: Int, known: Int) -> StateError {
        StateError(
            code: .newerVersion,
            message: "database `\(path)` has version \(found), this program knows versions up to \(known)",
            hint: "run the newer program again, or point this one at another directory; nothing has been changed")
    }

    static func unreadable(table: String, key: String, cause: any Error) -> StateError {
        StateError(code: .unreadable, message: "record `\(key)` of table `\(table)` cannot be read", cause: cause)
    }
}

/// A record that was left out of an answer because it cannot be read. It stays in the database.
package struct UnreadableRecord: Sendable, Hashable {
    /// Its table.
    package let table: String
    /// Its key.
    package let key: String
    /// What is wrong with it.
    package let reason: String
}
