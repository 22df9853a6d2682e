"""What must come out of an archive, by the reference model of the core's tests (`reference-tables`): another program, which shares no
code with the engine, the stores or the page."""
import glob
import gzip
import json
import os
import subprocess

# Semantics, section 6, and the page's design: how a state is drawn.
USABLE = {"idle", "available", "deployed", "delivering", "to_pickup", "at_pickup", "to_dropoff", "at_dropoff", "returning"}
DOWN = {"grounded", "error", "maintenance", "unknown"}
OFF = {"off_duty", "parked", "charging"}


def kind_of(state):
    """The fill that stands for a state."""
    if state in USABLE:
        return "wait" if state.startswith("at_") else "idle" if state in ("idle", "available") else "move"
    if state in DOWN:
        return "unknown" if state == "unknown" else "down"
    return "off" if state in OFF else "other"


def lines_of(archive):
    """An archive's event lines, file by file."""
    paths = sorted(glob.glob(os.path.join(archive, "dt=*", "*"))) if os.path.isdir(archive) else [archive]
    for path in paths:
        with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
            yield file.read()


class Reference:
    """The tables of an archive, and what is asked of them here."""

    def __init__(self, program, archive):
        text = b"".join(part if part.endswith(b"\n") else part + b"\n" for part in lines_of(archive))
        made = subprocess.run([program], input=text, capture_output=True, timeout=900, check=True)
        told = json.loads(made.stdout)
        self.accepted, self.received, self.orphans, self.now = told["accepted"], told["received"], told["orphans"], told["last_event_at"]
        columns, tables = told["columns"], told["tables"]

        def rows(name, *key):
            for text, values in tables[name].items():
                yield dict(zip(key, text.split("|"))) | dict(zip(columns[name], values))

        self.sessions = {row["session_id"]: row for row in rows("sessions", "session_id")}
        self.windows, self.states, self.errors = {}, {}, {}
        for row in list(rows("assignment_windows", "session_id", "kind", "entity_id", "started_at")) + [
                row | {"kind": "merchant"} for row in rows("merchant_windows", "session_id", "entity_id", "started_at")]:
            row["started_at"] = int(row["started_at"])
            self.windows.setdefault(row["session_id"], []).append(row)
        for row in rows("robot_states", "robot_id", "started_at"):
            row["started_at"] = int(row["started_at"])
            self.states.setdefault(row["robot_id"], []).append(row)
        for found in (*self.windows.values(), *self.states.values()):
            found.sort(key=lambda row: row["started_at"])
        for session, found in told["session_errors"].items():
            for lane, at in found:
                self.errors.setdefault(session, {}).setdefault(lane, []).append(at)
        self.hours = list(rows("robot_hourly", "robot_id", "hour"))

    def fleet(self, begin, end):
        """Sums of the fleet's whole hours: ended states by the hourly table, open ones up to now."""
        sums = {}
        for row in self.hours:
            if begin <= int(row["hour"]) < end:
                for name, value in row.items():
                    if isinstance(value, (int, float)):
                        sums[name] = sums.get(name, 0) + value
        for states in self.states.values():
            last = states[-1]
            if last["ended_at"] is None:
                name = next((n for n, known in (("usable", USABLE), ("downtime", DOWN), ("off_duty", OFF)) if last["state"] in known), "other")
                length = max(0, min(end, self.now) - max(begin, last["started_at"])) / 1e6
                sums[name + "_seconds"] = sums.get(name + "_seconds", 0) + length
        return sums

    def downtime(self, begin, end):
        """Seconds of downtime within a range by reason."""
        sums = {}
        for states in self.states.values():
            for s in states:
                length = min(s["ended_at"] or self.now, end) - max(s["started_at"], begin)
                if s["state"] in DOWN and length > 0:
                    sums[s["reason"] or ""] = sums.get(s["reason"] or "", 0) + length / 1e6
        return sums

    def funnel(self, begin, end):
        """How many sessions that began within a range came how far."""
        reached = [0] * 6
        for s in self.sessions.values():
            if s["kind"] == "trip" or not begin <= s["first_event_at"] < end:
                continue
            step = (5 if s["dropoff_completed_at"] or s["fulfilled_at"] else 4 if s["pickup_completed_at"] else 3 if s["assigned_at"]
                    else 2 if s["demand_created_at"] or s["kind"] in ("delivery", "demand") else 1 if s["offer_accepted_at"] else 0)
            for n in range(step + 1):
                reached[n] += 1
        return reached
