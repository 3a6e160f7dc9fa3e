/// A key of the terminal.
enum EditorKey: Equatable {
    case character(Character)
    case enter, tab, backspace, delete
    case left, right, up, down, home, end, wordLeft, wordRight
    /// Ctrl with a letter that has no other name here.
    case control(Character)
    /// A sequence nobody knows.
    case ignored
}

/// Makes keys of the bytes that a terminal in raw mode sends.
struct KeyDecoder {
    private var pending: [UInt8] = []

    /// The key that a byte completes, nil when more bytes must follow.
    mutating func key(_ byte: UInt8) -> EditorKey? {
        pending.append(byte)
        guard let key = Self.decode(pending) else { return nil }
        pending = []
        return key
    }

    private static func decode(_ bytes: [UInt8]) -> EditorKey? {
        switch bytes[0] {
        case 0x1B: return escape(bytes)
        case 0x0D, 0x0A: return .enter
        case 0x09: return .tab
        case 0x08, 0x7F: return .backspace
        case 0x01: return .home
        case 0x05: return .end
        case 0x02: return .left
        case 0x06: return .right
        case 0x10: return .up
        case 0x0E: return .down
        case ..<0x20: return .control(Character(Unicode.Scalar(bytes[0] + 0x60)))
        case 0x80...: return encoded(bytes)
        default: return .character(Character(Unicode.Scalar(bytes[0])))
        }
    }

    private static func escape(_ bytes: [UInt8]) -> EditorKey? {
        guard bytes.count > 1 else { return nil }
        switch bytes[1] {
        case UInt8(ascii: "b"): return .wordLeft
        case UInt8(ascii: "f"): return .wordRight
        case UInt8(ascii: "["), UInt8(ascii: "O"): break
        default: return .ignored
        }
        guard bytes.count > 2, let last = bytes.last, (0x40...0x7E).contains(last) else { return nil }
        let parameters = String(decoding: bytes[2..<bytes.count - 1], as: UTF8.self)
        let hasModifier = parameters.hasPrefix("1;")
        switch last {
        case UInt8(ascii: "A"): return .up
        case UInt8(ascii: "B"): return .down
        case UInt8(ascii: "C"): return hasModifier ? .wordRight : .right
        case UInt8(ascii: "D"): return hasModifier ? .wordLeft : .left
        case UInt8(ascii: "H"): return .home
        case UInt8(ascii: "F"): return .end
        case UInt8(ascii: "~"):
            switch parameters {
            case "1", "7": return .home
            case "4", "8": return .end
            case "3": return .delete
            default: return .ignored
            }
        default: return .ignored
        }
    }

    private static func encoded(_ bytes: [UInt8]) -> EditorKey? {
        let length = bytes[0] >= 0xF0 ? 4 : bytes[0] >= 0xE0 ? 3 : bytes[0] >= 0xC0 ? 2 : 1
        guard bytes.count == length else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self), let character = text.first else { return .ignored }
        return .character(character)
    }
}

/// Edits one line. No terminal: keys go in, what to show comes out.
struct LineEditor {
    /// How a line ends.
    enum Outcome: Equatable {
        case editing
        case entered(String)
        /// Ctrl-C.
        case interrupted
        /// Ctrl-D on an empty line.
        case ended
        /// Ctrl-L.
        case clearScreen
    }

    private(set) var text: [Character] = []
    private(set) var cursor = 0
    private let history: [String]
    /// The place in `history`; its end stands for the new line.
    private var place: Int
    private var draft: [Character] = []

    init(history: [String] = []) {
        self.history = history
        place = history.count
    }

    mutating func handle(_ key: EditorKey) -> Outcome {
        switch key {
        case .character(let character): insert([character])
        case .tab: insert(Array(repeating: " ", count: 4 - cursor % 4))
        case .enter: return .entered(String(text))
        case .backspace:
            guard cursor > 0 else { break }
            cursor -= 1
            text.remove(at: cursor)
        case .delete: if cursor < text.count { text.remove(at: cursor) }
        case .left: cursor = max(0, cursor - 1)
        case .right: cursor = min(text.count, cursor + 1)
        case .home: cursor = 0
        case .end: cursor = text.count
        case .wordLeft: cursor = wordStart()
        case .wordRight: cursor = wordEnd()
        case .up: recall(place - 1)
        case .down: recall(place + 1)
        case .control(let letter): return control(letter)
        case .ignored: break
        }
        return .editing
    }

    private mutating func control(_ letter: Character) -> Outcome {
        switch letter {
        case "c": return .interrupted
        case "d":
            if text.isEmpty { return .ended }
            return handle(.delete)
        case "k": text.removeSubrange(cursor...)
        case "u":
            text.removeSubrange(..<cursor)
            cursor = 0
        case "w":
            let start = wordStart()
            text.removeSubrange(start..<cursor)
            cursor = start
        case "l": return .clearScreen
        default: break
        }
        return .editing
    }

    private mutating func insert(_ characters: [Character]) {
        text.insert(contentsOf: characters, at: cursor)
        cursor += characters.count
    }

    private mutating func recall(_ index: Int) {
        guard (0...history.count).contains(index), index != place else { return }
        if place == history.count { draft = text }
        place = index
        text = index == history.count ? draft : Array(history[index])
        cursor = text.count
    }

    private func wordStart() -> Int {
        var index = cursor
        while index > 0, !Self.isWord(text[index - 1]) { index -= 1 }
        while index > 0, Self.isWord(text[index - 1]) { index -= 1 }
        return index
    }

    private func wordEnd() -> Int {
        var index = cursor
        while index < text.count, !Self.isWord(text[index]) { index += 1 }
        while index < text.count, Self.isWord(text[index]) { index += 1 }
        return index
    }

    private static func isWord(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_"
    }

    /// What draws the line anew in a terminal of so many columns; of a long line, the part around the cursor.
    func drawing(prompt: String, columns: Int) -> String {
        let room = max(8, columns - prompt.count - 1)
        let start = max(0, cursor - room)
        let shown = String(text[start..<min(text.count, start + room)])
        let back = prompt.count + cursor - start
        return "\r\(prompt)\(shown)\u{1B}[K\r\u{1B}[\(back)C"
    }
}
