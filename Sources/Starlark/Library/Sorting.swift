/// `sorted`: a stable merge sort with keys computed once.
enum Sorting {
    static func sorted(_ a: inout Arguments) throws -> Value {
        let values = try a.bound(["iterable", "key", "reverse"], required: 1) { number, value in
            switch number {
            case 0: value.isIterable ? nil : "iterable"
            case 1: value.isCallable ? nil : "callable"
            default: value.boolValue == nil ? "bool" : nil
            }
        }
        let isReversed = values[2]?.boolValue ?? false
        var elements = try a.elements(values[0] ?? .none, "iterable")
        let evaluation = a.evaluation
        var keys: [Value]?
        if let key = values[1] { keys = try elements.map { try evaluation.invoke(key, [$0], []) } }
        try evaluation.charge(steps: elements.count * 4)
        if isReversed {
            // Equal elements keep their order: reverse, sort, reverse.
            elements.reverse()
            keys?.reverse()
        }
        if let keys {
            let order = try sortedIndices(keys, evaluation)
            elements = order.map { elements[$0] }
        } else {
            try sort(&elements, evaluation)
        }
        if isReversed { elements.reverse() }
        return .list(elements)
    }

    private static func integers(_ values: [Value]) -> [Int]? {
        var result: [Int] = []
        result.reserveCapacity(values.count)
        for value in values {
            guard case .int(let number) = value.payload else { return nil }
            result.append(number)
        }
        return result
    }

    private static func sort(_ values: inout [Value], _ evaluation: Evaluation) throws {
        if var numbers = integers(values) {
            numbers.sort()
            values = numbers.map { .int($0) }
            return
        }
        let order = try sortedIndices(values, evaluation)
        values = order.map { values[$0] }
    }

    private static func sortedIndices(_ keys: [Value], _ evaluation: Evaluation) throws -> [Int] {
        if let numbers = integers(keys) {
            return try mergeSort(keys.count) { a, b in numbers[b] < numbers[a] }
        }
        return try keys.withUnsafeBufferPointer { keys in
            try mergeSort(keys.count) { a, b in
                try evaluation.charge(steps: 1)
                return try less(keys[b], keys[a], evaluation)
            }
        }
    }

    @inline(__always)
    private static func less(_ x: Value, _ y: Value, _ evaluation: Evaluation) throws -> Bool {
        switch (x.payload, y.payload) {
        case (.int(let x), .int(let y)): return x < y
        case (.string(let x), .string(let y)): return x.compare(to: y) < 0
        case (.tuple(let x), .tuple(let y)):
            let shared = min(x.count, y.count)
            var index = 0
            while index < shared {
                guard case .int(let a) = x[index].payload, case .int(let b) = y[index].payload else { break }
                if a != b { return a < b }
                index += 1
            }
            if index == shared { return x.count < y.count }
        default: break
        }
        return try evaluation.compare(.less, x, y)
    }

    /// The stable order of `count` items. `after(a, b)`: item b must come before item a.
    private static func mergeSort(_ count: Int, _ after: (Int, Int) throws -> Bool) throws -> [Int] {
        var order = Array(0..<count)
        let run = 8
        try order.withUnsafeMutableBufferPointer { order in
            for start in stride(from: 0, to: count, by: run) {
                for index in start..<min(start + run, count) where index > start {
                    let item = order[index]
                    var place = index
                    while place > start, try after(order[place - 1], item) {
                        order[place] = order[place - 1]
                        place -= 1
                    }
                    order[place] = item
                }
            }
        }
        var merged = order
        var width = run
        while width < count {
            try order.withUnsafeBufferPointer { source in
                try merged.withUnsafeMutableBufferPointer { target in
                    for start in stride(from: 0, to: count, by: 2 * width) {
                        let middle = min(start + width, count)
                        let end = min(start + 2 * width, count)
                        var left = start
                        var right = middle
                        var place = start
                        while left < middle, right < end {
                            if try after(source[left], source[right]) {
                                target[place] = source[right]
                                right += 1
                            } else {
                                target[place] = source[left]
                                left += 1
                            }
                            place += 1
                        }
                        while left < middle {
                            target[place] = source[left]
                            left += 1
                            place += 1
                        }
                        while right < end {
                            target[place] = source[right]
                            right += 1
                            place += 1
                        }
                    }
                }
            }
            swap(&order, &merged)
            width *= 2
        }
        return order
    }
}
