// temporary
final class Code: Sendable { let name = ""; let parameterNames: [String] = []; let documentation: String? = nil }
final class ProgramCode: Sendable {}
final class ModuleState {}
struct ValueIterator { init(table: TableObject) {}; init(range: RangeObject) {}; init(array: [Value]) {} }
struct TextWriter {
    enum Open { case set(SetObject), record(RecordObject) }
    var string = ""
    mutating func append(_ s: String) { string += s }
    mutating func quote(_ s: StringObject) { string += s.string }
    mutating func open(_ o: Open) {}
    mutating func write(_ v: Value) { string += "?" }
}
extension MethodTable { static let bytes = MethodTable([]); static let set = MethodTable([]) }
final class BigIntObject: Object { struct V { var doubleValue: Double { 0 } }; let value = V() }
extension Value {
    func tableHash() throws -> UInt { 0 }
    func isEqual(to: Value, depth: Int = 10) throws -> Bool { false }
    var isIterable: Bool { false }
}
extension Value.Payload {
    var isString: Bool { if case .string = self { return true }; return false }
    var asList: ListObject? { if case .list(let l) = self { return l }; return nil }
    var asDict: DictObject? { if case .dict(let l) = self { return l }; return nil }
}
