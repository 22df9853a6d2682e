"""A store of a million sessions: points 2 and 3 there, and how long each page takes to answer; in SQLite and in PostgreSQL. MILLION=1, or
the path or URL of a store that was made so before (`worlds.write_million`)."""
import os
import subprocess
import time
import urllib.request

from drawing import GROWN, SMOOTH, paint_once
from harness import PrivatePostgres, Server, loaded, median, settled, wait
import worlds

RUNS = 5
# A page's own questions: as the page asks them, and as the API's document names them.
PAGES = {
    "home": "/", "search, an id": "/search?q=D777777", "search, a part": "/search?q=77777", "deliveries": "/sessions", "deliveries, failed": "/sessions?outcome=failed",
    "deliveries of a robot": "/sessions?robot=R17", "deliveries of a merchant": "/sessions?merchant=shop-7", "a delivery": "/deliveries/D555555", "a delivery of 5,000 events": "/deliveries/D-LONG",
    "robots": "/robots", "robots down": "/robots?class=downtime", "a robot": "/robots/R17", "a pilot": "/pilots/P-LONG-1", "an event": "/events/e400000", "fleet, 24 h": "/fleet",
    "fleet, a day": "/fleet?from={day}T00:00:00Z&to={next}T00:00:00Z", "fleet, a zone": "/fleet?zone=Z7&from={day}T00:00:00Z&to={next}T00:00:00Z", "downtime": "/downtime?reason=FAULT_3", "quality": "/quality", "orphans": "/orphans", "rejected": "/rejected", "about": "/about", "audit": "/audit",
}
LIMIT = 100


def fill(t, store):
    lines = os.path.join(t.folder, "million.jsonl")
    worlds.write_million(lines)
    store.run("replay", lines, "--store", store.url, timeout=3600)
    os.remove(lines)


def asked_by(page, base, address):
    """Milliseconds until a page is whole, and of each question it asked the slowest answer."""
    told, failed = {}, []

    def finished(request):
        if "/analytics/v1/" in request.url and not request.url.endswith("/stream"):
            timing, answer = request.timing, request.response()
            told[request.url.split("/analytics/v1/")[1]] = timing["responseStart"] - timing["requestStart"]
            if answer.status >= 400:
                failed.append(f"{answer.status} {request.url}")

    page.on("requestfinished", finished)
    began = time.monotonic()
    page.goto(base + address)
    loaded(page)
    wait(page, "document.querySelectorAll('.waiting').length === 0")
    whole = 1000 * (time.monotonic() - began)
    page.remove_listener("requestfinished", finished)
    return whole, told, failed


def million(t):
    """In SQLite: the store that MILLION names, or one made now (some minutes)."""
    given = os.environ["MILLION"]
    if given.startswith("postgres"):
        return
    t.point(16, "A store of a million sessions")
    store = worlds.Store(t.program, t.folder, "million")
    if given == "1":
        fill(t, store)
    else:
        store.path, store.url = os.path.abspath(given), "sqlite:" + os.path.abspath(given)
    t.figure(f"SQLite, {os.path.getsize(store.path) / 1e9:.2f} GB")
    measure(t, store)


def million_in_postgres(t):
    """The same in PostgreSQL: a server made now, or the one that MILLION names."""
    given = os.environ["MILLION"]
    if given != "1" and not given.startswith("postgres"):
        return
    t.point(17, "The same in PostgreSQL")
    store, server = worlds.Store(t.program, t.folder, "million"), None
    try:
        if given == "1":
            server = PrivatePostgres(os.path.basename(t.folder))
            server.tell("start")
            store.url = server.url
            fill(t, store)
            # A server that runs for a while does it by itself.
            subprocess.run(["psql", "-X", "-q", "-c", "VACUUM ANALYZE", store.url], check=True, timeout=600)
        else:
            store.url = given
        size = subprocess.run(["psql", "-XAt", "-c", "SELECT pg_database_size(current_database())", store.url], check=True, capture_output=True, text=True).stdout
        t.figure(f"PostgreSQL, {int(size) / 1e9:.2f} GB")
        measure(t, store)
    finally:
        if server:
            server.tell("remove")


def measure(t, store):
    began = time.monotonic()
    # Of a store that is served for the first time the indices for questions are made first.
    # Each page is asked several times, of a store that does not change: no answer may be given again.
    os.environ["SESSIONIZER_HTTP_KEPT_ANSWERS_MB"] = "0"
    server = Server(t.program, store, patience=900)
    t.figure(f"ready to answer {time.monotonic() - began:.1f} s after its start")
    try:
        paints(t, server)
        smoothness(t, server)
        answers(t, server)
        huge(t, server)
        t.figure(f"load average of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores (program, browser and whatever else ran)")
    finally:
        server.stop()


