internal import CLibPQ
internal import SessionCore

/// The types that parameters and columns have, by their numbers in `pg_type`.
enum TypeNumber {
    static let flag: Oid = 16
    static let bytes: Oid = 17
    static let int8: Oid = 20
    static let int2: Oid = 21
    static let int4: Oid = 23
    static let text: Oid = 25
    static let json: Oid = 114
    static let real4: Oid = 700
    static let real8: Oid = 701
    static let instant: Oid = 1184
    static let numeric: Oid = 1700
    static let texts: Oid = 1009

    /// The array of a type.
    static func array(of element: Oid) -> Oid {
        switch element {
        case flag: 1000
        case bytes: 1001
        case int8: 1016
        case int4: 1007
        case real8: 1022
        case instant: 1185
        case text: texts
        default: preconditionFailure("no array of type \(element) is sent")
        }
    }
}

/// One column of many rows, to be sent as an array.
final class Column {
    let element: Oid
    private let buffer = WireBuffer()
    private(set) var count = 0
    private static let headerSize = 20

    init(_ element: Oid) {
        self.element = element
        removeAll()
    }

    func removeAll() {
        buffer.removeAll()
        // Room for the header; see `bytes`.
        for _ in 0..<(Self.headerSize / 4) { buffer.put(Int32(0)) }
        count = 0
    }

    /// The array, its header filled in: dimensions, whether there may be nulls, type, length, first index.
    var bytes: UnsafeRawBufferPointer {
        let header: [Int32] = [1, 1, Int32(bitPattern: element), Int32(count), 1]
        for (index, number) in header.enumerated() {
            (buffer.base + index * 4).storeBytes(of: number.bigEndian, as: Int32.self)
        }
        return buffer.bytes
    }

    var byteCount: Int { buffer.count }

    func next() -> WireBuffer {
        count += 1
        return buffer
    }
}

/// Many rows as arrays, one a column: what `unnest` makes a table of again. Values are added row by row, the columns
/// in order.
final class RowArrays {
    let columns: [Column]
    private var at = 0

    init(_ types: [Oid]) { columns = types.map(Column.init) }

    var byteCount: Int { columns.reduce(0) { $0 + $1.byteCount } }

    func removeAll() {
        for column in columns { column.removeAll() }
        at = 0
    }

    private func next(_ type: Oid) -> WireBuffer {
        let column = columns[at]
        precondition(column.element == type, "column \(at + 1) has another type")
        at = at + 1 == columns.count ? 0 : at + 1
        return column.next()
    }

    func add(_ symbol: Symbol, _ symbols: SymbolTable, dropping prefix: Int = 0, orEmpty: Bool = false) {
        next(TypeNumber.text).field(symbol, symbols, dropping: prefix, orEmpty: orEmpty)
    }

    func add(_ text: String?) {
        let buffer = next(TypeNumber.text)
        if let text { buffer.field(text) } else { buffer.null() }
    }

    func add(text: UnsafeRawBufferPointer) { next(TypeNumber.text).field(text) }

    func add(_ number: Int64?) {
        let buffer = next(TypeNumber.int8)
        if let number { buffer.field(number) } else { buffer.null() }
    }

    func add(_ number: Int32) { next(TypeNumber.int4).field(number) }

    func add(_ number: Double?) {
        let buffer = next(TypeNumber.real8)
        if let number { buffer.field(number) } else { buffer.null() }
    }

    func add(instant: Instant?) {
        let buffer = next(TypeNumber.instant)
        if let instant { buffer.field(instant: instant) } else { buffer.null() }
    }

    func add(_ flag: Bool) { next(TypeNumber.flag).field(flag) }

    func add(bytes: [UInt8]) { bytes.withUnsafeBytes { next(TypeNumber.bytes).field($0) } }
}

/// The parameters of a statement, in binary format.
struct Parameters {
    private(set) var types: [Oid] = []
    private var pieces: [(offset: Int, length: Int)] = []
    /// Kept, for libpq reads them where they are.
    private var arrays: [Int: Column] = [:]
    private let buffer = WireBuffer()

    init() {}

    /// The columns of rows, as arrays. The rows stay as they are until the statement has run.
    init(_ rows: RowArrays) {
        for column in rows.columns { add(column) }
    }

    mutating func add(_ column: Column) {
        arrays[types.count] = column
        types.append(TypeNumber.array(of: column.element))
        pieces.append((0, 0))
    }

    mutating func add(_ symbol: Symbol, _ symbols: SymbolTable) {
        piece(TypeNumber.text) { $0.put(raw: symbols.bytes(of: symbol)) }
    }

    mutating func add(_ text: String?, type: Oid = TypeNumber.text) {
        guard var text else { return addNull(type) }
        if text.utf8.contains(0) { text = WireBuffer.withoutNUL(text) }
        piece(type) { buffer in text.withUTF8 { buffer.put(raw: UnsafeRawBufferPointer($0)) } }
    }

    mutating func add(bytes: UnsafeRawBufferPointer) { piece(TypeNumber.text) { $0.put(raw: bytes) } }

    mutating func add(_ number: Int64?) {
        guard let number else { return addNull(TypeNumber.int8) }
        piece(TypeNumber.int8) { $0.put(number) }
    }

    mutating func add(_ number: Int32) { piece(TypeNumber.int4) { $0.put(number) } }

    mutating func add(_ number: Double) {
        piece(TypeNumber.real8) { $0.put(Int64(bitPattern: number.bitPattern)) }
    }

    mutating func add(instant: Instant?) {
        guard let instant else { return addNull(TypeNumber.instant) }
        piece(TypeNumber.instant) { $0.put(PostgresTime.stored(instant)) }
    }

    private mutating func addNull(_ type: Oid) {
        types.append(type)
        pieces.append((0, -1))
    }

    private mutating func piece(_ type: Oid, _ put: (WireBuffer) -> Void) {
        types.append(type)
        let start = buffer.count
        put(buffer)
        pieces.append((start, buffer.count - start))
    }

    var count: Int { types.count }

    /// Hands out what libpq wants.
    func withPointers<Result>(
        _ body: ([UnsafePointer<CChar>?], [Int32], [Int32]) throws -> Result
    ) rethrows -> Result {
        var values: [UnsafePointer<CChar>?] = []
        var lengths: [Int32] = []
        for (index, piece) in pieces.enumerated() {
            if let array = arrays[index]?.bytes {
                values.append(array.baseAddress?.assumingMemoryBound(to: CChar.self))
                lengths.append(Int32(array.count))
            } else if piece.length < 0 {
                values.append(nil)
                lengths.append(0)
            } else {
                values.append(UnsafePointer((buffer.base + piece.offset).assumingMemoryBound(to: CChar.self)))
                lengths.append(Int32(piece.length))
            }
        }
        return try body(values, lengths, [Int32](repeating: 1, count: pieces.count))
    }
}
