import ChildProcesses
import EngineUnderTest
import Foundation
import Glibc
import Testing

/// The built program's `serve` and `token`, as a user runs them.
@Suite struct ServeTests {
    private func folder() throws -> (Folder, store: String) {
        let folder = try Folder()
        let store = folder.path("day.db")
        try FileManager.default.copyItem(atPath: SimulatedStore.shared.get().path, toPath: store)
        return (folder, "sqlite:" + store)
    }

    @Test func servesUntilItIsTold() throws {
        let (folder, store) = try folder()
        let run = try ServedProgram(folder, ["serve", "--store", store, "--listen", "127.0.0.1:0"])
        let client = Client(port: try run.port())
        #expect(try client.get("/analytics/v1/home").status == 200)
        for probe in ["/livez", "/readyz"] { #expect(try client.get(probe).text.hasPrefix("[+] ")) }
        #expect(try client.get("/healthz").json["caught_up"] as? Bool == true)
        #expect(try client.get("/deliveries/D-1").text.contains("<!doctype html>"))
        let list = try client.get("/deliveries")
        #expect(list.status == 303 && list.header("Location") == "/sessions")
        #expect(run.text.contains("authentication is off"))
        #expect(run.stop() == 0)
        #expect(FileManager.default.fileExists(atPath: folder.path("day.db-audit.db")))
    }

    @Test func whatReadersAskIsCounted() throws {
        let (folder, store) = try folder()
        let run = try ServedProgram(folder, ["serve", "--store", store, "--listen", "127.0.0.1:0"])
        let client = Client(port: try run.port())
        for path in [
            "/", "/analytics/v1/home", "/analytics/v1/deliveries/none-such", "/analytics/v1/home?x=1",
        ] {
            _ = try client.get(path)
        }
        let tooLong = try client.send("POST", "/", body: String(repeating: "x", count: (1 << 20) + 1))
        #expect(tooLong.status == 413)
        _ = try client.get("/livez")
        let metrics = try client.get("/metrics")
        #expect(metrics.header("Content-Type")?.hasPrefix("text/plain; version=0.0.4") == true)
        let lines = Set(metrics.text.split(separator: "\n").map(String.init))
        for line in [
            "requests_total{code=\"2xx\"} 2", "requests_total{code=\"4xx\"} 3",
            "requests_total{code=\"5xx\"} 0",
            "request_duration_seconds_count{route=\"home\"} 2",
            "request_duration_seconds_count{route=\"page\"} 1",
            "request_duration_seconds_count{route=\"deliveries/{id}\"} 1",
        ] { #expect(lines.contains("sessionizer_http_" + line), "\(line) in \(metrics.text)") }
        try folder.write("metrics", metrics.text)
        let promtool = try ChildProcess.run(
            ["sh", "-c", "promtool check metrics < \"$1\" 2>&1", "sh", folder.path("metrics")])
        #expect(promtool.status == 0 && promtool.output.isEmpty, "\(promtool)")
        #expect(run.stop() == 0)
    }

    /// `--http` is what `serve` with a queue calls it.
    @Test func anAddressHasTwoNames() throws {
        let (folder, store) = try folder()
        let run = try ServedProgram(folder, ["serve", "--store", store, "--http", "127.0.0.1:0"])
        #expect(try Client(port: try run.port()).get("/").status == 200)
        #expect(run.stop() == 0)
        let help = try ServedProgram(folder, ["serve", "--help"])
        #expect(help.end() == 0)
        #expect(
            help.output.contains("--amqp URL")
                && help.output.contains("[--listen HOST:PORT | --http HOST:PORT]"))
    }

    @Test(arguments: [
        (["--listen", "0.0.0.0:0"], 2, "would show everything to everybody"),
        (["--listen", "nonsense"], 2, "expected ADDRESS:PORT"), (["--tls-key", "x"], 2, "belong together"),
        (["--tokens", "none-such"], 2, "none-such: No such file"), (["--jwks", "x"], 2, "--jwt-issuer"),
        (["--listen", "127.0.0.1:99999"], 2, "expected ADDRESS:PORT"), (["what"], 2, "takes no operand"),
    ]) func saysWhatIsWrong(arguments: [String], status: Int32, text: String) throws {
        let (folder, store) = try folder()
        let run = try ServedProgram(folder, ["serve", "--store", store] + arguments)
        #expect(run.end() == status)
        #expect(run.text.contains(text), "\(run.text)")
    }

    @Test func aStoreThatIsNoneIsNotMade() throws {
        let folder = try Folder()
        let run = try ServedProgram(
            folder, ["serve", "--store", "sqlite:none.db", "--listen", "127.0.0.1:0"])
        #expect(run.end() == 1 && run.text.contains("none.db"))
        #expect(!FileManager.default.fileExists(atPath: folder.path("none.db")))
    }

    @Test func aTokenOpens() throws {
        let (folder, store) = try folder()
        let made = try ServedProgram(
            folder, ["token", "alice", "--role", "viewer", "--merchants", "harbor-burgers"])
        #expect(made.end() == 0)
        let token = try #require(made.text.split(separator: "\n").first?.split(separator: " ").last)
        try folder.write("tokens", made.output)
        let run = try ServedProgram(
            folder, ["serve", "--store", store, "--listen", "127.0.0.1:0", "--tokens", "tokens"])
        let client = Client(port: try run.port())
        #expect(try client.get("/analytics/v1/me").status == 401)
        let me = try client.get("/analytics/v1/me", ["Authorization": "Bearer \(token)"])
        #expect(
            me.json["name"] as? String == "alice" && me.json["merchants"] as? [String] == ["harbor-burgers"])
        #expect(try client.get("/").status == 200)
        #expect(run.stop() == 0)
        #expect(try ServedProgram(folder, ["token", "alice", "--role", "king"]).end() == 2)
    }

