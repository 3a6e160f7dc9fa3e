internal import Mustache
internal import OCI

/// The page of an action: navigation, form, result. It works without script; script only keeps the address.
struct ActionPage: Sendable {
    /// A link to another action.
    struct Link: Sendable, Hashable {
        let name: String
        let href: String
        let isCurrent: Bool
    }

    /// What stands above the result.
    enum Outcome: Sendable, Hashable {
        case none
        case message(String)
        case failure(code: String, message: String, log: [String])
        case result(ActionResult)
    }

    let appName: String
    let links: [Link]
    /// Where the form is sent: the action's path in front of the gateway.
    let target: String
    var form: ActionForm
    var outcome = Outcome.none
    /// What the address shall be after a run; nil leaves it.
    var address: String?

    /// The whole page.
    var html: String { Self.template.render(PageContext(self)) }

    /// What the page may load; the one script is named by its digest.
    static let securityPolicy =
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data: http: https:; form-action 'self'; "
        + "base-uri 'none'; frame-ancestors 'self'; script-src 'sha256-\(scriptDigest)'"

    private static let script = "const a=document.body.dataset.address;if(a)history.replaceState(null,'',a);"

    private static let scriptDigest: String = {
        let hex = Array(Digest(of: Array(script.utf8)).hex.utf8)
        let bytes = stride(from: 0, to: hex.count, by: 2).compactMap {
            UInt8(String(decoding: hex[$0..<$0 + 2], as: UTF8.self), radix: 16)
        }
        return Base64.encoded(bytes)
    }()

    // The template is a constant of ours; a mistake in it is found by the first test that renders a page.
    private static let template = try! MustacheTemplate(string: source)

    private static let source = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{{action}} – {{app}}</title>
        <style>
        :root { color-scheme: light dark; font: 100%/1.5 system-ui, sans-serif; }
        body { margin: 0 auto; max-width: 60rem; padding: 1rem; }
        nav ul { display: flex; flex-wrap: wrap; gap: .5rem 1rem; list-style: none; margin: 0; padding: 0; }
        nav a[aria-current] { font-weight: 600; }
        fieldset { border: 1px solid GrayText; border-radius: .5rem; margin: 1rem 0; padding: 1rem; }
        .row { margin-bottom: 1rem; }
        label { display: block; font-weight: 600; }
        .row.check label { display: inline; }
        .hint { color: GrayText; margin: 0; }
        .error { color: #b00020; font-weight: 600; margin: .25rem 0 0; }
        @media (prefers-color-scheme: dark) { .error { color: #ff8a80; } }
        input:not([type=checkbox]), select, textarea { box-sizing: border-box; font: inherit; padding: .4rem; width: 100%; }
        textarea, pre { font-family: ui-monospace, monospace; }
        button { font: inherit; margin-right: .5rem; padding: .4rem 1rem; }
        table { border-collapse: collapse; } .scroll { overflow-x: auto; }
        th, td { border: 1px solid GrayText; padding: .25rem .5rem; text-align: left; }
        pre { border: 1px solid GrayText; border-radius: .25rem; overflow: auto; padding: .5rem; white-space: pre-wrap; }
        img { height: auto; max-width: 100%; }
        </style>
        </head>
        <body{{#address}} data-address="{{.}}"{{/address}}>
        <header>
        <p>{{app}}</p>
        {{#hasLinks}}<nav aria-label="Actions"><ul>{{#links}}
        <li><a href="{{href}}"{{#isCurrent}} aria-current="page"{{/isCurrent}}>{{name}}</a></li>{{/links}}
        </ul></nav>{{/hasLinks}}
        </header>
        <main>
        <h1>{{action}}</h1>
        <form method="post" action="{{target}}"{{#multipart}} enctype="multipart/form-data"{{/multipart}}>
        <fieldset>
        <legend>{{legend}}</legend>
        {{#fields}}
        <div class="row{{#isCheckBox}} check{{/isCheckBox}}">
        {{#isCheckBox}}<input type="checkbox" id="{{id}}" name="{{name}}" value="true"{{#isChecked}} checked{{/isChecked}}{{#described}} aria-describedby="{{.}}"{{/described}}{{#error}} aria-invalid="true"{{/error}}>
        <label for="{{id}}">{{name}}</label>{{/isCheckBox}}{{^isCheckBox}}<label for="{{id}}">{{name}}</label>
        {{/isCheckBox}}
        {{#isInput}}<input type="{{inputType}}" id="{{id}}" name="{{name}}"{{#value}} value="{{.}}"{{/value}}{{#list}} list="{{.}}"{{/list}}{{#accept}} accept="{{.}}"{{/accept}} autocomplete="off"{{#described}} aria-describedby="{{.}}"{{/described}}{{#error}} aria-invalid="true"{{/error}}>{{/isInput}}
        {{#isArea}}<textarea id="{{id}}" name="{{name}}" rows="{{rows}}"{{#described}} aria-describedby="{{.}}"{{/described}}{{#error}} aria-invalid="true"{{/error}}>
        {{value}}</textarea>{{/isArea}}
        {{#isSelect}}<select id="{{id}}" name="{{name}}"{{#described}} aria-describedby="{{.}}"{{/described}}{{#error}} aria-invalid="true"{{/error}}>{{#options}}
        <option value="{{text}}"{{#isSelected}} selected{{/isSelected}}>{{text}}</option>{{/options}}
        </select>{{/isSelect}}
        {{#list}}<datalist id="{{.}}">{{#options}}<option value="{{text}}"></option>{{/options}}</datalist>{{/list}}
        {{#description}}<p class="hint" id="{{hintID}}">{{.}}</p>{{/description}}
        {{#error}}<p class="error" id="{{errorID}}">{{.}}</p>{{/error}}
        </div>
        {{/fields}}
        <p>
        <button type="submit">Run</button>
        {{#showsValidate}}<button type="submit" formaction="{{validate}}">Validate</button>{{/showsValidate}}
        {{#hasSuggest}}<button type="submit" formaction="{{suggest}}">Suggest</button>{{/hasSuggest}}
        </p>
        </fieldset>
        </form>
        <section aria-live="polite" aria-label="Result">
        {{#failure}}<p class="error" role="alert">{{message}}</p>{{#hasLog}}<pre>{{log}}</pre>{{/hasLog}}{{/failure}}
        {{#status}}<p role="status">{{.}}</p>{{/status}}
        {{#isEmpty}}<p>no output</p>{{/isEmpty}}
        {{#text}}<label for="output">Output</label>
        <textarea id="output" readonly rows="{{rows}}">
        {{text}}</textarea>{{/text}}
        {{#table}}<div class="scroll"><table><thead><tr>{{#columns}}<th scope="col">{{.}}</th>{{/columns}}</tr></thead>
        <tbody>{{#rows}}
        <tr>{{#cells}}<td>{{.}}</td>{{/cells}}</tr>{{/rows}}
        </tbody></table></div>{{/table}}
        {{#trees}}<details open><summary>{{title}}</summary><pre>{{json}}</pre></details>{{/trees}}
        {{#downloads}}<p><a href="{{url}}" download>{{name}}</a></p>{{/downloads}}
        {{#images}}<figure><img src="{{url}}" alt="{{name}}"><figcaption>{{name}}</figcaption></figure>{{/images}}
        </section>
        </main>
        <script>\(script)</script>
        </body>
        </html>

        """
}
