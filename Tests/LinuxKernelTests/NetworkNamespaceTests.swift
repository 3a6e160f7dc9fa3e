import FoundationEssentials
import Glibc
import Testing

@testable import LinuxKernel

@Suite("network namespaces", .enabled(if: geteuid() == 0, "needs root"))
struct NetworkNamespaceTests {
    @Test("a namespace lives at its pin, and its socket configures only itself")
    func pinning() throws {
        let path = "/tmp/martlet-namespace-\(UUID().uuidString)"
        let created = try NetworkNamespace.create()
        try created.namespace.pin(at: path)
        defer { try? NetworkNamespace.unpin(path) }  // a second time: nothing to do
        #expect(try NetworkNamespace.isPinned(at: path))

        try created.routes.run(.setUp("lo"), .createBridge("b0", hardwareAddress: [2, 0, 0, 0, 0, 1]))

        let again = try NetworkNamespace(pinnedAt: path).routeSocket()
        let link = try #require(try again.link(named: "b0"))
        #expect(link.type == "bridge")
        #expect(link.isUp)
        #expect(try again.links().count >= 2)
        #expect(try again.link(named: "absent") == nil)
        try NetworkNamespace.unpin(path)
        try NetworkNamespace.unpin(path)
        #expect(try !NetworkNamespace.isPinned(at: path))
        #expect(access(path, F_OK) != 0)
    }

    @Test("requests of one batch are carried out one by one, and failures name the operation")
    func batch() throws {
        let created = try NetworkNamespace.create()
        let subnet = try #require(IPv4Subnet("10.1.0.0/24"))
        try created.routes.run(.createBridge("b0", hardwareAddress: [2, 0, 0, 0, 0, 1]))
        let index = try #require(try created.routes.link(named: "b0")).index

        let codes = try created.routes.perform([
            .deleteLink("absent"), .addAddress(subnet.gateway, in: subnet, interface: index),
            .addAddress(subnet.gateway, in: subnet, interface: index),
        ])

        #expect(codes == [ENODEV, 0, EEXIST])
        #expect(try created.routes.routes().map(\.destination) == [subnet])
        let error = #expect(throws: KernelError.self) { try created.routes.run(.deleteLink("absent")) }
        #expect(error == KernelError(call: "delete link", errorNumber: ENODEV, subject: "absent"))
        try created.routes.run(.deleteLink("absent").tolerating(ENODEV))
    }

    @Test("a plain file or nothing at all is no namespace")
    func absent() {
        #expect(throws: KernelError.self) { _ = try NetworkNamespace(pinnedAt: "/etc/hostname") }
        #expect(throws: KernelError.self) { _ = try NetworkNamespace(pinnedAt: "/tmp/absent/netns") }
    }

    @Test("pins are found in the mount table by kind and directory, and spelled as the directory is")
    func pins() {
        let table = """
            22 27 0:21 / /proc rw,relatime - proc proc rw
            36 27 0:4 net:[4026532281] /run/x/a\\040b/netns rw - nsfs nsfs rw
            37 27 0:4 net:[4026532282] /run/xy/netns rw shared:3 - nsfs nsfs rw
            38 27 0:4 mnt:[4026532283] /run/x/mnt rw - nsfs nsfs rw
            """

        let pins = NetworkNamespace.pins(
            below: "/var/run/x", resolved: "/run/x", in: MountTable(parsing: Array(table.utf8)))
        #expect(pins == ["/var/run/x/a b/netns"])
    }
}
