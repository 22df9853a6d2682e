#!/usr/bin/env python3
"""Checks the page in a real Chromium: the 15 points of its design, and with MILLION=1 stores of a million sessions.
`run.py PROGRAM [POINT...]`; exit 1 if one does not hold. REFERENCE_TABLES: the program that works out the tables by itself; SAMPLE=DIR:
an archive of one's own, whose pages are looked at as well."""
import os
import sys
import tempfile
from datetime import datetime, timezone

import drawing
import lacking
import looking
import million
import reading
import same
import worlds
from harness import Browser, Report, Server
from reference import Reference

POINTS = {1: reading.three_interactions, 2: drawing.paint, 3: drawing.smooth, 4: drawing.true_picture, 5: reading.every_row_says_why, 6: reading.permalink,
          7: drawing.nothing_jumps, 8: drawing.seven_tabs, 9: reading.keyboard, 10: looking.axe, 11: looking.contrast, 12: looking.reflow,
          13: lacking.says_what_it_lacks, 14: same.same_everywhere, 15: looking.hostile}
if os.environ.get("MILLION"):
    POINTS[16], POINTS[17] = million.million, million.million_in_postgres


class Tools(Report):
    """What every point has at hand: the stores, a service on each, the browser, where pictures go."""

    def __init__(self, program, folder, shots):
        super().__init__()
        self.program, self.shots, self.folder, self.servers, self.known = program, shots, folder, [], None
        os.makedirs(shots, exist_ok=True)
        store = lambda name: worlds.Store(program, folder, name)
        self.day, self.empty = store("day").simulated(35), store("empty").empty()
        self.five, self.long = store("five").replay(worlds.long_delivery(5000), "all"), store("long").replay(worlds.long_delivery(7000), "all")
        self.hostile, self.live, self.silent = store("hostile").replay(worlds.hostile(), "all"), store("live").replay(worlds.live_first(), "first"), store("silent").replay(worlds.silent(), "all")
        # An archive that is not of the project: SAMPLE=DIR. Nothing of it is kept.
        self.sample = store("sample").replayed(os.environ["SAMPLE"]) if os.environ.get("SAMPLE") else None
        for name in ("day", "empty", "five", "long", "hostile", "live", "silent") + (("sample",) if self.sample else ()):
            server = Server(program, getattr(self, name))
            self.servers.append(server)
            setattr(self, name + "_server", server)
        self.browser = Browser()

    @property
    def reference(self):
        """The simulated day by the reference model, worked out when it is first asked for."""
        if self.known is None:
            self.known = Reference(os.environ["REFERENCE_TABLES"], self.day.archive)
        return self.known

    def looked_at(self):
        """The stores whose every page is looked at: name, service, file."""
        stores = [("day", self.day_server, self.day.path), ("empty", self.empty_server, self.empty.path), ("hostile", self.hostile_server, self.hostile.path)]
        return stores + ([("sample", self.sample_server, self.sample.path)] if self.sample else [])

    def page(self, server, **more):
        context = self.browser.context(**more)
        page = context.new_page()
        page.on("close", lambda _: None)
        return page

    def shot(self, name):
        return os.path.join(self.shots, name + ".png")

    @staticmethod
    def instant(microseconds):
        if microseconds is None:
            return None
        whole = datetime.fromtimestamp(microseconds // 1_000_000, timezone.utc)
        return whole.strftime("%Y-%m-%dT%H:%M:%S") + f".{microseconds % 1_000_000:06d}Z"

    def write(self, path):
        """The points that were looked at, in place of what the file says of them."""
        known = {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                for section in file.read().split("\n## ")[1:]:
                    known[int(section.split(".")[0])] = "\n## " + section.rstrip("\n") + "\n"
        for section in self.markdown().split("\n## ")[1:]:
            known[int(section.split(".")[0])] = "\n## " + section.rstrip("\n") + "\n"
        with open(path, "w", encoding="utf-8") as file:
            file.write("# The page's points, checked\n\nWritten by `make page-check`: each point of the page's design, in a real Chromium "
                       f"({self.browser.browser.version}), on a simulated day, a very\nlong delivery, an empty store, live deliveries and hostile data. "
                       "Sections 16 and 17, stores of a million sessions, are of `make page-check MILLION=1`.\n")
            file.write("".join(known[n] for n in sorted(known)))

    def close(self):
        self.browser.close()
        for server in self.servers:
            server.stop()


def main(words):
    program, wanted = words[0], [int(w) for w in words[1:]] or sorted(POINTS)
    with tempfile.TemporaryDirectory(prefix="page-check-") as folder:
        tools = Tools(program, folder, os.path.join(os.path.dirname(os.path.abspath(__file__)), "shots"))
        try:
            for number in wanted:
                try:
                    POINTS[number](tools)
                except Exception as error:
                    if not tools.points or tools.points[-1][0] != number:
                        tools.point(number, POINTS[number].__name__)
                    tools.expect(False, f"it broke off: {type(error).__name__}: {str(error)[:600]}")
                for context in tools.browser.browser.contexts:
                    context.close()
                found = tools.browser.taken()
                if found:
                    tools.expect(False, f"troubles in the browser: {found[:3]}")
            if os.environ.get("PAGE_CHECK_REPORT") and not os.environ.get("PAGES"):
                tools.write(os.environ["PAGE_CHECK_REPORT"])
        finally:
            tools.close()
    print(f"\n{sum(1 for _, _, lines in tools.points for m, _ in lines if m == 'ok')} hold, {tools.failed} do not")
    return 1 if tools.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
