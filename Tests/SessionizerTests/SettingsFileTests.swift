import ConfigurationFile
import Foundation
import SessionCore
import Testing

@Suite struct SettingsFileTests {
    /// What the commented file says is what the program does without it.
    @Test func theFileWithTheDefaultsHoldsTheDefaults() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("config/sessionizer.yaml")
        let settings = try SettingsFile.parse(
            String(contentsOf: file, encoding: .utf8), file: "sessionizer.yaml")
        #expect(settings.rules == Rules())
        #expect(settings.storeURL == "sqlite:sessionizer.db")
        #expect(settings.maxResidentEntities == 60_000)
        #expect(settings.batchMaxEvents == 20_000)
        #expect(settings.catalogue == nil)
        #expect(settings.batchMaxAgeMilliseconds == 100)
        #expect(settings.amqpURLs == nil && settings.amqpURLFile == nil && settings.amqpQueue == nil)
        #expect(settings.amqpQueueType == "quorum" && settings.amqpPrefetch == 10_000)
        #expect(settings.amqpMaxHeldBytes == 256 << 20 && settings.amqpDeclares == false)
        #expect(settings.amqpExchange == nil && settings.amqpBindingKey == "#")
        #expect(settings.http.listen == "127.0.0.1:8080" && settings.logLevel == "info")
        #expect(settings.graceSeconds == 25)
    }

    @Test func everySettingIsRead() throws {
        let settings = try SettingsFile.parse(
            """
            store: {url: "sqlite:x.db", url_file: store-secret}
            memory: {max_resident_entities: 50}
            batch: {max_events: 7, max_age_ms: 8}
            amqp:
              url: ["amqp://a", "amqp://b"]
              url_file: secret
              queue: q
              queue_type: stream
              prefetch: 9
              max_held_bytes: 5000000
              declare: true
              exchange: e
              binding_key: "a.*"
              cacertfile: ca.pem
              certfile: me.pem
              keyfile: me.key
              from_offset: "7"
              from_time: "2026-11-02"
            http:
              listen: "[::1]:1"
              hosts: [a.example, b.example]
              audit: a.db
              tokens: t
              jwks: j
              jwt_issuer: i
              jwt_audience: u
              tls_certificate: c
              tls_key: k
              behind_tls: true
              kept_answers_mb: 4
            log: {level: debug}
            shutdown: {grace_seconds: 3}
            catalogue: mine.yaml
            rules:
              max_window_seconds: 60
              max_silence_seconds: 90
              max_targets: 3
              usable_states: [on]
              downtime_states: [broken]
              off_duty_states: []
            """, file: "s.yaml")
        #expect(settings.storeURL == "sqlite:x.db")
        #expect(settings.maxResidentEntities == 50)
        #expect(settings.batchMaxEvents == 7)
        #expect(settings.catalogue == "mine.yaml")
        #expect(settings.batchMaxAgeMilliseconds == 8)
        #expect(settings.amqpURLs == ["amqp://a", "amqp://b"] && settings.amqpURLFile == "secret")
        #expect(settings.amqpQueue == "q" && settings.amqpQueueType == "stream")
        #expect(settings.amqpPrefetch == 9 && settings.amqpMaxHeldBytes == 5_000_000)
        #expect(settings.amqpDeclares == true)
        #expect(settings.amqpExchange == "e" && settings.amqpBindingKey == "a.*")
        #expect(settings.http.listen == "[::1]:1" && settings.logLevel == "debug")
        #expect(settings.storeURLFile == "store-secret")
        #expect(settings.amqpAuthorityFile == "ca.pem" && settings.amqpCertificateFile == "me.pem")
        #expect(settings.amqpKeyFile == "me.key")
        #expect(settings.amqpFromOffset == "7" && settings.amqpFromTime == "2026-11-02")
        let http = settings.http
        #expect(http.hosts == ["a.example", "b.example"] && http.audit == "a.db" && http.tokens == "t")
        #expect(http.keys == "j" && http.issuer == "i" && http.audience == "u")
        #expect(
            http.certificate == "c" && http.key == "k" && http.isBehindTLS == true && http.keptMegabytes == 4)
        #expect(settings.graceSeconds == 3)
        #expect(settings.rules.maxWindow == 60_000_000)
        #expect(settings.rules.maxSilence == 90_000_000)
        #expect(settings.rules.maxTargets == 3)
        #expect(settings.rules.usableStates == ["on"])
        #expect(settings.rules.downtimeStates == ["broken"])
        #expect(settings.rules.offDutyStates == [])
    }

    @Test(arguments: [
        ("stroe:\n  url: x", "s.yaml:2", "unknown key `stroe.url`"),
        ("batch:\n  max_events: many", "s.yaml:2", "whole number from 1 to 1000000"),
        ("batch:\n  max_events: 0", "s.yaml:2", "whole number from 1 to 1000000"),
        ("rules:\n  max_silence_seconds: never", "s.yaml:2", "or off"),
        ("amqp:\n  queue_type: ring", "s.yaml:2", "expected one of quorum, classic, stream"),
        ("amqp:\n  declare: maybe", "s.yaml:2", "expected one of true, false"),
        ("amqp:\n  url: []", "s.yaml:2", "a text, or a list of them"),
        ("rules:\n  usable_states: idle", "s.yaml:2", "a list of states"),
        ("rules:\n  usable_states: [idle, parked]", "s.yaml:2", "the state `parked` is in"),
        ("store:\n  url: a\nstore:\n  url: b", "s.yaml:3", "a second time (first in line 1)"),
        ("batch: 5", "s.yaml:1", "`batch` is `5`; expected keys below it, e.g. `batch.max_events`"),
        ("batch:\n  max_events: 5\n---\nfoo: 6", "s.yaml:4", "a second document begins here"),
        ("store: [", "s.yaml:", ""), ("- a", "s.yaml:1", "expected keys with values"),
    ])
    func aMistakeIsToldWithItsLine(text: String, place: String, words: String) {
        do {
            _ = try SettingsFile.parse(text, file: "s.yaml")
            Issue.record("accepted: \(text)")
        } catch {
            #expect(error.description.hasPrefix(place), "\(error)")
            #expect(words.isEmpty || error.description.contains(words), "\(error)")
        }
    }

    /// Whoever comments out all keys of a section leaves its name.
    @Test(arguments: ["batch:\n  # max_events: 5\n", "batch:\nstore:\n", "# nothing\n", "", "---\n"])
    func anEmptySectionSetsNothing(text: String) throws {
        let settings = try SettingsFile.parse(text, file: "s.yaml")
        #expect(settings.batchMaxEvents == nil && settings.storeURL == nil && settings.lines.isEmpty)
    }
}
