extension MethodTable {
    static let string = MethodTable([
        builtin("capitalize", StringMethods.capitalize),
        builtin("codepoint_ords") { try StringMethods.view(&$0, .codePointNumbers) },
        builtin("codepoints") { try StringMethods.view(&$0, .codePoints) },
        builtin("count", StringMethods.count),
        builtin("elem_ords") { try StringMethods.view(&$0, .elementNumbers) },
        builtin("elems") { try StringMethods.view(&$0, .elements) },
        builtin("endswith") { try StringMethods.hasAffix(&$0, atEnd: true) },
        builtin("find") { try StringMethods.find(&$0, last: false, mustExist: false) },
        builtin("format", StringMethods.format),
        builtin("index") { try StringMethods.find(&$0, last: false, mustExist: true) },
        builtin("isalnum") { try StringMethods.all(&$0) { $0.isLetter || $0.isDecimalDigit } },
        builtin("isalpha") { try StringMethods.all(&$0) { $0.isLetter } },
        builtin("isdigit") { try StringMethods.all(&$0) { $0.isDecimalDigit } },
        builtin("islower") { try StringMethods.isCase(&$0) { $0.simpleLower } },
        builtin("isspace") { try StringMethods.all(&$0) { $0.isSpace } },
        builtin("istitle", StringMethods.istitle),
        builtin("isupper") { try StringMethods.isCase(&$0) { $0.simpleUpper } },
        builtin("join", StringMethods.join),
        builtin("lower", StringMethods.lower),
        builtin("lstrip") { try StringMethods.strip(&$0, left: true, right: false) },
        builtin("partition") { try StringMethods.partition(&$0, last: false) },
        builtin("removeprefix", StringMethods.removeprefix),
        builtin("removesuffix", StringMethods.removesuffix),
        builtin("replace", StringMethods.replace),
        builtin("rfind") { try StringMethods.find(&$0, last: true, mustExist: false) },
        builtin("rindex") { try StringMethods.find(&$0, last: true, mustExist: true) },
        builtin("rpartition") { try StringMethods.partition(&$0, last: true) },
        builtin("rsplit") { try StringMethods.split(&$0, fromRight: true) },
        builtin("rstrip") { try StringMethods.strip(&$0, left: false, right: true) },
        builtin("split") { try StringMethods.split(&$0, fromRight: false) },
        builtin("splitlines", StringMethods.splitlines),
        builtin("startswith") { try StringMethods.hasAffix(&$0, atEnd: false) },
        builtin("strip") { try StringMethods.strip(&$0, left: true, right: true) },
        builtin("title", StringMethods.title),
        builtin("upper", StringMethods.upper),
    ])

    static let bytes = MethodTable([
        builtin("elems") { a in
            try a.expect(0)
            guard case .object(let object as BytesObject) = a.receiverValue.payload else { return .none }
            return Value(.object(ViewObject(object.storage, .byteNumbers)))
        }
    ])
}

/// The methods of strings. Offsets count bytes.
enum StringMethods {
    @inline(__always)
    static func text(_ a: Arguments) -> StringObject {
        guard case .string(let text) = a.receiverValue.payload else { preconditionFailure("method of another type") }
        return text
    }

    /// Charges work and memory for a result about as long as the receiver.
    @inline(__always)
    private static func charge(_ a: Arguments) throws {
        let count = text(a).count
        try a.evaluation.charge(steps: count >> 4)
        try a.evaluation.charge(bytes: 48 &+ count)
    }

    static func view(_ a: inout Arguments, _ kind: ViewObject.Kind) throws -> Value {
        try a.expect(0)
        return Value(.object(ViewObject(text(a), kind)))
    }

    // MARK: Case and classes

    static func upper(_ a: inout Arguments) throws -> Value {
        try a.expect(0)
        try charge(a)
        return Value(.string(text(a).uppercased))
    }

    static func lower(_ a: inout Arguments) throws -> Value {
        try a.expect(0)
        try charge(a)
        return Value(.string(text(a).lowercased))
    }

    static func capitalize(_ a: inout Arguments) throws -> Value {
        try a.expect(0)
        try charge(a)
        var isFirst = true
        return Value(
            .string(
                text(a).mapped { scalar in
                    defer { isFirst = false }
                    return isFirst ? scalar.simpleTitle : scalar.simpleLower
                }))
    }

