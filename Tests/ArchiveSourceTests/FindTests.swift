import Glibc
import Testing

@testable import ArchiveSource

/// Which files paths and days stand for.
@Suite struct FindTests {
    private let folder = TemporaryFolder()

    private func find(_ names: [String], from: String? = nil, to: String? = nil) throws -> [String] {
        let files = try ArchiveFiles.find(
            paths: names.map { "\(folder.path)/\($0)" }, from: from.flatMap { ArchiveDay($0) },
            to: to.flatMap { ArchiveDay($0) })
        return files.map { String($0.path.dropFirst(folder.path.count + 1)) }
    }

    private func problem(_ names: [String], from: String? = nil, to: String? = nil) -> ArchiveError.Problem? {
        do {
            _ = try find(names, from: from, to: to)
            return nil
        } catch {
            return (error as? ArchiveError)?.problem
        }
    }

    private func writeDays() throws {
        for day in 1...4 { try folder.write("a/dt=2024-02-0\(day)/x.jsonl", "{}\n") }
        try folder.write("a/late.jsonl", "{}\n")
        try folder.write("a/dt=unknown/y.jsonl", "{}\n")
    }

    @Test func foldersAreReadInTheOrderOfTheNamesBytes() throws {
        for name in [
            "b", "a", "B", "a.gz", "a/", "é", "z", "10", "9", "dt=2024-01-02/b", "dt=2024-01-01/c/d",
        ] {
            try folder.write(name.hasSuffix("/") ? "x/\(name)in" : name, "{}\n")
        }
        #expect(
            try find([""]).map { $0.drop { $0 == "/" } } == [
                "10", "9", "B", "a", "a.gz", "b", "dt=2024-01-01/c/d", "dt=2024-01-02/b", "x/a/in", "z", "é",
            ])
    }

    @Test func hiddenNamesAndMarkersAreLeftOut() throws {
        for name in ["d/_SUCCESS", "d/.x.unfinished", "d/.git/x", "d/_temporary/x", "d/dt=2024-01-01/x"] {
            try folder.write(name, "{}\n")
        }
        #expect(try find(["d"]) == ["d/dt=2024-01-01/x"])
        // Named, it is read.
        #expect(try find(["d/_SUCCESS"]) == ["d/_SUCCESS"])
    }

    @Test func daysPickFoldersAndLeaveOtherFiles() throws {
        try writeDays()
        let other = ["a/dt=unknown/y.jsonl", "a/late.jsonl"]
        func days(_ days: ClosedRange<Int>) -> [String] { days.map { "a/dt=2024-02-0\($0)/x.jsonl" } }
        #expect(try find(["a"]) == days(1...4) + other)
        #expect(try find(["a"], from: "2024-02-02", to: "2024-02-03") == days(2...3) + other)
        #expect(try find(["a"], from: "2024-02-03") == days(3...4) + other)
        #expect(try find(["a"], to: "2024-02-01") == days(1...1) + other)
        #expect(try find(["a"], from: "2025-01-01") == other)
        // As a shell's pattern gives them.
        let named = (1...4).map { "a/dt=2024-02-0\($0)" }
        #expect(try find(named, from: "2024-02-04") == days(4...4))
        #expect(try find(days(1...4), from: "2024-02-04") == days(4...4))
    }

    @Test func daysWithoutAFolderAreAnError() throws {
        try writeDays()
        run("rm -r '\(folder.path)/a/late.jsonl' '\(folder.path)/a/dt=unknown'")
        let from = try #require(ArchiveDay("2024-03-01"))
        let first = try #require(ArchiveDay("2024-02-01"))
        let last = try #require(ArchiveDay("2024-02-04"))
        #expect(
            problem(["a"], from: "2024-03-01") == .noDayFolder(from: from, to: nil, first: first, last: last))
        #expect(problem(["a"], from: "2024-02-03", to: "2024-02-01") != nil)
    }

    @Test func whatIsNotThereIsAnError() throws {
        try folder.write("empty/_SUCCESS", "")
        #expect(problem(["nothing"]) == .missing)
        #expect(problem(["empty"]) == .noEventFile)
        #expect(problem(["empty/_SUCCESS/x"]) == .unreadable(SystemError(code: ENOTDIR)))
        #expect(run("ln -s nowhere '\(folder.path)/link'") == 0)
        #expect(problem(["link"]) == .missing)
        #expect(ArchiveError(path: "x", problem: .missing).description.hasPrefix("x: there is no such file"))
    }

    @Test(.enabled(if: geteuid() != 0, "root may read everything")) func whatMayNotBeReadIsAnError() throws {
        try folder.write("d/secret", "{}\n")
        run("chmod 0 '\(folder.path)/d/secret'")
        #expect(problem(["d/secret"]) == .unreadable(SystemError(code: EACCES)))
    }

    @Test func linksBackAreNotFollowed() throws {
        try folder.write("d/e/x", "{}\n")
        #expect(run("ln -s .. '\(folder.path)/d/e/up'; ln -s e '\(folder.path)/d/again'") == 0)
        #expect(try find(["d"]) == ["d/again/x", "d/e/x"])
    }

    @Test func standardInputIsReadOnce() throws {
        let files = try ArchiveFiles.find(paths: ["-"])
        #expect(files == [.standardInput])
        #expect(throws: ArchiveError(path: "-", problem: .standardInputTwice)) {
            try ArchiveFiles.find(paths: ["-", "-"])
        }
    }

    @Test func sizesAreThoseOfTheFiles() throws {
        let path = try folder.write("x", "12345")
        #expect(try ArchiveFiles.find(paths: [path]) == [ArchiveFile(path: path, size: 5)])
    }

    @Test(arguments: [
        "2024-02-30", "2023-02-29", "2024-13-01", "2024-00-01", "2024-01-00", "2024-1-1", "20240101",
        "2024-01-01 ", "٢٠٢٤-01-01", "", "1900-02-29",
    ])
    func whatIsNoDayIsNoDay(_ text: String) {
        #expect(ArchiveDay(text) == nil)
    }

    @Test func daysAreThoseOfTheCalendar() throws {
        #expect(ArchiveDay("2024-02-29")?.description == "2024-02-29")
        #expect(ArchiveDay(containing: 0).description == "1970-01-01")
        #expect(ArchiveDay(containing: -1).description == "1969-12-31")
        #expect(ArchiveDay(containing: 951_782_400_000_000).description == "2000-02-29")
        #expect(ArchiveDay(containing: 951_868_799_999_999).description == "2000-02-29")
        #expect(ArchiveDay(containing: 951_868_800_000_000).description == "2000-03-01")
        // Every day from 1970 to 2033 is after the day before, and is read back.
        var before = ArchiveDay(containing: -86_400_000_000)
        var wrong: [ArchiveDay] = []
        for number in 0..<Int64(64 * 365 + 16) {
            let day = ArchiveDay(containing: number * 86_400_000_000)
            if !(before < day) || ArchiveDay(day.description) != day { wrong.append(day) }
            before = day
        }
        #expect(wrong.isEmpty)
        #expect(before.description == "2033-12-31")
    }
}
