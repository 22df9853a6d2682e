#!/usr/bin/env python3
"""The tables of sessionizer by batch SQL in DuckDB: what an analyst would write instead.

    python3 bench/duckdb_tables.py ARCHIVE_DIR --db out.duckdb [--threads 2] [--memory-limit 4GB]
        [--format text|json] [--compare sqlite:PATH]

Reads every file of a folder with dt=YYYY-MM-DD days (plain, gzip or zstd, told by content), runs bench/sql/*.sql in
order into a new database, and prints seconds per step and the peak of the resident set. --compare then holds the tables
against those of a store that `sessionizer replay` filled from the same archive, row by row; it is not timed.

What it leaves out, which favours it in the comparison; bench/README.md has the list:
it makes the tables once from a whole archive, takes a few inputs less strictly, and counts no anomalies.
"""
import argparse
import glob
import json
import os
import re
import resource
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
DAY = re.compile(r"dt=\d{4}-\d{2}-\d{2}$")
# A byte that may not stand unescaped in JSON, so no line is cut in two.
SEPARATOR = "\x01"
LARGEST_LINE = 4 * 1024 * 1024


def archive_files(folder):
    """The files of every day, in order of name, by compression; ends the program when there are none."""
    if not os.path.isdir(folder):
        sys.exit(f"{folder}: not a folder; expected one with dt=YYYY-MM-DD folders of event files in it")
    days = [d for d in sorted(os.listdir(folder)) if DAY.match(d) and os.path.isdir(os.path.join(folder, d))]
    files = {}
    for day in days:
        for name in sorted(os.listdir(os.path.join(folder, day))):
            path = os.path.join(folder, day, name)
            if not os.path.isfile(path) or name.startswith("."):
                continue
            with open(path, "rb") as file:
                magic = file.read(4)
            if not magic:
                continue
            kind = "gzip" if magic[:2] == GZIP else "zstd" if magic == ZSTD else "none"
            files.setdefault(kind, []).append(path)
    if not files:
        sys.exit(f"{folder}: no event files; expected dt=YYYY-MM-DD folders with JSON lines, plain, gzip or zstd")
    return files


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def lines_view(files, threads):
    """A view `lines` (filename, line) over all files. A scan of CSV files reads one at a time, so each thread gets its own."""
    parts = []
    for kind, paths in files.items():
        for part in range(threads):
            share = paths[len(paths) * part // threads:len(paths) * (part + 1) // threads]
            if not share:
                continue
            parts.append(
                f"SELECT filename, line FROM read_csv([{', '.join(map(literal, share))}], columns = {{'line': 'VARCHAR'}}, "
                f"delim = {literal(SEPARATOR)}, quote = '', escape = '', header = false, auto_detect = false, "
                f"compression = '{kind}', filename = true, strict_mode = false, ignore_errors = true, "
                f"max_line_size = {LARGEST_LINE})")
    return "CREATE TEMP VIEW lines AS " + " UNION ALL ".join(parts)


def make_tables(con, folder, threads):
    """Runs the steps in order; the seconds of each."""
    seconds = {}
    con.execute("SET VARIABLE started = now()::TIMESTAMP")
    con.execute(lines_view(archive_files(folder), threads))
    for path in sorted(glob.glob(os.path.join(HERE, "sql", "*.sql"))):
        start = time.monotonic()
        with open(path, encoding="utf-8") as file:
            con.execute(file.read())
        seconds[os.path.basename(path)[:-4]] = time.monotonic() - start
    start = time.monotonic()
    con.execute("CHECKPOINT")
    seconds["checkpoint"] = time.monotonic() - start
    return seconds


# What each table is compared by: its columns, the key first. Rows that hold only zeros need not exist.
HOURLY = {
    "robot_state_hourly": (["robot_id", "hour", "state", "reason"], ["seconds"]),
    "robot_hourly": (["robot_id", "hour"], ["usable_seconds", "downtime_seconds", "off_duty_seconds", "other_seconds",
                                             "on_delivery_seconds", "deliveries_completed", "error_count"]),
    "pilot_hourly": (["pilot_id", "hour"], ["shift_seconds", "assigned_seconds"]),
    "merchant_hourly": (["merchant_id", "source", "hour"], ["sessions", "completed", "failed", "canceled", "robot_seconds",
                                                            "pilot_seconds"]),
    "event_hourly": (["event", "merchant_id", "source", "hour"], ["events"]),
}
WHOLE = {
    "events": ["event_id", "occurred_at", "event", "delivery_id", "demand_id", "trip_id", "quote_id", "offer_id", "robot_id",
               "pilot_id", "merchant_id", "zone_id", "source", "payload"],
    "session_events": ["session_id", "event_id", "occurred_at", "event", "via", "via_id"],
    "assignment_windows": ["session_id", "kind", "entity_id", "started_at", "ended_at", "expires_at", "opened_by",
                           "end_reason", "inferred"],
    "robot_states": ["robot_id", "started_at", "ended_at", "state", "reason"],
    "rejected_events": ["reason", "body"],
}
NOT_COMPARED = {"updated_at", "anomaly_count", "first_direct_at", "robot_micros", "pilot_micros"}
INSTANT = re.compile(r"(_at|^hour)$")


def plain(column, kind):
    """An expression of DuckDB that makes a column of either database text that can be compared."""
    name = f'"{column}"'
    if column.endswith("_seconds") or column == "seconds":
        return f"round({name}::DOUBLE * 1e6)::BIGINT::VARCHAR"  # whole microseconds
    if INSTANT.search(column):
        return f"{name}::VARCHAR" if kind == "sqlite" else f"epoch_us({name})::VARCHAR"
    if column.endswith("_ids"):
        return f"{name}::VARCHAR" if kind == "sqlite" else f"to_json({name})::VARCHAR"
    if column == "event_id":  # our fingerprint is not theirs
        return f"CASE WHEN starts_with({name}, 'fp-') THEN 'fp-' ELSE {name} END"
    if column == "inferred":
        return f"{name}::INTEGER::VARCHAR"
    return f"{name}::VARCHAR"


def compare(con, url, show):
    """For each table, how many rows are there and how many differ: not there, or not the same, in the other one."""
    path = url.removeprefix("sqlite:")
    if not url.startswith("sqlite:") or not os.path.isfile(path):
        sys.exit(f"--compare {url}: expected sqlite:PATH of a store that sessionizer replay has filled")
    import sqlite3
    store = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    report = {}
    session_columns = [row[1] for row in store.execute("PRAGMA table_info(sessions)") if row[1] not in NOT_COMPARED]
    tables = {"sessions": (session_columns, 1)} | {t: (c, len(c)) for t, c in WHOLE.items()}
    tables |= {t: (k + v, len(k)) for t, (k, v) in HOURLY.items()}
    for table, (columns, keys) in tables.items():
        zeros = ""
        if table in HOURLY:
            zeros = " WHERE " + " OR ".join(f'"{c}" <> 0' for c in HOURLY[table][1])
        theirs = {}
        cursor = con.cursor()
        cursor.execute(f"SELECT {', '.join(plain(c, 'duckdb') for c in columns)} FROM {table}{zeros}")
        while rows := cursor.fetchmany(100_000):
            for row in rows:
                theirs[row] = theirs.get(row, 0) + 1
        extra = []
        rows_here = 0
        for row in store.execute(f"SELECT {', '.join(columns)} FROM {table}{zeros}"):
            rows_here += 1
            row = tuple(text_of(c, v) for c, v in zip(columns, row))
            left = theirs.get(row, 0)
            if left > 1:
                theirs[row] = left - 1
            elif left == 1:
                del theirs[row]
            else:
                extra.append(row)
        missing = sum(theirs.values())
        # A row that differs in a value is one difference, not two.
        differing = max(len(extra), missing)
        report[table] = {"rows": rows_here, "differ": differing,
                         "agree_percent": round(100 * (1 - differing / max(rows_here, differing, 1)), 3)}
        if show:
            by_key = {}
            for row in theirs:
                by_key.setdefault(row[:1], []).append(row)
            for row in extra[:show]:
                print(f"{table}: store  {dict(zip(columns, row))}", file=sys.stderr)
                for other in by_key.get(row[:1], [])[:3]:
                    print(f"{table}:  duckdb {dict((c, b) for c, a, b in zip(columns, row, other) if a != b)}", file=sys.stderr)
            for row in list(theirs)[:show]:
                print(f"{table}: duckdb only {row}", file=sys.stderr)
    return report


def text_of(column, value):
    """A value of the store as the text that `plain` makes of DuckDB's."""
    if value is None:
        return None
    if column.endswith("_seconds") or column == "seconds":
        return str(round(float(value) * 1e6))
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if column == "event_id" and value.startswith("fp-"):
        return "fp-"
    return str(value)


def main():
    parser = argparse.ArgumentParser(description="The same tables by batch SQL in DuckDB.")
    parser.add_argument("archive", help="a folder with dt=YYYY-MM-DD folders of event files")
    parser.add_argument("--db", required=True, help="the database to make; must not be there yet")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory-limit", default="4GB")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    parser.add_argument("--compare", metavar="sqlite:PATH", help="a store of sessionizer's from the same archive")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="with --compare, print N differences a table")
    arguments = parser.parse_args()
    try:
        import duckdb
    except ImportError:
        sys.exit("Python's duckdb is missing. Install it in an environment of its own:\n"
                 f"  python3 -m venv /tmp/duckdb-venv && /tmp/duckdb-venv/bin/pip install -r {HERE}/requirements.txt\n"
                 f"  /tmp/duckdb-venv/bin/python {os.path.join(HERE, 'duckdb_tables.py')} ...")
    if os.path.exists(arguments.db):
        sys.exit(f"{arguments.db}: is there already; name a new file, or remove it")
    start = time.monotonic()
    con = duckdb.connect(arguments.db, config={"threads": arguments.threads, "memory_limit": arguments.memory_limit})
    con.execute("SET TimeZone = 'UTC'")
    # Both for speed: rows in any order, so that two threads can write; and no time spent on making the file small.
    con.execute("SET preserve_insertion_order = false")
    con.execute("SET force_compression = 'uncompressed'")
    steps = make_tables(con, arguments.archive, arguments.threads)
    total = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    result = {"duckdb": duckdb.__version__, "threads": arguments.threads, "seconds": round(total, 3),
              "steps": {name: round(value, 3) for name, value in steps.items()}, "peak_resident_bytes": peak,
              "events": con.execute("SELECT count(*) FROM events").fetchone()[0],
              "duplicates": con.execute("SELECT count(*) FROM dropped WHERE why = 'duplicate'").fetchone()[0],
              "rejected": con.execute("SELECT count(*) FROM rejected_events").fetchone()[0],
              "sessions": con.execute("SELECT count(*) FROM sessions").fetchone()[0]}
    if arguments.compare:
        result["compared"] = compare(con, arguments.compare, arguments.show)
    con.close()
    if arguments.format == "json":
        print(json.dumps(result))
        return
    for name, value in steps.items():
        print(f"{name:<20} {value:8.3f} s")
    print(f"{'total':<20} {total:8.3f} s   {result['events']} events, {result['duplicates']} duplicates, "
          f"{result['rejected']} rejected, {result['sessions']} sessions, peak {peak / 1048576:.0f} MB")
    for table, row in result.get("compared", {}).items():
        print(f"{table:<20} {row['rows']:9} rows in the store, {row['differ']} differ ({row['agree_percent']} % agree)")


if __name__ == "__main__":
    main()
