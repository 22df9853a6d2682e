import Foundation
import ProgramUnderTest

/// A small file system in memory, to be filled up. Mounting one takes root, and not every container allows it.
struct SmallDisk {
    let url: URL

    struct Refused: Error {}

    init(at url: URL, megabytes: Int) throws {
        self.url = url
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        try Self.command("mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", url.path)
    }

    func resize(megabytes: Int) throws {
        try Self.command("mount", "-o", "remount,size=\(megabytes)m", url.path)
    }

    func remove() { try? Self.command("umount", url.path) }

    static func isAllowed() throws -> Bool {
        let folder = try Folder()
        guard getuid() == 0,
            let disk = try? SmallDisk(at: folder.url.appendingPathComponent("try"), megabytes: 1)
        else { return false }
        disk.remove()
        return true
    }

    private static func command(_ words: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Refused() }
    }
}
