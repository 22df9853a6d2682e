internal import CLibPQ
internal import SessionCore
internal import SessionStore

/// What a statement gave, in binary format.
final class Rows {
    private let handle: OpaquePointer
    let count: Int32

    /// Takes over a result.
    init(_ handle: OpaquePointer) {
        self.handle = handle
        count = PQntuples(handle)
    }

    deinit { PQclear(handle) }

    var columnCount: Int32 { PQnfields(handle) }
    var isEmpty: Bool { count == 0 }

    func name(_ column: Int32) -> String { PQfname(handle, column).map { String(cString: $0) } ?? "" }
    func type(_ column: Int32) -> Oid { PQftype(handle, column) }
    func isNull(_ row: Int32, _ column: Int32) -> Bool { PQgetisnull(handle, row, column) != 0 }

    func bytes(_ row: Int32, _ column: Int32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: PQgetvalue(handle, row, column), count: Int(PQgetlength(handle, row, column)))
    }

    func text(_ row: Int32, _ column: Int32) -> String { String(decoding: bytes(row, column), as: UTF8.self) }

    /// A number of any whole type.
    func integer(_ row: Int32, _ column: Int32) -> Int64 { Self.integer(bytes(row, column)) }

    func optional(_ row: Int32, _ column: Int32) -> Int64? {
        isNull(row, column) ? nil : integer(row, column)
    }

    func instant(_ row: Int32, _ column: Int32) -> Instant { PostgresTime.instant(integer(row, column)) }

    func optionalInstant(_ row: Int32, _ column: Int32) -> Instant? {
        isNull(row, column) ? nil : instant(row, column)
    }

    func flag(_ row: Int32, _ column: Int32) -> Bool { integer(row, column) != 0 }

    /// The elements of a `text[]`.
    func texts(_ row: Int32, _ column: Int32) -> [UnsafeRawBufferPointer] { Self.texts(bytes(row, column)) }

    private static func integer(_ bytes: UnsafeRawBufferPointer) -> Int64 {
        switch bytes.count {
        case 8: Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
        case 4: Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
        case 2: Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self)))
        case 1: Int64(bytes[0])
        default: 0
        }
    }

    private static func texts(_ bytes: UnsafeRawBufferPointer) -> [UnsafeRawBufferPointer] {
        func number(_ offset: Int) -> Int {
            Int(Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
        }
        // Dimensions, nulls, type; then, where there is a dimension, its length and first index.
        guard bytes.count >= 20, number(0) == 1 else { return [] }
        var found: [UnsafeRawBufferPointer] = []
        var offset = 20
        for _ in 0..<number(12) {
            let length = max(number(offset), 0)
            offset += 4
            found.append(UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + length)]))
            offset += length
        }
        return found
    }

    /// A whole number, or an instant as microseconds; nought where there is none.
    func figure(_ row: Int32, _ column: Int32) -> Int64 {
        if isNull(row, column) { return 0 }
        let number = integer(row, column)
        return type(column) == TypeNumber.instant ? PostgresTime.instant(number) : number
    }

    /// A value as readers of tables have it: instants as microseconds, arrays as JSON, flags as 0 or 1.
    func value(_ row: Int32, _ column: Int32) -> TableValue {
        if isNull(row, column) { return .null }
        let bytes = bytes(row, column)
        switch type(column) {
        case TypeNumber.flag, TypeNumber.int2, TypeNumber.int4, TypeNumber.int8:
            return .integer(Self.integer(bytes))
        case TypeNumber.instant: return .integer(PostgresTime.instant(Self.integer(bytes)))
        case TypeNumber.real8: return .real(Double(bitPattern: UInt64(bitPattern: Self.integer(bytes))))
        case TypeNumber.real4:
            return .real(Double(Float(bitPattern: UInt32(truncatingIfNeeded: Self.integer(bytes)))))
        case TypeNumber.numeric: return .real(Self.numeric(bytes))
        case TypeNumber.texts:
            return .text(JSONArray.text(Self.texts(bytes).map { String(decoding: $0, as: UTF8.self) }))
        default: return .text(String(decoding: bytes, as: UTF8.self))
        }
    }

    /// `numeric`: digits of ten thousand, the first of them of the given weight.
    private static func numeric(_ bytes: UnsafeRawBufferPointer) -> Double {
        func short(_ offset: Int) -> Int {
            Int(Int16(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int16.self)))
        }
        guard bytes.count >= 8 else { return 0 }
        if UInt16(truncatingIfNeeded: short(4)) == 0xC000 { return .nan }
        // As text, then as number: sums of powers of ten would round at every step.
        var text = ""
        for digit in 0..<short(0) {
            let four = String(short(8 + 2 * digit))
            text += String(repeating: "0", count: 4 - four.count) + four
        }
        let exponent = 4 * (short(2) + 1 - short(0))
        let size = Double((text.isEmpty ? "0" : text) + "e\(exponent)") ?? 0
        return UInt16(truncatingIfNeeded: short(4)) == 0x4000 ? -size : size
    }
}

/// Texts as a JSON array, as SQLite stores them.
enum JSONArray {
    static func text(_ values: [String]) -> String {
        "[" + values.map(quoted).joined(separator: ",") + "]"
    }

    private static func quoted(_ value: String) -> String {
        var text = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            default:
                if scalar.value < 0x20 {
                    let hex = String(scalar.value, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
                } else {
                    text.unicodeScalars.append(scalar)
                }
            }
        }
        return text + "\""
    }
}
