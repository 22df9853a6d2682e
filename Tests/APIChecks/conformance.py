#!/usr/bin/env python3
"""Asks a running service every route and holds each answer against docs/openapi.yaml.

    conformance.py BASE_URL

Ids are taken from the service itself, so it works on any store that has a failed delivery.
"""
import json
import pathlib
import sys
import urllib.error
import urllib.parse
import urllib.request

import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry, Resource

base = sys.argv[1].rstrip("/")
root = pathlib.Path(__file__).resolve().parents[2]
document = yaml.safe_load((root / "docs/openapi.yaml").read_text())
validate(document)
registry = Registry().with_resource(
    "urn:api", Resource.from_contents({"$schema": "https://json-schema.org/draft/2020-12/schema", **document}))
complaints = []


def absolute(schema):
    """The schema with its references made absolute."""
    if isinstance(schema, dict):
        return {k: "urn:api" + v if k == "$ref" and v.startswith("#") else absolute(v) for k, v in schema.items()}
    return [absolute(item) for item in schema] if isinstance(schema, list) else schema


def schema_of(template, status, media):
    responses = document["paths"][template]["get"]["responses"]
    response = responses.get(str(status)) or responses.get("default")
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].split("/")[-1]]
    return response.get("content", {}).get(media, {}).get("schema")


def ask(template, path_id=None, expect=200, **query):
    path = template.replace("{id}", urllib.parse.quote(path_id or "", safe=""))
    url = base + path + ("?" + urllib.parse.urlencode(query, doseq=True) if query else "")
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            status, headers, body = answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        status, headers, body = error.code, error.headers, error.read()
    what = f"{url[len(base):]} ({status})"
    if status != expect:
        complaints.append(f"{what}: expected {expect}: {body[:300]!r}")
        return None
    media = headers["Content-Type"].split(";")[0]
    schema = schema_of(template, status, media)
    if schema is None:
        complaints.append(f"{what}: {media} is not in the document")
        return None
    if not headers["X-Request-Id"]:
        complaints.append(f"{what}: no X-Request-Id")
    if not media.endswith("json"):
        return body.decode()
    told = json.loads(body)
    for error in Draft202012Validator(absolute(schema), registry=registry).iter_errors(told):
        complaints.append(f"{what}: at {list(error.path)}: {error.message[:200]}")
    asked.add(template)
    return told


asked = set()
v1 = "/analytics/v1/"
failed = ask(v1 + "sessions", outcome="failed", limit=5)["rows"]
delivery = failed[0]
ask(v1 + "me"), ask(v1 + "status"), ask(v1 + "freshness")
home = ask(v1 + "home")
for query in [delivery["delivery_id"], delivery["delivery_id"][:3], delivery["demand_ids"][0], "R-0", "nothing such"]:
    ask(v1 + "search", q=query)
for row in failed:
    story = ask(v1 + "deliveries/{id}", row["delivery_id"])
    assert sum(event["is_error"] for event in story["events"]) == row["error_count"], row["delivery_id"]
    assert len(story["events"]) == row["event_count"], row["delivery_id"]
    assert sum(lane["events"] for lane in story["lanes"]) == row["event_count"], row["delivery_id"]
ask(v1 + "deliveries/{id}", delivery["demand_ids"][0])
ask(v1 + "deliveries/{id}", "no such id", expect=404)
text = ask(v1 + "deliveries/{id}/text", delivery["delivery_id"])
brief = ask(v1 + "deliveries/{id}/text", delivery["delivery_id"], brief="true")
assert text.startswith(brief) and delivery["failure_code"] in brief and len(brief.splitlines()) < 40
plain = ask(v1 + "deliveries/{id}/plain", delivery["delivery_id"])
assert "<table>" in plain and delivery["failure_code"] in plain
ask(v1 + "sessions/{id}", delivery["session_id"])
page = ask(v1 + "sessions/{id}/events", delivery["session_id"], limit=10)
seen = [event["event_id"] for event in page["events"]]
while page["next"]:
    page = ask(v1 + "sessions/{id}/events", delivery["session_id"], limit=10, cursor=page["next"])
    seen += [event["event_id"] for event in page["events"]]
assert len(seen) == len(set(seen)) == delivery["event_count"], "pages of events"
ask(v1 + "sessions", error_near="pickup_arrival_at", within_seconds=120)
ask(v1 + "sessions", merchant=delivery["merchant_id"], robot=delivery["robot_id"], limit=2)
ask(v1 + "sessions", open_longer_than=60)
ask(v1 + "sessions", limit=0, expect=422), ask(v1 + "sessions", nonsense=1, expect=422)
ask(v1 + "sessions", cursor="AAAA", expect=400)
event = story["events"][-1]
ask(v1 + "events/{id}", event["event_id"])
ask(v1 + "events/{id}", event["event_id"], at=event["occurred_at"])
assert ask(v1 + "events/{id}/payload", event["event_id"])["event"] == event["event"]
for event in story["events"][:20]:
    told = ask(v1 + "events/{id}/explain", event["event_id"], session=story["session"]["session_id"])
    assert told["asked"]["belongs"] and told["belongs"], event["event_id"]
