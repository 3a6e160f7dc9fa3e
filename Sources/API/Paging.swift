internal import Core
internal import Wire

/// Parts of lists.
enum Paging {
    /// The part that `limit` and `after` ask for.
    static func part<Element>(
        of items: [Element], _ request: APIRequest, id: (Element) -> String
    ) throws -> (items: ArraySlice<Element>, next: String?) {
        let limit = try request.number("limit", in: 1...APILimits.page) ?? APILimits.page
        var start = 0
        if let after = request.query["after"] {
            guard let index = items.firstIndex(where: { id($0) == after }) else {
                throw InvalidArgument(field: "query parameter after", value: after, rule: "it is the `next` of a part")
            }
            start = index + 1
        }
        let part = items[start...].prefix(limit)
        return (part, part.endIndex < items.count ? part.last.map(id) : nil)
    }

    /// The part as it is sent.
    static func page<Element, Info>(
        of items: [Element], _ request: APIRequest, id: (Element) -> String, as info: (Element) -> Info
    ) throws -> ListPage<Info> {
        let part = try part(of: items, request, id: id)
        return ListPage(items: part.items.map(info), next: part.next)
    }
}
