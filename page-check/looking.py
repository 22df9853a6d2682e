"""Points 10, 11, 12, 15: who can see it, on what, and what hostile data does to it."""
import csv
import io
import math
import re
import urllib.request
from urllib.parse import quote

import html5lib
from axe_playwright_python.sync_playwright import Axe

from harness import loaded, settled, wait

HOSTILE_ID = quote("D-<script>alert(1)</script>", safe="")
HOSTILE_ROBOT = quote("R-\"><img src=x onerror=alert(1)>", safe="")
TAGS = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}}


def places(t):
    day, empty, hostile = t.day_server.base, t.empty_server.base, t.hostile_server.base
    return {
        "home": (day + "/", None), "delivery": (day + "/deliveries/D-11", None), "delivery, panel open": (day + "/deliveries/D-11", "e"), "keys": (day + "/deliveries/D-11", "?"),
        "robot": (day + "/robots/R-028?day=2026-11-02", None), "pilot": (day + "/pilots/P-13?day=2026-11-02", None),
        "fleet": (day + "/fleet?from=2026-11-02T00:00&to=2026-11-03T00:00", None), "quality": (day + "/quality", None), "robots": (day + "/robots", None),
        "sessions": (day + "/sessions?outcome=failed", None), "search": (day + "/search?q=D-4", None), "orphans": (day + "/orphans", None), "rejected": (day + "/rejected", None),
        "downtime": (day + "/downtime?reason=LID_ERROR", None), "audit": (day + "/audit", None), "about": (day + "/about", None),
        "no such delivery": (day + "/deliveries/D-99999", None), "no such page": (day + "/search?q=zzzz", None),
        "empty: home": (empty + "/", None), "empty: fleet": (empty + "/fleet", None), "empty: quality": (empty + "/quality", None), "empty: robots": (empty + "/robots", None),
        "hostile: delivery": (hostile + "/deliveries/" + HOSTILE_ID, "e"), "hostile: robot": (hostile + "/robots/" + HOSTILE_ROBOT + "?day=2026-11-02", None),
        "hostile: home": (hostile + "/", None), "hostile: fleet": (hostile + "/fleet", None), "hostile: quality": (hostile + "/quality", None),
    }


def visit(page, place):
    url, key = place
    page.goto(url)
    loaded(page)
    wait(page, "!document.querySelector('.waiting')")
    if "/deliveries/" in url and "D-99999" not in url:
        settled(page)
    if key:
        page.keyboard.press(key)
        page.wait_for_selector("dialog[open]" if key == "?" else ".panel .payload")
    page.wait_for_timeout(60)


def axe(t):
    t.point(10, "axe")
    serious, runs, found = 0, 0, {}
    for dark in (False, True):
        for width, height in ((1440, 900), (360, 780)):
            context = t.browser.context(width, height, dark)
            page = context.new_page()
            for name, place in places(t).items():
                visit(page, place)
                runs += 1
                for v in Axe().run(page, options=TAGS).response["violations"]:
                    where = found.setdefault((v["id"], v["impact"]), [])
                    where.append(f"{name} {width} {'dark' if dark else 'light'}: {v['nodes'][0]['target']} {v['nodes'][0]['failureSummary'][:160]}")
            context.close()
    for (rule, impact), where in sorted(found.items()):
        t.figure(f"{rule} ({impact}) {len(where)} times, first: {where[0]}")
    t.expect(not found, f"0 violations in {runs} runs ({len(places(t))} pages and states, light and dark, 1440 and 360 px, all rules of wcag2a to wcag22aa and best practice); found {len(found)}")
    with urllib.request.urlopen(t.day_server.base + "/") as answer:
        text = answer.read().decode()
    parser = html5lib.HTMLParser(strict=False)
    parser.parse(text)
    t.expect(not parser.errors, f"the page's HTML parses without an error {parser.errors[:2]}")


# Colour arithmetic: WCAG 2 ratios, CIEDE2000, colour-blindness after Machado 2009 (severity 1).
CVD = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def linear(c):
    return tuple(v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in c)


def luminance(c):
    r, g, b = linear(c)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def ratio(a, b):
    x, y = sorted((luminance(a), luminance(b)), reverse=True)
    return (x + 0.05) / (y + 0.05)


