"""Starts the program and one Chromium, collects what each point finds, and says so."""
import os
import re
import statistics
import subprocess
import threading
import time

from playwright.sync_api import sync_playwright

SCRIPTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "deploy", "scripts")

WATCH = """
window.__csp = [];
document.addEventListener("securitypolicyviolation", (e) => window.__csp.push(e.violatedDirective + " " + e.blockedURI));
window.__cls = 0;
new PerformanceObserver((l) => { for (const e of l.getEntries()) if (!e.hadRecentInput) window.__cls += e.value; }).observe({type: "layout-shift", buffered: true});
"""


class Server:
    """`sessionizer serve` on a store and a free port of the loopback."""

    def __init__(self, program, store, *more, listen="127.0.0.1:0", patience=30):
        self.process = subprocess.Popen([program, "serve", "--store", store.url, "--listen", listen, *more], stderr=subprocess.PIPE, text=True)
        self.said = []
        ready = threading.Event()

        def read():
            for line in self.process.stderr:
                self.said.append(line)
                found = re.search(r"http://127\.0\.0\.1:\d+", line)
                if found:
                    self.base = found.group(0)
                    ready.set()
            ready.set()

        threading.Thread(target=read, daemon=True).start()
        if not ready.wait(patience) or not hasattr(self, "base"):
            raise SystemExit("serve did not start: " + "".join(self.said))

    def stop(self):
        """Ends it; once is enough, twice is no harm."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


class PrivatePostgres:
    """A PostgreSQL server of one's own (deploy/scripts/private-postgres.sh)."""

    def __init__(self, name):
        # The path of a socket is short.
        self.folder = os.path.join("/tmp", "page-check-pg-" + name)
        self.url = f"postgres:///postgres?host={self.folder}&user=postgres"
        os.makedirs(self.folder)

    @staticmethod
    def is_here():
        return any(os.path.exists(f"/usr/lib/postgresql/{n}/bin/initdb") for n in range(14, 30))

    def tell(self, action):
        subprocess.run([os.path.join(SCRIPTS, "private-postgres.sh"), action, self.folder], check=True, capture_output=True, text=True, timeout=120)


class Report:
    def __init__(self):
        self.points, self.failed = [], 0

    def point(self, number, title):
        self.number = number
        self.points.append((number, title, []))
        print(f"\n{number}. {title}", flush=True)

    def figure(self, text):
        self.points[-1][2].append(("", text))
        print("   " + text, flush=True)

    def table(self, head, rows):
        lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
        self.points[-1][2].append(("table", "\n".join(lines)))
        print("\n".join("   " + line for line in lines), flush=True)

    def expect(self, holds, text):
        self.points[-1][2].append(("ok" if holds else "NOT", text))
        self.failed += 0 if holds else 1
        print(("   ok   " if holds else "   NOT  ") + text, flush=True)
        return holds

    def markdown(self):
        out = []
        for number, title, lines in self.points:
            out.append(f"\n## {number}. {title}\n")
            out += [f"\n{text}\n" if mark == "table" else f"- {('**' + mark + '** ') if mark == 'NOT' else ''}{text}" for mark, text in lines]
        return "\n".join(out) + "\n"


class Browser:
    """One Chromium; each page reports script errors, dialogs and violations of the policy."""

    def __init__(self):
        self.playwright = sync_playwright().start()
        path = next((p for p in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome") if os.path.exists(p)), None)
        if not path:
            raise SystemExit("Chromium is missing: apt-get install chromium")
        self.browser = self.playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        self.troubles = []

    def context(self, width=1440, height=900, dark=False, **more):
        context = self.browser.new_context(viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", **more)
        context.set_default_timeout(20_000)
        context.add_init_script(WATCH)
        context.on("page", self.watch)
        # PAGE_FILES=Sources/SessionAPI/Page: the files as they lie there instead of the built-in ones, to try a change without building.
        files = os.environ.get("PAGE_FILES")
        if files:
            context.route("**/page/*", lambda route: route.fulfill(path=os.path.join(files, route.request.url.split("/")[-1].split("?")[0])))
        return context

    def watch(self, page):
        page.on("console", lambda m: self.troubles.append(f"console: {m.text} ({page.url})")
                if m.type == "error" and "Failed to load resource" not in m.text else None)
        page.on("pageerror", lambda e: self.troubles.append(f"script: {e} ({page.url})"))
        page.on("dialog", lambda d: (self.troubles.append(f"dialog: {d.message} ({page.url})"), d.dismiss()))

    def taken(self):
        found, self.troubles = self.troubles, []
        return found

    def close(self):
        self.browser.close()
        self.playwright.stop()


def median(values):
    return statistics.median(values)


def wait(page, condition, arg=None, timeout=20_000):
    """Until a condition in the page holds. (Playwright's own way needs `eval`, which the page's policy forbids.)"""
    end = time.monotonic() + timeout / 1000
    while time.monotonic() < end:
        try:
            if page.evaluate(condition, arg):
                return
        except Exception as error:
            # The page went elsewhere meanwhile: asked again there.
            if "context was destroyed" not in str(error) and "navigation" not in str(error):
                raise
        page.wait_for_timeout(20)
    raise AssertionError("never held: " + condition[:200])


def settled(page):
    """The delivery's page is drawn and its list is whole."""
    wait(page, "performance.getEntriesByName('list-ready').length > 0 && performance.getEntriesByName('timeline-drawn').length > 0")


def loaded(page):
    """Nothing is being read any more."""
    wait(page, "document.querySelector('main')?.childElementCount > 0 && !document.querySelector('.waiting')")


def listening(t, server, id):
    """A new page of a delivery that is still going on, as it hears of each event."""
    page = t.page(server)
    page.goto(f"{server.base}/deliveries/{id}")
    settled(page)
    wait(page, "document.getElementById('live')?.dataset.is === 'live'")
    return page


def until(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("never: " + what)
