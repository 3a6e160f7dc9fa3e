/// The Starlark files of one version of an app; read whole, never changed.
struct AppFiles: Sendable, Hashable {
    /// Texts by path relative to the source's root; only `.star` files.
    let programs: [String: String]

    subscript(path: String) -> String? { programs[path] }
}
