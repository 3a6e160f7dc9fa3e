/// The answer when no route matches.
enum NotFound {
    /// A page for browsers, JSON for programs that ask for it, text for others; all name host and path.
    static func response(to head: GatewayRequestHead) -> GatewayResponse {
        let accept = head.header("accept") ?? ""
        let path = String(head.path)
        let message = "APP-NOTFOUND: no app matches host `\(head.host)` and path `\(path)`"
        if accept.contains("text/html") {
            return .html(
                404,
                """
                <!doctype html><html lang="en"><meta charset="utf-8"><title>Not found</title>
                <body style="font-family:system-ui;margin:4em auto;max-width:40em"><h1>Nothing here</h1>
                <p>APP-NOTFOUND: no app matches host <code>\(escaped(head.host))</code> and path \
                <code>\(escaped(path))</code>.</p></body></html>

                """)
        }
        if accept.contains("json") {
            let body = """
                {"type":"about:blank","title":"Not Found","status":404,"code":"APP-NOTFOUND",\
                "detail":\(quoted(message)),"host":\(quoted(head.host)),"path":\(quoted(path))}

                """
            return GatewayResponse(
                status: 404, headers: [GatewayHeader("Content-Type", "application/problem+json")],
                body: .bytes(Array(body.utf8)))
        }
        return .text(404, message)
    }

    static func escaped(_ text: String) -> String {
        var out = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            default: out.unicodeScalars.append(character)
            }
        }
        return out
    }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for character in text.unicodeScalars {
            switch character {
            case "\"", "\\": out += "\\\(character)"
            case "\u{0}"..."\u{1F}": out += " "
            default: out.unicodeScalars.append(character)
            }
        }
        return out + "\""
    }
}

/// Reason phrases of the statuses in use.
enum ReasonPhrase {
    static func of(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 206: "Partial Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: "Status"
        }
    }

    /// Whether a responder may set this field; framing is the gateway's own.
    static func isAllowed(_ name: String) -> Bool {
        guard !name.isEmpty, name.utf8.allSatisfy({ ByteClass.isToken($0) }) else { return false }
        switch name.lowercased() {
        case "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade": return false
        default: return true
        }
    }
}

extension GatewayHeader {
    /// Asks the client to come back after some seconds.
    package static func retryAfter(_ seconds: Int) -> GatewayHeader { GatewayHeader("Retry-After", "\(seconds)") }
}

extension RoutePolicy {
    /// What the policy adds to an answer of this process.
    func lines(for response: GatewayResponse, origin: String?) -> [UInt8] {
        func has(_ name: String) -> Bool { response.headers.contains { $0.name.lowercased() == name } }
        var lines: [UInt8] = []
        if securityHeaders {
            lines += SecurityHeaders.lines(
                hasTypeOptions: has("x-content-type-options"), hasFrameOptions: has("x-frame-options"),
                hasReferrerPolicy: has("referrer-policy"))
        }
        if let crossOrigin { lines += crossOrigin.responseLines(origin: origin) }
        return lines
    }
}
