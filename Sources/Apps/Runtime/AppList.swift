/// One app as the routes show it.
struct PublishedApp: Sendable {
    var name: String
    var address: AppAddress
    var routes: [PublishedRoute]
}

/// The list of apps at the root of the default domain, as long as no app is there.
struct AppList: AppResponder {
    let apps: [PublishedApp]
    let publicURL: String
    /// Nothing of a body is read.
    let bodyLimit = 1 << 20

    func respond(to request: AppRequest) async -> AppResponse {
        let head = request.head
        guard head.path == "/" || head.path.isEmpty, head.method == "GET" || head.method == "HEAD" else {
            return await UnknownAppResponder().respond(to: request)
        }
        let links = apps.sorted { $0.address.description < $1.address.description }.map { app in
            (
                name: app.name.isEmpty ? app.address.description : app.name, address: app.address.description,
                url: ContainerEnvironment.url(of: app.address, publicURL: publicURL)
            )
        }
        if head.wantsJSON {
            let items = links.map { link in
                JSONValue.object([
                    JSONValue.Member("name", .string(link.name)), JSONValue.Member("address", .string(link.address)),
                    JSONValue.Member("url", .string(link.url)),
                ])
            }
            return .text(JSONValue.array(items).text() + "\n", type: "application/json")
        }
        guard head.wantsHTML else {
            let lines = links.map { "\($0.address)\t\($0.name)\n" }.joined()
            return .text(links.isEmpty ? "no apps\n" : lines)
        }
        let items = links.map { link in
            // Of the default domain: whatever name and port the browser used.
            let target = link.address.hasPrefix("/") ? link.address : link.url
            return "<li><a href=\"\(ErrorAnswer.escaped(target))\">\(ErrorAnswer.escaped(link.name))</a> "
                + "<small>\(ErrorAnswer.escaped(link.address))</small></li>"
        }
        let body = items.isEmpty ? "<p>There are none yet.</p>" : "<ul>\(items.joined())</ul>"
        var response = AppResponse.text(
            """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Apps</title>
            <style>:root{color-scheme:light dark;font:100%/1.5 system-ui,sans-serif}body{margin:0 auto;max-width:40rem;padding:1rem}</style>
            </head><body><main><h1>Apps</h1>\(body)</main></body></html>

            """, type: "text/html; charset=utf-8")
        response.headers.append(("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'"))
        return response
    }
}
