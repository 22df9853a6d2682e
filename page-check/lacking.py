"""Point 13: what is not there, and what is said of it."""
import json
import os
import re
import socket
import subprocess
import urllib.request

from harness import PrivatePostgres, SCRIPTS, Server, listening, loaded, settled, until, wait
import worlds


CLOCK = re.compile(r"\b\d\d:\d\d(:\d\d)?\b")


def said(t, page, name, *words):
    """The page says these words; a picture of it is kept."""
    text = page.locator("body").inner_text()
    page.screenshot(path=t.shot("lacks-" + name))
    missing = [w for w in words if not (w.search(text) if isinstance(w, re.Pattern) else w.lower() in text.lower())]
    shown = ["a time of day" if w is CLOCK else w for w in words]
    t.expect(not missing, f"{name}: says {', '.join(shown)}" + (f"; missing {[getattr(w, 'pattern', w) for w in missing]} in {text[:300]!r}" if missing else ""))


def says_what_it_lacks(t):
    t.point(13, "Says what it lacks")
    page = t.page(t.empty_server)

    says = lambda name, *words: said(t, page, name, *words)
    for path in ("/", "/fleet", "/quality"):
        page.goto(t.empty_server.base + path)
        loaded(page)
        says("empty-store" + path.replace("/", "-"), "store is empty", "make demo", "replay")
    page.goto(t.empty_server.base + "/robots")
    loaded(page)
    says("no-robots", "No robot is known")
    page.goto(t.day_server.base + "/deliveries/D-99999")
    loaded(page)
    says("unknown-id", "No such delivery", "What to do", "Try again")
    answer = page.goto(t.day_server.base + "/nowhere")
    loaded(page)
    says("no-such-page", "No such page", "leads nowhere")
    t.expect(answer.status == 404 and page.locator("#q").is_visible(), "with the status 404 and the search box")
    page.goto(t.hostile_server.base + "/robots/R-CODES?day=2026-11-02")
    page.wait_for_selector("#errors-told")
    says("errors-cut", "The first 5,000 of 10,000 errors")
    page.get_by_text("Those from").click()
    wait(page, "document.querySelector('#errors-told')?.textContent.includes('of 5,001 errors')")
    t.expect(True, "and the link there leads to the last one shown and the others")
    page.goto(t.day_server.base + "/")
    loaded(page)
    says("archive", "In trouble at the archive’s end, 2026-11-03 00:03:34 UTC")
    page.goto(t.day_server.base + "/robots/R-028?day=2026-11-02")
    loaded(page)
    t.expect(page.input_value("#at-time") == "2026-11-02 22:09:54", f"a robot's day opens at its last event ({page.input_value('#at-time')})")
    page.fill("#at-time", "08:20")
    page.press("#at-time", "Enter")
    t.expect("At 08:20:00 UTC" in page.inner_text("#at-sentence") and page.input_value("#at-time") == "2026-11-02 08:20:00", "and tells of the time that is typed")
    page.fill("#at-time", "noon")
    page.press("#at-time", "Enter")
    t.expect("2026-11-02 10:14:00" in page.evaluate("document.querySelector('#at-time').validationMessage"), "what is no time is told how to write one")
    for path, name, words in (("/sessions?foo=1", "not-understood", ("not understood", "foo=1", "without it")), ("/fleet?from=garbage", "no-time", ("not understood", "from=garbage", "write it as 2026-11-02")),
                              ("/fleet?zone=nozone", "no-such-zone", ("No zone is known as nozone", "Known are")), ("/sessions?robot=NOPE", "no-such-robot", ("No robot is known as NOPE", "No delivery matches")),
                              ("/sessions?zone=nozone", "no-such-zone-list", ("No zone is known as nozone", "Known are")), ("/robots/R-003?day=2026-11-09", "after-the-end", ("Nothing is known of that yet", "The archive ends at 2026-11-03", "latest day")),
                              ("/fleet?from=2026-01-01&to=2026-11-01", "too-long", ("more than 92 days after “from”", "What to do", "without it")), ("/sessions?error_near=failed_at", "how-near", ("a robot error within 120 s of failed",))):
        page.goto(t.day_server.base + path)
        loaded(page)
        wait(page, "document.querySelector('#fresh').textContent !== ''")
        page.wait_for_timeout(200)
        says(name, *words)
        text = page.inner_text("main")
        t.expect(text.count("92 days") <= 1 and not re.search("openapi|request_id|`|It was not down", text), f"{path}: once, and in the page's words")
    page.goto(t.day_server.base + "/rejected")
    wait(page, "document.querySelector('#fresh').textContent.includes('Last event')")
    t.expect(True, "a page whose data does not tell how far it reaches says it too")
    page.goto(t.day_server.base + "/search?q=zzzz")
    wait(page, "document.body.innerText.includes('looks again')")
    says("nothing-found", "Nothing found", "newest event known", "looks again in")
    page.goto(t.day_server.base + "/deliveries/D-11")
    settled(page)
    page.fill("#words", "nosuchword")
    wait(page, "!document.querySelector('.no-match').hidden")
    says("filter-without-match", "No event matches", "nosuchword", "hidden by the filter", "Clear the filter")
    page.goto(t.long_server.base + "/deliveries/D-LONG")
    settled(page)
    says("limit", "events are not loaded", "All errors and all direct events are here", "Load up to 20,000")
    page.route("**/fleet/reliability*", lambda r: r.fulfill(status=503, headers={"Retry-After": "9", "Content-Type": "application/problem+json"},
               body=json.dumps({"type": "/problems/too-slow", "title": "It took too long", "status": 503, "detail": "The statement was ended after 2 s.", "hint": "Ask for a shorter range.", "instance": "/", "request_id": "r1"})))
    page.goto(t.day_server.base + "/fleet")
    page.wait_for_selector(".problem")
    says("slow-statistic", "It took too long", "Ask for a shorter range", "trying again in")
    page.unroute("**/fleet/reliability*")
    page.goto(t.day_server.base + "/robots")
    loaded(page)
    page.route("**/analytics/**", lambda r: r.abort())
    page.reload()
    page.wait_for_selector(".problem")
    says("service-away", "does not answer", "What to do", "trying again in")
    page.unroute("**/analytics/**")
    page.wait_for_selector("tbody tr")
    t.expect(True, "and it comes back by itself")
    stale = lambda r: r.fulfill(json={**r.fetch().json(), "as_of": {**r.fetch().json()["as_of"], "clock": "wall", "freshness": "stale", "sentence": "41 minutes behind: no event since 10:41:02 UTC."}})
    page.route("**/robots?*", stale)
    page.reload()
    page.wait_for_selector("tbody tr")
    says("stale", "stale", "41 minutes behind")
    page.unroute("**/robots?*")
    held = []
    page.route("**/v1/deliveries/D-11*", lambda route: held.append(route))
    page.goto(t.day_server.base + "/deliveries/D-11", wait_until="commit")
    wait(page, "document.body.innerText.includes('Reading delivery')", timeout=1400)
    says("waiting", "Reading delivery D-11")
    for route in held:
        route.continue_()
    page.unroute_all(behavior="wait")
    waits(t, page)
    asks_again(t, page)
    page.close()
    large_fleet(t)
    for real in (stream_lost, store_down, behind_the_clock):
        real(t)
    signs_in(t)