def lab(c, view):
    rgb = linear(c)
    r, g, b = (min(1, max(0, sum(m * v for m, v in zip(row, rgb)))) for row in CVD[view])
    x, y, z = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047, 0.2126 * r + 0.7152 * g + 0.0722 * b, (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883
    f = lambda v: v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116
    return 116 * f(y) - 16, 500 * (f(x) - f(y)), 200 * (f(y) - f(z))


def ciede2000(one, two):
    (l1, a1, b1), (l2, a2, b2) = one, two
    c = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(c ** 7 / (c ** 7 + 25 ** 7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h = lambda a, b: math.degrees(math.atan2(b, a)) % 360 if a or b else 0
    h1, h2 = h(a1, b1), h(a2, b2)
    dh = h2 - h1
    dh -= 360 if dh > 180 else -360 if dh < -180 else 0
    dh = 0 if c1 * c2 == 0 else dh
    dH = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(dh / 2))
    lm, cm = (l1 + l2) / 2, (c1 + c2) / 2
    hm = h1 + h2 if c1 * c2 == 0 else (h1 + h2) / 2 if abs(h1 - h2) <= 180 else (h1 + h2 + (360 if h1 + h2 < 360 else -360)) / 2
    t = 1 - 0.17 * math.cos(math.radians(hm - 30)) + 0.24 * math.cos(math.radians(2 * hm)) + 0.32 * math.cos(math.radians(3 * hm + 6)) - 0.2 * math.cos(math.radians(4 * hm - 63))
    sl = 1 + 0.015 * (lm - 50) ** 2 / math.sqrt(20 + (lm - 50) ** 2)
    sc, sh = 1 + 0.045 * cm, 1 + 0.015 * cm * t
    rt = -2 * math.sqrt(cm ** 7 / (cm ** 7 + 25 ** 7)) * math.sin(math.radians(60 * math.exp(-((hm - 275) / 25) ** 2)))
    return math.sqrt(((l2 - l1) / sl) ** 2 + ((c2 - c1) / sc) ** 2 + (dH / sh) ** 2 + rt * (c2 - c1) / sc * dH / sh)


COLOURS = """names => Object.fromEntries(names.map(n => { const d = document.createElement('i'); d.style.setProperty('color', `var(--${n})`); document.body.append(d);
    const c = getComputedStyle(d).color; d.remove(); return [n, c.match(/[\\d.]+/g).slice(0, 3).map(Number)]; }))"""


def contrast(t):
    t.point(11, "Contrast, colour")
    for dark in (False, True):
        name = "dark" if dark else "light"
        context = t.browser.context(dark=dark)
        page = context.new_page()
        page.goto(t.day_server.base + "/deliveries/D-11")
        settled(page)
        c = {k: tuple(v / 255 for v in value) for k, value in page.evaluate(COLOURS, ["bg", "surface", "raised", "text", "muted", "link", "control", "work", "on-work", "down", "on-down", "off", "on-off", "error", "chosen", "window", "down-pale"]).items()}
        texts = {f"{a} on {b}": ratio(c[a], c[b]) for a in ("text", "muted", "link", "error") for b in ("bg", "surface", "raised", "chosen")}
        texts |= {"on work": ratio(c["on-work"], c["work"]), "on down": ratio(c["on-down"], c["down"]), "on off": ratio(c["on-off"], c["off"]), "down on raised": ratio(c["down"], c["raised"]), "text on down-pale": ratio(c["text"], c["down-pale"]), "text on window": ratio(c["text"], c["window"])}
        graphics = {f"{a} on {b}": ratio(c[a], c[b]) for a in ("work", "down", "off", "error", "control", "link") for b in ("bg", "surface")}
        low, thin = min(texts, key=texts.get), min(graphics, key=graphics.get)
        t.expect(texts[low] >= 4.5, f"{name}: text at least {texts[low]:.2f} ({low}; limit 4.5)")
        t.expect(graphics[thin] >= 3, f"{name}: graphics and controls at least {graphics[thin]:.2f} ({thin}; limit 3)")
        pairs = {view: min(ciede2000(lab(c[a], view), lab(c[b], view)) for a, b in (("work", "down"), ("work", "off"), ("down", "off"))) for view in CVD}
        t.expect(min(pairs.values()) >= 12, f"{name}: fills differ by " + ", ".join(f"{v:.1f} ({k})" for k, v in pairs.items()) + " (CIEDE2000, limit 12)")
        client = context.new_cdp_session(page)
        client.send("Emulation.setEmulatedVisionDeficiency", {"type": "achromatopsia"})
        page.screenshot(path=t.shot(f"grey-{name}"))
        kinds = page.evaluate("Object.fromEntries([...document.querySelectorAll('.state')].map(n => [n.classList[1], n.getAttribute('fill')]))")
        solid = [k for k, fill in kinds.items() if not fill.startswith("url")]
        words = page.evaluate("[...document.querySelectorAll('.state-text')].map(n => n.textContent).length")
        t.expect(len(set(kinds.values())) == len(kinds) and words > 0, f"{name}: each kind of state has a pattern or word of its own ({', '.join(sorted(kinds))}; plain fills: {', '.join(sorted(solid))}; {words} words in the bars)")
        context.close()
    context = t.browser.context(forced_colors="active")
    page = context.new_page()
    page.goto(t.day_server.base + "/deliveries/D-11")
    settled(page)
    page.screenshot(path=t.shot("forced-colors"))
    drawn = page.evaluate("[...document.querySelectorAll('.state')].filter(n => n.getAttribute('d')).every(n => getComputedStyle(n).stroke !== 'none')")
    t.expect(drawn, "forced colours: every state keeps an outline (picture kept)")
    context.close()


def reflow(t):
    t.point(12, "Reflow")
    wide, small = [], []
    for width, height, scale in ((320, 700, 1), (360, 780, 1), (768, 1000, 1), (1440, 900, 1), (720, 450, 2)):
        context = t.browser.context(width, height, device_scale_factor=scale)
        page = context.new_page()
        for name, place in places(t).items():
            visit(page, place)
            over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            cut = page.evaluate("""() => [...document.querySelectorAll('h1, .verdict li, .step-value, .problem p')].filter(n => n.getBoundingClientRect().right > innerWidth + 1).length""")
            if over > 0 or cut > 0:
                wide.append(f"{name} at {width}: {over} px, {cut} cut")
            if width == 360 and "delivery" in name and "no such" not in name:
                heights = page.evaluate("[...document.querySelectorAll('.row:not(.head):not([hidden])')].slice(0, 30).map(r => r.getBoundingClientRect().height).concat([...document.querySelectorAll('.facet')].map(f => f.getBoundingClientRect().height))")
                small += [h for h in heights if h < 44]
        context.close()
    t.expect(not wide, f"no sideways scroll and nothing cut on {len(places(t))} pages at 320, 360, 768, 1440 px and 200% zoom {wide[:4]}")
    t.expect(not small, f"rows and filters at 360 px are at least 44 px high {small[:3]}")


def hostile(t):
    t.point(15, "Hostile data")
    t.browser.taken()
    base = t.hostile_server.base
    page = t.page(t.hostile_server)
    page.goto(f"{base}/deliveries/{HOSTILE_ID}")
    settled(page)
    heights = page.evaluate("[...new Set([...document.querySelectorAll('.row:not(.head)')].map(r => Math.round(r.getBoundingClientRect().height)))]")
    t.expect(len(heights) == 1, f"every row has the same height {heights}")
    text = page.locator("body").inner_text()
    t.expect("\u202e" not in text and "\\u202e" in text and "\\u200b" in text, "controls and reordering characters are shown as \\u202e")
    for _ in range(20):
        page.keyboard.press("j")
    page.wait_for_selector(".panel .payload")
    long = page.evaluate("[...document.querySelectorAll('.row.error')].findIndex(r => (r.row.event.error_code ?? '').startsWith('XXXX'))")
    page.evaluate("n => document.querySelectorAll('.row.error')[n].click()", long)
    wait(page, "document.querySelector('.panel .payload')?.textContent.length > 10000")
    t.expect(page.evaluate("document.documentElement.scrollWidth <= innerWidth && document.querySelector('.panel').scrollWidth <= document.querySelector('.panel').clientWidth + 1"), "100 kB strings: nothing overflows, the payload is there")
    page.screenshot(path=t.shot("hostile"))
    injected = page.evaluate("document.querySelectorAll('main script, main img, main svg script, main iframe').length")
    links = page.evaluate("[...document.querySelectorAll('a')].filter(a => !a.href.startsWith(location.origin)).length")
    t.expect(injected == 0 and links == 0, "no element came from data, and every link is our own")
    page.goto(f"{base}/deliveries/D-CODES")
    settled(page)
    t.expect(page.locator(".row.error").count() >= 5000 and page.evaluate("document.querySelectorAll('.timeline-box svg *').length") <= 400, "10,000 error codes: all errors listed, the drawing stays small")
    for path in (f"/robots/{HOSTILE_ROBOT}?day=2026-11-02", "/fleet", "/quality", "/", "/sessions", "/downtime?reason=" + quote("<script>alert(1)</script>"), "/search?q=" + quote("<script>"), "/orphans", "/rejected"):
        page.goto(base + path)
        loaded(page)
        page.wait_for_timeout(150)
    reports = page.evaluate("window.__csp")
    found = t.browser.taken()
    t.expect(not found and not reports, f"no policy report, no dialog, no script error on any page {found[:2]} {reports[:2]}")
    with urllib.request.urlopen(f"{base}/deliveries/{HOSTILE_ID}?plain=1") as answer:
        text = answer.read().decode()
    tags = {element.tag.split("}")[-1] for element in html5lib.HTMLParser(strict=True).parse(text).iter() if isinstance(element.tag, str)}
    t.expect(answer.url.endswith("/plain") and not tags & {"script", "img", "svg", "iframe"} and "\u202e" not in text and "\\u202e" in text, "the document without a script is escaped as well, and parses without an error")
    url = base + "/analytics/v1/incidents/export.csv?from=2026-11-02T00:00:00Z&to=2026-11-03T00:00:00Z&limit=1000"
    with urllib.request.urlopen(url) as answer:
        table = list(csv.reader(io.StringIO(answer.read().decode(), newline="")))
    cells = [cell for row in table[1:] for cell in row if cell and not cell.startswith("# ")]
    formulas = [cell for cell in cells if cell[0] in "=+@\t\r" or (cell[0] == "-" and not re.fullmatch(r"-\d+(\.\d+)?", cell))]
    t.expect(len(table) > 50 and not formulas, f"the CSV of {len(table)} rows holds no cell that a spreadsheet takes for a formula {formulas[:2]}")
    page.close()
