internal import ChildProcesses
public import Foundation

/// A small file system in memory, to be filled up. Mounting one takes root, and not every container allows it.
public struct SmallDisk {
    /// Where it is mounted.
    public let url: URL

    /// It may not be mounted here, or not changed.
    public struct Refused: Error {}

    /// Mounts it.
    public init(at url: URL, megabytes: Int) throws {
        self.url = url
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        try Self.command("mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", url.path)
    }

    /// Makes it larger or smaller.
    public func resize(megabytes: Int) throws {
        try Self.command("mount", "-o", "remount,size=\(megabytes)m", url.path)
    }

    /// Unmounts it.
    public func remove() { try? Self.command("umount", url.path) }

    /// Leaves no room.
    public func fill() {
        try? Self.command("dd", "if=/dev/zero", "of=\(url.path)/filling", "bs=4k", "status=none")
    }

    /// Makes the room again.
    public func empty() throws { try FileManager.default.removeItem(atPath: "\(url.path)/filling") }

    /// Whether one may be mounted here.
    public static func isAllowed() throws -> Bool {
        let folder = try Folder()
        guard getuid() == 0,
            let disk = try? SmallDisk(at: folder.url.appendingPathComponent("try"), megabytes: 1)
        else { return false }
        disk.remove()
        return true
    }

    private static func command(_ words: String...) throws {
        guard try ChildProcess.run(words).status == 0 else { throw Refused() }
    }
}