    static func title(_ a: inout Arguments) throws -> Value {
        try a.expect(0)
        try charge(a)
        var afterLetter = false
        return Value(
            .string(
                text(a).mapped { scalar in
                    let mapped = afterLetter ? scalar.simpleLower : scalar.simpleTitle
                    afterLetter = mapped.isLetter
                    return mapped
                }))
    }

    static func all(_ a: inout Arguments, _ test: (Unicode.Scalar) -> Bool) throws -> Value {
        try a.expect(0)
        try charge(a)
        return .bool(text(a).count > 0 && text(a).scalars.allSatisfy(test))
    }

    static func isCase(_ a: inout Arguments, _ mapping: (Unicode.Scalar) -> Unicode.Scalar) throws -> Value {
        try a.expect(0)
        try charge(a)
        var hasCase = false
        guard text(a).isASCII || text(a).isValidText else { return .bool(false) }
        for scalar in text(a).scalars {
            if scalar.foldsToAnother { hasCase = true }
            if mapping(scalar) != scalar { return .bool(false) }
        }
        return .bool(hasCase)
    }

    static func istitle(_ a: inout Arguments) throws -> Value {
        try a.expect(0)
        try charge(a)
        var hasCase = false
        var afterCased = false
        for scalar in text(a).scalars {
            let category = scalar.properties.generalCategory
            if category == .titlecaseLetter || (scalar.isASCII && category == .uppercaseLetter) {
                if afterCased { return .bool(false) }
                afterCased = true
                hasCase = true
            } else if category == .lowercaseLetter {
                if !afterCased { return .bool(false) }
                hasCase = true
            } else if category == .uppercaseLetter {
                return .bool(false)
            } else {
                afterCased = false
            }
        }
        return .bool(hasCase)
    }

    // MARK: Searching

    static func count(_ a: inout Arguments) throws -> Value {
        try a.expect(1, 3)
        let part = try a.text(0)
        let range = try a.range(1, text(a).count)
        try a.evaluation.charge(steps: range.count >> 4)
        if part.count == 0 {
            let inside = text(a).slice(range)
            return .int(inside.scalars.count + 1)
        }
        var count = 0
        var start = range.lowerBound
        while let found = text(a).find(part, start..<range.upperBound) {
            count += 1
            start = found + part.count
        }
        return .int(count)
    }

    static func find(_ a: inout Arguments, last: Bool, mustExist: Bool) throws -> Value {
        try a.expect(1, 3)
        let part = try a.text(0)
        let range = try a.range(1, text(a).count)
        try a.evaluation.charge(steps: range.count >> 4)
        if let found = last ? text(a).findLast(part, range) : text(a).find(part, range) { return .int(found) }
        if mustExist { throw a.failure("substring not found") }
        return .int(-1)
    }

    static func hasAffix(_ a: inout Arguments, atEnd: Bool) throws -> Value {
        try a.expect(1, 3)
        let range = try a.range(1, text(a).count)
        func matches(_ affix: StringObject) -> Bool {
            guard affix.count <= range.count else { return false }
            let start = atEnd ? range.upperBound - affix.count : range.lowerBound
            return text(a).withBytes { bytes in
                affix.withBytes { bytesEqual(bytes.baseAddress! + start, $0.baseAddress!, $0.count) }
            }
        }
        switch a.at(0).payload {
        case .string(let affix): return .bool(matches(affix))
        case .tuple(let tuple):
            for (index, element) in tuple.array.enumerated() {
                guard case .string(let affix) = element.payload else {
                    throw a.failure("want string, got \(element.typeName), for element \(index)")
                }
                if matches(affix) { return .bool(true) }
            }
            return .bool(false)
        default: throw a.failure("got \(a.at(0).typeName), want string or tuple of string")
        }
    }

    // MARK: Cutting

    static func removeprefix(_ a: inout Arguments) throws -> Value {
        try a.expect(1)
        let affix = try a.text(0)
        let text = text(a)
        guard affix.count <= text.count, text.slice(0..<affix.count).isEqual(to: affix) else { return a.receiverValue }
        return Value(.string(text.slice(affix.count..<text.count)))
    }

