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
            let frame = stack.frames[stack.depth - 1]
            clear(frame.clearFrom, frame.end)
            stack.returnToChunk(frame.chunk)
            stack.popFrame()
        }
    }

    @inline(__always)
    private func clear(_ from: UnsafeMutablePointer<Value>, _ to: UnsafeMutablePointer<Value>) {
        var slot = from
        while slot < to {
            slot.clear()
            slot += 1
        }
    }

    /// The interpreter loop.
    private func dispatch(entry: Int) throws -> Value {
        // The state of the current frame, kept in local variables.
        var frame = stack.frames + (stack.depth - 1)
        var regs = frame.pointee.base
        var code = frame.pointee.words
        var constants = frame.pointee.constants
        var globals = frame.pointee.globals
        var pc = frame.pointee.pc
        let positionalSite = CallSite.positional

        while true {
            let word = code[pc]
            pc &+= 1
            frame = stack.frames + (stack.depth &- 1)  // frames move when native code that was called pushes more
            frame.pointee.pc = pc
            let a = Int(word.a)
            let b = Int(word.b)
            let c = Int(word.c)
            switch word.op {
            case .move: regs[a] = regs[b]
            case .constant: regs[a] = constants[word.wide]
            case .integer: (regs + a).set(Int(Int32(truncatingIfNeeded: word.wide)))
            case .loadGlobal:
                let value = globals[word.wide]
                if case .unbound = value.payload { throw unboundGlobal(frame.pointee.function, word.wide) }
                regs[a] = value
            case .storeGlobal: globals[word.wide] = regs[a]
            case .loadPredeclared: regs[a] = frame.pointee.function.module.predeclared[word.wide]
            case .checkLocal:
                if case .unbound = regs[a].payload { throw unboundLocal(frame.pointee.function.code.localNames[a]) }
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
                let y = Int(Int16(bitPattern: word.c))
                if case .int(let x) = regs[b].payload {
                    let (sum, overflow) = x.addingReportingOverflow(y)
                    if !overflow {
                        (regs + a).set(sum)
                        continue
                    }
                }
                regs[a] = try add(regs[b], .int(y))
            case .subtractInteger:
                let y = Int(Int16(bitPattern: word.c))
                if case .int(let x) = regs[b].payload {
                    let (difference, overflow) = x.subtractingReportingOverflow(y)
                    if !overflow {
                        (regs + a).set(difference)
                        continue
                    }
                }
                regs[a] = try subtract(regs[b], .int(y))
            case .multiplyInteger:
                let y = Int(Int16(bitPattern: word.c))
                if case .int(let x) = regs[b].payload {
                    let (product, overflow) = x.multipliedReportingOverflow(by: y)
                    if !overflow {
                        (regs + a).set(product)
                        continue
                    }
                }
                regs[a] = try multiply(regs[b], .int(y))
            case .moduloInteger:
                let y = Int(Int16(bitPattern: word.c))
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
            case .not: regs[a] = .bool(!regs[b].truth)
            case .compare:
                let comparison = Comparison(rawValue: word.flag)!
                regs[a] = .bool(try holds(comparison, regs + b, regs + c))

            // Jumps
            case .jump: pc = word.wide
            case .loop:
                fuel &-= a &* 16
                if fuel < 0 { try refuel() }
                pc = word.wide
            case .jumpIfTrue:
                if isTrue(regs + a) { pc = word.wide }
            case .jumpIfFalse:
                if !isTrue(regs + a) { pc = word.wide }
            case .compareJump:
                if try holds(Comparison(rawValue: word.flag)!, regs + a, regs + b) {
                    pc &+= 1
                } else {
                    pc = code[pc].wide
                }
            case .compareIntegerJump:
                if try holds(Comparison(rawValue: word.flag)!, regs + a, Int(Int16(bitPattern: word.b))) {
                    pc &+= 1
                } else {
                    pc = code[pc].wide
                }

            // Parts
            case .attribute:
                regs[a] = try attribute(regs[b], frame.pointee.attributeSites + c)
            case .setAttribute:
                try setAttribute(
                    regs[a], frame.pointee.function.code.program.attributeSites[c].name, regs[b])
            case .index:
                if case .list(let list) = regs[b].payload, case .int(let position) = regs[c].payload {
                    let place = position < 0 ? position &+ list.count : position
                    if place >= 0, place < list.count {
                        regs[a] = list[place]
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
                if case .function(let function) = slot.pointee.payload {
                    try enter(function, slot, b, nil)
                    regs = stack.frames[stack.depth &- 1].base
                    code = function.words
                    constants = function.constants
                    globals = function.globals
                    pc = 0
                } else {
                    slot.pointee = try callNative(slot, b, positionalSite)
                }
            case .callNamed:
                let slot = regs + a
                let site = frame.pointee.callSites + c
                if case .function(let function) = slot.pointee.payload {
                    try enter(function, slot, b, site)
                    regs = stack.frames[stack.depth &- 1].base
                    code = function.words
                    constants = function.constants
                    globals = function.globals
                    pc = 0
                } else {
                    slot.pointee = try callNative(slot, b, site)
                }
            case .callMethod:
                let slot = regs + a
                let arguments = code[pc]
                if let method = try method(slot, frame.pointee.attributeSites + c) {
                    // A method of a built-in type: call it on the receiver, without a bound object.
                    pc &+= 1
                    frame.pointee.pc = pc
                    slot.pointee = try callMethod(
                        method, slot, Int(arguments.b), frame.pointee.callSites + Int(arguments.c))
                }
            // Else the callee is in the register now, and the next word calls it.
            case .methodArguments:
                let slot = regs + a
                let site = frame.pointee.callSites + c
                if case .function(let function) = slot.pointee.payload {
                    try enter(function, slot, b, c == 0 ? nil : site)
                    regs = stack.frames[stack.depth &- 1].base
                    code = function.words
                    constants = function.constants
                    globals = function.globals
                    pc = 0
                } else {
                    slot.pointee = try callNative(slot, b, site)
                }
            case .return, .returnNone:
                // The result moves out: the frame's registers are cleared next anyway.
                var result = Value.none
                if word.op == .return {
                    result = (regs + a).move()
                    (regs + a).initialize(to: .unbound)
                }
                let target = frame.pointee.returnTo
                clear(frame.pointee.clearFrom, frame.pointee.end)
                stack.returnToChunk(frame.pointee.chunk)
                stack.popFrame()
                if stack.depth == entry { return result }
                target.pointee = result
                frame = stack.frames + (stack.depth &- 1)
                regs = frame.pointee.base
                code = frame.pointee.words
                constants = frame.pointee.constants
                globals = frame.pointee.globals
                pc = frame.pointee.pc
                stack.top = frame.pointee.end

            // Loops
            case .iterate:
                guard let iterator = try regs[b].makeIterator(self) else {
                    throw StarlarkFailure("\(regs[b].typeName) value is not iterable")
                }
                regs[a] = Value(.object(iterator))
            case .next:
                guard case .object(let object) = regs[b].payload else { continue }
                if let value = unsafeDowncast(object, to: ValueIterator.self).next() {
                    regs[a] = value
                    pc &+= 1
                } else {
                    pc = code[pc].wide
                }
            case .endIteration: regs[a] = .unbound
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
        if case .bool(let truth) = value.pointee.payload { return truth }
        return value.pointee.truth
    }

    @inline(__always)
    private func holds(
        _ comparison: Comparison, _ x: UnsafeMutablePointer<Value>, _ y: UnsafeMutablePointer<Value>
    ) throws -> Bool {
        if case .int(let x) = x.pointee.payload, case .int(let y) = y.pointee.payload {
            return holds(comparison, x, y)
        }
        return try compare(comparison, x.pointee, y.pointee)
    }

    @inline(__always)
    private func holds(_ comparison: Comparison, _ x: UnsafeMutablePointer<Value>, _ y: Int) throws -> Bool {
        if case .int(let x) = x.pointee.payload { return holds(comparison, x, y) }
        return try compare(comparison, x.pointee, .int(y))
    }

    @inline(__always)
    private func holds(_ comparison: Comparison, _ x: Int, _ y: Int) -> Bool {
        switch comparison {
        case .equal: return x == y
        case .notEqual: return x != y
        case .less: return x < y
        case .lessEqual: return x <= y
        case .greater: return x > y
        case .greaterEqual: return x >= y
        }
    }
}

extension UnsafeMutablePointer<Value> {
    /// Makes the register unbound; quick when it holds no reference.
    @inline(__always) func clear() {
        if pointee.isPlain { initialize(to: .unbound) } else { pointee = .unbound }
    }

    /// Stores an integer; quick when the register holds no reference.
    @inline(__always) func set(_ value: Int) {
        if pointee.isPlain { initialize(to: .int(value)) } else { pointee = .int(value) }
    }
}

extension Value {
    /// True for values without references: overwriting them releases nothing.
    @inline(__always) var isPlain: Bool {
        switch payload {
        case .int, .none, .bool, .float, .unbound: return true
        default: return false
        }
    }
}
