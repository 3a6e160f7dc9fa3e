extension Evaluation {
    /// Runs the topmost frame until it returns to depth `entry`.
    ///
    /// One loop executes all Starlark frames, so calls between Starlark functions use no native stack. An error leaves
    /// the loop, takes the backtrace, and releases the frames above `entry`.
    func execute(entry: Int) throws -> Value {
        do {
            return try dispatch(entry: entry)
        } catch {
            let isOwn = (error as? EvaluationError)?.origin == ObjectIdentifier(self)
            let result = failure(error, frames: isOwn ? [] : frames(failing: error))
            unwind(to: entry)
            throw result
        }
    }

    /// Releases all frames above `entry`.
    private func unwind(to entry: Int) {
        while stack.depth > entry {
            let frame = stack.frame
            clear(frame.pointee.clearFrom, frame.pointee.end)
            stack.returnToChunk(frame.pointee.chunk)
            stack.popFrame()
        }
    }

    @inline(__always)
    private func clear(_ from: UnsafeMutablePointer<Value>, _ to: UnsafeMutablePointer<Value>) {
        var slot = from
        while slot < to {
            slot.discard()
            slot += 1
        }
    }

    /// The interpreter loop.
    private func dispatch(entry: Int) throws -> Value {
        // The state of the current frame, kept in local variables.
        var frame = stack.frame
        var regs = frame.pointee.base
        var next = frame.pointee.next
        var code = frame.pointee.function.words
        var constants = frame.pointee.function.constants
        var globals = frame.pointee.function.globals
        let positionalSite = CallSite.positional

        while true {
            let word = next.pointee
            next += 1
            frame.pointee.next = next
            let a = word.a
            let b = word.b
            let c = word.c
            switch word.op {
            case .move: (regs + a).copy(regs + b)
            case .constant: (regs + a).copy(constants + word.wide)
            case .integer: (regs + a).set(word.signedWide)
            case .loadGlobal:
                let value = globals + word.wide
                if value.isUnbound { throw unboundGlobal(frame.pointee.function, word.wide) }
                (regs + a).copy(value)
            case .storeGlobal: (globals + word.wide).copy(regs + a)
            case .loadPredeclared: (regs + a).copy(frame.pointee.function.module.predeclared + word.wide)
            case .checkLocal:
                if (regs + a).isUnbound { throw unboundLocal(frame.pointee.function.code.localNames[a]) }
            case .makeCell: regs[a] = Value(.object(CellObject(regs[a])))
            case .loadCell:
                let value = cell(regs[b]).value
                if case .unbound = value.payload { throw unboundLocal(frame.pointee.function.code.localNames[b]) }
                regs[a] = value
            case .storeCell: cell(regs[a]).value = regs[b]
            case .loadFree:
                let value = frame.pointee.function.cells[b].value
                if case .unbound = value.payload { throw unboundLocal(frame.pointee.function.code.freeNames[b]) }
                regs[a] = value

            // Arithmetic: small integers here, the rest elsewhere.
            case .add:
                if case .int(let x) = regs[b].payload, case .int(let y) = regs[c].payload {
                    let (sum, overflow) = x.addingReportingOverflow(y)
                    if !overflow {
                        (regs + a).set(sum)
                        continue
                    }
                }
                regs[a] = try add(regs[b], regs[c])
            case .subtract:
                if case .int(let x) = regs[b].payload, case .int(let y) = regs[c].payload {
                    let (difference, overflow) = x.subtractingReportingOverflow(y)
                    if !overflow {
                        (regs + a).set(difference)
                        continue
                    }
                }
                regs[a] = try subtract(regs[b], regs[c])
            case .multiply:
                if case .int(let x) = regs[b].payload, case .int(let y) = regs[c].payload {
                    let (product, overflow) = x.multipliedReportingOverflow(by: y)
                    if !overflow {
                        (regs + a).set(product)
                        continue
                    }
                }
                regs[a] = try multiply(regs[b], regs[c])
            case .modulo:
                if case .int(let x) = regs[b].payload, case .int(let y) = regs[c].payload, y > 0 {
                    let remainder = x % y
                    (regs + a).set(remainder < 0 ? remainder &+ y : remainder)
                    continue
                }
                regs[a] = try modulo(regs[b], regs[c])
            case .addInteger:
                let y = word.signedC
                if case .int(let x) = regs[b].payload {
                    let (sum, overflow) = x.addingReportingOverflow(y)
                    if !overflow {
                        (regs + a).set(sum)
                        continue
                    }
                }
                regs[a] = try add(regs[b], .int(y))
            case .subtractInteger:
                let y = word.signedC
                if case .int(let x) = regs[b].payload {
                    let (difference, overflow) = x.subtractingReportingOverflow(y)
                    if !overflow {
                        (regs + a).set(difference)
                        continue
                    }
                }
                regs[a] = try subtract(regs[b], .int(y))
            case .multiplyInteger:
                let y = word.signedC
                if case .int(let x) = regs[b].payload {
                    let (product, overflow) = x.multipliedReportingOverflow(by: y)
                    if !overflow {
                        (regs + a).set(product)
                        continue
                    }
                }
                regs[a] = try multiply(regs[b], .int(y))
            case .moduloInteger:
                let y = word.signedC
                if case .int(let x) = regs[b].payload {
                    let remainder = x % y
                    (regs + a).set(remainder < 0 ? remainder &+ y : remainder)
                    continue
                }
                regs[a] = try modulo(regs[b], .int(y))
            case .binary: regs[a] = try binary(Token(rawValue: word.flag)!, regs[b], regs[c])
            case .addInPlace:
                if case .int(let x) = regs[b].payload, case .int(let y) = regs[c].payload {
                    let (sum, overflow) = x.addingReportingOverflow(y)
                    if !overflow {
                        (regs + a).set(sum)
                        continue
                    }
                }
                regs[a] = try addInPlace(regs[b], regs[c])
            case .orInPlace: regs[a] = try orInPlace(regs[b], regs[c])
            case .unary: regs[a] = try unary(Token(rawValue: word.flag)!, regs[b])
            case .not: (regs + a).set(!isTrue(regs + b))
            case .compare: (regs + a).set(try holds(word.flag, regs + b, regs + c))

            // Jumps
            case .jump: next = code + word.wide
            case .loop:
                fuel &-= a &* 16
                if fuel < 0 { try refuel() }
                next = code + word.wide
            case .jumpIfTrue:
                if isTrue(regs + a) { next = code + word.wide }
            case .jumpIfFalse:
                if !isTrue(regs + a) { next = code + word.wide }
            case .compareJump:
                next = try holds(word.flag, regs + a, regs + b) ? next + 1 : code + next.pointee.wide
            case .compareIntegerJump:
                next = try holds(word.flag, regs + a, word.signedB) ? next + 1 : code + next.pointee.wide

            // Parts
            case .attribute:
                regs[a] = try attribute(regs[b], frame.pointee.function.attributeSites + c)
            case .setAttribute:
                try setAttribute(
                    regs[a], frame.pointee.function.code.program.attributeSites[c].name, regs[b])
            case .index:
                if (regs + b).tag == ValueTag.list, (regs + c).tag == ValueTag.int {
                    let found = (regs + b).reference(ListObject.self)._withUnsafeGuaranteedRef {
                        $0.address(of: Int(bitPattern: (regs + c).bits))
                    }
                    if let found {
                        (regs + a).copy(found)
                        continue
                    }
                }
                regs[a] = try index(regs[b], regs[c])
            case .setIndex: try setIndex(regs[a], regs[b], regs[c])
            case .slice: regs[a] = try slice(regs[b], regs[c], regs[c + 1], regs[c + 2])

            // Displays
            case .list:
                try charge(bytes: 64 &+ c &* 16)
                let list = ListObject(capacity: c)
                list.append(contentsOf: UnsafeBufferPointer(start: regs + b, count: c))
                regs[a] = Value(.list(list))
            case .tuple:
                try charge(bytes: 32 &+ c &* 16)
                regs[a] = Value(.tuple(.make(UnsafeBufferPointer(start: regs + b, count: c))))
            case .constantList:
                guard case .tuple(let tuple) = constants[word.wide].payload else { continue }
                try charge(bytes: 64 &+ tuple.count &* 16)
                let list = ListObject(capacity: tuple.count)
                tuple.withElements { list.append(contentsOf: $0) }
                regs[a] = Value(.list(list))
            case .emptyList:
                try charge(bytes: 64 &+ word.wide &* 16)
                regs[a] = Value(.list(ListObject(capacity: word.wide)))
            case .emptyDict:
                try charge(bytes: 128 &+ word.wide &* 40)
                regs[a] = Value(.dict(DictObject(capacity: word.wide)))
            case .append:
                try charge(bytes: 16)
                if case .list(let list) = regs[a].payload { list.append(regs[b]) }
            case .insertNew: try insertNew(regs[a], regs[b], regs[c])
            case .insertNewConstant: try insertNew(regs[a], constants[b], regs[c])
            case .insert:
                try charge(bytes: 64)
                if case .dict(let dict) = regs[a].payload { try dict.set(regs[b], regs[c]) }
            case .makeFunction:
                let function = frame.pointee.function
                regs[a] = try makeFunction(function.code.program.functions[word.wide], function, regs, a)

            // Calls
            case .call:
                let slot = regs + a
                guard slot.tag == ValueTag.function else {
                    slot.pointee = try callNative(slot, b, positionalSite)
                    continue
                }
                frame = try enter(slot.reference(), slot, b)
                regs = frame.pointee.base
                next = frame.pointee.next
                code = frame.pointee.function.words
                constants = frame.pointee.function.constants
                globals = frame.pointee.function.globals
            case .callNamed, .methodArguments:
                let slot = regs + a
                let site = frame.pointee.function.callSites + c
                guard slot.tag == ValueTag.function else {
                    slot.pointee = try callNative(slot, b, site)
                    continue
                }
                frame = try enter(slot.reference(), slot, b, site)
                regs = frame.pointee.base
                next = frame.pointee.next
                code = frame.pointee.function.words
                constants = frame.pointee.function.constants
                globals = frame.pointee.function.globals
            case .callMethod:
                let slot = regs + a
                let arguments = next.pointee
                if let method = try method(slot, frame.pointee.function.attributeSites + c) {
                    // A method of a built-in type: call it on the receiver, without a bound object.
                    next += 1
                    frame.pointee.next = next
                    slot.pointee = try callMethod(
                        method, slot, arguments.b, frame.pointee.function.callSites + arguments.c)
                }
            // Else the callee is in the register now, and the next word calls it.
            case .return, .returnNone:
                // The result moves out: the frame's registers are released next anyway.
                var bits = ValueTag.noneBits
                var tag = ValueTag.other
                if word.op == .return {
                    bits = (regs + a).bits
                    tag = (regs + a).tag
                    (regs + a).overwrite(ValueTag.unboundBits, ValueTag.other)
                }
                let target = frame.pointee.returnTo
                clear(frame.pointee.clearFrom, frame.pointee.end)
                stack.returnToChunk(frame.pointee.chunk)
                stack.popFrame()
                if stack.depth == entry {
                    var result = Value.none
                    withUnsafeMutablePointer(to: &result) { $0.overwrite(bits, tag) }
                    return result
                }
                target.store(bits, tag)
                frame = stack.frame
                regs = frame.pointee.base
                next = frame.pointee.next
                code = frame.pointee.function.words
                constants = frame.pointee.function.constants
                globals = frame.pointee.function.globals
                stack.top = frame.pointee.end

            // Loops
            case .iterate:
                guard let iterator = try regs[b].makeIterator(self) else {
                    throw StarlarkFailure("\(regs[b].typeName) value is not iterable")
                }
                regs[a] = Value(.object(iterator))
            case .next:
                let isThere = (regs + b).reference(ValueIterator.self)._withUnsafeGuaranteedRef {
                    $0.next(into: regs + a)
                }
                next = isThere ? next + 1 : code + next.pointee.wide
            case .endIteration: (regs + a).clear()
            case .unpack: try unpack(regs[a], regs + b, c)
            case .load:
                try load(frame.pointee.function, word.wide, regs + a)
            }
        }
    }

    @inline(__always)
    private func cell(_ value: Value) -> CellObject {
        guard case .object(let object) = value.payload else { preconditionFailure("register holds no cell") }
        return unsafeDowncast(object, to: CellObject.self)
    }

    @inline(__always)
    private func isTrue(_ value: UnsafeMutablePointer<Value>) -> Bool {
        value.tag == ValueTag.bool ? value.bits & 1 != 0 : value.pointee.truth
    }

    /// `comparison` is the raw value of a ``Comparison``.
    @inline(__always)
    private func holds(
        _ comparison: UInt8, _ x: UnsafeMutablePointer<Value>, _ y: UnsafeMutablePointer<Value>
    ) throws -> Bool {
        if x.tag == ValueTag.int, y.tag == ValueTag.int {
            return holds(comparison, Int(bitPattern: x.bits), Int(bitPattern: y.bits))
        }
        return try compare(Comparison(rawValue: comparison)!, x.pointee, y.pointee)
    }

    @inline(__always)
    private func holds(_ comparison: UInt8, _ x: UnsafeMutablePointer<Value>, _ y: Int) throws -> Bool {
        if x.tag == ValueTag.int { return holds(comparison, Int(bitPattern: x.bits), y) }
        return try compare(Comparison(rawValue: comparison)!, x.pointee, .int(y))
    }

    @inline(__always)
    private func holds(_ comparison: UInt8, _ x: Int, _ y: Int) -> Bool {
        let place: UInt8 = (x == y ? 1 : 0) &+ (x > y ? 2 : 0)
        return comparison &>> place & 1 != 0
    }
}
