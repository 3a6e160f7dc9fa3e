/// The page that a browser shows while an app starts; it asks again by itself, without script. No log is on it: nobody
/// who sees it has told who they are.
struct WaitingPage: Sendable {
    let name: String
    let state: AppState
    let elapsed: Duration

    /// 503, so that no cache and no crawler takes it for the app.
    var response: AppResponse {
        var response = AppResponse.text(html, status: 503, type: "text/html; charset=utf-8")
        response.headers += [
            ("retry-after", "2"),
            ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'"),
        ]
        return response
    }

    private var html: String {
        let steps: [(AppState, String)] = [(.building, "Building its image"), (.starting, "Starting its container")]
        let items = steps.map { step, text in
            step == state ? "<li aria-current=\"step\"><strong>\(text)</strong></li>" : "<li>\(text)</li>"
        }
        let seconds = max(0, elapsed.components.seconds)
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <meta http-equiv="refresh" content="2"><title>Starting \(ErrorAnswer.escaped(name))</title>
            <style>:root{color-scheme:light dark;font:100%/1.5 system-ui,sans-serif}body{margin:0 auto;max-width:40rem;padding:1rem}</style>
            </head><body><main><h1>\(ErrorAnswer.escaped(name)) is starting</h1>
            <ol>\(items.joined())</ol>
            <p role="status">It has taken \(seconds) s so far. This page opens the app when it is ready.</p></main></body></html>

            """
    }
}
