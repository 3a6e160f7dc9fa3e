/// The columns that text takes: on its first line, its last, and the widest between.
struct FormatterExtent {
    var first: Int
    var last: Int
    var widest: Int
    var isBroken: Bool

    init(first: Int, last: Int, widest: Int, isBroken: Bool) {
        self.first = first
        self.last = last
        self.widest = widest
        self.isBroken = isBroken
    }

    init(width: Int) { self.init(first: width, last: width, widest: 0, isBroken: false) }

    init(_ token: FormatterToken) {
        let lines = token.text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.count == 1 {
            self.init(width: token.width)
        } else {
            self.init(
                first: lines[0].count, last: lines[lines.count - 1].count, widest: 0,
                isBroken: true)
        }
    }

    init(of nodes: [FormatterNode], inIndex: Bool) {
        self.init(width: 0)
        var previous: FormatterToken?
        for node in nodes {
            if let previous, FormatterToken.needsSpace(previous, node.firstToken, inIndex: inIndex) {
                add(FormatterExtent(width: 1))
            }
            switch node {
            case .token(let token): add(FormatterExtent(token))
            case .group(let group): add(group.extent)
            }
            previous = node.lastToken
        }
    }

    mutating func add(_ next: FormatterExtent) {
        if isBroken {
            if next.isBroken {
                widest = max(widest, last + next.first, next.widest)
                last = next.last
            } else {
                last += next.first
            }
        } else {
            first += next.first
            last = next.isBroken ? next.last : first
            widest = next.widest
            isBroken = next.isBroken
        }
    }
}
