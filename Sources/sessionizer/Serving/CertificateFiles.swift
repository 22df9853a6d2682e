import AccessControl
import HTTPServer
import Synchronization

/// The certificate of HTTP and its key, by files that whoever renews them replaces.
struct CertificateFiles: Sendable {
    let certificate: String
    let key: String

    /// - Throws: `UsageError` where one of both cannot be read.
    func read() throws -> HTTPServer.TLS {
        do {
            return HTTPServer.TLS(
                certificate: try SecretFile.text(of: certificate), key: try SecretFile.text(of: key))
        } catch let error as AccessFileError {
            throw UsageError(description: error.description)
        }
    }

    /// What a server that is to renew them needs.
    /// - Parameter say: Told that another certificate is used, or why not.
    func renewed(say: @escaping @Sendable (String) -> Void) throws -> HTTPServer.Certificates {
        let complaint = Complaint()
        return HTTPServer.Certificates(first: try read()) {
            do {
                let now = try read()
                complaint.end()
                return now
            } catch {
                if complaint.isNew("\(error)") { say("\(error); the certificate of before stays in force") }
                return nil
            }
        } tell: { change in
            switch change {
            case .used: say("\(certificate) has changed: new connections get the new certificate")
            case .refused:
                say(
                    "\(certificate) or \(key) has changed, and they cannot be used: do they belong together? The certificate "
                        + "of before stays in force")
            }
        }
    }

    /// Why the files could not be read last.
    private final class Complaint: Sendable {
        private let last = Mutex<String?>(nil)

        func isNew(_ text: String) -> Bool {
            last.withLock { last in
                defer { last = text }
                return last != text
            }
        }

        func end() { last.withLock { $0 = nil } }
    }
}
