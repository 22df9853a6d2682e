"""Every page there is, on every store there is: what is visited for axe, validity, reflow and pictures."""
import json
import os
import re
import sqlite3
from urllib.parse import quote

from PIL import Image, ImageDraw

from harness import loaded, settled, wait

DAY = "from=2026-11-02T00:00&to=2026-11-03T00:00"
SIZES = ((1440, 900), (360, 780))
# How much of a page's height a picture shows.
TALLEST = {1440: 2400, 360: 3000}


def ids_of(path):
    """What there is to look at in a store: a failed delivery with many errors, and who served it."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    one = lambda sql, *values: (database.execute(sql, values).fetchone() or [None])
    delivery, robot, pilot, merchant, session, began = (list(one(
        "SELECT delivery_id, robot_id, pilot_id, merchant_id, session_id, first_event_at FROM sessions WHERE kind = 'delivery' "
        "ORDER BY outcome = 'failed' DESC, event_count > 2000, pilot_id IS NULL, error_count DESC, session_id LIMIT 1")) + [None] * 6)[:6]
    found = {"delivery": delivery, "robot": robot, "pilot": pilot, "merchant": merchant}
    found["demand"] = one("SELECT json_extract(demand_ids, '$[0]') FROM sessions WHERE session_id = ?", session)[0]
    found["event"] = one("SELECT e.event_id FROM session_events j JOIN events e USING (event_id) WHERE j.session_id = ? AND e.event_id IS NOT NULL ORDER BY e.event = 'robot.error' DESC LIMIT 1", session)[0] if session else None
    found["orphan"] = one("SELECT e.event_id FROM events e WHERE e.event = 'robot.error' AND e.subject IS NULL AND NOT EXISTS (SELECT 1 FROM session_events j WHERE j.event_id = e.event_id) LIMIT 1")[0]
    found["reason"] = one("SELECT reason FROM robot_states WHERE state = 'grounded' AND reason IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")[0]
    found["zone"] = one("SELECT zone_id FROM sessions WHERE zone_id IS NOT NULL LIMIT 1")[0]
    found["day"] = one("SELECT date(? / 1000000, 'unixepoch')", began)[0] if began else None
    database.close()
    return found


def of_store(server, ids):
    """The pages of one store: name, address, key pressed when it is there."""
    base = server.base
    part = lambda name: quote(ids[name] or "none-1", safe="")
    day = ids["day"] or "2026-11-02"
    pages = {
        "home": ("/", None),
        "search": (f"/search?q={quote((ids['robot'] or 'R-1')[:-1], safe='')}", None), "search, nothing": ("/search?q=zzzz", None), "search, an id": (f"/search?q={part('robot')}", None),
        "sessions": ("/sessions", None), "sessions, failed": ("/sessions?outcome=failed", None),
        "delivery": (f"/deliveries/{part('delivery')}", None), "delivery, panel open": (f"/deliveries/{part('delivery')}", "e"), "keys": (f"/deliveries/{part('delivery')}", "?"),
        "a demand": (f"/demands/{part('demand')}", None), "no such delivery": ("/deliveries/D-99999", None), "delivery, plain": (f"/analytics/v1/deliveries/{part('delivery')}/plain", None),
        "robots": ("/robots", None), "robots, down": ("/robots?class=downtime", None), "robot": (f"/robots/{part('robot')}?day={day}", None), "robot, a week": (f"/robots/{part('robot')}?from={day}T00:00:00Z&to=2026-11-09T00:00:00Z", None),
        "pilot": (f"/pilots/{part('pilot')}?day={day}", None), "event": (f"/events/{part('event')}", None), "event, orphan": (f"/events/{part('orphan')}", None),
        "fleet": (f"/fleet?from={day}T00:00&to=2026-11-03T00:00", None), "fleet, latest": ("/fleet", None), "fleet, a zone": (f"/fleet?zone={part('zone')}&from={day}T00:00&to=2026-11-03T00:00", None),
        "downtime": (f"/downtime?reason={part('reason')}&from={day}T00:00&to=2026-11-03T00:00", None), "quality": ("/quality", None), "quality, a day": (f"/quality?from={day}T00:00&to=2026-11-03T00:00", None),
        "reliability": (f"/reliability?from={day}T00:00&to=2026-11-03T00:00", None), "failures": (f"/failures?from={day}T00:00&to=2026-11-03T00:00", None),
        "usable time": (f"/states?class=usable&zone={part('zone')}&from={day}T00:00&to=2026-11-03T00:00", None), "time on deliveries": (f"/windows?from={day}T00:00&to=2026-11-03T00:00", None),
        "robot errors": (f"/errors?from={day}T00:00&to=2026-11-03T00:00", None),
        "orphans": (f"/orphans?from={day}T00:00&to=2026-11-03T00:00", None), "rejected": ("/rejected", None), "audit": ("/audit", None), "about": ("/about", None),
    }
    if ids["delivery"] is None:
        for name in ("delivery, panel open", "delivery, plain", "keys", "a demand", "event, orphan", "fleet, a zone", "search, an id"):
            del pages[name]
    return {name: (base + path, key) for name, (path, key) in pages.items()}


def places(t):
    """All of them, by store and page; PAGES="fleet|hostile: robot" for those only that it matches, while one works on them."""
    found = {f"{store}: {name}": place for store, server, path in t.looked_at() for name, place in of_store(server, ids_of(path)).items()}
    return {name: place for name, place in found.items() if re.search(os.environ.get("PAGES", ""), name)}


def error_states(t, guarded):
    """What a reader sees who is not signed in, and where the service answers with a problem. `guarded`: a service that asks for tokens."""
    found = {"sign in": (guarded.base + "/deliveries/D-11", None), "sign in, fleet": (guarded.base + "/fleet", None), "a delivery, 503": (t.day_server.base + "/deliveries/D-11", "503"),
             "fleet, 503": (t.day_server.base + "/fleet", "503"), "a robot, 503": (t.day_server.base + "/robots/R-001", "503")}
    return {f"errors: {name}": place for name, place in found.items() if re.search(os.environ.get("PAGES", ""), f"errors: {name}")}


# It passes by itself only long after it was looked at.
TOO_SLOW = {"status": 503, "headers": {"Retry-After": "600", "Content-Type": "application/problem+json"}, "body": json.dumps({
    "type": "/problems/too-slow", "title": "It took too long", "status": 503, "detail": "The statement was ended after 2 s.", "hint": "Ask for a shorter range.", "instance": "/", "request_id": "r1"})}


def visit(page, place):
    url, key = place
    page.unroute_all()
    if key == "503":
        page.route("**/analytics/v1/**", lambda route: route.fulfill(**TOO_SLOW))
    answer = page.goto(url)
    if url.endswith("/plain"):
        return
    loaded(page)
    wait(page, "!document.querySelector('.waiting')")
    if ("/deliveries/" in url or "/demands/" in url) and answer.status == 200 and page.evaluate("!document.querySelector('.problem, #token')"):
        settled(page)
    if key == "503":
        page.wait_for_selector(".problem")
    elif key:
        page.keyboard.press(key)
        page.wait_for_selector("dialog[open]" if key == "?" else ".panel .payload")
    page.wait_for_timeout(60)


def unvisited(page, base, visited):
    """The page's own list of pages, less those that one of the addresses leads to."""
    page.goto(base + "/")
    source = page.evaluate("fetch('/page/app.js').then(r => r.text())")
    patterns = re.findall(r"^    \[/(\^.*)/, \(\) => import", source, re.M)
    paths = [url.removeprefix(base).split("?")[0].split("#")[0] for url in visited]
    return patterns, [p for p in patterns if not any(re.match(p.replace("\\/", "/"), path) for path in paths)]


