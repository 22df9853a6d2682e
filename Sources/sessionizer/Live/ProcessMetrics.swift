import Glibc
import Telemetry

/// The standard figures of a process (prometheus.io/docs/instrumenting/writing_clientlibs, "Process metrics"), from
/// `/proc/self`, and which build this is.
struct ProcessMetrics: Sendable {
    private let cpu: Metrics.Handle
    private let memory: Metrics.Handle
    private let virtualMemory: Metrics.Handle
    private let files: Metrics.Handle

    init(_ all: Metrics) {
        let build = all.gauge(
            "sessionizer_build_info", "Which build this is; always 1.",
            [
                "version": CommandLineTool.version, "commit": CommandLineTool.commit,
                "swift": Self.swiftVersion,
            ])
        all.set(build, 1)
        let started = all.gauge(
            "process_start_time_seconds", "Start time of the process since the Unix epoch, in seconds.")
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        all.set(started, Double(now.tv_sec) + Double(now.tv_nsec) / 1e9)
        cpu = all.counter("process_cpu_seconds_total", "User and system CPU time, in seconds.")
        memory = all.gauge("process_resident_memory_bytes", "Resident memory, in bytes.")
        virtualMemory = all.gauge("process_virtual_memory_bytes", "Virtual memory, in bytes.")
        files = all.gauge("process_open_fds", "Open file descriptors.")
    }

    private static var swiftVersion: String {
        #if compiler(>=6.4)
            "6.4 or later"
        #elseif compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }

    func update(_ all: Metrics) {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        let pages = Self.pages()
        let open = (try? Folder.names("/proc/self/fd").count) ?? 0
        all.change { change in
            change.set(cpu, seconds(usage.ru_utime) + seconds(usage.ru_stime))
            change.set(virtualMemory, pages.virtual)
            change.set(memory, pages.resident)
            // The one that lists them is among them.
            change.set(files, Double(max(open - 1, 0)))
        }
    }

    private static func pages() -> (virtual: Double, resident: Double) {
        guard let file = fopen("/proc/self/statm", "r") else { return (0, 0) }
        defer { fclose(file) }
        var text = [CChar](repeating: 0, count: 256)
        guard fgets(&text, Int32(text.count), file) != nil else { return (0, 0) }
        let line = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let numbers = line.split(separator: " ").prefix(2).compactMap { Double($0) }
        guard numbers.count == 2 else { return (0, 0) }
        let size = Double(sysconf(Int32(_SC_PAGESIZE)))
        return (numbers[0] * size, numbers[1] * size)
    }
}
