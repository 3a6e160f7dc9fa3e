internal import FoundationEssentials
internal import State

/// What is stored of one version besides its source.
struct VersionDetails: Codable, Sendable, Hashable {
    /// Given params as text, secrets as templates.
    var params: [String: String] = [:]
    var containerOptions: [String: String] = [:]
    /// Build arguments given with the app; they win over those in the source.
    var buildArguments: [String: String] = [:]
    /// Volumes given with the app.
    var containerVolumes: [String] = []
    /// Files of the stored source that came from the app spec.
    var specFiles: [String] = []
    /// The display name.
    var name = ""
    /// What the audit found.
    var loads: [String] = []
    var permissions: [Grant] = []
    /// The pinned digest of an `image:` app.
    var imageDigest: String?
    /// Where the app spec's files are that a development app's source may lack.
    var specDirectory: String?
}

/// What is stored of an app besides its address.
struct AppSettings: Codable, Sendable, Hashable {
    var spec: String?
    var approvedLoads: [String] = []
    /// The staging twin of a production app that has one.
    var staging: String?
    /// The production app of a staging twin.
    var production: String?
    /// Whether a staging twin must not write; nil is false.
    var refusesWrites: Bool?
}

/// One version of an app: where its source is and how it is to be run.
struct AppVersion: Sendable, Hashable {
    let appID: String
    let address: AppAddress
    let number: Int
    /// Absolute path of the stored source; of the source itself for a development app.
    let directory: String
    let sourceHash: String
    var details: VersionDetails
    let createdAt: Int64

    /// Whether its source is read from where it is edited.
    var isDevelopment: Bool { AppNames.isDevelopment(appID) }
}

/// The words for the status of a version in the database.
enum VersionStatus: String {
    case live, retired
}

/// The words for the state of an app in the database.
enum AppRecordState: String {
    case active, deleting
}

extension AppVersion {
    /// Reads a record.
    init(_ record: AppVersionRecord, address: AppAddress) throws {
        appID = record.appID
        self.address = address
        number = record.number
        directory = record.sourceDirectory
        sourceHash = record.sourceDigest
        details = try Stored.value(VersionDetails.self, record.specJSON)
        createdAt = record.createdAt
    }

    /// The record.
    func record(_ status: VersionStatus) throws -> AppVersionRecord {
        var record = AppVersionRecord(
            appID: appID, number: number, sourceDirectory: directory, sourceDigest: sourceHash,
            status: status.rawValue, createdAt: createdAt)
        record.specJSON = try Stored.text(details)
        return record
    }
}

extension AppRecord {
    /// The address.
    func address(defaultDomain: String) throws -> AppAddress {
        try AppAddress(
            parsing: host.isEmpty ? path : "\(host):\(path)", defaultDomain: defaultDomain,
            isStaging: AppNames.isStaging(id))
    }
}

/// JSON texts in the database.
enum Stored {
    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func value<T: Decodable>(_ type: T.Type, _ text: String) throws -> T {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }
}
