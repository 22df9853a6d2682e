import ChildProcesses
import Foundation

/// A certificate authority of the tests' own, a certificate it gave to `localhost`, and another authority.
struct Certificates {
    let authority: String
    let certificate: String
    let key: String
    /// An authority that gave the broker nothing.
    let stranger: String
    /// A free port for TLS.
    let port: Int

    init(in folder: String) throws {
        authority = "\(folder)/ca.pem"
        certificate = "\(folder)/server.pem"
        key = "\(folder)/server.key"
        stranger = "\(folder)/stranger.pem"
        let probe = try Proxy(to: 1)
        port = probe.port
        probe.end()
        let script = """
            set -e
            cd "$1"
            new="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
            openssl req -x509 $new -keyout ca.key -out ca.pem -days 2 -subj "/CN=tests"
            openssl req -x509 $new -keyout stranger.key -out stranger.pem -days 2 -subj "/CN=stranger"
            openssl req $new -keyout server.key -out server.csr -subj "/CN=localhost"
            printf 'subjectAltName=DNS:localhost\\n' > names
            openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile names
            """
        let outcome = try ChildProcess.run(["sh", "-c", script, "sh", folder])
        guard outcome.status == 0 else { throw Trouble("no certificates: \(outcome.complaints)") }
    }
}
