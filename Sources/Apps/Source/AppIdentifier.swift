package import OCI

/// Makes the names of apps and of everything made for them.
package enum AppNames {
    /// The prefix of identifiers of production apps.
    package static let prefix = "app_prd_"

    /// `app_prd_` and 27 lower-case characters, sortable by time of creation.
    /// - Parameter now: milliseconds since 1970.
    package static func newIdentifier(now: Int64) -> String {
        let alphabet = Array("0123456789abcdefghijklmnopqrstuvwxyz".utf8)
        var time = [UInt8](repeating: UInt8(ascii: "0"), count: 9)
        var rest = UInt64(max(now, 0))
        for index in time.indices.reversed() {
            time[index] = alphabet[Int(rest % 36)]
            rest /= 36
        }
        let random = (0..<18).map { _ in alphabet[Int.random(in: 0..<36)] }
        return prefix + String(decoding: time + random, as: UTF8.self)
    }

    /// The part of an identifier after its prefix.
    package static func suffix(of id: String) -> String { String(id.dropFirst(prefix.utf8.count)) }

    /// `localhost/cli-<suffix>:<16 hex of the build hash>`: the built image.
    package static func image(app id: String, buildHash: String) -> ImageReference {
        ImageReference(
            registry: "localhost", repository: "cli-\(suffix(of: id))", tag: String(buildHash.prefix(16)), digest: nil)
    }

    /// `clc-<app id>-<16 hex of the version hash>`: the service container.
    package static func container(app id: String, versionHash: String) -> String {
        "clc-\(id)-\(versionHash.prefix(16))"
    }

    /// `clr-<app id>-<8 random characters>`: a container of one `container.run`.
    package static func runContainer(app id: String) -> String {
        let alphabet = Array("0123456789abcdef")
        return "clr-\(id)-" + String((0..<8).map { _ in alphabet[Int.random(in: 0..<16)] })
    }
}
