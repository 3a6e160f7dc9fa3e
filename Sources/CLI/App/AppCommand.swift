internal import ArgumentParser
internal import Wire

/// `martlet app …`.
struct AppCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "app", abstract: "Serve apps from their source.",
        subcommands: [
            AppCreate.self, AppList.self, AppShow.self, AppApprove.self, AppReload.self, AppPromote.self,
            AppSettings.self, AppStart.self, AppStop.self,
            AppDelete.self, AppLogs.self, AppOpen.self,
        ])

    /// What is said of an app after a change.
    static func lines(_ change: AppChangeInfo, dryRun: Bool = false) -> [String] {
        let verb = dryRun ? "would be" : change.changed ? "is now" : "is unchanged at"
        // Development apps have no versions; their identifiers tell them.
        let version = change.id.hasPrefix("app_dev_") ? "a development app" : "version \(change.version)"
        var lines = ["\(change.address) \(verb) \(version)"]
        lines += change.notices.map { "  note: \($0)" }
        guard change.audit.needsApproval else { return lines }
        lines.append("  it asks for:")
        lines += wishes(change.audit).map { "    \($0)" }
        lines.append("  approve with `martlet app approve \(change.address)`")
        return lines
    }

    /// What is asked for and not approved.
    static func wishes(_ audit: AppAuditInfo) -> [String] {
        let loads = audit.newLoads.filter { !audit.approvedLoads.contains($0) }.map { "load \($0)" }
        let calls = audit.newPermissions.filter { !audit.approvedPermissions.contains($0) }.map { grant in
            let arguments = grant.arguments.map { "`\($0)`" }.joined(separator: ", ")
            let secrets =
                grant.secrets.isEmpty ? "" : ", with secrets \(grant.secrets.joined().joined(separator: ", "))"
            return "call \(grant.plugin).\(grant.method)(\(arguments))\(secrets)"
        }
        return loads + calls
    }
}
