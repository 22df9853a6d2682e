#!/usr/bin/env python3
"""What readers cost, and what they get: `make bench-readers`.

Starts a RabbitMQ and a PostgreSQL (fsync=off) of its own; both, the service, `wrk` and the publisher share the cores.
  drain    emptying a queue of a day's events into a store that holds the day before: without readers, with 200 that
           look at a delivery once a second each, with 200 that never pause; in turn, several times,
  steady   events at a steady rate: how long a delivery's JSON and page take the readers, what fails, and how far the
           commits lag behind,
  million  a store of a million sessions, in SQLite and in PostgreSQL, served: each question asked alone, and 200 readers of
           deliveries.
Readers are two `wrk`s of half the connections each: one asks for the JSON, one for the page (the document of the page and
the page without scripts, in turn). Needs `wrk` (Debian's).
"""
import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request

import live_servers
from live_servers import Service, begun, cpu_of, event_line, lags, median, parts_of, quantile, say, section, settled, sh
from postgres import BIN

HERE = os.path.dirname(os.path.abspath(__file__))
PARTS = ["drain", "steady", "million"]
DAYS = ["2026-11-02", "2026-11-03"]
FORMS = {"JSON": ["/analytics/v1/deliveries/ID"], "page": ["/deliveries/ID", "/analytics/v1/deliveries/ID/plain"]}
# The pause of each of them between two requests, in milliseconds, and how many deliveries they look at (None: all).
CROWDS = {"none": None, "once a second each": (1000, None), "without a pause": (0, None),
          "without a pause, all at the same twenty": (0, 20)}
QUESTIONS = {
    "home": "home", "search, an id": "search?q=D777777", "search, a part": "search?q=77777", "sessions": "sessions",
    "sessions, failed": "sessions?outcome=failed", "sessions of a robot": "sessions?robot=R17",
    "sessions of a merchant": "sessions?merchant=shop-7", "sessions, error near": "sessions?error_near=dropoff_completed_at",
    "a delivery": "deliveries/D555555", "a delivery, text": "deliveries/D555555/text", "robots": "robots",
    "a robot": "robots/R17", "a robot's timeline": "robots/R17/timeline", "utilization": "fleet/utilization",
    "downtime": "fleet/downtime", "downtime's intervals": "fleet/downtime/intervals", "reliability": "fleet/reliability",
    "funnel": "funnel", "merchants' usage": "merchants/usage", "orphans": "orphans", "quality": "quality",
    "search, a part of none": "search?q=zzqqzz", "sessions, expired": "sessions?outcome=expired",
    "sessions, an error": "sessions?error=NONE", "sessions of a zone": "sessions?zone=none",
    "sessions, doubtful": "sessions?anomalous=true", "sessions, reassigned": "sessions?reassigned=true",
    "sessions, open": "sessions?open_longer_than=3600", "error near, of none": "sessions?error_near=pickup_arrival_at",
    "utilization, by robot": "fleet/utilization?by=robot&bucket=all", "utilization, by zone": "fleet/utilization?by=zone",
    "utilization of a zone": "fleet/utilization?zone=Z-1",
    "utilization and the week before": "fleet/utilization?compare=week_before",
    "utilization of the whole time": "fleet/utilization?from=2026-10-26T00:00:00Z&to=2026-11-01T00:00:00Z",
    "downtime, by robot": "fleet/downtime?by=robot", "downtime and the week before": "fleet/downtime?compare=week_before",
    "funnel of a merchant": "funnel?merchant=shop-7", "a robot's states": "robots/R17/states", "an event": "events/a555555",
    "why an event is there": "events/a555555/explain", "an export": "incidents/export.csv?limit=200",
    "an export of an hour": "incidents/export.csv?from=2026-10-31T00:00:00Z&to=2026-10-31T01:00:00Z&limit=200",
}


class Readers:
    """Two `wrk`s, one for each form."""

    def __init__(self, port, ids, crowd, connections, seconds):
        pause, few = crowd
        if few:
            with open(ids) as all_of_them, open(f"{ids}.few", "w") as some:
                some.writelines(all_of_them.readlines()[:few])
            ids = f"{ids}.few"
        self.running = {}
        for name, forms in FORMS.items():
            words = ["wrk", "-t1", f"-c{connections // 2}", f"-d{seconds}", "--timeout", "10", "-s",
                     f"{HERE}/deliveries.lua", f"http://127.0.0.1:{port}", "--", ids, str(pause), *forms]
            self.running[name] = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)

    def end(self, stop=False):
        """What each found; at once, or when its seconds are over."""
        found = {}
        for name, process in self.running.items():
            if stop:
                process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=200)
            lines = [line for line in out.splitlines() if line.startswith("{")]
            if not lines:
                sys.exit(f"wrk: {out}")
            found[name] = json.loads(lines[-1])
        return found


