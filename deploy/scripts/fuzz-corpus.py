#!/usr/bin/env python3
"""Writes a fuzzer's first inputs, a message a file: an event of every name of the catalogue with the fields it
asks for, the shapes of messages that the rules tell apart, and a dictionary of words.

    fuzz-corpus.py config/events.yaml SEEDS-FOLDER DICTIONARY-FILE
"""
import json
import pathlib
import re
import sys

FIELDS = """event timestamp event_id delivery_id demand_id trip_id quote_id offer_id robot_id pilot_id merchant_id
zone_id parking_lot_id source state from_state to_state reason rejection_reason error code message""".split()
SHAPES = [
    '{"event":"a","timestamp":"2026-11-02T16:15:07.9929999-08:00","robot_id":12.50e3,"x":[true,false,null,{}]}',
    '{"event":"a","timestamp":"2026-11-02 16:15:07z","error":"E","error":{"c\\u006fde":"\\ud83d\\ude00"}}',
    '{"ev\\u0065nt":"a","timestamp":"2026-11-02T16:15:60Z","robot_id":" N/A ","pilot_id":"\\ud800"}',
    '{"event":null,"message":"{\\"event\\":\\"a\\",\\"timestamp\\":\\"2026-11-02T16:15:07Z\\",\\"trip_id\\":\\"\\\\t\\"}"}',
    '{"message":"plain"}', '[{"event":"a"}]', '"text"', "-0.1e-9", "null", "", "{", '{"a":' + "[" * 600,
    '{"a":' * 511 + "1" + "}" * 511, '\ufeff{"event":"a"}', ' \t{"event":"a","event":7}\r\n',
]


def main(catalogue, seeds, dictionary):
    folder = pathlib.Path(seeds)
    words = set(FIELDS)
    count = 0

    def write(text):
        nonlocal count
        (folder / f"{count:04}").write_bytes(text.encode())
        count += 1

    for line in pathlib.Path(catalogue).read_text().splitlines():
        found = re.match(r"  ([a-z_.]+): \{", line)
        if not found:
            continue
        words.add(found[1])
        event = {"event": found[1], "timestamp": "2026-11-02T16:15:07.992Z", "event_id": f"e-{count}"}
        required = re.search(r"requires: \[([a-z_, ]+)\]", line)
        for field in required[1].split(", ") if required else []:
            event[field] = {"code": "E", "message": "m"} if field == "error" else "x-1"
        write(json.dumps(event))
    if count == 0:
        sys.exit(f"{catalogue}: no events found; expected lines like `  robot.parked: {{...}}`")
    for shape in SHAPES:
        write(shape)
    words |= {"null", "undefined", "unknown", "none", "n/a", "true", "false", "2026-11-02T16:15:07Z"}
    entries = ['"\\"%s\\""' % word for word in sorted(words)]
    entries += ['"\\\\u0065"', '"\\\\ud83d\\\\ude00"', '"\\":\\""', '"\\\\\\""', '"\\xEF\\xBB\\xBF"', '"1e999"', '"null"']
    pathlib.Path(dictionary).write_text("\n".join(entries) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
