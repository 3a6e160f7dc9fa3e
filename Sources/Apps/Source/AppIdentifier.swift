package import OCI

/// Makes the names of apps and of everything made for them.
package enum AppNames {
    /// The prefix of identifiers of production apps.
    package static let prefix = "app_prd_"

    /// The prefix of identifiers of development apps.
    package static let developmentPrefix = "app_dev_"

    /// Whether an identifier is that of a development app.
    package static func isDevelopment(_ id: String) -> Bool { id.hasPrefix(developmentPrefix) }

    /// The prefix of identifiers of staging twins; what follows is that of the production app.
    package static let stagingPrefix = "app_stg_"

    /// Whether an identifier is that of a staging twin.
    package static func isStaging(_ id: String) -> Bool { id.hasPrefix(stagingPrefix) }

    /// The identifier of a production app's staging twin.
    package static func twin(of id: String) -> String { stagingPrefix + suffix(of: id) }

    /// The identifier of the production app of a staging twin.
    package static func production(of twin: String) -> String { prefix + suffix(of: twin) }

    /// Whether a text looks like an identifier of an app rather than an address.
    package static func isIdentifier(_ text: String) -> Bool {
        text.hasPrefix(prefix) || isDevelopment(text) || isStaging(text)
    }

    /// `app_prd_` and 27 lower-case characters, sortable by time of creation; `app_dev_` for development.
    /// - Parameter now: milliseconds since 1970.
    package static func newIdentifier(now: Int64, development: Bool = false) -> String {
        let alphabet = Array("0123456789abcdefghijklmnopqrstuvwxyz".utf8)
        var time = [UInt8](repeating: UInt8(ascii: "0"), count: 9)
        var rest = UInt64(max(now, 0))
        for index in time.indices.reversed() {
            time[index] = alphabet[Int(rest % 36)]
            rest /= 36
        }
        let random = (0..<18).map { _ in alphabet[Int.random(in: 0..<36)] }
        return (development ? developmentPrefix : prefix) + String(decoding: time + random, as: UTF8.self)
    }

    /// The part of an identifier after its prefix.
    package static func suffix(of id: String) -> String { String(id.dropFirst(prefix.utf8.count)) }

    /// `cli-<suffix>`, or `cli-<app id>` for development: the repository of the images built for an app.
    package static func imageRepository(of id: String) -> String {
        "cli-" + (isDevelopment(id) ? id : suffix(of: id))
    }

    /// `localhost/cli-<suffix>:<16 hex of the build hash>`: the built image.
    package static func image(app id: String, buildHash: String) -> ImageReference {
        ImageReference(
            registry: "localhost", repository: imageRepository(of: id), tag: String(buildHash.prefix(16)), digest: nil)
    }

    /// `localhost/cli-<app id>:<16 hex of the version hash>`: the built image of an app that shares none with its twin.
    package static func ownImage(app id: String, versionHash: String) -> ImageReference {
        ImageReference(
            registry: "localhost", repository: "cli-\(id)", tag: String(versionHash.prefix(16)), digest: nil)
    }

    /// `localhost/cli-<app id>:dev-<12 hex>`, or `localhost/cli-<app id>` in the plain flow: a development image.
    package static func developmentImage(app id: String, hash: String?) -> ImageReference {
        ImageReference(
            registry: "localhost", repository: imageRepository(of: id), tag: hash.map { "dev-\($0)" } ?? "latest",
            digest: nil)
    }

    /// `clc-<app id>-<16 hex of the version hash>`: the service container; that of a development app has no hash.
    package static func container(app id: String, versionHash: String) -> String {
        "clc-\(id)-\(versionHash.prefix(16))"
    }

    /// `clr-<app id>-<8 random characters>`: a container of one `container.run`.
    package static func runContainer(app id: String) -> String {
        let alphabet = Array("0123456789abcdef")
        return "clr-\(id)-" + String((0..<8).map { _ in alphabet[Int.random(in: 0..<16)] })
    }
}
