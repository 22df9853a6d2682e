internal import CJOSE
internal import SessionAPI
internal import TextForms

/// Tokens of a file, which holds only their SHA-256: whoever reads it cannot ask with it.
///
///     # name  role      token's SHA-256          what it is bound to
///     alice   operator  sha256:9f86d081884c7d65…
///     burger  viewer    sha256:60303ae22b998861… merchants=harbor-burgers,pier-pizza expires=2027-01-01
struct StaticTokens {
    private var readers: [String: Reader] = [:]

    init() {}

    /// - Throws: ``AccessFileError`` with the line.
    init(_ text: String, file: String) throws {
        var names: Set<String> = []
        // A file that is being written: its last line may have lost the merchants that bind it.
        if let last = text.utf8.last, last != UInt8(ascii: "\n") {
            let line = text.utf8.count { $0 == UInt8(ascii: "\n") } + 1
            throw AccessFileError(
                description:
                    "\(file), line \(line): has no newline at its end, so it may be a part of a line; "
                    + "end the file with a newline")
        }
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .enumerated()
        {
            let words = line.split { $0 == " " || $0 == "\t" || $0 == "\r" }.map(String.init)
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            func fail(_ problem: String) -> AccessFileError {
                AccessFileError(description: "\(file), line \(index + 1): \(problem)")
            }
            guard words.count >= 3 else {
                throw fail("expected NAME ROLE sha256:HEX; `sessionizer token` makes one")
            }
            guard let role = Role(rawValue: words[1]) else {
                throw fail(
                    "no role \(words[1]); there are \(Role.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            let digest = words[2].lowercased()
            guard digest.hasPrefix("sha256:"), digest.utf8.count == 71,
                digest.dropFirst(7).allSatisfy({ $0.isHexDigit })
            else { throw fail("expected sha256: and 64 hexadecimal digits; `sessionizer token` makes one") }
            guard names.insert(first).inserted else {
                throw fail("the name \(first) stands there a second time")
            }
            var reader = Reader(proof: .token, name: first, role: role, merchants: nil, expiresAt: nil)
            for word in words.dropFirst(3) {
                let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
                    String.init)
                switch parts.first {
                case "merchants" where parts.count == 2 && !parts[1].isEmpty:
                    reader.merchants = parts[1].split(separator: ",").map(String.init)
                case "expires" where parts.count == 2:
                    guard let day = CivilDay(parts[1]) else {
                        throw fail("\(word): not a day; expected e.g. expires=2027-01-01")
                    }
                    reader.expiresAt = day.start
                default: throw fail("unknown word \(word); there are merchants=A,B and expires=DAY")
                }
            }
            guard readers.updateValue(reader, forKey: String(digest.dropFirst(7))) == nil else {
                throw fail("the same token stands there a second time")
            }
        }
    }

    /// Found by its digest: how long it takes tells nothing of the token.
    func reader(of token: String) -> Reader? { readers[Digest.sha256(Array(token.utf8))] }
}

/// A file of tokens or keys that cannot be used.
public struct AccessFileError: Error, CustomStringConvertible, Sendable {
    /// Which file, where in it, what is wrong.
    public let description: String
}

/// libcrypto's.
enum Digest {
    static func sha256(_ bytes: [UInt8]) -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 0
        let code = EVP_Digest(bytes, bytes.count, &digest, &length, EVP_sha256(), nil)
        precondition(code == 1 && length == 32, "libcrypto could not make a digest")
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// So many random bytes, from libcrypto's generator.
    static func random(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        precondition(RAND_bytes(&bytes, Int32(count)) == 1, "libcrypto has no randomness")
        return bytes
    }
}
