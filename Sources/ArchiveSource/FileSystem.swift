import Glibc

/// What a path leads to, symbolic links followed.
struct FileStatus {
    enum Kind {
        case file
        case folder
        /// A pipe or a device that can be read as a stream.
        case stream
        case other
    }

    /// Which file or folder it is, whatever its path.
    struct Identity: Hashable {
        let device: UInt64
        let number: UInt64
    }

    let kind: Kind
    let size: Int64
    let identity: Identity

    static func of(_ path: String) throws(SystemError) -> FileStatus {
        var status = stat()
        _ = try retryingInterrupted { stat(path, &status) }
        let kind: Kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            case S_IFIFO, S_IFCHR: .stream
            default: .other
            }
        return FileStatus(
            kind: kind, size: Int64(status.st_size),
            identity: Identity(device: UInt64(status.st_dev), number: UInt64(status.st_ino)))
    }
}

/// The names in a folder in the order of their bytes, `.` and `..` left out.
func namesInFolder(_ path: String) throws(SystemError) -> [String] {
    guard let folder = opendir(path) else { throw .last }
    defer { closedir(folder) }

    var names: [String] = []
    while true {
        errno = 0
        guard let entry = readdir(folder) else {
            if errno != 0 { throw .last }
            break
        }
        let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
            field.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: field.pointee)) {
                String(cString: $0)
            }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
}

/// Makes a folder and those it lies in, where they are missing.
func makeFolders(_ path: String) throws(SystemError) {
    var end = path.startIndex
    while end < path.endIndex {
        let next = path[end...].dropFirst().firstIndex(of: "/") ?? path.endIndex
        let folder = String(path[..<next])
        if mkdir(folder, 0o777) != 0 {
            let error = SystemError.last
            guard error.code == EEXIST else { throw error }
        }
        end = next
    }
}
