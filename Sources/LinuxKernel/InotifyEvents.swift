internal import Glibc

/// What the kernel puts into an inotify descriptor. Source: inotify(7).
enum InotifyEvents {
    /// Reads all that is there without waiting.
    /// - Parameter take: is given the watch, the mask and the entry's name, which is empty for the watched file itself.
    static func drain(_ descriptor: CInt, _ take: (_ watch: CInt, _ mask: UInt32, _ name: String) -> Void) {
        let header = MemoryLayout<inotify_event>.size
        withUnsafeTemporaryAllocation(byteCount: 16384, alignment: 8) { buffer in
            while true {
                let count = read(descriptor, buffer.baseAddress, buffer.count)
                guard count > 0 else { return }
                var offset = 0
                while offset + header <= count {
                    let event = buffer.load(fromByteOffset: offset, as: inotify_event.self)
                    let name = UnsafeRawBufferPointer(
                        rebasing: buffer[(offset + header)..<(offset + header + Int(event.len))]
                    ).prefix { $0 != 0 }
                    take(event.wd, event.mask, String(decoding: name, as: UTF8.self))
                    offset += header + Int(event.len)
                }
            }
        }
    }
}
