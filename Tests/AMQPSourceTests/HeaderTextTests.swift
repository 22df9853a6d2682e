import CRabbitMQ
import Foundation
import Testing

@testable import AMQPSource

/// Headers as JSON, from what librabbitmq makes of a frame.
@Suite struct HeaderTextTests {
    /// Values as the library holds them, until the test is over.
    private final class Fields {
        private var blocks: [UnsafeMutableRawPointer] = []

        deinit { for block in blocks { block.deallocate() } }

        func bytes(_ bytes: some Collection<UInt8>) -> amqp_bytes_t {
            let block = UnsafeMutableRawPointer.allocate(byteCount: max(bytes.count, 1), alignment: 1)
            UnsafeMutableRawBufferPointer(start: block, count: bytes.count).copyBytes(from: Array(bytes))
            blocks.append(block)
            return amqp_bytes_t(len: bytes.count, bytes: block)
        }

        func value(
            _ kind: amqp_field_value_kind_t, _ set: (inout amqp_field_value_t) -> Void = { _ in }
        ) -> amqp_field_value_t {
            var value = amqp_field_value_t()
            value.kind = UInt8(kind.rawValue)
            set(&value)
            return value
        }

        func text(_ text: String) -> amqp_field_value_t {
            let bytes = bytes(text.utf8)
            return value(AMQP_FIELD_KIND_UTF8) { $0.value.bytes = bytes }
        }

        func table(_ entries: [(String, amqp_field_value_t)]) -> amqp_field_value_t {
            let block = UnsafeMutablePointer<amqp_table_entry_t>.allocate(capacity: max(entries.count, 1))
            blocks.append(UnsafeMutableRawPointer(block))
            for (index, (key, value)) in entries.enumerated() {
                (block + index).initialize(to: amqp_table_entry_t(key: bytes(key.utf8), value: value))
            }
            return value(AMQP_FIELD_KIND_TABLE) {
                $0.value.table = amqp_table_t(num_entries: Int32(entries.count), entries: block)
            }
        }

        func array(_ values: [amqp_field_value_t]) -> amqp_field_value_t {
            let block = UnsafeMutablePointer<amqp_field_value_t>.allocate(capacity: max(values.count, 1))
            blocks.append(UnsafeMutableRawPointer(block))
            for (index, value) in values.enumerated() { (block + index).initialize(to: value) }
            return value(AMQP_FIELD_KIND_ARRAY) {
                $0.value.array = amqp_array_t(num_entries: Int32(values.count), entries: block)
            }
        }
    }

