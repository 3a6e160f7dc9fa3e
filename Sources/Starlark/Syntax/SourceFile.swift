/// A source text with the means to turn byte offsets into positions.
final class SourceFile: @unchecked Sendable {
    // Sendable: immutable.
    let name: String
    /// UTF-8 in memory of its own, so that tokens and symbols can point into it.
    let bytes: UnsafeBufferPointer<UInt8>

    init(name: String, text: String) {
        self.name = name
        var text = text
        bytes = text.withUTF8 { utf8 in
            let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: utf8.count + 1)
            _ = copy.initialize(from: utf8)
            copy[utf8.count] = 0
            return UnsafeBufferPointer(rebasing: UnsafeBufferPointer(copy)[0..<utf8.count])
        }
    }

    deinit { bytes.baseAddress!.deallocate() }

    /// The line and column of an offset.
    func position(at offset: Int) -> Position { LineTable(self).position(at: offset) }
}

/// Finds many positions in one file.
struct LineTable {
    private let source: SourceFile
    private var starts = [0]

    init(_ source: SourceFile) {
        self.source = source
        let bytes = source.bytes
        for index in bytes.indices {
            let isReturn = bytes[index] == 0x0D && !(index + 1 < bytes.count && bytes[index + 1] == 0x0A)
            if bytes[index] == 0x0A || isReturn { starts.append(index + 1) }
        }
    }

    func position(at offset: Int) -> Position {
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle } else { high = middle }
        }
        var column = 1
        for index in starts[low]..<min(offset, source.bytes.count) where source.bytes[index] & 0xC0 != 0x80 {
            column += 1
        }
        return Position(file: source.name, line: low + 1, column: column)
    }
}

/// The distinct names and short texts of one source file, numbered. Keywords come first.
struct SymbolTable {
    struct Symbol {
        let start: UnsafePointer<UInt8>
        let length: Int
        let hash: UInt32
        /// The index of the constant that holds the text, plus one; zero while there is none.
        var constant: UInt32 = 0
    }

    private(set) var symbols: [Symbol] = []
    private var index: [UInt32]
    private var mask: Int

    init() {
        index = Array(repeating: 0, count: 512)
        mask = 511
        symbols.reserveCapacity(256)
        for word in Token.keywordTexts {
            _ = intern(word.utf8Start, word.utf8CodeUnitCount)
        }
    }

    /// The number of the text; `start` must outlive the table.
    mutating func intern(_ start: UnsafePointer<UInt8>, _ length: Int) -> UInt32 {
        var hash: UInt32 = 2_166_136_261
        var position = 0
        while position < length {
            hash = (hash ^ UInt32(start[position])) &* 16_777_619
            position &+= 1
        }
        return intern(start, length, hash)
    }

    /// As above, with the FNV-1a hash already known.
    @inline(__always)
    mutating func intern(_ start: UnsafePointer<UInt8>, _ length: Int, _ hash: UInt32) -> UInt32 {
        var place = Int(truncatingIfNeeded: hash ^ (hash >> 15)) & mask
        while true {
            let entry = index[place]
            if entry == 0 { break }
            let symbol = symbols[Int(entry &- 1)]
            if symbol.hash == hash, symbol.length == length, bytesEqual(symbol.start, start, length) {
                return entry &- 1
            }
            place = (place &+ 1) & mask
        }
        symbols.append(Symbol(start: start, length: length, hash: hash))
        index[place] = UInt32(truncatingIfNeeded: symbols.count)
        if symbols.count * 2 > mask { grow() }
        return UInt32(truncatingIfNeeded: symbols.count - 1)
    }

    private mutating func grow() {
        mask = mask * 2 + 1
        index = Array(repeating: 0, count: mask + 1)
        for (number, symbol) in symbols.enumerated() {
            var place = Int(truncatingIfNeeded: symbol.hash ^ (symbol.hash >> 15)) & mask
            while index[place] != 0 { place = (place &+ 1) & mask }
            index[place] = UInt32(truncatingIfNeeded: number + 1)
        }
    }

    mutating func setConstant(_ constant: UInt32, of symbol: UInt32) { symbols[Int(symbol)].constant = constant + 1 }

    func bytes(of symbol: UInt32) -> UnsafeBufferPointer<UInt8> {
        let entry = symbols[Int(symbol)]
        return UnsafeBufferPointer(start: entry.start, count: entry.length)
    }

    func text(of symbol: UInt32) -> String { String(decoding: bytes(of: symbol), as: UTF8.self) }
}
