"""Point 14: the same by every means, and the same as the reference model says."""
import csv
import io
import json
import random
import subprocess
import time
import urllib.parse
import urllib.request
from urllib.parse import quote

from harness import loaded, settled, wait
from reading import api
from reference import DOWN, OFF, USABLE


def same_everywhere(t):
    t.point(14, "Same everywhere")
    random.seed(14)
    known = t.reference
    sample = random.sample(sorted((s for s in known.sessions.values() if s["kind"] == "delivery"), key=lambda s: s["session_id"]), 200)
    page, wrong = t.page(t.day_server), []
    for s in sample:
        page.goto(f"{t.day_server.base}/deliveries/{quote(s['delivery_id'], safe='')}")
        settled(page)
        seen = page.evaluate("""() => { const m = document.querySelector('.tl-host').view.model; return {outcome: document.querySelector('h1 + .outcome').className.split(' ')[1],
            events: document.querySelectorAll('.row:not(.head)').length, errors: document.querySelectorAll('.row.error').length,
            first: document.querySelector('.row.error')?.row.event.error_code ?? null, windows: m.windows.map(w => [w.kind, w.entity_id, w.started_at, w.ended_at, w.end_reason].join(' ')).sort()}; }""")
        windows = sorted(" ".join(str(v) for v in (w["kind"], w["entity_id"], t.instant(w["started_at"]), t.instant(w["ended_at"]), w["end_reason"])) for w in known.windows.get(s["session_id"], []))
        text = urllib.request.urlopen(f"{t.day_server.base}/analytics/v1/deliveries/{quote(s['delivery_id'], safe='')}/text").read().decode()
        shell = json.loads(subprocess.run([t.program, "session", s["delivery_id"], "--store", t.day.url, "--format", "json"], capture_output=True, text=True, check=True).stdout)["session"]
        address = f"{t.day_server.base}/deliveries/{quote(s['delivery_id'], safe='')}"
        told = json.loads(urllib.request.urlopen(address + ".json").read())
        table = list(csv.DictReader(io.StringIO(urllib.request.urlopen(address + ".csv").read().decode())))
        printed = subprocess.run([t.program, "session", s["delivery_id"], "--store", t.day.url], capture_output=True, check=True).stdout.decode()
        held = [text == printed, told["session"]["outcome"] == s["outcome"], len(table) == len(told["events"]) == s["event_count"],
                [r["event_id"] for r in table] == [e["event_id"] for e in told["events"]], {r["outcome"] for r in table} == {s["outcome"]},
                next((r["error_code"] for r in table if r["error_code"]), None) == s["first_error_code"], seen["outcome"] == s["outcome"] == shell["outcome"], s["outcome"].upper().replace("_", " ") in text, seen["events"] == s["event_count"] == shell["event_count"],
                seen["errors"] == s["error_count"] == shell["error_count"], ", ".join(f"{s[c + '_count']} {c}{'' if s[c + '_count'] == 1 else 's'}" for c in ("event", "error")) in text,
                seen["first"] == s["first_error_code"], seen["windows"] == windows, all(w.split()[1] in text for w in windows)]
        if not all(held):
            wrong.append((s["session_id"], held))
    t.expect(not wrong, f"page, .json, .csv, text, command line and the reference model agree on outcome, windows, counts, first error for {len(sample)} deliveries, and the text is what the command line prints, byte for byte; differing: {wrong[:2]}")
    page.close()
    copying = t.browser.context(permissions=["clipboard-read", "clipboard-write"])
    page, copies = copying.new_page(), []
    for s in sample[:20]:
        page.goto(f"{t.day_server.base}/deliveries/{quote(s['delivery_id'], safe='')}")
        settled(page)
        for key, flag in (("y", []), ("Y", ["--brief"])):
            page.evaluate("navigator.clipboard.writeText('')")
            page.keyboard.press(key)
            printed = subprocess.run([t.program, "session", s["delivery_id"], "--store", t.day.url, *flag], capture_output=True, check=True).stdout.decode()
            copied, until = "", time.monotonic() + 10
            while not copied and time.monotonic() < until:
                page.wait_for_timeout(20)
                copied = page.evaluate("navigator.clipboard.readText()")
            copies.append(copied == printed)
            if copied != printed:
                wrong.append((s["session_id"], key, copied[:200], printed[:200]))
    t.expect(all(copies), f"y and Y copy what `sessionizer session ID` and `--brief` print, byte for byte ({len(copies)} copies) {wrong[:1] or ''}")
    copying.close()
    plain = t.browser.context(java_script_enabled=False)
    page = plain.new_page()
    page.goto(t.day_server.base + "/deliveries/D-11")
    text = page.locator("body").inner_text()
    t.expect("GPS_DRIFT" in text and "FAILED" in text.upper() and text.count("robot.telemetry") > 5, "without JavaScript: header, verdict and events")
    page.goto(t.day_server.base + "/")
    page.wait_for_timeout(500)
    t.expect(page.url.endswith("/page/plain.html") and "runs none" in page.locator("body").inner_text(), "and home says so, once")
    plain.close()
    day = "from=2026-11-02T00:00:00Z&to=2026-11-03T00:00:00Z"
    whole = api(t.day_server.base, f"fleet/utilization?{day}&bucket=hour")
    robots = api(t.day_server.base, f"fleet/utilization?{day}&bucket=all&by=robot")["rows"]
    worst = max(abs(sum(r[k] for r in part) - whole["totals"][k]) for part in (robots, whole["rows"]) for k in ("usable_seconds", "downtime_seconds", "off_duty_seconds", "deliveries_completed"))
    t.expect(worst < 0.01, f"the fleet's totals are the sums of their robots' and hours' rows (off by {worst:.6f} s at most)")
    down = api(t.day_server.base, f"fleet/downtime?{day}")
    off = 0.0
    for r in down["rows"]:
        seconds, cursor = 0.0, ""
        while True:
            answer = api(t.day_server.base, f"fleet/downtime/intervals?{day}&reason={quote(r['key'])}&limit=500{cursor}")
            seconds += sum(i["seconds"] or 0 for i in answer["rows"])
            if not answer["next"]:
                break
            cursor = "&cursor=" + quote(answer["next"])
        off = max(off, abs(seconds - r["seconds"]))
    t.expect(off < 0.01, f"each reason's downtime is the sum of its intervals ({len(down['rows'])} reasons, off by {off:.6f} s at most)")
    gaps = []
    for r in robots:
        told = api(t.day_server.base, f"robots/{quote(r['key'], safe='')}?day=2026-11-02")["totals"]
        gaps.append(abs(sum(told[k] for k in ("usable_seconds", "downtime_seconds", "off_duty_seconds", "other_seconds", "unaccounted_seconds")) - told["range_seconds"]))
    t.expect(max(gaps) < 0.001, f"state seconds of {len(gaps)} robots add up to wall time (off by {max(gaps):.6f} s at most)")
    figures(t)
    figures_lead(t)
    each_row_once(t)


