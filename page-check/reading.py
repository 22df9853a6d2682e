"""Points 1, 5, 6, 9: what one reads, and by which means."""
import json
import random
import sqlite3
import urllib.request
from urllib.parse import quote

from PIL import Image, ImageChops

from harness import loaded, settled, wait

REASONS = {"named", "linked id", "robot’s window", "pilot’s window", "merchant’s window"}
WHY_WORD = {"names_it": "named", "names_linked": "linked id", "robot_window": "robot’s window", "pilot_window": "pilot’s window", "merchant_window": "merchant’s window"}


def api(base, path):
    with urllib.request.urlopen(base + "/analytics/v1/" + path) as answer:
        return json.load(answer)


def rows(store, sql, *values):
    database = sqlite3.connect(f"file:{store.path}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    found = [dict(row) for row in database.execute(sql, values)]
    database.close()
    return found


def three_interactions(t):
    t.point(1, "Three interactions")
    faults = [line for line in t.day.truth if line["outcome"] == "failed" and line["fault"]]
    page = t.page(t.day_server)
    first, heads, presses, most = 0, 0, [], 0
    for line in faults:
        fault = line["fault"]
        page.goto(t.day_server.base + "/")
        loaded(page)
        page.keyboard.type(line["delivery_id"])
        page.keyboard.press("Enter")
        settled(page)
        verdict = page.locator(".verdict li").first.inner_text()
        first += fault["code"] in verdict and fault["robot_id"] in verdict
        head = page.locator(".failure").inner_text()
        heads += all(word in head for word in (line["failure_code"], fault["code"], fault["robot_id"]))
        errors = page.locator(".row.error").count()
        needed = None
        for n in range(1, errors + 1):
            page.keyboard.press("e")
            wait(page, "document.querySelector('.row[aria-selected=true]')")
            if page.evaluate("document.querySelector('.row[aria-selected=true]').row.event.event_id") == fault["event_id"]:
                needed = n
                break
        presses.append(needed)
        most = max(most, errors)
    t.figure(f"{len(faults)} failed deliveries of the simulated day; presses of e to the injected fault: {sorted(p for p in presses if p)}")
    t.expect(len(faults) > 0 and first / len(faults) >= 0.95, f"the first line of the verdict names the fault in {first} of {len(faults)} (at least 95%)")
    t.expect(heads / len(faults) >= 0.95, f"the headline names both what failed and the fault in {heads} of {len(faults)}")
    for path in ("/", "/sessions?outcome=failed"):
        page.goto(t.day_server.base + path)
        loaded(page)
        lines = page.locator(".why-failed").all_inner_texts()
        named = sum(any(line["failure_code"] in text and f"{line['fault']['code']} on {line['fault']['robot_id']}" in text for text in lines) for line in faults)
        # Home has the first ten.
        t.expect(named >= 0.95 * min(len(faults), 10 if path == "/" else len(faults)), f"so does its row at {path}, in {named} of {len(faults)}")
    t.expect(None not in presses, "e reaches the fault within the number of errors, in all")
    t.expect(presses.count(1) / len(presses) >= 0.95, f"paste, Enter, e: selected at once in {presses.count(1)} of {len(presses)}")
    page.close()


def every_row_says_why(t):
    t.point(5, "Every row says why")
    random.seed(5)
    sessions = [r["session_id"] for r in rows(t.day, "SELECT session_id FROM sessions WHERE kind = 'delivery' AND event_count > 20")]
    page = t.page(t.day_server)
    wrong, checked, words = [], 0, set()
    for session in random.sample(sessions, 10):
        page.goto(f"{t.day_server.base}/deliveries/{quote(session.removeprefix('delivery:'), safe='')}")
        settled(page)
        told = page.evaluate("[...document.querySelectorAll('.row:not(.head)')].map(r => [r.row.event.event_id, r.row.event.occurred_at, r.querySelector('.c-why').textContent])")
        words |= {w for _, _, w in told}
        for event, at, word in random.sample(told, 10):
            explained = api(t.day_server.base, f"events/{quote(event, safe='')}/explain?at={quote(at)}&session={quote(session)}")
            reason = next(b for b in explained["belongs"] if b["session_id"] == session)
            page.evaluate("id => { const r = [...document.querySelectorAll('.row:not(.head)')].find(r => r.row.event.event_id === id); r.scrollIntoView({block: 'center'}); r.click(); }", event)
            wait(page, "id => document.querySelector('.panel .payload') && document.querySelector('.row[aria-selected=true]')?.row.event.event_id === id", arg=event)
            sentence = page.locator(".panel .why").inner_text()
            window = reason["window"]
            fits = WHY_WORD[reason["why"]] == word and len(sentence) > 10
            if window:
                fits = fits and window["entity_id"] in sentence and window["opened_by"] in sentence and (window["end_reason"] or "") in sentence
            checked += 1
            if not fits:
                wrong.append((session, event, word, sentence))
    t.expect(words <= REASONS, f"the word of each row is of the closed list: {sorted(words)}")
    t.expect(not wrong, f"{checked} random rows: word and sentence (window, opener, end) as `explain` says; differing: {wrong[:2]}")
    orphans, cursor = [], ""
    while True:
        answer = api(t.day_server.base, "orphans?from=2026-11-02T00:00:00Z&to=2026-11-03T00:00:00Z&limit=500" + cursor)
        orphans += answer["rows"]
        if not answer["next"]:
            break
        cursor = "&cursor=" + quote(answer["next"])
    windowed = {r["entity_id"] for r in rows(t.day, "SELECT DISTINCT entity_id FROM assignment_windows WHERE kind = 'robot'")}
    lacking = [o["event_id"] for o in orphans if not o["nearest"] and o["robot_id"] in windowed]
    t.expect(len(orphans) > 0 and not lacking, f"{len(orphans)} orphan errors: each names its nearest windows and the gap; lacking: {lacking[:3]}")
    page.goto(t.day_server.base + "/orphans?from=2026-11-02T00:00&to=2026-11-03T00:00")
    loaded(page)
    shown = page.locator("tbody tr").count()
    gaps = page.evaluate("[...document.querySelectorAll('tbody tr td:last-child')].filter(c => /(ended|began) .*(before|after)|No window/.test(c.textContent)).length")
    t.expect(shown == gaps > 0, f"the page shows a gap in each of {shown} rows")
    page.close()


def permalink(t):
    t.point(6, "Permalink")
    contexts = [t.browser.context(permissions=["clipboard-read", "clipboard-write"]) for _ in range(2)]
    page = contexts[0].new_page()
    page.goto(t.day_server.base + "/deliveries/D-11")
    settled(page)
    for key in ("e", "w", "w", "d"):
        page.keyboard.press(key)
    page.locator(".facet", has_text="R-001").click()
    page.fill("#words", "-heartbeat")
    page.wait_for_timeout(400)
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    page.wait_for_selector(".toast")
    link = page.evaluate("navigator.clipboard.readText()")
    look = """() => { const v = document.querySelector('.tl-host').view; const r = v.range(); return {from: r.from, to: r.to,
        rows: [...document.querySelectorAll('.row:not(.head):not([hidden])')].map(r => r.row.event.event_id),
        chosen: document.querySelector('.row[aria-selected=true]')?.row.event.event_id}; }"""
    here = page.evaluate(look)
    other = contexts[1].new_page()
    other.goto(link)
    settled(other)
    other.wait_for_timeout(300)
    there = other.evaluate(look)
    t.expect(abs(here["from"] - there["from"]) <= 1 and abs(here["to"] - there["to"]) <= 1, f"the same visible range (differs by {abs(here['from'] - there['from']):.2f} and {abs(here['to'] - there['to']):.2f} ms)")
    t.expect(here["rows"] == there["rows"] and len(here["rows"]) > 0, f"the same {len(here['rows'])} rows")
    t.expect(here["chosen"] == there["chosen"] is not None, "the same selection")
    for p, name in ((page, "link-a"), (other, "link-b")):
        p.evaluate("document.querySelector('.toast')?.remove(); document.activeElement.blur(); document.querySelector('.timeline-box').scrollIntoView(); scrollTo(0, 400)")
        p.mouse.move(5, 5)
        p.wait_for_selector(".panel .payload")
        p.wait_for_timeout(300)
        p.screenshot(path=t.shot(name))
    a, b = (Image.open(t.shot(n)).convert("RGB") for n in ("link-a", "link-b"))
    difference = sum(1 for pixel in ImageChops.difference(a, b).convert("L").getdata() if pixel > 8) / (a.width * a.height)
    t.expect(difference < 0.005, f"the pictures differ in {difference:.3%} of their pixels (below 0.5%)")
    elsewhere = rows(t.day, "SELECT event_id FROM session_events WHERE session_id = 'delivery:D-24' LIMIT 1")[0]["event_id"]
    other.goto("about:blank")
    other.goto(f"{t.day_server.base}/deliveries/D-11#v=1&e={elsewhere}")
    settled(other)
    banner = other.locator(".banner").first.inner_text()
    home = other.locator(".banner a").first.get_attribute("href")
    other.goto(t.day_server.base + home)
    loaded(other)
    t.expect("not in this delivery" in banner and "D-24" in other.locator("main").inner_text(), "a link to an event that is elsewhere shows a banner that leads to where it is")
    t.browser.taken()
    for text in ("#v=0&t=1~2", "#%%%", "#v=1&t=x~y&e=&lane=none&hide=%00", "#v=1&t=2026-11-02T09:00:00Z~2026-11-02T08:00:00Z"):
        other.goto("about:blank")
        other.goto(f"{t.day_server.base}/deliveries/D-11{text}")
        settled(other)
    found = t.browser.taken()
    t.expect(not found, f"old and garbled fragments are ignored without an error {found[:2]}")
    for context in contexts:
        context.close()


def keyboard(t):
    t.point(9, "Keyboard only")
    context = t.browser.context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(t.day_server.base + "/fleet")
    loaded(page)
    press = page.keyboard.press
    press("/")
    page.keyboard.type("D-11")
    press("Enter")
    settled(page)
    press("e")
    chosen = "document.querySelector('.row[aria-selected=true]')?.row.event"
    t.expect(page.evaluate(chosen + ".error_code") == "GPS_DRIFT", "/ id Enter e: the fault is selected")
    width = "(() => { const r = document.querySelector('.tl-host').view.range(); return r.to - r.from; })()"
    before = page.evaluate(width)
    press("w")
    t.expect(page.evaluate(width) < before, "w zooms in")
    lanes = page.locator("g.lane").count()
    press("x")
    t.expect(page.locator("g.lane").count() == lanes - 1, "x hides the lane")
    page.locator("button", has_text="lane hidden").focus()
    press("Enter")
    t.expect(page.locator("g.lane").count() == lanes, "and the button that says so shows it again")
    page.locator(".plot").focus()
    press("e")
    press("Enter")
    page.wait_for_selector(".panel .payload")
    t.expect(page.evaluate("document.activeElement.id") == "panel-title", "Enter opens the panel with the payload and goes there")
    press("c")
    page.wait_for_selector(".toast")
    t.expect("#v=1" in page.evaluate("navigator.clipboard.readText()"), "c copies the link")
    for _ in range(4):
        press("Escape")
    closed = page.evaluate("[document.querySelector('.panel').hidden, document.querySelector('.row[aria-selected=true]') === null, document.querySelector('.tl-host').view.isFitted()]")
    t.expect(closed == [True, True, True], "Escape closes panel, selection, filter and zoom, one step at a time")
    page.fill("#words", "")
    page.locator("#words").focus()
    page.keyboard.type("exw")
    t.expect(page.evaluate(chosen) is None and page.locator("g.lane").count() == lanes and page.input_value("#words") == "exw", "letters typed in a field do nothing else")
    press("Escape")
    press("Escape")
    press("?")
    page.wait_for_selector("dialog[open]")
    page.locator("#set-shortcuts").focus()
    press("Space")
    press("Escape")
    press("e")
    t.expect(page.evaluate(chosen) is None, "single-key shortcuts can be switched off")
    page.reload()
    settled(page)
    press("e")
    t.expect(page.evaluate(chosen) is None, "and stay off")
    page.evaluate("localStorage.clear()")
    page.reload()
    settled(page)
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    seen, unseen, stops = set(), [], 0
    for _ in range(80):
        press("Tab")
        told = page.evaluate("""() => { const e = document.activeElement; if (!e || e === document.body) return null; const s = getComputedStyle(e);
            window.__n = window.__n || new Map(); if (!window.__n.has(e)) window.__n.set(e, window.__n.size);
            return [window.__n.get(e), s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2, e.outerHTML.slice(0, 90)]; }""")
        if told is None or told[0] in seen:
            break
        seen.add(told[0])
        stops += 1
        if not told[1]:
            unseen.append(told[2])
    t.expect(not unseen, f"the focus is visible at each of {stops} tab stops {unseen[:2]}")
    t.expect(10 < stops < 80, "no trap: Tab goes through the page and leaves it; the list is one stop")
    rows_stay(t, page)
    heat_map(t, page)
    context.close()


def heat_map(t, page):
    """The fleet's heat map by arrow keys alone."""
    page.goto(t.day_server.base + "/fleet")
    loaded(page)
    wait(page, "document.querySelector('.heat-map') !== null && document.querySelectorAll('.problem, .waiting').length === 0")
    stops = page.evaluate("[...document.querySelectorAll('.heat-box, .heat-box *')].filter(n => n.tabIndex >= 0).length")
    cells = page.evaluate("document.querySelectorAll('.heat-map td.heat a[aria-label]').length")
    t.expect(stops == 1 < 1000 < cells, f"the fleet's heat map of {cells} cells is {stops} tab stop")
    page.evaluate("[...document.querySelectorAll('.heat-box *')].find(n => n.tabIndex >= 0)?.focus()")
    at = "(() => { const cell = document.activeElement.closest('.heat-map td, .heat-map th'); return cell && [cell.parentElement.rowIndex, cell.cellIndex, document.activeElement.getBoundingClientRect().top >= cell.closest('table').tHead.getBoundingClientRect().bottom]; })()"
    last = page.evaluate("[document.querySelector('.heat-map tbody').rows.length, document.querySelector('.heat-map thead tr').cells.length - 1]")
    went = []
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "ArrowDown", "End", "Home", "Control+End", "Control+Home", "ArrowRight"):
        page.keyboard.press(key)
        went.append(page.evaluate(at))
    # Hours of which nothing is known are passed over.
    first, second = ((one or [0, 0])[1] for one in went[:2])
    expected = [[1, first], [1, second], [2, second], [2, first], [1, first], [2, first], [2, None], [2, 0], [last[0], None], [1, 0], [1, first]]
    t.expect(all(one and one[0] == row and column in (None, one[1]) and one[2] for one, (row, column) in zip(went, expected)) and 0 < first < second and went[6][1] >= last[1] - 1, f"arrow keys, Home and End go through it, and what has the focus is never under the hours {[w and w[:2] for w in went]}")
    label, href = page.evaluate("[document.activeElement.getAttribute('aria-label'), document.activeElement.href]")
    nought = page.evaluate("[...document.querySelectorAll('main td:not(.heat) a')].filter(a => /^0+$/.test(a.textContent)).length")
    page.keyboard.press("Enter")
    page.wait_for_selector(".timeline-part")
    t.expect(page.url.split("#")[0] == href and "% down" in str(label), f"a cell says what it is ({label}), and Enter follows it")
    t.expect(nought == 0, f"no figure that is nought is a link ({nought})")


def rows_stay(t, page):
    """e, Enter and Escape on failed deliveries: once the row is selected, it stays where it is."""
    where = "(() => { const r = document.querySelector('.row[aria-selected=true]').getBoundingClientRect(); return [Math.round(r.top), r.top >= 0 && r.bottom <= innerHeight]; })()"
    failed, moved = [line["delivery_id"] for line in t.day.truth if line["outcome"] == "failed"], []
    for id in failed:
        page.goto(f"{t.day_server.base}/deliveries/{quote(id, safe='')}")
        settled(page)
        page.keyboard.press("e")
        page.wait_for_selector(".panel .payload")
        seen = [page.evaluate(where)]
        for key in ("Enter", "Escape"):
            page.keyboard.press(key)
            page.wait_for_timeout(60)
            seen.append(page.evaluate(where))
        if len({top for top, _ in seen}) > 1 or not all(is_seen for _, is_seen in seen):
            moved.append((id, seen))
    t.expect(len(failed) > 5 and not moved, f"Enter and Escape leave the selected row where it is, in sight, in each of {len(failed)} failed deliveries {moved[:2] or ''}")
