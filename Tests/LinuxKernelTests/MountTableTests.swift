import LinuxKernel
import Testing

@Suite("Table of mounts")
struct MountTableTests {
    static let text = """
        23 28 0:21 / /proc rw,nosuid shared:5 - proc proc rw
        28 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
        40 28 0:40 / /srv/a\\040b ro,relatime master:3 propagate_from:2 - overlay overlay rw,lowerdir=/x:/y,upperdir=/u\\054x\\075
        41 40 0:41 / /srv/a\\040b/deep rw - tmpfs  rw
        42 28 0:42 / /srv/a\\040bc rw - tmpfs tmpfs rw
        not a mount

        """

    @Test("optional fields, escapes and options are read")
    func parses() throws {
        let table = MountTable(parsing: Array(Self.text.utf8))

        #expect(table.entries.map(\.id) == [23, 28, 40, 41, 42])
        let overlay = try #require(table.mount(at: "/srv/a b"))
        #expect(overlay.isReadOnly)
        #expect(overlay.fileSystem == "overlay")
        #expect(overlay.superOptions == ["rw", "lowerdir=/x:/y", "upperdir=/u,x="])
    }

    @Test("only the lines that hold a word are read when one is given")
    func holding() {
        #expect(MountTable(parsing: Array(Self.text.utf8), holding: "/srv/a").entries.map(\.id) == [40, 41, 42])
        #expect(MountTable(parsing: Array(Self.text.utf8), holding: "absent").entries.isEmpty)
    }

    @Test("beneath means whole path components")
    func beneath() {
        let table = MountTable(parsing: Array(Self.text.utf8))

        #expect(table.beneath("/srv/a b").map(\.id) == [40, 41])
        #expect(table.beneath("/").count == 5)
    }

    @Test("the own table has a root")
    func own() throws { #expect(try MountTable.read().entries.isEmpty == false) }
}