# Each figure of the fleet's hours with where it leads: the facts at the top, the hours, the zones, the robots.
FIGURES = """() => [
    ...[...document.querySelectorAll('.steps.four .step')].map(s => ({what: s.querySelector('.step-name').innerText, text: s.querySelector('.step-value').innerText, href: s.querySelector('.step-name a')?.href})),
    ...[...document.querySelectorAll('.steps.four .step-like')].filter(s => s.innerText.includes('error')).map(s => ({what: 'errors', text: s.innerText, href: s.querySelector('a')?.href})),
    ...[...document.querySelectorAll('table')].filter(t => ['Supply by hour', 'Robots and their hours', 'Reliability by robot'].includes(t.caption?.textContent)).flatMap(t => [...t.tBodies[0].rows].flatMap(r =>
        [...r.cells].slice(1, t.caption.textContent.startsWith('Reliability') ? 2 : undefined).map((c, n) => ({what: `${r.cells[0].textContent}: ${t.tHead.rows[0].cells[n + 1].textContent}`, text: c.textContent, href: c.querySelector('a')?.href})))),
    ...[...document.querySelectorAll('.multiples .box > p')].flatMap(p => p.textContent.split(', ').map((text, n) => ({what: `${p.parentNode.querySelector('h3').textContent}: ${text}`, text, href: [...p.querySelectorAll('a')].find(a => a.textContent === text)?.href}))),
]"""


def all_rows(address):
    """The rows of a list that is a page, all of its pages."""
    rows, cursor = [], ""
    while True:
        with urllib.request.urlopen(f"{address.replace('?', '.json?', 1)}&limit=500{cursor}", timeout=30) as answer:
            told = json.load(answer)
        rows += told["rows"]
        if not told["next"]:
            return rows
        cursor = "&cursor=" + quote(told["next"])