WAITING = ["/", "/search?q=R-00", "/sessions", "/deliveries/D-11", "/robots", "/robots/R-001", "/pilots/P-01", "/events/e-1", "/fleet", "/downtime", "/failures", "/reliability", "/quality",
           "/orphans", "/rejected", "/audit", "/about"]


def waits(t, page):
    """Every kind of page, while its data is held back: within a second it says what it waits for."""
    told = {}
    for path in WAITING:
        held = []
        page.route("**/analytics/v1/**", lambda route: held.append(route))
        page.goto(t.day_server.base + path, wait_until="commit")
        words = "document.querySelector('.waiting')?.textContent ?? ''"
        try:
            # From when it begins to wait: how long the machine takes to start the page is point 2's.
            wait(page, "document.querySelector('.waiting') !== null")
            wait(page, f"({words}).startsWith('Reading ')", timeout=1000)
        except AssertionError:
            pass  # What it says instead is told below.
        told[path] = page.evaluate(words)
        for route in held:
            route.abort()
        page.unroute_all(behavior="ignoreErrors")
    bare = {path: text for path, text in told.items() if not re.fullmatch(r"Reading .+ …", text)}
    t.expect(not bare, f"each of {len(told)} kinds of page says within a second what it reads, and none shows a bare spinner {bare or ''}")


