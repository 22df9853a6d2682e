#!/usr/bin/env python3
"""Pictures of the page on the demo's simulated day: `shots.py PROGRAM FOLDER`."""
import os
import sys
import tempfile

from PIL import Image

import worlds
from harness import Browser, Server, loaded, settled

DAY = "from=2026-11-02T00:00&to=2026-11-03T00:00"
# name: address, width, height, dark, keys pressed, lines that are scrolled into view first
SHOTS = {
    "home": ("/", 1280, 800, False, ""),
    "delivery": ("/deliveries/D-11", 1280, 860, False, ""),
    "delivery-error": ("/deliveries/D-11", 1280, 860, False, "e"),
    "delivery-dark": ("/deliveries/D-495", 1280, 860, True, ""),
    "delivery-phone": ("/deliveries/D-11", 360, 740, False, "e"),
    "robot": ("/robots/R-028?day=2026-11-02#at=2026-11-02T08:20:00Z", 1280, 860, False, ""),
    "fleet": ("/fleet?" + DAY, 1280, 900, False, ""),
    "fleet-heat": ("/fleet?" + DAY, 1280, 900, False, "heat"),
    "quality": ("/quality?" + DAY, 1280, 860, False, ""),
    "tour-1": ("/deliveries/D-64", 1280, 800, False, ""),
    "tour-1-why": ("/deliveries/D-64", 1280, 800, False, "e"),
    "tour-2": ("/deliveries/D-445", 1280, 860, False, ""),
    "tour-2-robot": ("/robots/R-042?day=2026-11-02#at=2026-11-02T19:58:00Z", 1280, 700, False, ""),
    "tour-3": ("/deliveries/D-409", 1280, 860, False, ""),
    "tour-3-why": ("/deliveries/D-409", 1280, 860, False, "e"),
}


def main(program, folder):
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="demo-shots-") as place:
        server = Server(program, worlds.Store(program, place, "day").simulated(35))
        browser = Browser()
        try:
            for name, (path, width, height, dark, keys) in SHOTS.items():
                context = browser.context(width, height, dark)
                page = context.new_page()
                page.goto(server.base + path)
                loaded(page)
                if "/deliveries/" in path:
                    settled(page)
                if keys == "e":
                    page.keyboard.press("e")
                    page.wait_for_selector(".panel .payload")
                if keys == "heat":
                    page.wait_for_selector(".heat-map")
                    page.evaluate("document.querySelector('.heat-map').closest('.part').scrollIntoView()")
                page.wait_for_timeout(400)
                file = os.path.join(folder, name + ".png")
                page.screenshot(path=file)
                # 128 colours are enough for flat colours, and a third of the size.
                Image.open(file).convert("RGB").quantize(128, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(file, optimize=True)
                print(f"{file}  {os.path.getsize(file) // 1024} kB", flush=True)
                context.close()
            if browser.taken():
                raise SystemExit("the browser had troubles")
        finally:
            browser.close()
            server.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
