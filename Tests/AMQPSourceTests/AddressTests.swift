import AMQPSource
import Testing

@Suite struct AddressTests {
    @Test func whatAURLLeavesOutHasDefaults() throws {
        let address = try AMQPAddress("amqp://broker")
        #expect(address.host == "broker" && address.port == 5672 && address.virtualHost == "/")
        #expect(address.user == "guest" && address.password == "guest" && address.heartbeat == 30)
        #expect(address.tls == nil)
        let secure = try AMQPAddress("amqps://broker")
        #expect(secure.port == 5671 && secure.tls?.authority == AMQPAddress.systemAuthorities)
    }

    @Test func everyPartIsRead() throws {
        let address = try AMQPAddress(
            "amqps://us%40er:p%3Aa%2Fss@[::1]:99/a%2Fb?heartbeat=7&cacertfile=/ca.pem&certfile=/c.pem&keyfile=/k.pem"
        )
        #expect(address.host == "::1" && address.port == 99 && address.virtualHost == "a/b")
        #expect(address.user == "us@er" && address.password == "p:a/ss" && address.heartbeat == 7)
        #expect(address.tls?.authority == "/ca.pem" && address.tls?.certificate == "/c.pem")
        #expect(address.tls?.key == "/k.pem")
        // The shown form holds no secret.
        #expect(address.shown == "amqps://[::1]:99/a/b")
    }

    @Test func aListIsTriedInOrder() throws {
        let all = try AMQPAddress.list("amqp://a:1, amqp://b:2/v")
        #expect(all.map(\.host) == ["a", "b"] && all.map(\.port) == [1, 2])
        #expect(all[1].virtualHost == "v")
    }

    /// What a URL says goes before what the settings say for all.
    @Test func filesOfTheSettingsAreForURLsThatNameNone() throws {
        var files = AMQPAddress.Files()
        files.authority = "/ca"
        files.certificate = "/c"
        files.key = "/k"
        let all = try AMQPAddress.list("amqps://a,amqps://b?cacertfile=/own,amqp://c", files: files)
        #expect(all.map(\.tls?.authority) == ["/ca", "/own", nil])
        #expect(
            all.map(\.tls?.certificate) == ["/c", "/c", nil] && all.map(\.tls?.key) == ["/k", "/k", nil])
        #expect(try AMQPAddress("amqps://a").tls?.authority == AMQPAddress.systemAuthorities)
    }

    /// What a URL says of a client goes before what the settings say, both files at once.
    @Test func aCertificateHasItsKey() throws {
        var files = AMQPAddress.Files()
        files.certificate = "/c"
        #expect(throws: AMQPAddressError.self) { try AMQPAddress("amqps://a", files: files) }
        #expect(throws: AMQPAddressError.self) { try AMQPAddress("amqps://a?keyfile=/k", files: files) }
        #expect(try AMQPAddress("amqps://a?certfile=/o&keyfile=/k", files: files).tls?.certificate == "/o")
        #expect(try AMQPAddress("amqp://a", files: files).tls == nil)
        files.key = "/k"
        #expect(throws: AMQPAddressError.self) { try AMQPAddress("amqps://a?certfile=/o", files: files) }
        #expect(try AMQPAddress("amqps://a", files: files).tls?.key == "/k")
    }

    @Test(arguments: [
        ("http://a", "begins with amqp://"), ("amqp://", "names no host"),
        ("amqp://a:x", "the port: expected a number"),
        ("amqp://a:70000", "from 1 to 65535"), ("amqp://a/%zz", "hexadecimal"),
        ("amqp://u:secret@a?beat=1", "unknown parameter beat"), ("amqp://a?heartbeat=0", "from 1 to 3600"),
        ("amqp://a?cacertfile=/x", "amqps:// only"), ("", "no URL"),
        ("amqps://u:secret@a?certfile=/c", "certfile of the URL stands alone"),
        ("amqps://u:secret@a?keyfile=/k", "keyfile of the URL stands alone"),
        // URLs that were cut, and passwords whose marks are not encoded.
        ("amqp://u:secret", "the port: expected a number"), ("amqp://u:secret?", "the port: expected"),
        ("amqp://u:secret/x@a/v", "/ as %2F"), ("amqp://u:12/secret@a/v", "/ as %2F"),
        ("amqp://u:12?secret@a/v", "? as %3F"), ("amqp://u:12?secret=1", "unknown parameter; known"),
        ("amqp://u?x:secret", "unknown parameter; known"), ("amqp://h?beat=1", "unknown parameter beat"),
        ("amqp://u:x@secret/y@a", "@ as %40"), ("amqp://u:1?heartbeat=secret", "whole seconds"),
    ])
    func aMistakeIsTold(url: String, words: String) {
        do {
            _ = try AMQPAddress.list(url)
            Issue.record("accepted: \(url)")
        } catch {
            #expect(error.description.contains(words), "\(error)")
            #expect(!error.description.contains("secret"))
        }
    }
}