def asks_again(t, page):
    """What is still being counted comes by itself, and what was unfolded in between stays so."""
    def pending(route):
        told = route.fetch().json()
        checks = [{**c, "status": "not_measured", "count": None, "sentence": "Not counted yet."} if c["check"] == "over_linked" else c for c in told["checks"]]
        route.fulfill(json={**told, "pending": True, "checks": checks})
    page.route("**/analytics/v1/quality*", pending)
    page.goto(t.day_server.base + "/quality")
    loaded(page)
    said(t, page, "pending", "Not counted yet", "asks again by itself")
    box = "document.querySelector('[data-check=unknown_events]')"
    page.evaluate(f"{box}.open = true")
    page.unroute("**/analytics/v1/quality*")
    wait(page, "!document.body.innerText.includes('Not counted yet')")
    t.expect(page.evaluate(f"{box}.open"), "and then says it, with what was unfolded in between still so")


def large_fleet(t):
    """Of 250 robots the heat map has the 200 that were down most, and says so."""
    store = worlds.Store(t.program, t.folder, "fleet").replay(worlds.large_fleet(), "all")
    server = Server(t.program, store)
    try:
        page = t.page(server)
        page.goto(server.base + "/fleet")
        loaded(page)
        wait(page, "document.querySelector('.heat-map') !== null")
        said(t, page, "large-fleet", "The 200 of 250 robots that were down most")
        drawn = page.evaluate("[...document.querySelectorAll('.heat-map tbody th')].map(n => n.textContent)")
        t.expect(drawn == [f"R-{n:03d}" for n in range(249, 49, -1)], f"and draws them, the worst first ({len(drawn)}: {drawn[:1]} to {drawn[-1:]})")
        # R-249 was down for 997 s of what this range holds of the first day, up to the newest event.
        page.goto(server.base + "/fleet?from=2026-11-02T08:00&to=2026-11-05T09:00")
        loaded(page)
        wait(page, "document.querySelector('.heat-map') !== null")
        share = page.inner_text(".heat-map tbody tr:first-child td a")
        passed = page.evaluate("fetch('/analytics/v1/freshness').then(r => r.json()).then(told => (Date.parse(told.as_of.now) - Date.parse('2026-11-02T08:00:00Z')) / 1000)")
        t.expect(3600 < passed < 16 * 3600 and share == str(round(100 * 997 / passed)), f"of a day that the range holds in part, and that is not over, the share is of the {passed / 3600:.1f} hours that are known ({share}%)")
        page.close()
    finally:
        server.stop()


