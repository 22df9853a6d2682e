/// How far the reading of archives has come.
public struct ArchiveProgress: Sendable, Equatable {
    /// Bytes consumed, as they are stored; of a file that is done, its whole size.
    public internal(set) var bytesDone: Int64
    /// Bytes of all files; unknown where standard input or a pipe is among them.
    public internal(set) var bytesTotal: Int64?
    /// Files that are done, damaged ones included.
    public internal(set) var filesDone: Int
    /// All files.
    public internal(set) var filesTotal: Int
}
