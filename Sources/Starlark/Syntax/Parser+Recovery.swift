/// Going on after mistakes. A mistake costs the statement it is in; a broken header also costs its block, which is
/// read for more mistakes but not kept.
extension Parser {
    /// Collects mistakes from here on instead of throwing the first.
    mutating func recoverFromMistakes() { scanner.recovery = Scanner.Recovery() }

    /// Reads one statement whatever it is, and goes on where the next one seems to begin.
    mutating func parseAnyStatement() {
        if scanner.token == .indent { return parseStrayBlock() }
        let start = scanner.start
        let mark = scratch.count
        let level = depth
        var isConditional = scanner.token == .if
        do {
            return try parseWellFormedStatement()
        } catch {
            scanner.report(error)
        }
        repeat {
            scratch.removeSubrange(mark...)
            depth = level
            synchronize(after: start)
            skipBlock()
            isConditional = isConditional && (scanner.token == .elif || scanner.token == .else)
        } while isConditional && !parseBranch()
        scratch.removeSubrange(mark...)
        doubt(start..<scanner.start)
    }

    /// Reads further branches of a conditional statement whose beginning was given up. False after a mistake.
    private mutating func parseBranch() -> Bool {
        do {
            while scanner.token == .elif || scanner.token == .else {
                let hasCondition = scanner.token == .elif
                try scanner.next()
                if hasCondition { _ = try parseTest() }
                try consume(.colon)
                _ = try parseSuite()
            }
            return true
        } catch {
            scanner.report(error)
            return false
        }
    }

    /// Skips the rest of a statement that was given up.
    private mutating func synchronize(after start: Int) {
        scanner.recovery?.isSkipping = true
        defer { scanner.recovery?.isSkipping = false }
        while true {
            switch scanner.token {
            case .endOfFile, .indent, .outdent: return
            case .newline: return scanner.skip()
            default: break
            }
            if scanner.start > start, scanner.seemsToBeginStatement {
                scanner.closeBrackets()
                return scanner.skip()
            }
            scanner.skip()
        }
    }

    /// A block without header: its statements count as if they were not indented.
    private mutating func parseStrayBlock() {
        scanner.report(unexpected("primary expression"))
        parseBlock()
    }

    /// Reads the block under a header that was given up.
    private mutating func skipBlock() {
        guard scanner.token == .indent else { return }
        let mark = scratch.count
        parseBlock()
        scratch.removeSubrange(mark...)
    }

    private mutating func parseBlock() {
        let isTooDeep = depth >= Self.maximumNesting || stack.isExhausted
        scanner.recovery?.isSkipping = isTooDeep
        scanner.skip()
        depth += 1
        var open = 1
        while scanner.token != .endOfFile, scanner.token != .outdent || open > 1 {
            if isTooDeep {
                if scanner.token == .indent { open += 1 }
                if scanner.token == .outdent { open -= 1 }
                scanner.skip()
            } else {
                parseAnyStatement()
            }
        }
        depth -= 1
        scanner.recovery?.isSkipping = false
        if scanner.token == .outdent { scanner.skip() }
    }

    /// Names in text that was given up may have been bound there.
    private mutating func doubt(_ range: Range<Int>) {
        var position = range.lowerBound
        while position < range.upperBound {
            let start = position
            while position < range.upperBound, isNamePart(base[position]) { position += 1 }
            if position > start { doubtful.insert(scanner.intern(start..<position)) } else { position += 1 }
        }
    }
}
