/// The Starlark files of one version of an app; read whole, never changed.
struct AppFiles: Sendable, Hashable {
    /// Texts by path relative to the source's root; only `.star` files.
    let programs: [String: String]
    /// Files of `static_root/`, by their paths below it.
    var rootFiles: [String] = []
    /// Whether there is a folder `static/`.
    var hasStaticFiles = false

    subscript(path: String) -> String? { programs[path] }
}
