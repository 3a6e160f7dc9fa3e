/// Answers that tell of a failure, in the form the client asked for.
enum ErrorAnswer {
    /// The failure as JSON, as a page, or as text, with its status.
    /// - Parameter script: the address of a script of ours for the page.
    static func response(
        _ error: AppError, for head: AppRequestHead, showsLog: Bool, script: String? = nil
    ) -> AppResponse {
        var response: AppResponse
        if head.wantsJSON {
            response = .text(json(error).text() + "\n", status: error.httpStatus, type: "application/json")
        } else if head.wantsHTML {
            response = .text(
                page(error, showsLog: showsLog, script: script), status: error.httpStatus,
                type: "text/html; charset=utf-8")
            let scripts = script == nil ? "" : "; script-src 'self'; connect-src 'self'"
            response.headers.append(
                ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'" + scripts))
        } else {
            response = .text(text(error, showsLog: showsLog), status: error.httpStatus)
        }
        if let seconds = error.retryAfterSeconds { response.headers.append(("retry-after", String(seconds))) }
        return response
    }

    /// `{"code": …, "message": …}` and a hint where there is one.
    static func json(_ error: AppError) -> JSONValue {
        var members = [
            JSONValue.Member("code", .string(error.code.rawValue)), JSONValue.Member("message", .string(error.message)),
        ]
        if let hint = error.hint { members.append(JSONValue.Member("hint", .string(hint))) }
        return .object(members)
    }

    private static func text(_ error: AppError, showsLog: Bool) -> String {
        var lines = [error.message]
        if let hint = error.hint { lines.append("hint: \(hint)") }
        if showsLog, !error.logTail.isEmpty { lines += ["", "last lines of the log:"] + error.logTail }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func page(_ error: AppError, showsLog: Bool, script: String?) -> String {
        let log =
            showsLog && !error.logTail.isEmpty
            ? "<h2>Log</h2><pre>\(escaped(error.logTail.joined(separator: "\n")))</pre>" : ""
        let hint = error.hint.map { "<p>\(escaped($0))</p>" } ?? ""
        let refresh = script.map { "<script src=\"\(escaped($0))\" async></script>" } ?? ""
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>\(error.code.rawValue)</title>
            <style>:root{color-scheme:light dark;font:100%/1.5 system-ui,sans-serif}body{margin:0 auto;max-width:60rem;padding:1rem}pre{overflow:auto}</style>
            </head><body><main><h1>This app cannot answer</h1><p role="alert">\(escaped(error.message))</p>\(hint)\(log)</main>\(refresh)</body></html>

            """
    }

    static func escaped(_ text: String) -> String {
        var out = ""
        for character in text {
            switch character {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            default: out.append(character)
            }
        }
        return out
    }
}

extension AppRequestHead {
    /// Whether the client asks for JSON and not for a page.
    var wantsJSON: Bool {
        guard let accept = header("accept")?.lowercased() else { return false }
        return accept.contains("application/json") && !accept.contains("text/html")
    }

    /// Whether the client asks for a page.
    var wantsHTML: Bool { header("accept")?.lowercased().contains("text/html") ?? false }
}
