internal import CRabbitMQ
internal import Glibc

extension AMQPConsumer {
    /// librabbitmq reads nested headers by calling itself, and a frame of 128 KiB can hold some 26,000 arrays in each
    /// other: half a megabyte, the usual stack of such a thread, is held to be too little for those. (5,000 were tried,
    /// and fit into it.)
    private static let stackBytes = 64 << 20

    private final class Errand: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Consumes until ``stop()``, on a thread of its own.
    /// - Parameter onEnd: Called by that thread at its end.
    public func begin(onEnd: @escaping @Sendable () -> Void) {
        let errand = Unmanaged.passRetained(
            Errand { [self] in
                run()
                onEnd()
            })
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, Self.stackBytes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, &attributes,
            { raw in
                if let raw { Unmanaged<Errand>.fromOpaque(raw).takeRetainedValue().body() }
                return nil
            }, errand.toOpaque())
        precondition(code == 0, "no thread is left for a connection to the broker")
    }
}