def stream_lost(t):
    """The service ends while a delivery is listened to, and is there again later, on the same port."""
    port = free_port()
    server, page = Server(t.program, t.live, listen=f"127.0.0.1:{port}"), None
    try:
        page = listening(t, server, "D-LIVE-3")
        server.stop()
        wait(page, "['reconnecting', 'polling', 'away'].includes(document.getElementById('live')?.dataset.is)")
        try:
            wait(page, "document.getElementById('fresh')?.dataset.is === 'away' || document.querySelector('.stream-note') !== null", timeout=40_000)
        except AssertionError:
            pass  # What it says instead is told below.
        said(t, page, "stream-lost", "since", CLOCK, "What is shown", "again")
        server = Server(t.program, t.live, listen=f"127.0.0.1:{port}")
        wait(page, "document.getElementById('live')?.dataset.is === 'live'", timeout=60_000)
        t.expect(page.locator(".stream-note").count() == 0, "and when the service is back, it is live again by itself")
    finally:
        t.browser.taken()
        server.stop()
        if page:
            page.close()


def store_down(t):
    """A PostgreSQL that a table's lock keeps waiting, that is stopped, and that comes back."""
    if not PrivatePostgres.is_here():
        t.expect(False, "store-down: no PostgreSQL server is here to stop: apt-get install postgresql")
        return
    database = PrivatePostgres(os.path.basename(t.folder))
    script, url = database.tell, database.url
    script("start")
    server, holder = None, None
    try:
        store = worlds.Store(t.program, t.folder, "postgres")
        store.url = url
        store.replay(worlds.live_first(), "all")
        server = Server(t.program, store)
        page = t.page(server)
        page.goto(server.base + "/fleet")
        loaded(page)
        # Somebody holds a table: a statistic that needs it takes longer than it may.
        holder = subprocess.Popen(["psql", "-X", "-q", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        holder.stdin.write("BEGIN; LOCK TABLE sessionizer.robot_states IN ACCESS EXCLUSIVE MODE; SELECT 'held';\n")
        holder.stdin.flush()
        while "held" not in holder.stdout.readline():
            pass
        page.goto(server.base + "/robots/R-LIVE-1")
        page.wait_for_selector(".problem")
        said(t, page, "slow-statistic-real", "Too slow", "more than 2 s", "What to do", "trying again in", CLOCK)
        holder.stdin.write("COMMIT;\n")
        holder.stdin.close()
        holder.wait(20)
        page.wait_for_selector(".timeline-part", timeout=60_000)
        t.expect(True, "and when the table is free again, the page shows it by itself")
        script("stop")
        page.goto(server.base + "/deliveries/D-LIVE-1")
        page.wait_for_selector(".problem")
        said(t, page, "store-down", "store", "What to do", "trying again in", CLOCK)
        script("start")
        page.wait_for_selector(".timeline-box", timeout=60_000)
        t.expect(True, "and when the store is back, the page shows the delivery by itself")
        page.close()
    finally:
        if holder and holder.poll() is None:
            holder.terminate()
        if server:
            server.stop()
        script("remove")


def behind_the_clock(t):
    """A service beside a queue into which nothing comes: what it has is as old as it is by the wall's clock."""
    if not os.path.exists("/usr/lib/rabbitmq/bin/rabbitmq-server"):
        t.expect(False, "stale: no RabbitMQ is here to listen to: apt-get install rabbitmq-server")
        return
    folder = os.path.join(t.folder, "broker")
    os.makedirs(folder)
    script = lambda action: subprocess.run([os.path.join(SCRIPTS, "private-rabbitmq.sh"), action, folder], check=True, capture_output=True, text=True, timeout=180)
    script("start")
    process = None
    try:
        with open(os.path.join(folder, "urls"), encoding="utf-8") as file:
            broker = next(word for word in file.read().split() if word.startswith("amqp://"))
        store = worlds.Store(t.program, t.folder, "behind").replay(worlds.live_first(), "all")
        port = free_port()
        process = subprocess.Popen([t.program, "serve", "--amqp", broker, "--queue", "page-check", "--declare", "--store", store.url, "--http", f"127.0.0.1:{port}"], stderr=subprocess.DEVNULL)
        page = t.page(None)
        until(lambda: answers(port), "the service beside the queue answers", 60)
        page.goto(f"http://127.0.0.1:{port}/robots")
        page.wait_for_selector("tbody tr")
        said(t, page, "stale-real", "stale", "behind", "last event", CLOCK)
        page.goto(f"http://127.0.0.1:{port}/")
        loaded(page)
        said(t, page, "stale-home", "stale", "behind", "open for longer than")
        page.close()
    finally:
        if process:
            process.terminate()
            process.wait(60)
        script("stop")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/analytics/v1/freshness", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def guarded(t):
    """A service on the simulated day that asks for tokens, and the secret of one that is bound to a merchant."""
    made = subprocess.run([t.program, "token", "ann", "--role", "viewer", "--merchants", "harbor-burgers"], capture_output=True, text=True, check=True)
    told = (made.stdout + "\n" + made.stderr).split()
    secret = next(word for word in told if word.startswith("sz_"))
    line = next(line for line in (made.stdout + "\n" + made.stderr).splitlines() if " sha256:" in line)
    path = t.day.path + ".tokens"
    with open(path, "w", encoding="utf-8") as file:
        file.write(line + "\n")
    return Server(t.program, t.day, "--tokens", path), secret


def signs_in(t):
    """With tokens: the page asks for one, and shows a reader who is bound to a merchant that merchant's deliveries."""
    server, secret = guarded(t)
    try:
        page = t.page(server)
        page.goto(server.base + "/deliveries/D-11")
        page.fill("#token", "sz_wrong")
        page.click("text=Sign in >> nth=-1")
        wait(page, "[...document.querySelectorAll('[role=alert]')].some(n => n.textContent.toLowerCase().includes('token'))")
        page.screenshot(path=t.shot("sign-in"))
        titles = [(page.goto(server.base + path), page.wait_for_selector("#token"), page.title())[2] for path in ("/robots/R-001", "/pilots/P-01", "/events/D-11-event", "/deliveries/D-11")]
        t.expect(titles == [f"{kind} · Sessionizer" for kind in ("Robot", "Pilot", "Event", "Delivery")], f"before that no title has an id {titles}")
        page.fill("#token", secret)
        page.keyboard.press("Enter")
        settled(page)
        t.expect("D-11" in page.locator("h1").inner_text() and page.title().startswith("D-11 "), "signed out: the page asks for a token, says what is wrong with a bad one, and a good one opens what was asked for")
        menu = page.locator("nav[aria-label=Pages] a:visible").all_inner_texts()
        leads = page.evaluate("[...document.querySelectorAll('a')].filter(a => !a.hidden).map(a => new URL(a.href).pathname).filter(p => /^.(robots|pilots|fleet|downtime|quality|orphans|analytics.*export)/.test(p))")
        t.expect(menu == ["Deliveries"] and not leads and page.locator(".lane-name", has_text="R-").count() > 0, f"its menu has {menu}, and robots and pilots are named without a link to what would be refused {leads[:2] or ''}")
        page.goto(server.base + "/deliveries/D-64")
        page.wait_for_selector(".problem")
        t.expect("No such delivery" in page.locator(".problem").inner_text(), "another merchant's delivery does not exist for this reader")
        page.goto(server.base + "/")
        page.wait_for_selector("text=Your deliveries")
        t.expect("harbor-burgers" in page.locator("main").inner_text(), "and the home page says what is theirs")
        wait(page, "document.getElementById('who').textContent.startsWith('Signed in as ann')")
        page.click("#who")
        page.wait_for_selector("text=Sign out")
        told = page.inner_text("main")
        t.expect("bound to harbor-burgers" in told and "recorded" in told and "Limits" not in told, "from there a link leads to who they are, that it is recorded, and what of the service they may see")
        page.click("text=Sign out")
        page.wait_for_selector("#token")
        t.expect(True, "and out again")
        page.close()
    finally:
        server.stop()
