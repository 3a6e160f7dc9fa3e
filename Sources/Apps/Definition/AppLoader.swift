internal import Starlark

/// Supplies `load` statements: plugins, and the app's own files.
final class AppLoader: ModuleLoader {
    private let files: AppFiles
    private let scope: EvaluationScope
    private let predeclared: [String: Value]
    private let memory: ProgramMemory
    private var loaded: [String: [(String, Value)]] = [:]
    private var loading: [String] = []

    init(files: AppFiles, scope: EvaluationScope, predeclared: [String: Value], memory: ProgramMemory) {
        self.files = files
        self.scope = scope
        self.predeclared = predeclared
        self.memory = memory
    }

    func load(_ name: String, from: String, in evaluation: Evaluation) throws -> [(String, Value)] {
        if name.hasSuffix(".star") { return try loadFile(name, in: evaluation) }
        let plugin = String(name.prefix { $0 != "#" })
        scope.recordLoad(plugin)
        if !scope.isAudit { try scope.check.authorizeLoad(plugin, approvedLoads: scope.approvedLoads) }
        switch plugin {
        case ContainerPlugin.name: return [("container", ContainerPlugin.module)]
        case ProxyPlugin.name: return [("proxy", ProxyPlugin.module)]
        case HTTPPlugin.name: return [("http", HTTPPlugin.module)]
        default:
            throw AppError(
                .permissionLoad, "there is no plugin `\(plugin)`",
                hint: "`container.in`, `proxy.in` and `http.in` exist")
        }
    }

    private func loadFile(_ name: String, in evaluation: Evaluation) throws -> [(String, Value)] {
        if let exports = loaded[name] { return exports }
        if let start = loading.firstIndex(of: name) {
            let cycle = (loading[start...] + [name]).joined(separator: " → ")
            throw AppError(.appEvaluation, "`\(name)`, line 1, column 1: files load each other: \(cycle)")
        }
        guard let text = files[name] else { throw AppError.star(name, "the file is not in the app's source") }
        loading.append(name)
        defer { loading.removeLast() }
        let program = try Program(
            source: text, name: name, dialect: .openRun, predeclared: Set(predeclared.keys))
        let module = try evaluation.run(program, predeclared: predeclared)
        memory.keep(module)
        var exports = module.exports
        let base = name.split(separator: "/").last.map { String($0.dropLast(5)) } ?? name
        if !exports.contains(where: { $0.0 == base }) { exports.append((base, .structure(exports))) }
        loaded[name] = exports
        return exports
    }
}