orphans = ask(v1 + "orphans")
for orphan in orphans["rows"][:5]:
    told = ask(v1 + "events/{id}/explain", orphan["event_id"], session=delivery["session_id"])
    assert not told["asked"]["belongs"] and told["why_not"], orphan["event_id"]
ask(v1 + "orphans", robot=delivery["robot_id"], limit=3)
ask(v1 + "rejected")
ask(v1 + "robots"), ask(v1 + "robots", **{"class": "downtime"})
robot = ask(v1 + "robots/{id}", delivery["robot_id"])
totals = robot["totals"]
sums = sum(totals[name + "_seconds"] for name in ["usable", "downtime", "off_duty", "other", "unaccounted"])
assert abs(sums - totals["range_seconds"]) < 0.001, "a robot's seconds add up to its day"
ask(v1 + "robots/{id}", "no such robot", expect=404)
ask(v1 + "robots/{id}/timeline", delivery["robot_id"])
ask(v1 + "robots/{id}/states", delivery["robot_id"])
ask(v1 + "robots/{id}/at", delivery["robot_id"], time=delivery["closed_at"])
ask(v1 + "robots/{id}/at", delivery["robot_id"], expect=422)
ask(v1 + "pilots/{id}", delivery["pilot_id"])
by_hour = ask(v1 + "fleet/utilization")
for by in ["zone", "robot"]:
    other = ask(v1 + "fleet/utilization", by=by)
    assert abs(other["totals"]["usable_seconds"] - by_hour["totals"]["usable_seconds"]) < 0.01, by
down = ask(v1 + "fleet/downtime")
for by in ["state", "robot"]:
    assert abs(ask(v1 + "fleet/downtime", by=by)["seconds"] - down["seconds"]) < 0.01, by
intervals = ask(v1 + "fleet/downtime/intervals", reason=down["rows"][0]["key"], limit=500)
assert len(intervals["rows"]) == min(500, down["rows"][0]["intervals"]), "intervals behind a figure"
hours = {"zone": ask(v1 + "fleet/utilization", by="zone", bucket="all")["rows"][-1]["key"]}
figures = ask(v1 + "fleet/utilization", bucket="all", **hours)["totals"]
for name in ["usable", "downtime", "off_duty", "other"]:
    assert ask(v1 + "fleet/states", **{"class": name}, **hours)["seconds"] == figures[name + "_seconds"], name
assert ask(v1 + "fleet/windows", **hours)["seconds"] == figures["on_delivery_seconds"], "windows behind a figure"
assert ask(v1 + "fleet/errors", **hours)["errors"] == figures["error_count"], "errors behind a figure"
ask(v1 + "fleet/states", expect=422), ask(v1 + "fleet/errors", zone="Z", no_zone="true", expect=422)
reliability, failures = ask(v1 + "fleet/reliability"), ask(v1 + "fleet/failures", limit=500)
# Every failure that is counted is a row.
assert reliability["fleet"]["failures"] == len(failures["rows"]) or failures["next"], (reliability["fleet"], len(failures["rows"]))
ask(v1 + "funnel"), ask(v1 + "merchants/usage"), ask(v1 + "quality")
csv = ask(v1 + "incidents/export.csv", outcome="failed", limit=20)
asked.update([v1 + "incidents/export.csv", v1 + "deliveries/{id}/text", v1 + "deliveries/{id}/plain"])
assert csv.splitlines()[-1].startswith("# cut after 20 rows"), csv[-200:]
for route in ["fleet/utilization", "fleet/downtime"]:
    told = ask(v1 + route, compare="week_before")["week_before"]
    assert told["known"] or "nothing to compare with" in told["sentence"], told["sentence"]
ask(v1 + "audit"), ask("/openapi.json")
ids = {"deliveries": delivery["delivery_id"], "demands": delivery["demand_ids"][0], "trips": delivery["delivery_id"],
       "robots": delivery["robot_id"], "pilots": delivery["pilot_id"], "events": event["event_id"]}
for page in [template for template in document["paths"] if not template.startswith(v1) and template != "/openapi.json"]:
    query = {"q": delivery["delivery_id"]} if page == "/search.json" else {"class": "usable"} if page.startswith("/states.") else {}
    told = ask(page, ids.get(page.split("/")[1].split(".")[0]), **query)
    if page.endswith(".csv"):
        assert len(told.splitlines()) > 1, page
        asked.add(page)
left = {template for template, item in document["paths"].items() if "get" in item} - asked
left -= {v1 + "deliveries/{id}/stream"}  # tried where a store changes: Tests/APITests
for template in sorted(left):
    complaints.append(f"{template}: was not asked")
print("\n".join(complaints) or f"{len(asked)} routes answer as the document says")
sys.exit(1 if complaints else 0)
