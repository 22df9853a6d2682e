"""Stores to look at: a simulated day, an empty one, a very long delivery, hostile payloads, a delivery that goes on."""
import json
import os
import subprocess
from datetime import datetime, timedelta, timezone

START = datetime(2026, 11, 2, 10, 0, 0, tzinfo=timezone.utc)


def at(seconds, start=START):
    return (start + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


class Lines:
    """Event lines with ids that are the same each time."""

    def __init__(self, prefix, start=START):
        self.prefix, self.start, self.all = prefix, start, []

    def add(self, seconds, event, **fields):
        line = {"event": event, "timestamp": at(seconds, self.start), "event_id": f"{self.prefix}-{len(self.all):06d}", **fields}
        self.all.append(line)
        return line

    def write(self, path):
        with open(path, "w", encoding="utf-8") as file:
            for line in self.all:
                file.write(json.dumps(line) + "\n")


def long_delivery(events, windows=40, id="LONG", start=START):
    """One delivery that `windows` robots and pilots held one after the other, with so many events in all."""
    lines, seconds = Lines("long" if id == "LONG" else id.lower(), start), 8.0 * 3600 / (windows // 2)
    lines.add(0, "offer.received", offer_id=f"O-{id}", merchant_id="M-L")
    lines.add(1, "demand.created", demand_id=f"DM-{id}", delivery_id=f"D-{id}", offer_id=f"O-{id}", merchant_id="M-L")
    spare = events - windows - 4
    for n in range(windows // 2):
        begin = 10 + n * seconds
        lines.add(begin, "demand.assigned" if n == 0 else "demand.replan.rehomed", delivery_id=f"D-{id}", demand_id=f"DM-{id}", robot_id=f"R-{id}-{n % 7}")
        lines.add(begin + 1, "pilot.assigned", delivery_id=f"D-{id}", pilot_id=f"P-{id}-{n % 5}")
        for k in range(spare // (windows // 2)):
            when = begin + 2 + k * (seconds - 4) / (spare // (windows // 2))
            if k % 97 == 50:
                lines.add(when, "robot.error", robot_id=f"R-{id}-{n % 7}", error={"code": f"CODE_{k % 5}", "message": "something is wrong"})
            elif k % 19 == 0:
                lines.add(when, "robot.state_changed", robot_id=f"R-{id}-{n % 7}", to_state=["to_pickup", "at_pickup", "to_dropoff", "grounded", "idle"][k // 19 % 5])
            else:
                lines.add(when, "robot.telemetry", robot_id=f"R-{id}-{n % 7}")
    lines.add(10 + (windows // 2) * seconds, "delivery.failed", delivery_id=f"D-{id}", error={"code": "GAVE_UP", "message": "too long"})
    return lines


RTL, ZERO, NUL = "\u202e", "\u200b", "\u0000"
HOSTILE = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "javascript:alert(1)", f"abc{RTL}txt.exe", f"in{ZERO}visible", f"nul{NUL}byte",
           "=cmd|'/C calc'!A0", "+1+1", "@SUM(A1)", "-5", "\ud83d", "{{7*7}}", "<svg/onload=alert(1)>", "a\r\nSet-Cookie: x=1", "%3Cscript%3E"]


def hostile():
    """A failed delivery whose every text wants to be something else, and one with ten thousand error codes."""
    lines = Lines("hostile")
    lines.add(0, "demand.created", delivery_id="D-<script>alert(1)</script>", demand_id="DM-H", merchant_id=HOSTILE[1], zone_id=HOSTILE[3])
    lines.add(5, "demand.assigned", delivery_id="D-<script>alert(1)</script>", demand_id="DM-H", robot_id="R-\"><img src=x onerror=alert(1)>")
    for n, text in enumerate(HOSTILE):
        lines.add(10 + n, "robot.error", robot_id="R-\"><img src=x onerror=alert(1)>", error={"code": text, "message": text + " " + RTL + "evil"})
        lines.add(10.5 + n, "robot.state_changed", robot_id="R-\"><img src=x onerror=alert(1)>", to_state=text[:40], reason=text)
        lines.add(10.7 + n, f"odd.{text}", robot_id="R-\"><img src=x onerror=alert(1)>", note=text)
    lines.add(60, "robot.error", robot_id="R-\"><img src=x onerror=alert(1)>", error={"code": "X" * 100_000, "message": "y" * 100_000}, blob="z" * 100_000)
    lines.add(80, "delivery.failed", delivery_id="D-<script>alert(1)</script>", error={"code": HOSTILE[0], "message": HOSTILE[1]})
    lines.add(100, "demand.created", delivery_id="D-CODES", demand_id="DM-C", merchant_id="=HYPERLINK(\"http://x\")")
    lines.add(101, "demand.assigned", delivery_id="D-CODES", demand_id="DM-C", robot_id="R-CODES")
    for n in range(10_000):
        lines.add(102 + n / 10, "robot.error", robot_id="R-CODES", error={"code": f"E{n:05d}"})
    lines.add(1200, "delivery.failed", delivery_id="D-CODES", error={"code": "-1", "message": "-17.5"})
    return lines


def live_first(deliveries=8):
    """Deliveries that are under way, with a robot each that has told a lot."""
    lines = Lines("live")
    for d in range(deliveries):
        lines.add(0 + d, "demand.created", delivery_id=f"D-LIVE-{d}", demand_id=f"DM-LIVE-{d}", merchant_id="M-LIVE")
        lines.add(10 + d, "demand.assigned", delivery_id=f"D-LIVE-{d}", demand_id=f"DM-LIVE-{d}", robot_id=f"R-LIVE-{d}")
        for n in range(300 if d == 0 else 20):
            lines.add(20 + d + n * 2, "robot.telemetry", robot_id=f"R-LIVE-{d}")
    return lines


def live_more(delivery, count, begin, prefix, step=1.0):
    lines = Lines(prefix)
    for n in range(count):
        lines.add(begin + n * step, "robot.telemetry", robot_id=f"R-LIVE-{delivery}")
    return lines


def live_late(delivery, seconds, prefix):
    """A late fact: from `seconds` on another robot served it, so what the first one told after that is not its any more."""
    lines = Lines(prefix)
    lines.add(seconds, "demand.replan.rehomed", delivery_id=f"D-LIVE-{delivery}", robot_id="R-LIVE-OTHER")
    return lines


def twins():
    """A delivery under way with an event `twin`, and what comes later: another event of that id, two hours on."""
    first, second = Lines("twins"), Lines("twins-more")
    first.add(0, "demand.created", delivery_id="D-TWIN", demand_id="DM-TWIN", merchant_id="M-LIVE")
    first.add(10, "demand.assigned", delivery_id="D-TWIN", demand_id="DM-TWIN", robot_id="R-TWIN")
    first.add(60, "robot.telemetry", robot_id="R-TWIN", event_id="twin")
    first.add(120, "robot.telemetry", robot_id="R-TWIN")
    second.add(9000, "robot.telemetry", robot_id="R-TWIN", event_id="twin")
    second.add(9060, "robot.telemetry", robot_id="R-TWIN")
    return first, second


def live_long(events=5600):
    """A delivery that is under way and has more events than the service gives at once: two a second of one robot, every 700th an error."""
    lines = Lines("livelong")
    lines.add(0, "demand.created", delivery_id="D-LIVE-LONG", demand_id="DM-LIVE-LONG", merchant_id="M-LIVE")
    lines.add(1, "demand.assigned", delivery_id="D-LIVE-LONG", demand_id="DM-LIVE-LONG", robot_id="R-LIVE-LONG")
    for n in range(events - 2):
        if n % 700 == 350:
            lines.add(2 + n / 2, "robot.error", robot_id="R-LIVE-LONG", error={"code": "SLOW"})
        else:
            lines.add(2 + n / 2, "robot.telemetry", robot_id="R-LIVE-LONG")
    return lines


def large_fleet(robots=250):
    """More robots than the fleet page has rows for: each down for as many seconds as its number says, within the same two hours."""
    lines = Lines("fleet")
    for n in range(robots):
        lines.add(n / 10, "robot.deployed", robot_id=f"R-{n:03d}")
        lines.add(3000, "robot.grounded", robot_id=f"R-{n:03d}", reason="LID")
        lines.add(3001 + 4 * n, "robot.deployed", robot_id=f"R-{n:03d}")
    return lines


def silent():
    """A robot that says nothing for twenty minutes while it holds a delivery, and two that hold one at a time."""
    lines = Lines("silent")
    lines.add(0, "demand.created", delivery_id="D-SILENT", demand_id="DM-S", merchant_id="M-S")
    lines.add(5, "demand.assigned", delivery_id="D-SILENT", demand_id="DM-S", robot_id="R-S")
    lines.add(6, "robot.state_changed", robot_id="R-S", to_state="to_pickup")
    lines.add(60, "robot.telemetry", robot_id="R-S")
    lines.add(1300, "robot.telemetry", robot_id="R-S")
    lines.add(1400, "delivery.dropoff_completed", delivery_id="D-SILENT")
    for d in (1, 2):
        lines.add(3000 + d, "demand.created", delivery_id=f"D-BOTH-{d}", demand_id=f"DM-B{d}", merchant_id="M-S")
        lines.add(3010 + d * 60, "demand.assigned", delivery_id=f"D-BOTH-{d}", demand_id=f"DM-B{d}", robot_id="R-B")
    for d in (1, 2):
        lines.add(4000 + d * 60, "delivery.dropoff_completed", delivery_id=f"D-BOTH-{d}")
    return lines


class Store:
    """A store made by the program itself, from lines or from its own simulator."""

    def __init__(self, program, folder, name):
        self.program, self.folder, self.name = program, folder, name
        self.path = os.path.join(folder, name + ".db")
        self.url = "sqlite:" + self.path

    def run(self, *words, timeout=600):
        return subprocess.run([self.program, *words], check=True, capture_output=True, text=True, timeout=timeout).stdout

    def replay(self, lines, name):
        path = os.path.join(self.folder, f"{self.name}-{name}.jsonl")
        lines.write(path)
        self.run("replay", path, "--store", self.url)
        return self

    def replayed(self, archive):
        self.run("replay", archive, "--store", self.url)
        return self

    def simulated(self, seed=35, **dials):
        archive = os.path.join(self.folder, self.name + "-archive")
        words = [w for k, v in dials.items() for w in ("--" + k.replace("_", "-"), str(v))]
        self.run("simulate", "--out", archive, "--force", "--seed", str(seed), *words)
        self.run("replay", archive, "--store", self.url)
        with open(os.path.join(archive, "_truth.jsonl"), encoding="utf-8") as file:
            self.truth = [json.loads(line) for line in file]
        self.archive = archive
        return self

    def empty(self):
        self.run("migrate", "--store", self.url)
        return self


BEGIN = 1_793_000_000


def write_million(path, count=1_000_000, ending=3600):
    """A million deliveries of two events each, two a second, on 4,000 robots in 20 zones, which each leaves every few weeks; errors, groundings, a few failures (as in
    `make bench-readers`); and in their last day the very long deliveries: D-LONG of 5,000 events, D-HUGE of 50,000."""
    with open(path, "w", encoding="utf-8") as file:
        def line(event, seconds, key, fields):
            stamp = datetime.fromtimestamp(BEGIN + seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            file.write(f'{{"event":"{event}","timestamp":"{stamp}","event_id":"{key}",{fields}}}\n')
        for i in range(count + ending):
            now = i // 2
            if i < count:
                line("demand.assigned", now, f"a{i}", f'"delivery_id":"D{i}","demand_id":"N{i}","robot_id":"R{i % 4000}","merchant_id":"shop-{i % 200}","zone_id":"Z{i % 20 if i % 997 else 7}"')
            if i % 5 == 0:
                robot, state = i // 5 * 7919 % 4000, "deployed" if i // 20_000 % 2 else "grounded"
                line("robot.state_changed", now, f"s{i}", f'"robot_id":"R{robot}","to_state":"{state}"' + (f',"reason":"FAULT_{i % 7}"' if state == "grounded" else ""))
            if i % 40 == 0:
                line("robot.error", now, f"e{i}", f'"robot_id":"R{i * 31 % 4300}","error":{{"code":"FAULT_{i % 7}"}}')
            if i >= ending:
                done = "delivery.failed" if i % 50 == 0 else "delivery.dropoff_completed"
                line(done, now, f"c{i}", f'"delivery_id":"D{i - ending}"')
        end = datetime.fromtimestamp(BEGIN + (count + ending) // 2, timezone.utc)
        for events, id in ((5000, "LONG"), (50_000, "HUGE")):
            lines = long_delivery(events, id=id, start=end - timedelta(hours=9))
            file.writelines(json.dumps(line) + "\n" for line in lines.all)
