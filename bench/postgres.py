#!/usr/bin/env python3
"""How fast a replay into PostgreSQL is, beside COPY of the same event rows alone into the same table.

Starts a PostgreSQL server of its own (deploy/scripts/private-postgres.sh), and, in turn and several times over,
  replay    `sessionizer replay ARCHIVE` into a new database: events, sessions, windows, states, hours, views,
  copy      the rows of `events` that came of it, by COPY in binary format from a file into an empty `events` with the
            same partitions and indexes, by psql: what PostgreSQL takes for the rows alone.
Medians, and their ratio. The server runs on the same cores as what feeds it.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BIN = os.path.join(ROOT, ".build", "release")
SCRIPT = os.path.join(ROOT, "deploy", "scripts", "private-postgres.sh")


class Server:
    """A server in a folder of its own."""

    def __init__(self, durable):
        self.folder = tempfile.mkdtemp(prefix="sessionizer-bench-pg-", dir="/tmp")
        environment = dict(os.environ)
        if durable:
            environment["PRIVATE_POSTGRES_DURABLE"] = "1"
        done = subprocess.run([SCRIPT, "start", self.folder], env=environment, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            shutil.rmtree(self.folder, ignore_errors=True)
            sys.exit(1)

    def remove(self):
        subprocess.run([SCRIPT, "remove", self.folder], check=True)

    def url(self, database):
        return f"postgres:///{database}?host={self.folder}&user=postgres"

    def sql(self, text, database="postgres"):
        environment = dict(os.environ, PGOPTIONS="-c search_path=sessionizer -c client_min_messages=error")
        done = subprocess.run(
            ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.url(database)],
            env=environment, input=text, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout.strip()

    def cpu(self):
        """Seconds of processor of the server's processes so far, those that have ended too."""
        with open(f"{self.folder}/data/postmaster.pid") as file:
            postmaster = int(file.readline())
        ticks = 0
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                with open(f"/proc/{entry}/stat") as file:
                    fields = file.read().rsplit(") ", 1)[1].split()
            except OSError:
                continue
            if int(entry) == postmaster:
                ticks += sum(int(n) for n in fields[11:15])
            elif int(fields[1]) == postmaster:
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


def replay(server, archive, database):
    server.sql(f"CREATE DATABASE {database}")
    before, start = server.cpu(), time.monotonic()
    process = subprocess.Popen(
        [f"{BIN}/sessionizer", "replay", archive, "--store", server.url(database), "--format", "json"],
        stdout=subprocess.PIPE)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if status != 0:
        sys.exit("the replay failed")
    return {"seconds": seconds, "rows": json.loads(out)["accepted"], "peak": json.loads(out)["peak_memory_bytes"] / 2**20,
            "client": usage.ru_utime + usage.ru_stime, "server": server.cpu() - before}


def copy(server, source, file, database, binary=True):
    """The rows alone. Not binary: as text, and the payload as `jsonb`, which a server takes apart: the usual way to keep events."""
    server.sql(f"CREATE DATABASE {database}")
    subprocess.run([f"{BIN}/sessionizer", "migrate", "--store", server.url(database)], check=True,
                   stdout=subprocess.DEVNULL)
    months = server.sql("SELECT DISTINCT date_trunc('month', occurred_at) FROM events", source).split("\n")
    for month in months:
        server.sql(f"SELECT ensure_partition('{month}')", database)
    if not binary:
        views = server.sql("SELECT string_agg(viewname, ', ') FROM pg_views WHERE schemaname = 'sessionizer'", database)
        server.sql(f"DROP VIEW {views} CASCADE; ALTER TABLE events ALTER COLUMN payload TYPE jsonb", database)
    before, start = server.cpu(), time.monotonic()
    process = subprocess.Popen(
        ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c",
         f"\\copy sessionizer.events FROM '{file}' (FORMAT {'binary' if binary else 'text'})", server.url(database)])
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if status != 0:
        sys.exit("COPY failed")
    return {"seconds": seconds, "rows": int(server.sql("SELECT count(*) FROM events", database)), "peak": 0,
            "client": usage.ru_utime + usage.ru_stime, "server": server.cpu() - before}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", nargs="?", help="a folder of an archive; simulated where none is given")
    parser.add_argument("--events", type=int, default=1_000_000, help="how many to simulate")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--durable", action="store_true", help="with fsync, as in production")
    options = parser.parse_args()
    scratch = tempfile.mkdtemp(prefix="sessionizer-bench-")
    os.chmod(scratch, 0o755)
    server = None
    try:
        archive = options.archive
        if not archive:
            archive = os.path.join(scratch, "archive")
            subprocess.run([f"{BIN}/sessionizer", "simulate", "--out", archive, "--events", str(options.events),
                            "--seed", "7"], check=True, stdout=subprocess.DEVNULL)
        server = Server(options.durable)
        rows = os.path.join(scratch, "events.bin")
        found = {"replay": [], "copy": []}
        for turn in range(options.runs):
            print(f"run {turn + 1} of {options.runs}", file=sys.stderr)
            found["replay"].append(replay(server, archive, f"replay{turn}"))
            server.sql(f"\\copy (SELECT * FROM events) TO '{rows}' (FORMAT binary)\n", f"replay{turn}")
            server.sql("CHECKPOINT")
            found["copy"].append(copy(server, f"replay{turn}", rows, f"copy{turn}"))
            server.sql(f"DROP DATABASE replay{turn}")
            server.sql(f"DROP DATABASE copy{turn}")
            server.sql("CHECKPOINT")
    finally:
        if server:
            server.remove()
        shutil.rmtree(scratch, ignore_errors=True)
    print("| part | rows | seconds (least-most) | rows/s | us/row | client processor s | server processor s | peak MB |")
    print("|---|---|---|---|---|---|---|---|")
    rate = {}
    for part, runs in found.items():
        seconds = statistics.median(r["seconds"] for r in runs)
        rate[part] = runs[0]["rows"] / seconds
        print(f"| {part} | {runs[0]['rows']:,} | {seconds:.2f} ({min(r['seconds'] for r in runs):.2f}-"
              f"{max(r['seconds'] for r in runs):.2f}) | {rate[part]:,.0f} | {1e6 / rate[part]:.1f} | "
              f"{statistics.median(r['client'] for r in runs):.1f} | "
              f"{statistics.median(r['server'] for r in runs):.1f} | {max(r['peak'] for r in runs):.0f} |")
    print(f"\nreplay at {rate['replay'] / rate['copy']:.2f} of COPY of the event rows alone")
    cost = {part: statistics.median(r["client"] + r["server"] for r in runs) for part, runs in found.items()}
    print(f"by processor time, which other work on the machine disturbs less: {cost['copy'] / cost['replay']:.2f}")


if __name__ == "__main__":
    main()
