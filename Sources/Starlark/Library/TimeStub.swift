final class TimeObject: Object { func order(_ o: TimeObject) -> Int { 0 } }
final class DurationObject: Object { let nanoseconds: Int; init(_ n: Int) { nanoseconds = n } }
enum TimeLibrary { static func binary(_ op: Token, _ x: Value, _ y: Value) throws -> Value? { nil } }
