/// One call of a plugin function, its arguments bound to the function's parameters.
package struct PluginCall: Sendable, Hashable {
    /// Such as `container.in`.
    package var plugin: String
    /// Such as `run`.
    package var method: String
    /// The text of each parameter in positional order, defaults included; nil where there is neither value nor default.
    package var arguments: [String?]
    /// What the function itself does.
    package var access: CallAccess
    /// Parameters left to their declared default.
    package var defaulted: Set<Int>

    /// A call.
    package init(
        plugin: String, method: String, arguments: [String?], access: CallAccess, defaulted: Set<Int> = []
    ) {
        self.plugin = plugin
        self.method = method
        self.arguments = arguments
        self.access = access
        self.defaulted = defaulted
    }

    /// How many parameters the caller gave a value.
    var given: Int { arguments.indices.count { arguments[$0] != nil && !defaulted.contains($0) } }
}

/// Judges calls of one app.
///
/// The binding rule is ours: entry i of a grant is compared with parameter i, whether it was passed by position, by
/// keyword, or left to a declared default. Every call the original allows stays allowed; no value escapes its pattern.
package struct CallCheck: Sendable {
    /// What the app's administrator approved.
    package var approved: [Grant]
    /// What the server says.
    package var policy: PermissionPolicy
    /// Whether write calls are refused, as in staging without write access.
    package var refusesWrites = false

    /// A check for an app.
    package init(approved: [Grant], policy: PermissionPolicy, refusesWrites: Bool = false) {
        self.approved = approved
        self.policy = policy
        self.refusesWrites = refusesWrites
    }

    /// The grant that allows the call; its secrets are those the call may use.
    /// - Throws: ``AppError`` `.permissionDenied`, `.permissionWrite`, `.permissionArgument`, `.permissionArgumentCount`,
    ///   `.permissionCall`.
    package func authorize(_ call: PluginCall) throws -> Grant {
        if policy.deny.contains(where: { Self.denies($0, call) }) { throw AppError.denied(call.plugin, call.method) }
        var remembered: AppError?
        for grant in approved + policy.allow where grant.plugin == call.plugin && grant.method == call.method {
            if let mismatch = Self.mismatch(grant, call) {
                // A grant of the app itself tells more than one of the server.
                if remembered == nil || approved.contains(grant) || approved.isEmpty { remembered = mismatch }
                continue
            }
            if refusesWrites, (grant.access ?? call.access) == .write {
                throw AppError(
                    .permissionWrite,
                    "`\(call.plugin)` `\(call.method)` writes, and this stage or preview must not write")
            }
            return grant
        }
        throw remembered ?? AppError.call(call.plugin, call.method)
    }

    /// Whether loading a plugin is allowed.
    package func authorizeLoad(_ plugin: String, approvedLoads: [String]) throws {
        guard approvedLoads.contains(plugin) || policy.allow.contains(where: { $0.plugin == plugin }) else {
            throw AppError.load(plugin)
        }
    }

    private static func denies(_ entry: Grant, _ call: PluginCall) -> Bool {
        guard entry.plugin == call.plugin, entry.method.isEmpty || entry.method == call.method else { return false }
        return entry.arguments.enumerated().allSatisfy { index, pattern in
            guard index < call.arguments.count, let actual = call.arguments[index] else { return false }
            return Pattern.matches(pattern, actual)
        }
    }

    private static func mismatch(_ grant: Grant, _ call: PluginCall) -> AppError? {
        for (index, expected) in grant.arguments.enumerated() {
            guard index < call.arguments.count, let actual = call.arguments[index] else {
                return AppError.argumentCount(
                    call.plugin, call.method, given: call.given, required: grant.arguments.count)
            }
            guard Pattern.matches(expected, actual) else {
                // A default that does not match: the caller should have given a value.
                if call.defaulted.contains(index) {
                    return AppError.argumentCount(
                        call.plugin, call.method, given: call.given, required: grant.arguments.count)
                }
                return AppError.argument(call.plugin, call.method, index: index, actual: actual, expected: expected)
            }
        }
        return nil
    }
}

/// Judges whether what an app asks for needs a person's approval.
package enum ApprovalCheck {
    /// Whether something asked for is neither approved nor granted by the server. Order does not matter.
    package static func needsApproval(
        loads: [String], permissions: [Grant], approvedLoads: [String], approvedPermissions: [Grant],
        policy: PermissionPolicy
    ) -> Bool {
        let loadsAreCovered = loads.allSatisfy { load in
            approvedLoads.contains(load) || policy.allow.contains { $0.plugin == load }
        }
        return !loadsAreCovered
            || !permissions.allSatisfy { wanted in
                approvedPermissions.contains(wanted) || policy.allow.contains { covers($0, wanted) }
            }
    }

    /// Whether a server's entry grants all that `wanted` does.
    ///
    /// Unlike the original, a grant with secrets is covered only by an entry with the same secrets, and one that
    /// declares a write as a read is not covered at all.
    package static func covers(_ entry: Grant, _ wanted: Grant) -> Bool {
        guard entry.plugin == wanted.plugin, entry.method == wanted.method, entry.permit == wanted.permit,
            entry.access == wanted.access, wanted.secrets.allSatisfy(entry.secrets.contains)
        else { return false }
        return entry.arguments.enumerated().allSatisfy { index, pattern in
            guard index < wanted.arguments.count else { return pattern == "regex:.*" }
            return Pattern.matches(pattern, wanted.arguments[index])
        }
    }
}