def figures_lead(t):
    """Each figure of the fleet's hours leads to rows that add up to it: of all zones, of one, of robots that told none."""
    base = t.day_server.base
    zone = next(r["key"] for r in api(base, "fleet/utilization?from=2026-11-02T00:00:00Z&to=2026-11-03T00:00:00Z&by=zone&bucket=all")["rows"] if r["key"])
    page = t.page(t.day_server)
    followed, dead, wrong = 0, [], []
    for more in ("", f"&zone={quote(zone)}"):
        page.goto(f"{base}/fleet?from=2026-11-02T06:00:00Z&to=2026-11-02T18:00:00Z{more}")
        loaded(page)
        wait(page, "document.querySelectorAll('.waiting').length === 0")
        told = page.evaluate(FIGURES)
        dead += [f["what"] for f in told if number(f["text"]) and not f["href"]]
        for f in [f for f in told if f["href"]][::3]:
            rows = all_rows(f["href"])
            key = {"/states": "seconds_in_range", "/windows": "seconds_counted"}.get(urllib.parse.urlparse(f["href"]).path)
            found = sum(r[key] for r in rows) / 3600 if key else len(rows)
            followed += 1
            if abs(found - number(f["text"])) > (0.051 if key else 0):
                wrong.append((f["what"], f["text"], found))
    page.close()
    t.expect(followed > 100 and not dead and not wrong, f"each figure of the fleet's hours leads somewhere, and {followed} that were followed lead to rows that add up to it; dead: {dead[:3]}, wrong: {wrong[:3]}")


TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def each_row_once(t):
    """A list goes on by its button, however often that is pressed before the answer is there."""
    page, held = t.page(t.day_server), []
    page.route("**/analytics/v1/sessions?*cursor=*", lambda route: (held.append(route), None)[1])
    page.goto(f"{t.day_server.base}/sessions?from=2026-11-02T00:00:00Z&to=2026-11-03T00:00:00Z")
    loaded(page)
    page.locator(".more button").dblclick()
    page.keyboard.press("Enter")
    page.evaluate(TWO_FRAMES)
    for route in held:
        route.continue_()
    wait(page, "document.querySelectorAll('tbody tr').length > 100")
    page.evaluate(TWO_FRAMES)
    shown = page.evaluate("[...document.querySelectorAll('tbody tr')].map(r => r.querySelector('a').href)")
    page.close()
    t.expect(len(shown) == len(set(shown)) == 200 and len(held) == 1, f"a list whose button is pressed thrice before its answer is there asks {len(held)} time and shows {len(shown)} rows, {len(set(shown))} of them different")


def number(text):
    """The first number of a text: `1,234.5 h` is 1234.5."""
    digits = "".join(c for c in text.replace(",", "").strip().split()[0] if c in "0123456789.-")
    return float(digits) if digits else None


