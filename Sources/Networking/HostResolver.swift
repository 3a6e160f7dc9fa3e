internal import LinuxKernel

/// The name servers of the host, for containers when nobody answers at the gateway.
enum HostResolver {
    /// The IPv4 servers a container can reach: those of `/etc/resolv.conf` that are not on loopback.
    static func nameServers() -> [String] {
        // No file: no servers.
        guard let bytes = try? NetworkFiles.read("/etc/resolv.conf") else { return [] }
        return nameServers(in: String(decoding: bytes, as: UTF8.self))
    }

    /// The usable servers in a text of the form of `/etc/resolv.conf`.
    static func nameServers(in text: String) -> [String] {
        text.split(separator: "\n").compactMap { line in
            let words = line.split { $0 == " " || $0 == "\t" }
            guard words.count >= 2, words[0] == "nameserver", let address = IPv4Address(String(words[1])),
                address.bytes[0] != 127
            else { return nil }
            return address.description
        }
    }
}
