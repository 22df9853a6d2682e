#!/usr/bin/env python3
"""Asks two services over stores of the same events the same questions; their answers must be alike.

    alike.py URL_OF_ONE URL_OF_THE_OTHER

What tells when something was stored, and what kind of store it is, is left out of the comparison.
"""
import csv
import io
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

one, other = [url.rstrip("/") + "/analytics/v1/" for url in sys.argv[1:3]]
stored = {"received_at", "updated_at", "last_committed_at", "version", "store", "streams", "request_id"}


def ask(base, path):
    # A page's own address begins with a slash.
    address = base.removesuffix("/analytics/v1/") + path if path.startswith("/") else base + path
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        body = error.read()
    if body[:1] in b"{[":
        return json.loads(body)
    rows = list(csv.reader(io.StringIO(body.decode()))) if ".csv" in path else []
    # A table's cells by their columns, so that those are left out which tell when something was stored.
    return [dict(zip(rows[0], row)) for row in rows[1:]] if rows else body.decode()


def bare(value):
    if isinstance(value, dict):
        return {key: bare(item) for key, item in value.items() if key not in stored}
    if isinstance(value, list):
        return [bare(item) for item in value]
    # Sums of broken numbers depend on their order, in the last digits.
    return round(value, 4) if isinstance(value, float) else value


def difference(left, right, at=""):
    if type(left) is not type(right) and not (isinstance(left, (int, float)) and isinstance(right, (int, float))):
        return f"{at}: {left!r:.200} | {right!r:.200}"
    if isinstance(left, dict):
        for key in sorted(left.keys() | right.keys()):
            found = difference(left.get(key), right.get(key), f"{at}/{key}")
            if found:
                return found
        return None
    if isinstance(left, list):
        if len(left) != len(right):
            return f"{at}: {len(left)} | {len(right)} of them"
        return next((found for index, pair in enumerate(zip(left, right))
                     if (found := difference(*pair, f"{at}/{index}"))), None)
    if isinstance(left, float) or isinstance(right, float):
        return None if abs(left - right) <= 0.0002 else f"{at}: {left} | {right}"
    return None if left == right else f"{at}: {left!r:.200} | {right!r:.200}"


sessions = ask(one, "sessions?limit=500")["rows"]
failed = ask(one, "sessions?outcome=failed&limit=500")["rows"]
robots = sorted({row["robot_id"] for row in sessions if row["robot_id"]})
pilots = sorted({row["pilot_id"] for row in sessions if row["pilot_id"]})
paths = [
    "status", "freshness", "home", "sessions?limit=500", "sessions?error_near=pickup_arrival_at", "sessions?reassigned=true",
    "sessions?open_longer_than=0", f"sessions?robot={robots[0]}", f"sessions?pilot={pilots[0]}", "sessions?error=LID_ERROR",
    f"sessions?merchant={sessions[0]['merchant_id']}&zone={sessions[0]['zone_id']}", "orphans?limit=500",
    f"orphans?robot={robots[0]}", "rejected", "robots", "fleet/utilization", "fleet/utilization?by=zone&bucket=day",
    "fleet/utilization?by=robot&bucket=all", "fleet/downtime", "fleet/downtime?by=robot", "fleet/utilization?compare=week_before", "fleet/downtime?compare=week_before", "fleet/downtime/intervals?limit=500",
    "fleet/states?class=usable", "fleet/states?class=downtime&no_zone=true", "fleet/windows", "fleet/windows?limit=7", "fleet/errors", "fleet/errors?limit=7", "fleet/reliability", "fleet/failures", "sessions?error=LID_ERROR", "sessions?closed_from=2026-11-02T12:00:00Z&with_robot=true", "funnel", "merchants/usage", "incidents/export.csv?outcome=failed", "incidents/export.csv?range_of=sessions&from=2026-11-02T10:00:00Z&to=2026-11-02T12:00:00Z", "fleet/utilization?by=robot&bucket=hour&worst=5&zone=riverside", "search?q=D-1", "search?q=-1",
    "search?q=burger", "search?q=R-0", "deliveries/none-such",
]
paths += [f"deliveries/{row['delivery_id']}" for row in failed + sessions[:40]]
paths += [f"deliveries/{row['delivery_id']}/text" for row in failed]
paths += [f"sessions/{row['session_id']}/events?via=robot&limit=5" for row in failed]
paths += [f"robots/{robot}{what}" for robot in robots[:15] for what in ["", "/timeline", "/states", "/at?time=2026-11-02T12:00:00Z"]]
paths += [f"pilots/{pilot}" for pilot in pilots[:5]]
orphans = ask(one, "orphans?limit=20")["rows"]
paths += [f"events/{row['event_id']}/explain?session={failed[0]['session_id']}" for row in orphans]
paths += [f"events/{row['event_id']}{what}" for row in orphans[:10] for what in ["", "/payload"]]
paths += [f"sessions/{row['session_id']}" for row in failed] + [f"deliveries/{row['delivery_id']}/plain" for row in failed]
zone = sessions[0]["zone_id"]
paths += ["me"] + [f"{path}zone={zone}" for path in [
    "fleet/utilization?", "fleet/utilization?by=robot&bucket=hour&", "fleet/downtime?", "fleet/downtime/intervals?",
    "funnel?"]]
paths += ["fleet/utilization?by=zone", "fleet/utilization?by=robot&bucket=hour"]
paths += [f"/{page}.csv" for page in [
    "sessions", "fleet", "robots", "downtime", "failures", "reliability", "orphans", "rejected",
    f"robots/{robots[0]}", f"pilots/{pilots[0]}"]]
paths += [f"/deliveries/{row['delivery_id']}.csv" for row in failed[:5]]
different = 0
for path in paths:
    found = difference(bare(ask(one, path)), bare(ask(other, path)))
    if found:
        different += 1
        print(f"{path}: {found}")


def quality(base):
    """The checks of the log, once none of them is under way: on a busy machine a count comes with a later answer."""
    for _ in range(120):
        answer = ask(base, "quality")
        if not answer["pending"]:
            break
        time.sleep(0.5)
    return {check["check"]: check["count"] for check in answer["checks"]}


checks = [quality(base) for base in (one, other)]
if checks[0] != checks[1]:
    different += 1
    print(f"quality: {checks}")
print(f"{len(paths) + 1 - different} of {len(paths) + 1} questions are answered alike")
sys.exit(1 if different else 0)
