"""Point 13: what is not there, and what is said of it."""
import json
import os
import shutil
import socket
import subprocess
import sys

from harness import Server, loaded, settled, wait
import worlds


def says_what_it_lacks(t):
    t.point(13, "Says what it lacks")
    page = t.page(t.empty_server)

    def says(name, *words):
        text = page.locator("body").inner_text()
        page.screenshot(path=t.shot("lacks-" + name))
        missing = [w for w in words if w.lower() not in text.lower()]
        t.expect(not missing, f"{name}: says {', '.join(words)}" + (f"; missing {missing}" if missing else ""))

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
    page.close()
    signs_in(t)


def signs_in(t):
    """With tokens: the page asks for one, and shows a reader who is bound to a merchant that merchant's deliveries."""
    made = subprocess.run([t.program, "token", "ann", "--role", "viewer", "--merchants", "harbor-burgers"], capture_output=True, text=True, check=True)
    told = (made.stdout + "\n" + made.stderr).split()
    secret = next(word for word in told if word.startswith("sz_"))
    line = next(line for line in (made.stdout + "\n" + made.stderr).splitlines() if " sha256:" in line)
    path = t.day.path + ".tokens"
    with open(path, "w", encoding="utf-8") as file:
        file.write(line + "\n")
    server = Server(t.program, t.day, "--tokens", path)
    try:
        page = t.page(server)
        page.goto(server.base + "/deliveries/D-11")
        page.fill("#token", "sz_wrong")
        page.click("text=Sign in >> nth=-1")
        wait(page, "[...document.querySelectorAll('[role=alert]')].some(n => n.textContent.toLowerCase().includes('token'))")
        page.screenshot(path=t.shot("sign-in"))
        page.fill("#token", secret)
        page.keyboard.press("Enter")
        settled(page)
        t.expect("D-11" in page.locator("h1").inner_text(), "signed out: the page asks for a token, says what is wrong with a bad one, and a good one opens what was asked for")
        page.goto(server.base + "/deliveries/D-64")
        page.wait_for_selector(".problem")
        t.expect("No such delivery" in page.locator(".problem").inner_text(), "another merchant's delivery does not exist for this reader")
        page.goto(server.base + "/")
        page.wait_for_selector("text=Your deliveries")
        t.expect("harbor-burgers" in page.locator("main").inner_text(), "and the home page says what is theirs")
        page.close()
    finally:
        server.stop()
