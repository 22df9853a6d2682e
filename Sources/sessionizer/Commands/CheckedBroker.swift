import AMQPSource
import Synchronization

/// What each broker has of what `serve` needs.
enum CheckedBroker {
    static func look(
        _ live: LiveSettings, _ brokers: [AMQPAddress], _ queue: QueueSettings, _ findings: inout [Finding]
    ) {
        let split = live.split(queue.name)
        // What --declare makes beside the queues themselves.
        let beside = live.declares && queue.kind != .stream ? [queue.deadLetterQueue] : []
        let names = (split?.queues ?? [queue.name]) + beside
        let exchange = split?.exchange ?? live.exchange
        for address in brokers {
            let found: AMQPInspection
            do throws(AMQPInspection.Failure) {
                found = try AMQPInspection(
                    address, queues: names, kind: queue.kind, exchange: exchange,
                    connectionName: "sessionizer check-config", version: CommandLineTool.version)
            } catch {
                findings.append(
                    Finding(
                        "broker", .missing, "\(address.shown): \(error)",
                        "is it up, are user, password and virtual host of the URL right, and may the user use it?"
                    ))
                continue
            }
            let security = address.tls.map { "TLS verified by \($0.authority)" } ?? "no TLS"
            findings.append(
                Finding("broker", .well, "\(address.shown): connected as \(address.user), \(security)"))
            if let has = found.hasExchange, let exchange {
                findings.append(exchangeFinding(exchange, has, live, queue))
            }
            for one in found.queues {
                findings +=
                    beside.contains(one.name)
                    ? declaring(one, live) : queueFindings(one, live, queue) + declaring(one, live)
            }
        }
    }

    private static func exchangeFinding(
        _ name: String, _ isThere: Bool, _ live: LiveSettings, _ queue: QueueSettings
    ) -> Finding {
        if isThere {
            return Finding(
                "exchange", .well, "\(name) is there (its type and bindings are not told to a client)")
        }
        if live.declares {
            return Finding("exchange", .note, "\(name) is not there; serve makes it (--declare)")
        }
        // Without partitions it is needed for binding only, which --declare does.
        return Finding(
            "exchange", .missing, "\(name) is not there: nobody splits messages over the partitions",
            "make it as a durable x-consistent-hash exchange and bind each \(queue.name).N with the key 1, or --declare"
        )
    }

    /// With --declare: whether the user may, of a queue that is there as well.
    private static func declaring(_ one: AMQPInspection.Queue, _ live: LiveSettings) -> [Finding] {
        guard live.declares, one.mayConfigure == false else { return [] }
        return [
            Finding(
                "queue", .missing, "\(one.name): the user may not declare it",
                "rabbitmqctl set_permissions: configure and write must match its name, or serve without --declare"
            )
        ]
    }

    private static func queueFindings(
        _ one: AMQPInspection.Queue, _ live: LiveSettings, _ wanted: QueueSettings
    ) -> [Finding] {
        guard let ready = one.ready else {
            let words = one.obstacle.map { ": \($0)" } ?? ""
            if live.declares {
                return [
                    Finding("queue", .note, "\(one.name) is not there; serve makes it (--declare)\(words)")
                ]
            }
            return [
                Finding(
                    "queue", .missing, "\(one.name) is not there\(words)", "make it, or serve with --declare")
            ]
        }
        var found: [Finding] = []
        let kind = one.kind.map { "\($0), " } ?? ""
        found.append(Finding("queue", .well, "\(one.name) is there: \(kind)\(ready) messages ready"))
        switch one.mayRead {
        case true?: break
        case false?:
            found.append(
                Finding(
                    "queue", .missing, "\(one.name): the user may not read it",
                    "rabbitmqctl set_permissions: read must match the queue's name"))
        case nil:
            found.append(
                Finding("queue", .note, "\(one.name): whether the user may read it was not told"))
        }
        switch one.kind {
        case wanted.kind.rawValue?: break
        case let other?:
            found.append(
                Finding(
                    "queue", .missing, "\(one.name) is a \(other) queue, not \(wanted.kind.rawValue)",
                    "--queue-type \(other), or another queue"))
        case nil:
            found.append(
                Finding(
                    "queue", .note,
                    "\(one.name): its type was not told, expected \(wanted.kind.rawValue)"
                        + (one.obstacle.map { ": \($0)" } ?? ""),
                    "whether it is that, a user with the right to configure can see"))
        }
        return found
    }
}

/// What was said to the operator, kept to be told later.
final class Told: Sendable {
    private let words = Mutex<[String]>([])

    var all: [String] { words.withLock { $0 } }

    func add(_ text: String) { words.withLock { $0.append(text) } }
}
