import AMQPSource
import ConfigurationFile
import HTTPServer
import PostgresStore
import SessionStore

extension SettingsFile {
    /// Fails, with file and line, where a URL, an address or a place in a stream cannot be: read by what will use it, also
    /// where the environment or an option says something else, as with every other value of the file.
    ///
    /// No URL is shown: it may hold a password.
    func expectUsable(_ file: String) throws {
        func fail(_ key: String, _ problem: String) -> ConfigurationError {
            ConfigurationError(file: file, line: lines[key] ?? 1, problem: "`\(key)`: \(problem)")
        }
        if let storeURL {
            do {
                switch try StoreLocation(url: storeURL) {
                case .sqlite: break
                case .postgres(let settings): try settings.check()
                }
            } catch let error as StoreError {
                throw fail("store.url", "\(error)")
            } catch {
                throw fail("store.url", "expected sqlite:PATH or postgres://…")
            }
        }
        for url in amqpURLs ?? [] {
            do { _ = try AMQPAddress.list(url) } catch { throw fail("amqp.url", "\(error)") }
        }
        if let amqpFromOffset {
            do { _ = try LiveSettings.start("", amqpFromOffset) } catch {
                throw fail("amqp.from_offset", "`\(amqpFromOffset)`: expected an offset, first, last or next")
            }
        }
        if let amqpFromTime {
            guard InstantArgument.seconds(amqpFromTime) != nil else {
                throw fail(
                    "amqp.from_time",
                    "`\(amqpFromTime)`: expected RFC 3339, e.g. 2026-11-02T16:15:00Z, or a day")
            }
            if amqpFromOffset != nil {
                throw fail("amqp.from_time", "`amqp.from_offset` is set too; expected one of them")
            }
        }
        if let listen = http.listen {
            do { try HTTPServer.check(listen: listen) } catch { throw fail("http.listen", "\(error)") }
        }
    }

    /// Fails, with file and line, where the file has a client's certificate for the broker without its key, or the key alone, and
    /// the environment does not have the other.
    func expectBrokersPair(_ file: String, _ environment: [String: String]) throws {
        let pair = [
            (key: "amqp.certfile", value: amqpCertificateFile, variable: "SESSIONIZER_AMQP_CERTFILE"),
            (key: "amqp.keyfile", value: amqpKeyFile, variable: "SESSIONIZER_AMQP_KEYFILE"),
        ]
        for (one, other) in [(pair[0], pair[1]), (pair[1], pair[0])]
        where one.value != nil && other.value == nil && environment[other.variable] == nil {
            throw ConfigurationError(
                file: file, line: lines[one.key] ?? 1,
                problem: "`\(one.key)`: `\(other.key)` is not set; expected both or none")
        }
    }
}
