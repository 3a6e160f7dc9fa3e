/// The fields a request carries, in the order sent.
struct FormBody: Sendable {
    /// Fields with their texts; uploads appear with their file name.
    private(set) var fields: [(name: String, value: String)] = []
    /// Uploaded files.
    private(set) var uploads: [Upload] = []

    /// An uploaded file.
    struct Upload: Sendable {
        let name: String
        let fileName: String
        let bytes: [UInt8]
    }

    /// The last value of a field.
    subscript(name: String) -> String? { fields.last { $0.name == name }?.value }

    /// Fields of a query string or of a form of type `application/x-www-form-urlencoded`.
    init(query: some Collection<UInt8>) {
        for part in query.split(separator: UInt8(ascii: "&")) {
            let equals = part.firstIndex(of: UInt8(ascii: "="))
            let name = Self.decoded(part[..<(equals ?? part.endIndex)])
            let value = equals.map { Self.decoded(part[part.index(after: $0)...]) } ?? ""
            if !name.isEmpty { fields.append((name, value)) }
        }
    }

    /// The fields of a request's body by its content type; a type that is not understood has none.
    init(request: AppRequest) throws {
        self.init(query: [])
        let type = request.head.header("content-type") ?? ""
        let media = type.prefix { $0 != ";" }.trimmed.lowercased()
        switch media {
        case "", "application/x-www-form-urlencoded": self.init(query: request.body)
        case "application/json": try readJSON(request.body)
        case "multipart/form-data":
            guard let boundary = Self.boundary(type) else { throw AppError(.actionForm, "the form has no boundary") }
            try readMultipart(request.body, boundary: boundary)
        default: throw AppError(.actionForm, "a form of type `\(media.prefix(80))` is not understood")
        }
    }

    /// Fields as a query, names and values percent-encoded.
    static func query(_ fields: [(name: String, value: String)]) -> String {
        fields.map { encoded($0.name) + "=" + encoded($0.value) }.joined(separator: "&")
    }

    private mutating func readJSON(_ body: [UInt8]) throws {
        guard let value = try? JSONValue(parsing: body), case .object(let members) = value else {  // said below
            throw AppError(.actionForm, "the body is not a JSON object")
        }
        fields = members.filter { $0.value != .null }.map { ($0.key, $0.value.plainText) }
    }

    private mutating func readMultipart(_ body: [UInt8], boundary: String) throws {
        let delimiter = Array(("--" + boundary).utf8)
        var parts: [Range<Int>] = []
        var start: Int?
        var at = 0
        while at + delimiter.count <= body.count {
            guard let found = body[at...].firstRange(of: delimiter) else { break }
            if let start { parts.append(start..<max(start, found.lowerBound - 2)) }
            at = found.upperBound
            if body[at...].starts(with: Array("--".utf8)) { break }
            start = at + 2
        }
        let blank = Array("\r\n\r\n".utf8)
        for range in parts where range.upperBound <= body.count {
            guard let head = body[range].firstRange(of: blank) else { continue }
            let header = String(decoding: body[range.lowerBound..<head.lowerBound], as: UTF8.self)
            let content = Array(body[head.upperBound..<range.upperBound])
            guard let name = Self.attribute("name", in: header) else { continue }
            if let fileName = Self.attribute("filename", in: header) {
                uploads.append(Upload(name: name, fileName: fileName, bytes: content))
                fields.append((name, fileName))
            } else {
                fields.append((name, String(decoding: content, as: UTF8.self)))
            }
        }
    }

    private static func boundary(_ type: String) -> String? {
        guard let range = type.range(of: "boundary=") else { return nil }
        let value = type[range.upperBound...].prefix { $0 != ";" }.trimmed
        let bare = value.hasPrefix("\"") ? value.dropFirst().prefix { $0 != "\"" } : value
        return bare.isEmpty || bare.utf8.count > 200 ? nil : String(bare)
    }

    private static func attribute(_ name: String, in header: String) -> String? {
        for part in header.split(whereSeparator: { $0 == ";" || $0 == "\r\n" || $0 == "\n" }) {
            let pair = part.trimmed
            guard pair.lowercased().hasPrefix(name + "=\"") else { continue }
            return String(pair.dropFirst(name.count + 2).prefix { $0 != "\"" })
        }
        return nil
    }

    /// A path, percent-decoded.
    static func decodedPath(_ bytes: some Collection<UInt8>) -> String { decoded(bytes, plusIsBlank: false) }

    /// Percent-decoded, `+` as blank.
    static func decoded(_ bytes: some Collection<UInt8>, plusIsBlank: Bool = true) -> String {
        var out: [UInt8] = []
        var iterator = bytes.makeIterator()
        while let byte = iterator.next() {
            if plusIsBlank, byte == UInt8(ascii: "+") {
                out.append(0x20)
            } else if byte == UInt8(ascii: "%"), let high = iterator.next(), let low = iterator.next() {
                let digits = String(decoding: [high, low], as: UTF8.self)
                if let value = UInt8(digits, radix: 16) { out.append(value) } else { out += [byte, high, low] }
            } else {
                out.append(byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    static func encoded(_ text: String) -> String {
        var out = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                out.unicodeScalars.append(Unicode.Scalar(byte))
            case 0x20: out += "+"
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                out += hex.count == 1 ? "%0" + hex : "%" + hex
            }
        }
        return out
    }
}
