import Core
import Engines
import FoundationEssentials
import Glibc
import OCI
import Testing

@testable import NativeEngine

@Suite("bundles")
struct BundleTests {
    private let accounts = AccountFiles(
        passwd: "root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1001::/srv:\n50:x:2000:2000::/odd:\n",
        group: "root:x:0:\nweb:x:1001:\nstaff:x:50:web,other\nbroken\n")

    @Test(
        "users are found by name and number",
        arguments: [
            ("", 0, 0, "/root"), ("root", 0, 0, "/root"), ("web", 1000, 1001, "/srv"), ("1000", 1000, 1001, "/srv"),
            ("1000:staff", 1000, 50, "/srv"), ("77", 77, 0, nil), ("77:78", 77, 78, nil), ("50", 2000, 2000, "/odd"),
        ] as [(String, UInt32, UInt32, String?)])
    func accounts(text: String, uid: UInt32, gid: UInt32, home: String?) throws {
        let account = try accounts.account(text)
        #expect(account.user.uid == uid)
        #expect(account.user.gid == gid)
        #expect(account.home == home)
    }

    @Test("further groups come from the group file unless a group is named")
    func groups() throws {
        #expect(try accounts.account("web").user.additionalGids == [50])
        #expect(try accounts.account("web:web").user.additionalGids == nil)
    }

    @Test("unknown names are refused", arguments: ["nobody", "web:nobody", "-1", "4294967296"])
    func unknown(text: String) {
        #expect(throws: EngineError.self) { _ = try accounts.account(text) }
    }

    @Test("capabilities never exceed what the host has")
    func capabilities() throws {
        let available: Set = ["CAP_CHOWN", "CAP_KILL", "CAP_SYS_ADMIN"]
        var security = SecurityOptions()
        #expect(try CapabilitySet.resolve(security, available: available) == ["CAP_CHOWN", "CAP_KILL"])
        security.addedCapabilities = ["ALL"]
        security.droppedCapabilities = ["kill"]
        #expect(try CapabilitySet.resolve(security, available: available) == ["CAP_CHOWN", "CAP_SYS_ADMIN"])
        security.addedCapabilities = ["SYS_TIME"]
        #expect(throws: EngineError.self) { _ = try CapabilitySet.resolve(security, available: available) }
    }

