import FoundationEssentials
import OCI
import Testing

@Suite("Runtime configuration")
struct RuntimeSpecTests {
    @Test("what is absent is left out")
    func absentIsLeftOut() throws {
        var spec = RuntimeSpec(process: RuntimeProcess(args: ["/bin/true"]), root: RuntimeRoot(path: "rootfs"))
        spec.linux = RuntimeLinux()
        spec.linux?.namespaces = [RuntimeNamespace(.pid), RuntimeNamespace(.network, path: "/run/netns/a")]
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]

        let text = String(decoding: try encoder.encode(spec), as: UTF8.self)

        #expect(
            text == #"{"linux":{"namespaces":[{"type":"pid"},{"path":"/run/netns/a","type":"network"}]},"#
                + #""ociVersion":"1.0.2","process":{"args":["/bin/true"],"cwd":"/","user":{"gid":0,"uid":0}},"#
                + #""root":{"path":"rootfs"}}"#)
    }

    @Test("a configuration written by another tool is read, unknown fields ignored")
    func readsForeign() throws {
        let text = #"""
            {"ociVersion":"1.1.0","future":{"x":1},"hostname":"h",
             "process":{"terminal":false,"user":{"uid":1,"gid":2,"additionalGids":[3]},"args":["a"],"cwd":"/w",
              "rlimits":[{"type":"RLIMIT_NOFILE","hard":18446744073709551615,"soft":1024}],
              "capabilities":{"bounding":["CAP_KILL"]}},
             "mounts":[{"destination":"/proc","type":"proc","source":"proc"}],
             "linux":{"resources":{"memory":{"limit":33554432,"disableOOMKiller":true},"pids":{"limit":10},
               "devices":[{"allow":false,"access":"rwm"}]},"intelRdt":{},
              "seccomp":{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["clone"],"action":"SCMP_ACT_ALLOW",
               "args":[{"index":0,"value":2114060288,"op":"SCMP_CMP_MASKED_EQ"}]}]}}}
            """#

        let spec = try JSONDecoder().decode(RuntimeSpec.self, from: Data(text.utf8))

        #expect(spec.process?.user.additionalGids == [3])
        #expect(spec.process?.rlimits?.first?.hard == .max)
        #expect(spec.linux?.resources?.memory?.disableOOMKiller == true)
        #expect(spec.linux?.seccomp?.syscalls?.first?.args?.first?.value == 2_114_060_288)
    }
}
