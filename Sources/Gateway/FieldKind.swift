/// What the gateway does with a header field, decided by its name alone.
enum FieldKind: UInt8 {
    /// Passed as it is.
    case ordinary
    case host, connection, contentLength, transferEncoding, upgrade, expect, te
    /// Dropped everywhere: Keep-Alive, Proxy-Connection, Proxy-Authorization and the like.
    case hopByHop
    /// Dropped from requests: names under which only the gateway may speak.
    case spoofable
    case forwardedFor, forwardedProto
    case origin, secFetchSite, accessControlRequestMethod
    case location, contentTypeOptions, frameOptions, referrerPolicy
    case userAgent, referer

    /// The kind of a field name in any case.
    @inline(__always)
    init(name: Bytes) {
        self = .ordinary
        switch name.count {
        case 2: if name.equalsIgnoringCase("te") { self = .te }
        case 4: if name.equalsIgnoringCase("host") { self = .host }
        case 6:
            switch ByteClass.lowercase(name[0]) {
            case UInt8(ascii: "e"): if name.equalsIgnoringCase("expect") { self = .expect }
            case UInt8(ascii: "o"): if name.equalsIgnoringCase("origin") { self = .origin }
            default: break
            }
        case 7:
            switch ByteClass.lowercase(name[0]) {
            case UInt8(ascii: "u"): if name.equalsIgnoringCase("upgrade") { self = .upgrade }
            case UInt8(ascii: "r"): if name.equalsIgnoringCase("referer") { self = .referer }
            default: break
            }
        case 8: if name.equalsIgnoringCase("location") { self = .location }
        case 9:
            switch ByteClass.lowercase(name[0]) {
            case UInt8(ascii: "x"): if name.equalsIgnoringCase("x-real-ip") { self = .spoofable }
            case UInt8(ascii: "f"): if name.equalsIgnoringCase("forwarded") { self = .spoofable }
            default: break
            }
        case 10:
            switch ByteClass.lowercase(name[0]) {
            case UInt8(ascii: "c"): if name.equalsIgnoringCase("connection") { self = .connection }
            case UInt8(ascii: "k"): if name.equalsIgnoringCase("keep-alive") { self = .hopByHop }
            case UInt8(ascii: "u"): if name.equalsIgnoringCase("user-agent") { self = .userAgent }
            default: break
            }
        default: self = Self.long(name)
        }
    }

    /// Names of eleven bytes and more.
    private static func long(_ name: Bytes) -> FieldKind {
        switch ByteClass.lowercase(name[0]) {
        case UInt8(ascii: "c"):
            return name.equalsIgnoringCase("content-length") ? .contentLength : .ordinary
        case UInt8(ascii: "t"):
            return name.equalsIgnoringCase("transfer-encoding") ? .transferEncoding : .ordinary
        case UInt8(ascii: "p"):
            return name.equalsIgnoringCase("proxy-connection") || name.equalsIgnoringCase("proxy-authorization")
                || name.equalsIgnoringCase("proxy-authenticate") ? .hopByHop : .ordinary
        case UInt8(ascii: "h"):
            return name.equalsIgnoringCase("http2-settings") ? .hopByHop : .ordinary
        case UInt8(ascii: "s"):
            return name.equalsIgnoringCase("sec-fetch-site") ? .secFetchSite : .ordinary
        case UInt8(ascii: "r"):
            return name.equalsIgnoringCase("referrer-policy") ? .referrerPolicy : .ordinary
        case UInt8(ascii: "a"):
            return name.equalsIgnoringCase("access-control-request-method") ? .accessControlRequestMethod : .ordinary
        case UInt8(ascii: "x"):
            return extended(name)
        default:
            return .ordinary
        }
    }

    /// Names of eleven bytes and more that begin with "x".
    private static func extended(_ name: Bytes) -> FieldKind {
        if name.equalsIgnoringCase("x-forwarded-for") { return .forwardedFor }
        if name.equalsIgnoringCase("x-forwarded-proto") { return .forwardedProto }
        if name.hasPrefixIgnoringCase("x-forwarded-") { return .spoofable }
        if name.hasPrefixIgnoringCase("x-openrun-") || name.hasPrefixIgnoringCase("x-martlet-") { return .spoofable }
        if name.equalsIgnoringCase("x-content-type-options") { return .contentTypeOptions }
        if name.equalsIgnoringCase("x-frame-options") { return .frameOptions }
        return .ordinary
    }
}

/// One parsed field line of a head.
struct HeadField {
    /// From the name's first byte to after the line's LF.
    var line: ByteRange
    var name: ByteRange
    /// Without white space around it.
    var value: ByteRange
    var kind: FieldKind
}