    static func removesuffix(_ a: inout Arguments) throws -> Value {
        try a.expect(1)
        let affix = try a.text(0)
        let text = text(a)
        let start = text.count - affix.count
        guard start >= 0, text.slice(start..<text.count).isEqual(to: affix) else { return a.receiverValue }
        return Value(.string(text.slice(0..<start)))
    }

    static func strip(_ a: inout Arguments, left: Bool, right: Bool) throws -> Value {
        try a.expect(0, 1)
        try charge(a)
        let given = a.positionalCount > 0 ? try a.text(0) : .empty
        let cutset = given.count == 0 ? nil : given  // an empty set means white space
        let text = text(a)
        let range: Range<Int>
        if cutset?.isASCII ?? true, text.isASCII {
            let set = cutset?.array
            func isCut(_ c: UInt8) -> Bool { set?.contains(c) ?? (c == 0x20 || c &- 9 < 5) }
            range = text.withBytes { bytes in
                var start = 0
                var end = bytes.count
                while left, start < end, isCut(bytes[start]) { start += 1 }
                while right, end > start, isCut(bytes[end - 1]) { end -= 1 }
                return start..<end
            }
        } else {
            let set = cutset.map { Set($0.scalars) }
            range = text.withBytes { bytes in
                var start = 0
                var end = 0
                var index = 0
                var isLeading = left
                while index < bytes.count {
                    let (scalar, length) = decodeScalar(bytes, index)
                    let isCut = scalar.map { set?.contains($0) ?? $0.isSpace } ?? false
                    if isCut, isLeading { start = index + length } else { isLeading = false }
                    if !isCut || !right { end = index + length }
                    index += length
                }
                return start..<max(start, end)
            }
        }
        return Value(.string(text.slice(range)))
    }

    static func partition(_ a: inout Arguments, last: Bool) throws -> Value {
        try a.expect(1)
        try charge(a)
        let separator = try a.text(0)
        if separator.count == 0 { throw a.failure("empty separator") }
        let text = text(a)
        let whole = 0..<text.count
        guard let found = last ? text.findLast(separator, whole) : text.find(separator, whole) else {
            let empty = Value(.string(.empty))
            return .tuple(last ? [empty, empty, a.receiverValue] : [a.receiverValue, empty, empty])
        }
        return .tuple([
            Value(.string(text.slice(0..<found))), a.at(0),
            Value(.string(text.slice(found + separator.count..<text.count))),
        ])
    }

    static func split(_ a: inout Arguments, fromRight: Bool) throws -> Value {
        try a.expect(0, 2)
        let limit = a.positionalCount > 1 ? try a.integer(1) : -1
        let maximum = limit < 0 ? Int.max : limit
        let text = text(a)
        try charge(a)
        let pieces: [Range<Int>]
        switch a.optional(at: 0)?.payload ?? .none {
        case .none: pieces = splitAtSpace(text, maximum, fromRight)
        case .string(let separator):
            if separator.count == 0 { throw StarlarkFailure("split: empty separator") }
            pieces = split(text, separator, maximum, fromRight)
        default: throw StarlarkFailure("split: got \(a.at(0).typeName) for separator, want string")
        }
        try a.evaluation.charge(elements: pieces.count * 3)
        let list = ListObject(capacity: pieces.count)
        for piece in pieces { list.append(Value(.string(text.slice(piece)))) }
        return Value(.list(list))
    }

    private static func split(
        _ text: StringObject, _ separator: StringObject, _ maximum: Int, _ fromRight: Bool
    ) -> [Range<Int>] {
        // Always from the left; `rsplit` then joins the first pieces, as in Go.
        var pieces: [Range<Int>] = []
        var start = 0
        while fromRight || pieces.count < maximum, let found = text.find(separator, start..<text.count) {
            pieces.append(start..<found)
            start = found + separator.count
        }
        pieces.append(start..<text.count)
        guard fromRight, pieces.count - 1 > maximum else { return pieces }
        return [0..<pieces[pieces.count - maximum - 1].upperBound] + pieces.suffix(maximum)
    }

