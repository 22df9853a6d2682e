internal import Dispatch
internal import Synchronization

/// A bounded buffer between two threads: whole batches, in order, at most so many at once.
///
/// What waits on it is a thread of its own, never the cooperative pool.
public final class HandOver<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])
    // Dispatch traps when a semaphore is released below the value it began with: it begins with none.
    private let free = DispatchSemaphore(value: 0)
    private let filled = DispatchSemaphore(value: 0)

    /// Room for so many values.
    public init(capacity: Int) {
        for _ in 0..<capacity { free.signal() }
    }

    /// Waits for room and hands a value over.
    public func put(_ value: Value) {
        free.wait()
        values.withLock { $0.append(value) }
        filled.signal()
    }

    /// Hands a value over if there is room for it now.
    public func tryPut(_ value: Value) -> Bool {
        guard free.wait(timeout: .now()) == .success else { return false }
        values.withLock { $0.append(value) }
        filled.signal()
        return true
    }

    /// Waits for a value; nil when the other side has closed and all is taken.
    public func take() -> Value? {
        filled.wait()
        let value: Value? = values.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        if value == nil {
            filled.signal()
        } else {
            free.signal()
        }
        return value
    }

    /// Says that no more values come. Values handed over before are still taken.
    public func close() { filled.signal() }
}
