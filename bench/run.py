#!/usr/bin/env python3
"""How fast a replay is, part by part, and how much memory it takes: `make bench`.

Simulates archives of several sizes, then times, in turn and several times over,
  simdjson  the same fields found in the same lines by simdjson alone, nothing made of them (one thread),
  decode    lines to events: everything checked, identity, symbols (one thread),
  engine    decode, and the engine, whose changes go nowhere (one thread),
  replay    `sessionizer replay` into SQLite, payloads kept (reading and decoding on a second thread),
  rows      SQLite alone: the event rows of that replay, copied into an empty table with the same indexes,
  duckdb    bench/duckdb_tables.py: the same tables by batch SQL, where Python's duckdb is installed.
The first three are timed without reading and decompressing. Medians; the peak of the resident set.
"""
import argparse
import importlib.util
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.path.join(os.path.dirname(HERE), ".build", "release")
PHASES = ["simdjson", "decode", "engine", "replay", "rows", "duckdb"]

# What a store of ours does when it is opened (SQLiteStore.swift).
PRAGMAS = """PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 8000;"""
BATCH = 20_000


def run(command, **extra):
    """Runs a command; its standard output, seconds of wall clock, seconds of processor, peak memory in MB."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, **extra)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - start
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {process.returncode}")
    return out, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def removed(store):
    """The path of a store that is not there any more."""
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(store + suffix):
            os.remove(store + suffix)
    return store


def copy_rows(source, target):
    """The event rows of one store into another, a batch a transaction; runs in a process of its own."""
    db = sqlite3.connect(target, isolation_level=None)
    db.executescript(PRAGMAS)
    db.execute("ATTACH ? AS source", [source])
    for (sql,) in db.execute("SELECT sql FROM source.sqlite_schema WHERE tbl_name = 'events' AND sql IS NOT NULL"
                             " ORDER BY type = 'index'").fetchall():
        db.execute(sql)
    count = db.execute("SELECT max(rowid) FROM source.events").fetchone()[0]
    start = time.monotonic()
    for first in range(1, count + 1, BATCH):
        db.execute("INSERT INTO events SELECT * FROM source.events WHERE rowid BETWEEN ? AND ?",
                   [first, first + BATCH - 1])
    print(json.dumps({"lines": count, "seconds": time.monotonic() - start}))


def measure(phase, archive, events, scratch):
    if phase == "replay":
        store = removed(os.path.join(scratch, "replay.db"))
        out, seconds, cpu, peak = run(
            [f"{BIN}/sessionizer", "replay", archive, "--store", f"sqlite:{store}", "--format", "json"])
        lines = json.loads(out)["received"]
    elif phase == "rows":
        out, _, cpu, peak = run([sys.executable, os.path.abspath(__file__), "--copy-rows",
                                 os.path.join(scratch, "replay.db"), removed(os.path.join(scratch, "rows.db"))])
        removed(os.path.join(scratch, "rows.db"))
        result = json.loads(out)
        lines, seconds = result["lines"], result["seconds"]
    elif phase == "duckdb":
        store = os.path.join(scratch, "tables.duckdb")
        if os.path.exists(store):
            os.remove(store)
        _, seconds, cpu, peak = run(
            [sys.executable, f"{HERE}/duckdb_tables.py", archive, "--db", store, "--threads", "2"])
        lines = events
    else:
        out, _, cpu, peak = run([f"{BIN}/sessionizer-bench", phase, archive])
        result = json.loads(out)
        lines, seconds = result["lines"], result["seconds"]
    return {"lines": lines, "seconds": seconds, "cpu": cpu, "peak": peak}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="0.1,1,10", help="millions of events, e.g. 0.1,1,10")
    parser.add_argument("--runs", type=int, default=3, help="how often each is timed")
    parser.add_argument("--folder", help="keep the archives here and use them again")
    parser.add_argument("--phases", default=",".join(PHASES))
    parser.add_argument("--copy-rows", nargs=2, metavar=("FROM", "TO"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.copy_rows:
        return copy_rows(*options.copy_rows)
    phases = options.phases.split(",")
    if "duckdb" in phases and importlib.util.find_spec("duckdb") is None:
        print("duckdb is not installed for this Python (see bench/README.md): left out", file=sys.stderr)
        phases.remove("duckdb")
    folder = options.folder or tempfile.mkdtemp(prefix="sessionizer-bench-")
    os.makedirs(folder, exist_ok=True)
    rows = []
    try:
        for size in options.sizes.split(","):
            events = int(float(size) * 1_000_000)
            archive = os.path.join(folder, f"archive-{events}")
            if not os.path.exists(os.path.join(archive, "_manifest.json")):
                print(f"simulating about {events} events ...", file=sys.stderr)
                run([f"{BIN}/sessionizer", "simulate", "--out", archive, "--events", str(events),
                     "--seed", "7", "--force"])
            found = {phase: [] for phase in phases}
            for turn in range(max(1, options.runs)):
                for phase in phases:
                    print(f"{size} million, {phase}, run {turn + 1} of {options.runs}", file=sys.stderr)
                    found[phase].append(measure(phase, archive, events, folder))
            for phase in phases:
                runs = found[phase]
                lines = runs[0]["lines"]
                seconds = statistics.median(r["seconds"] for r in runs)
                rows.append({
                    "size": size, "phase": phase, "lines": lines, "seconds": seconds,
                    "least": min(r["seconds"] for r in runs), "most": max(r["seconds"] for r in runs),
                    "cpu": statistics.median(r["cpu"] for r in runs),
                    "peak": max(r["peak"] for r in runs)})
    finally:
        if not options.folder:
            shutil.rmtree(folder, ignore_errors=True)
    report(rows, phases)


def report(rows, phases):
    print("| events | part | seconds (least-most) | events/s | us/event | processor s | peak MB |")
    print("|---|---|---|---|---|---|---|")
    for r in rows:
        print(f"| {r['lines']:,} | {r['phase']} | {r['seconds']:.2f} ({r['least']:.2f}-{r['most']:.2f}) | "
              f"{r['lines'] / r['seconds']:,.0f} | {r['seconds'] / r['lines'] * 1e6:.2f} | {r['cpu']:.1f} | "
              f"{r['peak']:.0f} |")
    at = {(r["size"], r["phase"]): r for r in rows}
    sizes = list(dict.fromkeys(r["size"] for r in rows))
    print()
    for size in sizes:
        def rate(phase):
            row = at.get((size, phase))
            return row["lines"] / row["seconds"] if row else None
        if rate("simdjson") and rate("engine"):
            print(f"- {size} million: decoding + engine at {rate('engine') / rate('simdjson'):.2f} of simdjson alone")
        if rate("duckdb") and rate("replay"):
            print(f"- {size} million: replay into SQLite {rate('replay') / rate('duckdb'):.2f} times as fast as DuckDB")
        if rate("rows") and rate("replay"):
            print(f"- {size} million: replay takes {rate('rows') / rate('replay'):.2f} times as long as SQLite alone for "
                  "the same event rows")
    for phase in phases:
        first, last = at.get((sizes[0], phase)), at.get((sizes[-1], phase))
        if len(sizes) > 1 and first and last:
            growth = (last["seconds"] / last["lines"]) / (first["seconds"] / first["lines"])
            print(f"- {phase}: time per event grows by {growth:.2f} from {sizes[0]} to {sizes[-1]} million")


if __name__ == "__main__":
    main()