    /// What the file of tokens cannot hold is not written for it.
    @Test(arguments: ["A B,C#", "A,", "", "A\u{2028}B", "A,,B"])
    func aTokenOfMerchantsThatNoLineCanHold(merchants: String) throws {
        let (folder, _) = try folder()
        let made = try ServedProgram(folder, ["token", "a", "--role", "viewer", "--merchants", merchants])
        #expect(made.end() == 2)
        #expect(made.output.isEmpty && made.text.contains("--merchants"), "\(made.text)")
    }

    /// The line is all there is to a token: where it is lost, that is said.
    @Test func aTokenWhoseLineIsLost() throws {
        let token = try ChildProcess(
            [ServedProgram.program.path, "token", "a", "--role", "viewer"],
            output: FileHandle(forWritingAtPath: "/dev/full"))
        token.waitUntilExit()
        #expect(token.terminationStatus == 1)
    }

    @Test func speaksTLS() throws {
        let (folder, store) = try folder()
        try TestCertificate.make(in: folder)
        let run = try ServedProgram(
            folder,
            [
                "serve", "--store", store, "--listen", "127.0.0.1:0", "--tls-certificate", "cert.pem",
                "--tls-key",
                "key.pem",
            ])
        let address = "https://127.0.0.1:\(try run.port())/analytics/v1/me"
        func curl(_ arguments: String...) throws -> ChildProcess.Outcome {
            try ChildProcess.run(["curl", "-s"] + arguments, in: folder.url)
        }
        let reply = try curl("-i", "--cacert", "cert.pem", "--tlsv1.2", address)
        #expect(reply.status == 0 && reply.output.contains("\"anonymous\""))
        #expect(reply.output.contains("Strict-Transport-Security"))
        // Behind an ingress that speaks it, a browser has to do the same.
        let behind = try ServedProgram(
            folder, ["serve", "--store", store, "--listen", "127.0.0.1:0", "--behind-tls"])
        let plain = "http://127.0.0.1:\(try behind.port())/analytics/v1/me"
        #expect(try curl("-i", plain).output.contains("Strict-Transport-Security"))
        #expect(behind.stop() == 0)
        // 60: the certificate is not one that the machine believes in.
        #expect(try curl(address).status == 60)
        // Renewed, as orchestrators do: the files are replaced, and nobody starts the program again.
        try TestCertificate.make("new-key.pem", "new.pem", in: folder)
        for (new, old) in [("new-key.pem", "key.pem"), ("new.pem", "cert.pem")] {
            #expect(rename(folder.path(new), folder.path(old)) == 0)
        }
        try waitUntil("the new certificate is used", within: 60) {
            try curl("--cacert", "cert.pem", address).status == 0
        }
        #expect(run.text.contains("cert.pem has changed: new connections get the new certificate"))
        #expect(run.stop() == 0)
    }
}
