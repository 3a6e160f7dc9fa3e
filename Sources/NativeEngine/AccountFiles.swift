internal import Core
internal import Engines
internal import LinuxKernel
internal import OCI

/// Users and groups of an image, from its own files. Source: passwd(5), group(5); the forms of a user are Docker's.
struct AccountFiles {
    private let passwd: [[Substring]]
    private let group: [[Substring]]

    /// Reads the files beneath `root`; missing ones are empty.
    init(root: DirectoryHandle) {
        passwd = Self.rows(root, "etc/passwd")
        group = Self.rows(root, "etc/group")
    }

    init(passwd: String, group: String) {
        self.passwd = Self.rows(passwd)
        self.group = Self.rows(group)
    }

    /// A user with its home directory.
    struct Account: Equatable {
        var user: RuntimeUser
        var home: String?
    }

    /// Finds `name`, `uid`, `user:group`; the empty text is root.
    func account(_ text: String) throws -> Account {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let userText = parts.first.map(String.init) ?? ""
        let wanted = userText.isEmpty ? "0" : userText
        let row = passwd.first { $0[0] == wanted } ?? passwd.first { $0.count > 2 && $0[2] == wanted }
        guard let uid = row.flatMap({ $0.count > 2 ? UInt32($0[2]) : nil }) ?? UInt32(wanted) else {
            throw EngineError(
                .startFailed, "user `\(wanted)` is not in the image's /etc/passwd",
                hint: "use a number, or a user the image knows")
        }
        var user = RuntimeUser(uid: uid, gid: row.flatMap { $0.count > 3 ? UInt32($0[3]) : nil } ?? 0)
        if parts.count > 1, !parts[1].isEmpty {
            user.gid = try groupID(String(parts[1]))
        } else if let name = row?[0] {
            let members = group.filter { $0.count > 3 && $0[3].split(separator: ",").contains(name) }
            let extra = members.compactMap { UInt32($0[2]) }.filter { $0 != user.gid }
            if !extra.isEmpty { user.additionalGids = extra }
        }
        return Account(user: user, home: row.flatMap { $0.count > 5 && !$0[5].isEmpty ? String($0[5]) : nil })
    }

    private func groupID(_ text: String) throws -> UInt32 {
        if let row = group.first(where: { $0[0] == text }), row.count > 2, let gid = UInt32(row[2]) { return gid }
        guard let gid = UInt32(text) else {
            throw EngineError(
                .startFailed, "group `\(text)` is not in the image's /etc/group",
                hint: "use a number, or a group the image knows")
        }
        return gid
    }

    private static func rows(_ root: DirectoryHandle, _ path: String) -> [[Substring]] {
        guard let bytes = try? root.contents(path, limit: 1 << 20) else { return [] }  // an image may have none
        return rows(String(decoding: bytes, as: UTF8.self))
    }

    private static func rows(_ text: String) -> [[Substring]] {
        text.split(separator: "\n").map { $0.split(separator: ":", omittingEmptySubsequences: false) }
    }
}