def paints(t, server):
    for name, id, slow, limits in (("5,000 events, 40 windows", "D-LONG", 1, (500, 600, 1000)), ("5,000 events, CPU/4", "D-LONG", 4, (1000, 1500, 2500)), ("2 events", "D555555", 1, (400, 400, 400))):
        paint_once(t, server.base, id, slow)
        told = [paint_once(t, server.base, id, slow) for _ in range(5)]
        fcp, drawn, listed = (median([one[k] for one in told]) for k in ("fcp", "drawn", "list"))
        t.expect(fcp <= limits[0] and drawn <= limits[1] and listed <= limits[2] and max(one["cls"] for one in told) <= 0.02,
                 f"{name} ({told[0]['rows']} rows): first paint {fcp:.0f} ms, timeline {drawn:.0f}, list {listed:.0f} (limits {limits}; medians of 5), layout shift {max(one['cls'] for one in told):.4f}")


def smoothness(t, server):
    page = t.page(server)
    page.goto(server.base + "/deliveries/D-LONG")
    settled(page)
    page.wait_for_timeout(500)
    few = min((page.evaluate(SMOOTH) for _ in range(3)), key=lambda r: r["longest"])
    t.expect(few["p95"] <= 12 and few["longest"] <= 50.5 and few["nodes"] <= 400, f"5,000 events: redraw p95 {few['p95']:.1f} ms (limit 12), longest frame {few['longest']:.0f} (limit 50), {few['nodes']} nodes (limit 400)")
    page.evaluate(GROWN, 50_000)
    many = min((page.evaluate(SMOOTH) for _ in range(3)), key=lambda r: r["p50"])
    t.expect(many["p50"] <= 2 * few["p50"] + 0.5 and many["nodes"] <= 400, f"50,000 events: redraw p50 {many['p50']:.1f} ms, {many['p50'] / few['p50']:.1f} times that of 5,000 (limit 2), {many['nodes']} nodes")
    page.close()


def huge(t, server):
    """A delivery of 50,000 events in the store itself: the service gives 20,000 at most, and says so."""
    page = t.page(server)
    page.goto(server.base + "/deliveries/D-HUGE")
    loaded(page)
    wait(page, "document.querySelector('.tl-host, .problem') !== null", timeout=60_000)
    text = page.locator("main").inner_text()
    t.expect("events are not loaded" in text and page.evaluate("document.querySelectorAll('.timeline-box svg *').length") <= 400, f"a delivery of 50,000 events opens, says what is not loaded, and its drawing stays small{'' if 'events are not loaded' in text else ': ' + repr(text[:200])}")
    page.close()


def answers(t, server):
    day = {"day": "2026-10-30", "next": "2026-10-31"}
    context = t.browser.context()
    page = context.new_page()
    slow, lines = [], []
    for name, address in PAGES.items():
        address = address.format(**day)
        runs = []
        for _ in range(RUNS):
            # What the browser keeps is asked for anew; what the service keeps is the same for all readers.
            context.new_cdp_session(page).send("Network.clearBrowserCache")
            runs.append(asked_by(page, server.base, address))
        whole = [run[0] for run in runs]
        failed = sorted({line for run in runs for line in run[2]})
        questions = {q: [run[1][q] for run in runs if q in run[1]] for q in {q for run in runs for q in run[1]}}
        worst, times = max(questions.items(), key=lambda item: median(item[1])) if questions else ("", [0])
        asked = [urllib.request.unquote(worst)[:70], median(times)]
        lines.append((name, whole[0], median(whole), max(whole), *asked))
        if asked[1] > LIMIT or failed:
            slow.append(f"{name}: {asked[0]} {asked[1]:.0f} ms {failed[:1] or ''}")
    context.close()
    t.table(["page", "first ms", "whole, median ms", "most ms", "its slowest question", "median ms"], [[n, f"{a:.0f}", f"{b:.0f}", f"{c:.0f}", f"`{q}`", f"{ms:.0f}"] for n, a, b, c, q, ms in lines])
    t.expect(not slow, f"each question of {len(PAGES)} pages is answered within {LIMIT} ms (medians of {RUNS}); slower: {slow}")