    private func json(_ headers: [(String, amqp_field_value_t)], limit: Int = HeaderText.longest) -> String {
        var text = HeaderText(limit: limit)
        for (key, value) in headers {
            var (key, value) = (key, value)
            var field = crmq_field()
            crmq_read_field(&value, &field)
            key.withUTF8 { text.add(key: UnsafeRawBufferPointer($0), field) }
        }
        text.end()
        return String(decoding: text.bytes, as: UTF8.self)
    }

    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test func nothingIsNothing() { #expect(json([]).isEmpty) }

    @Test func everyKindOfValue() {
        let fields = Fields()
        let binary = fields.bytes([0xFF, 0, 0x7F, 1])
        let all: [(String, amqp_field_value_t)] = [
            ("void", fields.value(AMQP_FIELD_KIND_VOID)),
            ("yes", fields.value(AMQP_FIELD_KIND_BOOLEAN) { $0.value.boolean = 1 }),
            ("i8", fields.value(AMQP_FIELD_KIND_I8) { $0.value.i8 = -8 }),
            ("u64", fields.value(AMQP_FIELD_KIND_U64) { $0.value.u64 = .max }),
            ("f32", fields.value(AMQP_FIELD_KIND_F32) { $0.value.f32 = 0.1 }),
            ("nan", fields.value(AMQP_FIELD_KIND_F64) { $0.value.f64 = .nan }),
            (
                "price",
                fields.value(AMQP_FIELD_KIND_DECIMAL) {
                    $0.value.decimal = amqp_decimal_t(decimals: 3, value: UInt32(bitPattern: -42))
                }
            ),
            ("at", fields.value(AMQP_FIELD_KIND_TIMESTAMP) { $0.value.u64 = 1_795_269_432 }),
            ("far", fields.value(AMQP_FIELD_KIND_TIMESTAMP) { $0.value.u64 = .max }),
            ("bytes", fields.value(AMQP_FIELD_KIND_BYTES) { $0.value.bytes = binary }),
            ("noText", fields.value(AMQP_FIELD_KIND_UTF8) { $0.value.bytes = binary }),
            ("te\"xt", fields.text("a\\b\u{0}\u{1F}\n ü")),
        ]
        #expect(
            json(all)
                == #"{"void":null,"yes":true,"i8":-8,"u64":18446744073709551615,"f32":0.1,"nan":"nan","price":-0.042,"#
                + #""at":"2026-11-21T13:57:12Z","far":18446744073709551615,"bytes":{"base64":"/wB/AQ=="},"#
                + #""noText":{"base64":"/wB/AQ=="},"te\"xt":"a\\b\u0000\u001f\n ü"}"#)
    }

    @Test func whatABrokerSaysOfADeadLetter() throws {
        let fields = Fields()
        let death = fields.table([
            ("count", fields.value(AMQP_FIELD_KIND_I64) { $0.value.i64 = 3 }),
            ("queue", fields.text("events")),
            ("routing-keys", fields.array([fields.text("a"), fields.text("b")])),
        ])
        #expect(
            json([("x-death", fields.array([death, fields.table([])]))])
                == #"{"x-death":[{"count":3,"queue":"events","routing-keys":["a","b"]},{}]}"#)
    }

    @Test(arguments: [900, 1000, 1023, 5000])
    func whatIsTooLongIsCutAndSaysSo(length: Int) throws {
        let fields = Fields()
        let long = fields.text(String(repeating: "ü\"", count: length / 2))
        let text = json(
            [("first", fields.text("kept")), ("long", fields.array([long])), ("last", long)], limit: 1024)
        let object = try object(text)
        #expect(object["first"] as? String == "kept")
        #expect(object[HeaderText.cutMark] as? Bool == true)
        #expect(text.utf8.count < 1100)
        let kept = try #require((object["long"] as? [String])?.first)
        #expect(kept.hasPrefix("ü\"ü") && kept.utf8.count > 500)
    }

    @Test func whatFitsIsNotCut() throws {
        let fields = Fields()
        let text = json([("long", fields.text(String(repeating: "x", count: 60_000)))])
        #expect(text.utf8.count == 60_011 && !text.contains(HeaderText.cutMark))
    }

    /// What a delivery keeps of its header frame: headers and properties.
    private func kept(
        _ headers: [(String, amqp_field_value_t)], of fields: Fields,
        _ set: (inout amqp_basic_properties_t) -> Void
    ) throws -> String {
        var properties = amqp_basic_properties_t()
        set(&properties)
        if !headers.isEmpty {
            properties._flags |= UInt32(AMQP_BASIC_HEADERS_FLAG)
            properties.headers = fields.table(headers).value.table
        }
        var delivery = Delivery()
        withUnsafePointer(to: properties) { properties in
            var frame = crmq_frame()
            frame.kind = CRMQ_HEADER
            frame.properties = properties
            delivery.read(frame, partitionHeader: nil)
        }
        return String(decoding: delivery.headers, as: UTF8.self)
    }

    /// The broker has looked at a property that says who sent a message; a header that is called like it says what the
    /// publisher likes.
    @Test func noHeaderPassesForAProperty() throws {
        let fields = Fields()
        let user = fields.bytes("guest".utf8)
        let forged = [("amqp-user-id", fields.text("admin")), ("amqp", fields.text("x"))]
        #expect(
            try kept(forged, of: fields) {
                $0._flags = UInt32(AMQP_BASIC_USER_ID_FLAG)
                $0.user_id = user
            } == #"{"amqp-user-id":"guest","header:amqp-user-id":"admin","amqp":"x"}"#)
        #expect(
            try kept(forged, of: fields) { _ in }
                == #"{"header:amqp-user-id":"admin","amqp":"x"}"#)
    }

    /// Headers that are too long are cut; what the properties say is not.
    @Test func propertiesAreKeptBesideLongHeaders() throws {
        let fields = Fields()
        let user = fields.bytes("guest".utf8)
        let long = fields.text(String(repeating: "x", count: HeaderText.longest))
        let object = try object(
            kept([("long", long), ("more", long)], of: fields) {
                $0._flags = UInt32(AMQP_BASIC_USER_ID_FLAG)
                $0.user_id = user
            })
        #expect(object["amqp-user-id"] as? String == "guest")
        #expect(object[HeaderText.cutMark] as? Bool == true)
    }

    @Test func nestingHasAnEnd() throws {
        let fields = Fields()
        var value = fields.text("bottom")
        for _ in 0..<2000 { value = fields.table([("t", fields.array([value]))]) }
        let text = json([("t", value)])
        #expect(try object(text)[HeaderText.cutMark] as? Bool == true)
        #expect(!text.contains("bottom"))
    }
}