def picture(page, path, width):
    """The whole page, as far down as a picture goes; where something was scrolled to, what is seen."""
    if page.evaluate("scrollY > 0 || document.querySelector('dialog[open]') !== null"):
        page.screenshot(path=path)
        return
    height = min(page.evaluate("document.documentElement.scrollHeight"), TALLEST[width])
    # A window as tall as that, and not a part of a page that lies outside: what is outside is not drawn until it is seen.
    was = page.viewport_size
    page.set_viewport_size({"width": width, "height": max(height, was["height"])})
    page.wait_for_timeout(120)
    page.screenshot(path=path)
    page.set_viewport_size(was)


def file_name(name):
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def contact_sheets(folder, names):
    """For each page its four pictures beside each other; for each store one sheet with all its pages, small."""
    columns = [f"{w}-{scheme}" for w, _ in SIZES for scheme in ("light", "dark")]
    by_store = {}
    for name in names:
        parts = []
        for column in columns:
            image = Image.open(os.path.join(folder, f"{file_name(name)}-{column}.png")).convert("RGB")
            if image.width > 720:
                image = image.resize((720, image.height * 720 // image.width), Image.LANCZOS)
            parts.append(image)
        sheet = Image.new("RGB", (sum(p.width for p in parts) + 10 * 5, max(p.height for p in parts) + 30), "#808080")
        ImageDraw.Draw(sheet).text((10, 8), name, fill="#ffffff")
        left = 10
        for part in parts:
            sheet.paste(part, (left, 25))
            left += part.width + 10
        sheet.save(os.path.join(folder, f"sheet-{file_name(name)}.png"))
        by_store.setdefault(name.split(":")[0], []).append(sheet.resize((sheet.width // 3, sheet.height // 3), Image.LANCZOS))
    for store, sheets in by_store.items():
        # Two beside each other, as tall as they are.
        rows = [sheets[n:n + 2] for n in range(0, len(sheets), 2)]
        whole = Image.new("RGB", (max(sum(s.width for s in row) for row in rows), sum(max(s.height for s in row) for row in rows)), "#808080")
        top = 0
        for row in rows:
            left = 0
            for sheet in row:
                whole.paste(sheet, (left, top))
                left += sheet.width
            top += max(s.height for s in row)
        whole.save(os.path.join(folder, f"contact-{store}.png"))