    private static func splitAtSpace(_ text: StringObject, _ maximum: Int, _ fromRight: Bool) -> [Range<Int>] {
        // All words first; beyond the maximum they are joined again, with the space between them.
        var words: [Range<Int>] = []
        text.withBytes { bytes in
            var index = 0
            var start: Int?
            while index < bytes.count {
                let (scalar, length) = decodeScalar(bytes, index)
                if scalar?.isSpace ?? false {
                    if let from = start { words.append(from..<index) }
                    start = nil
                } else if start == nil {
                    start = index
                }
                index += length
            }
            if let start { words.append(start..<bytes.count) }
        }
        guard words.count > maximum else { return words }
        if fromRight {
            let kept = words.suffix(maximum)
            return [0..<words[words.count - maximum - 1].upperBound] + kept
        }
        // The remainder keeps the text's trailing space, as in Go.
        return words.prefix(maximum) + [words[maximum].lowerBound..<text.count]
    }

    static func splitlines(_ a: inout Arguments) throws -> Value {
        try a.expect(0, 1)
        let keepsEnds = a.positionalCount > 0 ? try a.truth(0) : false
        try charge(a)
        let text = text(a)
        var pieces: [Range<Int>] = []
        text.withBytes { bytes in
            var start = 0
            for index in 0..<bytes.count where bytes[index] == 0x0A {
                pieces.append(start..<(keepsEnds ? index + 1 : index))
                start = index + 1
            }
            if start < bytes.count { pieces.append(start..<bytes.count) }
        }
        try a.evaluation.charge(elements: pieces.count * 3)
        return .list(pieces.map { Value(.string(text.slice($0))) })
    }

    // MARK: Building

    static func join(_ a: inout Arguments) throws -> Value {
        try a.expect(1)
        let elements = try a.elements(a.at(0), "1")
        let separator = text(a)
        var total = separator.count * max(0, elements.count - 1)
        for element in elements {
            guard case .string(let text) = element.payload else {
                throw a.failure("in list, want string, got \(element.typeName)")
            }
            total += text.count
        }
        if elements.count == 1 { return elements[0] }
        try a.evaluation.charge(steps: total >> 6)
        try a.evaluation.charge(bytes: 32 + total)
        let result = StringObject.make(count: total) { target in
            var next = target
            for (index, element) in elements.enumerated() {
                if index > 0 { next = copy(separator, next) }
                if case .string(let text) = element.payload { next = copy(text, next) }
            }
        }
        return Value(.string(result))
    }

    @inline(__always)
    private static func copy(_ text: StringObject, _ target: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8>
    {
        text.withBytes { bytes in
            target.initialize(from: bytes.baseAddress!, count: bytes.count)
            return target + bytes.count
        }
    }

    static func replace(_ a: inout Arguments) throws -> Value {
        try a.expect(2, 3)
        let old = try a.text(0)
        let new = try a.text(1)
        var remaining = a.positionalCount > 2 ? try a.integer(2) : -1
        if remaining < 0 { remaining = Int.max }
        let text = text(a)
        try charge(a)
        var result: [UInt8] = []
        if old.count == 0 {
            // Between all code points, and at both ends.
            var index = 0
            var isFirst = true
            while index < text.count || isFirst, remaining > 0 {
                new.withBytes { result.append(contentsOf: $0) }
                remaining -= 1
                isFirst = false
                guard index < text.count else { break }
                let length = text.withBytes { decodeScalar($0, index).1 }
                text.withBytes { result.append(contentsOf: $0[index..<index + length]) }
                index += length
                try a.evaluation.charge(bytes: new.count)
                if index == text.count, remaining > 0 {
                    new.withBytes { result.append(contentsOf: $0) }
                    break
                }
            }
            text.withBytes { result.append(contentsOf: $0[index...]) }
            return Value(.string(.make(result)))
        }
        var start = 0
        result.reserveCapacity(text.count)
        while remaining > 0, let found = text.find(old, start..<text.count) {
            if start == 0, result.isEmpty { result.reserveCapacity(text.count) }
            text.withBytes { result.append(contentsOf: $0[start..<found]) }
            new.withBytes { result.append(contentsOf: $0) }
            try a.evaluation.charge(bytes: new.count)
            start = found + old.count
            remaining -= 1
        }
        if start == 0, result.isEmpty { return a.receiverValue }
        text.withBytes { result.append(contentsOf: $0[start...]) }
        return Value(.string(.make(result)))
    }
}