def get(port, path):
    """The status, and how long it took in milliseconds."""
    start = time.perf_counter()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/analytics/v1/{path}", timeout=60) as answer:
            answer.read()
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    except OSError:
        status = 0
    return status, 1000 * (time.perf_counter() - start)


class Bench(live_servers.Bench):
    def __init__(self, options, scratch, broker, database):
        super().__init__(options, scratch, broker, database)
        self.ids, self.archive = os.path.join(scratch, "ids"), os.path.join(scratch, "archive")

    def base(self, kind):
        """A store that holds the first day."""
        if not os.path.exists(self.archive):
            say("simulating two days")
            sh(f"{BIN}/sessionizer", "simulate", "--out", self.archive, "--days", "2", "--start-day", DAYS[0], "--seed", "7",
               "--deliveries", str(self.options.deliveries), "--robots", str(max(self.options.deliveries // 20, 10)),
               "--pilots", str(max(self.options.deliveries // 50, 5)), stderr=subprocess.DEVNULL)
        store = self.url(kind, "base")
        if kind == "postgres":
            self.database.sql("CREATE DATABASE base")
        sh(f"{BIN}/sessionizer", "replay", self.archive, "--to", DAYS[0], "--store", store, stderr=subprocess.DEVNULL)
        query = "SELECT delivery_id FROM sessions WHERE kind = 'delivery' ORDER BY session_id"
        with open(self.ids, "w") as file:
            file.write(self.database.sql(query, "base") if kind == "postgres"
                       else sh("sqlite3", f"{self.scratch}/base.db", query))
        if kind == "postgres":
            self.database.sql("VACUUM ANALYZE", "base")

    def url(self, kind, name):
        return self.database.url(name) if kind == "postgres" else f"sqlite:{self.scratch}/{name}.db"

    def serve(self, kind, name):
        """The service on a copy of the base; until its API answers."""
        if kind == "postgres":
            self.database.sql(f"CREATE DATABASE {name} TEMPLATE base")
        else:
            shutil.copy(f"{self.scratch}/base.db", f"{self.scratch}/{name}.db")
        self.service = Service(self.broker, name, self.url(kind, name))
        end = time.monotonic() + 60
        while get(self.service.port, "freshness")[0] != 200:
            if time.monotonic() > end:
                sys.exit(f"the API does not answer\n{self.service.tail()}")
            time.sleep(0.02)
        return self.service

    def drop(self, kind, name):
        self.stop()
        self.broker.delete(name)
        if kind == "postgres":
            self.database.sql(f"DROP DATABASE {name} WITH (FORCE)")
        else:
            for end in ["", "-wal", "-shm", "-audit.db", "-audit.db-wal", "-audit.db-shm"]:
                if os.path.exists(f"{self.scratch}/{name}.db{end}"):
                    os.remove(f"{self.scratch}/{name}.db{end}")

    def cpu(self, kind):
        return self.service.cpu(), self.database.cpu() if kind == "postgres" else 0

    def publish(self, queue, rate=None, wait=True):
        return self.broker.publish(self.archive, queue, "--from", DAYS[1], "--to", DAYS[1], rate=rate, wait=wait)

    # Emptying a queue

    def drain(self, kind):
        found = {crowd: [] for crowd in CROWDS}
        for turn in range(self.options.runs):
            for crowd, looking in CROWDS.items():
                say(f"drain into {kind}, run {turn + 1} of {self.options.runs}: readers {crowd}")
                name = f"drain{kind}{turn}{list(CROWDS).index(crowd)}"
                total = self.publish(name)
                service = self.serve(kind, name)
                readers = looking and Readers(service.port, self.ids, looking, self.options.readers, 120)
                time.sleep(0.5)
                # Without the beginning, in which the readers begin too, and without the last batch, which may wait.
                start, first = time.monotonic(), settled(service.metrics())
                last = settled(service.wait("most is done", lambda m: settled(m) >= 0.97 * total, 300, every=0.02))
                seconds = time.monotonic() - start
                told = readers.end(stop=True) if readers else {}
                found[crowd].append({
                    "rate": (last - first) / seconds, "requests": sum(t["requests"] / t["seconds"] for t in told.values()),
                    "errors": sum(t["errors"] for t in told.values()), "p99": max([t["p99"] for t in told.values()] or [0])})
                self.drop(kind, name)
        print("| readers | events/s (least-most) | of without readers, run by run | requests/s | "
              "slowest form's p99 ms | errors |")
        print("|---|---|---|---|---|---|")
        for crowd, runs in found.items():
            shares = [run["rate"] / alone["rate"] for run, alone in zip(runs, found["none"])]
            print(f"| {crowd} | {median(runs, 'rate'):,.0f} ({min(r['rate'] for r in runs):,.0f}-"
                  f"{max(r['rate'] for r in runs):,.0f}) | {statistics.median(shares):.2f} "
                  f"({min(shares):.2f}-{max(shares):.2f}) | {median(runs, 'requests'):,.0f} | {median(runs, 'p99'):.0f} | "
                  f"{sum(r['errors'] for r in runs)} |")

    # A steady rate

    def steady(self, kind):
        options = self.options
        name = f"steady{kind}"
        service = self.serve(kind, name)
        publisher = self.publish(name, rate=options.rate, wait=False)
        before = service.wait("it is warm", lambda m: settled(m) >= 2 * options.rate, 60)
        found = {crowd: [] for crowd in CROWDS}
        for turn in range(options.runs):
            for crowd, looking in CROWDS.items():
                if publisher.poll() is not None:
                    break
                say(f"steady into {kind}, run {turn + 1} of {options.runs}: readers {crowd}")
                start, (service_cpu, database_cpu) = time.monotonic(), self.cpu(kind)
                if looking is None:
                    time.sleep(options.seconds)
                    told = {}
                else:
                    told = Readers(service.port, self.ids, looking, options.readers, options.seconds).end()
                seconds, (service_after, database_after) = time.monotonic() - start, self.cpu(kind)
                metrics = service.metrics()
                bins = lags(metrics, before)
                found[crowd].append({
                    "told": told, "rate": (settled(metrics) - settled(before)) / seconds, "lag": quantile(bins, 0.99),
                    "service": (service_after - service_cpu) / seconds, "database": (database_after - database_cpu) / seconds})
                before = metrics
        publisher.kill()
        publisher.wait()
        self.drop(kind, name)
        print(f"Events at {options.rate} a second, {options.readers} readers.\n")
        print("| readers | form | requests/s | p50 ms | p99 ms (least-most) | errors | ms of processor a request, service + "
              "database | commit behind publishing, p99 ms | events/s |")
        print("|---|---|---|---|---|---|---|---|---|")
        alone = median(found["none"], "service"), median(found["none"], "database")
        for crowd, runs in found.items():
            lag, rate = f"{1000 * median(runs, 'lag'):.0f}", f"{median(runs, 'rate'):,.0f}"
            if crowd == "none":
                print(f"| none | | | | | | | {lag} | {rate} |")
                continue
            each = [sum(t["requests"] / t["seconds"] for t in run["told"].values()) for run in runs]
            cost = [statistics.median(1000 * (run[part] - base) / rps for run, rps in zip(runs, each))
                    for part, base in zip(["service", "database"], alone)]
            for form in FORMS:
                told = [run["told"][form] for run in runs]
                tails = [t["p99"] for t in told]
                print(f"| {crowd} | {form} | {statistics.median(t['requests'] / t['seconds'] for t in told):,.0f} | "
                      f"{median(told, 'p50'):.1f} | {statistics.median(tails):.0f} ({min(tails):.0f}-{max(tails):.0f}) | "
                      f"{sum(t['errors'] for t in told)} | {cost[0]:.2f} + {cost[1]:.2f} | {lag} | {rate} |")

    # A large store

    def write_million(self, path):
        """Deliveries of two events each, two a second, on 4000 robots in 40 zones; errors, groundings, a few failures."""
        count, ending, begin = self.options.sessions, 3600, 1_793_000_000
        with open(path, "w") as file:
            def line(event, seconds, key, fields):
                file.write(event_line(event, begin + seconds, key, fields))
            for i in range(count + ending):
                now = i // 2
                if i < count:
                    line("demand.assigned", now, f"a{i}", f'"delivery_id":"D{i}","demand_id":"N{i}","robot_id":"R{i % 4000}",'
                         f'"merchant_id":"shop-{i % 200}"')
                if i % 5 == 0:
                    robot, state = i // 5 * 7919 % 4000, "deployed" if i // 20_000 % 2 else "grounded"
                    zone = (robot + i // 400_000) % 40
                    line("robot.state_changed", now, f"s{i}", f'"robot_id":"R{robot}","zone_id":"Z-{zone}","to_state":"{state}"'
                         + (f',"reason":"FAULT_{i % 7}"' if state == "grounded" else ""))
                if i % 40 == 0:
                    line("robot.error", now, f"e{i}", f'"robot_id":"R{i * 31 % 4300}","error":{{"code":"FAULT_{i % 7}"}}')
                if i >= ending:
                    done = "delivery.failed" if i % 50 == 0 else "delivery.dropoff_completed"
                    line(done, now, f"c{i}", f'"delivery_id":"D{i - ending}"')

    def million(self, kind):
        options, path = self.options, os.path.join(self.scratch, "million.jsonl")
        if not os.path.exists(path):
            say(f"writing {options.sessions} sessions")
            self.write_million(path)
        store = self.url(kind, "million")
        if kind == "postgres":
            self.database.sql("CREATE DATABASE million")
        say(f"replaying them into {kind}")
        start = time.monotonic()
        sh(f"{BIN}/sessionizer", "replay", path, "--store", store)
        print(f"{options.sessions:,} sessions, replayed into {kind} in {time.monotonic() - start:.0f} s; each question "
              f"{options.questions} times, one at a time.\n", flush=True)
        if kind == "postgres":
            self.database.sql("VACUUM ANALYZE", "million")
        with open(self.ids, "w") as file:
            step = max(options.sessions // 20_000, 1)
            file.writelines(f"D{i}\n" for i in range(0, options.sessions, step))
        log = os.path.join(self.scratch, "serve.log")
        with open(log, "w") as complaints:
            # Each question is asked several times, of a store that does not change: no answer may be given again.
            process = subprocess.Popen([f"{BIN}/sessionizer", "serve", "--store", store, "--listen", "127.0.0.1:0"],
                                       stderr=complaints, env=os.environ | {"SESSIONIZER_HTTP_KEPT_ANSWERS_MB": "0"})
        try:
            self.ask_million(kind, process, self.port_of(process, log))
        finally:
            process.terminate()
            process.wait(40)

    def port_of(self, process, log):
        end = time.monotonic() + 300
        while time.monotonic() < end and process.poll() is None:
            with open(log) as file:
                for line in file:
                    if " on http://" in line:
                        return int(line.rstrip("/\n").rsplit(":", 1)[1])
            time.sleep(0.05)
        with open(log) as file:
            sys.exit(f"it does not serve: {file.read()}")

    def ask_million(self, kind, process, port):
        def cpu():
            return cpu_of(process.pid) + (self.database.cpu() if kind == "postgres" else 0)

        print("| question | first ms | median ms | most ms | ms of processor | status |")
        print("|---|---|---|---|---|---|")
        for name, path in QUESTIONS.items():
            before = cpu()
            asked = [get(port, path) for _ in range(self.options.questions)]
            cost = 1000 * (cpu() - before) / len(asked)
            times = [ms for _, ms in asked]
            print(f"| {name} (`{path}`) | {times[0]:.0f} | {statistics.median(times):.0f} | {max(times[1:]):.0f} | "
                  f"{cost:.0f} | {'/'.join(sorted({str(status) for status, _ in asked}))} |", flush=True)
        print(f"\nload average of the machine: {os.getloadavg()[0]:.1f}")
        print("\n| readers | form | requests/s | p50 ms | p99 ms | errors | ms of processor a request |")
        print("|---|---|---|---|---|---|---|")
        for crowd, looking in CROWDS.items():
            if looking is None:
                continue
            before = cpu()
            told = Readers(port, self.ids, looking, self.options.readers, self.options.seconds).end()
            cost = 1000 * (cpu() - before) / sum(t["requests"] for t in told.values())
            for form, t in told.items():
                print(f"| {crowd} | {form} | {t['requests'] / t['seconds']:,.0f} | {t['p50']:.1f} | {t['p99']:.0f} | "
                      f"{t['errors']} | {cost:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--stores", default="postgres", help="for drain and steady: postgres, sqlite or both")
    parser.add_argument("--million-stores", default="sqlite,postgres", help="the same for million")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--readers", type=int, default=200, help="connections")
    parser.add_argument("--deliveries", type=int, default=3000, help="a day, for drain and steady (45 events each)")
    parser.add_argument("--rate", type=int, default=1500, help="events a second of steady")
    parser.add_argument("--seconds", type=int, default=8, help="how long the readers of steady and million ask")
    parser.add_argument("--sessions", type=int, default=1_000_000, help="of million")
    parser.add_argument("--questions", type=int, default=15, help="how often million asks each")
    options = parser.parse_args()
    parts = parts_of(parser, options, PARTS)
    if not shutil.which("wrk"):
        sys.exit("wrk is missing: apt-get install wrk")
    live = [part for part in parts if part != "million"]
    large = options.million_stores.split(",") if "million" in parts else []
    with begun(Bench, options, with_servers=bool(live) or "postgres" in large) as bench:
        for kind in options.stores.split(",") if live else []:
            bench.base(kind)
            for part in live:
                with section(f"{part}, {kind}"):
                    getattr(bench, part)(kind)
        for kind in large:
            with section(f"million, {kind}"):
                bench.million(kind)


if __name__ == "__main__":
    main()