def figures(t):
    """What the pages of the fleet show, in the words that stand there, is what the reference model comes to."""
    known, hour = t.reference, 3_600_000_000
    page, base, wrong, compared = t.page(t.day_server), t.day_server.base, [], 0

    def same(what, shown, expected, by=0.051):
        nonlocal compared
        compared += 1
        if shown is None or abs(shown - expected) > by:
            wrong.append((what, shown, expected))

    texts = lambda selector: page.evaluate("s => [...document.querySelectorAll(s)].map(n => n.innerText)", selector)
    page.goto(base + "/")
    loaded(page)
    end = (known.now // hour + 1) * hour
    sums = known.fleet(end - 24 * hour, end)
    began = [s for s in known.sessions.values() if s["kind"] in ("delivery", "demand") and end - 24 * hour <= s["first_event_at"]]
    direct = lambda outcomes: sum(s["outcome"] in outcomes for s in began)
    shown = dict(zip(texts(".number-title"), texts(".number-value")))
    for title, expected, by in (("Usable supply", sums["usable_seconds"] / 3600, 0.051), ("Downtime", sums["downtime_seconds"] / 3600, 0.051), ("Deliveries completed", sums["deliveries_completed"], 0),
                                ("Completion rate", 100 * direct(["completed"]) / direct(["completed", "failed", "canceled"]), 0.51)):
        same("home: " + title, number(shown.get(title, "")) if title in shown else None, expected, by)
    titles = " ".join(texts(".trouble h3") + texts(".fine"))
    failed = sum(s["outcome"] == "failed" and s["closed_at"] >= known.now - 24 * hour for s in known.sessions.values())
    down = sum(states[-1]["state"] in DOWN for states in known.states.values())
    orphans = sum(at >= known.now - 24 * hour for _, at, _, _ in known.orphans)
    for words in (f"{failed} deliveries failed", "no robot is down" if down == 0 else f"{down} robot{'s' if down > 1 else ''} down", f"{orphans} robot errors outside"):
        compared += 1
        if words not in titles:
            wrong.append(("home", words, titles))
    day = [1_793_577_600_000_000, 1_793_664_000_000_000]
    page.goto(base + "/fleet?from=2026-11-02T00:00:00Z&to=2026-11-03T00:00:00Z")
    loaded(page)
    wait(page, "document.querySelectorAll('.waiting').length === 0")
    sums = known.fleet(*day)
    shown = dict(zip(texts(".steps.four .step-name"), texts(".steps.four .step-value")))
    for title, name in (("usable supply", "usable_seconds"), ("down", "downtime_seconds"), ("on deliveries", "on_delivery_seconds")):
        same("fleet: " + title, number(shown[title]), sums[name] / 3600)
    same("fleet: deliveries completed", number(shown["deliveries completed"]), sums["deliveries_completed"], 0)
    rows = page.evaluate("""() => Object.fromEntries([...document.querySelectorAll('table')].map(t => [t.caption?.innerText ?? '', [...t.tBodies[0].rows].map(r => [...r.cells].map(c => c.innerText))]))""")
    for row, expected in zip(rows["The delivery funnel"], known.funnel(*day)):
        same("funnel: " + row[0], number(row[2]), expected, 0)
    told = api(base, "fleet/downtime?from=2026-11-02T00:00:00Z&to=2026-11-03T00:00:00Z")
    reasons = {r["key"]: r["seconds"] for r in told["rows"]}
    expected = known.downtime(*day)
    compared += len(expected)
    if set(reasons) != set(expected) or any(abs(reasons[k] - expected[k]) > 0.001 for k in expected):
        wrong.append(("downtime by reason", reasons, expected))
    pareto = {row[0].strip(): number(row[2]) for row in rows["Downtime by reason"]}
    for reason, seconds in expected.items():
        same("downtime for " + reason, pareto.get(reason or "(no reason)"), seconds / 3600)
    for row in rows["Reliability by robot"][1:]:
        robot = row[0].strip()
        completed = sum(s["robot_id"] == robot and s["outcome"] == "completed" and day[0] <= s["first_event_at"] < day[1] for s in known.sessions.values())
        same("reliability, deliveries of " + robot, number(row[6]), completed, 0)
    for robot in sorted(known.states)[::10]:
        page.goto(f"{base}/robots/{quote(robot, safe='')}?day=2026-11-02")
        loaded(page)
        own = {}
        for s in known.states[robot]:
            length = min(s["ended_at"] or known.now, day[1]) - max(s["started_at"], day[0])
            kind = "usable" if s["state"] in USABLE else "down" if s["state"] in DOWN else "other"
            own[kind] = own.get(kind, 0) + max(0, length)
        shown = dict(zip(texts(".steps.four .step-name"), texts(".steps.four .step-value")))
        for kind in ("usable", "down"):
            same(f"{robot}: {kind}", number(shown[kind]), own.get(kind, 0) / 3.6e9)
    t.expect(compared > 100 and not wrong, f"{compared} figures as the pages show them (home, fleet, funnel, downtime, reliability, robots) are those of the reference model; differing: {wrong[:4]}")
    last_hour(t, page)
    page.close()


def last_hour(t, page):
    """The heat map's hour that is not over: a robot's share is of what has passed of it."""
    known, hour = t.reference, 3_600_000_000
    page.goto(t.day_server.base + "/fleet")
    loaded(page)
    wait(page, "document.querySelector('.heat-map') !== null")
    shown = dict(page.evaluate("[...document.querySelector('.heat-map').tBodies[0].rows].map(r => [r.cells[0].innerText.trim(), r.cells[r.cells.length - 2].querySelector('a')?.innerText ?? ''])"))
    start = known.now // hour * hour
    seconds = lambda robot, states: sum(max(0, min(s["ended_at"] or known.now, known.now) - max(s["started_at"], start)) for s in known.states[robot] if s["state"] in states)
    wrong, whole = [], 0
    for robot, text in shown.items():
        down, off = (round(100 * seconds(robot, states) / (known.now - start)) for states in (DOWN, OFF))
        whole += max(down, off) == 100
        if text != (str(down) if down > 0 else "–" if off > 50 else "·"):
            wrong.append((robot, text, down, off))
    t.expect(len(shown) > 50 and whole > 10 and not wrong, f"the heat map's last hour, of which {(known.now - start) / 6e7:.0f} minutes have passed: the share is of these, for {len(shown)} robots; differing: {wrong[:4]}")
