internal import Glibc

/// Which file a path names, whatever it is called. A file that is open outlives its name: what is written into one that was
/// removed or moved away is there until the program ends, and then in no store that anybody finds.
struct FileIdentity: Equatable {
    private let device: dev_t
    private let inode: ino_t

    /// Nil where the path names none.
    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        (device, inode) = (status.st_dev, status.st_ino)
    }
}
