/// Names in a development app's source whose changes mean nothing: other programs' stores, caches and temporary files.
enum IgnoredNames {
    private static let names: Set<String> = [
        ".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__", ".mypy_cache", ".pytest_cache",
        ".ruff_cache", ".tox", "target", "dist", ".build", ".gradle", ".idea", ".vscode", ".DS_Store", ".cache", "4913",
    ]
    private static let endings = [
        "~", ".swp", ".swo", ".swx", ".tmp", ".pyc", ".log", ".pid", ".sqlite", ".sqlite3", ".db", "-journal", "-wal",
        "-shm", "___jb_tmp___", "___jb_old___",
    ]

    /// Whether changes of entries of this name are passed over.
    static func contains(_ name: String) -> Bool {
        if names.contains(name) || name.hasPrefix(".#") || name.hasPrefix(".goutputstream-") { return true }
        if name.hasPrefix("#"), name.hasSuffix("#"), name.utf8.count > 1 { return true }
        return endings.contains { name.hasSuffix($0) && name.utf8.count > $0.utf8.count }
    }
}
