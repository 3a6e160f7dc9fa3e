/// `POST /v1/containers/{id}/exec`.
package struct ExecRequest: Codable, Hashable, Sendable {
    /// Program and arguments.
    package var command: [String]
    /// Added to the container's environment.
    package var environment: [String: String]?
    /// The container's when nil.
    package var workingDirectory: String?
    /// The container's when nil.
    package var user: String?
    /// Whether it gets a pseudo-terminal.
    package var terminal: Bool?
    /// Whether standard input is open.
    package var openInput: Bool?
    /// First size of the terminal.
    package var size: SizeSettings?

    /// A process with every default.
    package init(command: [String]) { self.command = command }
}

/// `POST /v1/containers/{id}/attach`; the body may be left out.
package struct AttachRequest: Codable, Hashable, Sendable {
    /// Whether the container is started, after the streams are connected; false by default.
    package var start: Bool?
    /// Size of the terminal.
    package var size: SizeSettings?

    /// A plain attach.
    package init(start: Bool? = nil, size: SizeSettings? = nil) {
        self.start = start
        self.size = size
    }
}

/// The size of a terminal in characters.
package struct SizeSettings: Codable, Hashable, Sendable {
    /// Characters in a row.
    package var columns: UInt16
    /// Rows.
    package var rows: UInt16

    /// A size.
    package init(columns: UInt16, rows: UInt16) {
        self.columns = columns
        self.rows = rows
    }
}

/// A connection to the streams of one process.
package struct SessionInfo: Codable, Hashable, Sendable {
    /// Its identifier, unguessable.
    package var id: String
    /// The container.
    package var container: String
    /// Milliseconds since 1970.
    package var createdAt: Int64

    /// A session.
    package init(id: String, container: String, createdAt: Int64) {
        self.id = id
        self.container = container
        self.createdAt = createdAt
    }
}