    @Test("the filter of system calls opens with the capabilities")
    func seccomp() {
        let plain = SeccompProfile.make(capabilities: [])
        let admin = SeccompProfile.make(capabilities: ["CAP_SYS_ADMIN"])
        let allowed = { (name: String, profile: [String]) in profile.contains(name) }
        let names = plain.syscalls?.first?.names ?? []
        let adminNames = admin.syscalls?.first?.names ?? []

        #expect(plain.defaultAction == "SCMP_ACT_ERRNO")
        for name in ["read", "openat", "futex", "epoll_wait", "execve"] { #expect(allowed(name, names), "\(name)") }
        for name in [
            "mount", "unshare", "setns", "kexec_load", "bpf", "reboot", "init_module", "keyctl", "add_key",
            "io_uring_setup", "userfaultfd", "clone3",
        ] {
            #expect(!allowed(name, names), "\(name)")
        }
        for name in ["mount", "unshare", "clone3"] { #expect(allowed(name, adminNames), "\(name)") }
        #expect(Set(names).count == names.count)
    }

    @Test(
        "versions are found in what programs say",
        arguments: [
            ("crun version 1.8.1\ncommit: f8", "1.8.1"), ("runc version 1.1.5+ds1\ncommit: 1", "1.1.5"),
            ("conmon version 2.1.6\n", "2.1.6"), ("buildah version 1.28.2 (image-spec 1.1.0-rc2)", "1.28.2"),
            ("x 2.0\n", "2.0.0"),
        ])
    func versions(text: String, version: String) {
        #expect(ProgramVersion(firstIn: text)?.description == version)
    }

    @Test("the runtime's reasons are told without its decoration")
    func messages() throws {
        let id = try #require(ContainerID(rawValue: "c"))
        let crun = RuntimeMessage.startFailure(
            id, "executable file `x` not found in $PATH: No such file or directory\n")
        let runc = RuntimeMessage.startFailure(
            id,
            "time=\"2026\" level=error msg=\"runc create failed: exec: \\\"x\\\": executable file not found in $PATH\"\n"
        )

        for error in [crun, runc] {
            #expect(error.code == .startFailed)
            #expect(error.message.contains("its program is not in the image"))
        }
        #expect(runc.message.contains("exec: \"x\": executable file not found"))
        #expect(!runc.message.contains("level=error"))
    }
}

@Suite("log files")
struct LogFileTests {
    private func log(_ lines: [String]) throws -> String {
        let path = "/tmp/mt-log-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
        try lines.map { $0 + "\n" }.joined().write(toFile: path, atomically: false, encoding: .utf8)
        return path
    }

    private func read(_ path: String, _ options: LogOptions = LogOptions()) async throws -> [String] {
        var texts: [String] = []
        for try await entry in LogFile(generations: LogGenerations(path: path, count: 3)).entries(
            options, isAlive: { false })
        {
            texts.append("\(entry.stream == .standardError ? "!" : "")\(entry.text)")
        }
        return texts
    }

    private func line(_ second: Int, _ text: String, _ stream: String = "stdout", partial: Bool = false) -> String {
        "2026-01-01T00:00:0\(second).000000000+00:00 \(stream) \(partial ? "P" : "F") \(text)"
    }

    @Test("pieces of a line are joined per stream, tails count whole lines")
    func partials() async throws {
        let path = try log([
            line(1, "one"), line(2, "a", partial: true), line(2, "E", "stderr", partial: true),
            line(3, "b", partial: true),
            line(3, "R", "stderr"), line(4, "c"), line(5, ""), line(6, "two  words "),
        ])
        defer { try? FileManager.default.removeItem(atPath: path) }

        #expect(try await read(path) == ["one", "!ER", "abc", "", "two  words "])
        #expect(try await read(path, LogOptions(tail: 2)) == ["", "two  words "])
        #expect(try await read(path, LogOptions(tail: 0)) == [])
        #expect(try await read(path, LogOptions(tail: 50)) == ["one", "!ER", "abc", "", "two  words "])
    }

    @Test("since leaves out what is older")
    func since() async throws {
        let path = try log((1...5).map { line($0, "\($0)") })
        defer { try? FileManager.default.removeItem(atPath: path) }

        #expect(try await read(path, LogOptions(since: 1_767_225_603_000)) == ["3", "4", "5"])
    }

    @Test("tails of logs larger than one piece", arguments: [1, 2, 100, 4999, 5000, 6000])
    func longTail(count: Int) async throws {
        let all = (0..<5000).map { "entry \($0) " + String(repeating: "x", count: $0 % 60) }
        let path = try log(all.map { line(1, $0) })
        defer { try? FileManager.default.removeItem(atPath: path) }

        #expect(try await read(path, LogOptions(tail: count)) == Array(all.suffix(count)))
    }

    @Test("a replaced file goes on among the older ones, whatever a crash left, and tails reach into them")
    func generations() async throws {
        let path = try log([line(1, "a"), line(1, "b")])
        let files = LogGenerations(path: path, count: 3)
        defer { for file in files.files() { try? FileManager.default.removeItem(atPath: file.path) } }

        for text in ["c", "d", "e"] {
            try files.update()
            try "\(line(2, text))\n\(line(2, text + text))\n".write(
                toFile: path + ".tmp", atomically: false, encoding: .utf8)
            _ = Glibc.rename(path + ".tmp", path)
            // Seen also before the next update: by its second name.
            #expect(try await read(path, LogOptions(tail: 3)).last == text + text)
        }
        try files.update()
        try files.update()
        #expect(try await read(path) == ["c", "cc", "d", "dd", "e", "ee"])
        #expect(try await read(path, LogOptions(tail: 3)) == ["dd", "e", "ee"])
        try files.prepare(limit: ByteCount(1))
        #expect(try await read(path) == ["d", "dd", "e", "ee"])
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("a missing log is empty, a damaged line is left out")
    func damaged() async throws {
        #expect(try await read("/tmp/no-such-log") == [])
        let path = try log(["cut in the middle", line(1, "whole")])
        defer { try? FileManager.default.removeItem(atPath: path) }

        #expect(try await read(path) == ["whole"])
    }
}
