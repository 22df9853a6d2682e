#!/usr/bin/env python3
"""How fast the live service is, with a broker and a database of its own on the same cores: `make bench-live`.

Starts RabbitMQ and PostgreSQL (deploy/scripts/private-*.sh), and measures
  drain     emptying a quorum queue: librabbitmq alone (bench/drain.c), the service's consumer with a store that only
            counts, and the same with each message scanned as an event is (`sessionizer-bench drain`), in turn,
  store     emptying a quorum queue into PostgreSQL with `sessionizer serve`, beside COPY of the event rows that came of
            it alone into the same table; seconds of processor of broker, database and service,
  latency   from publishing to the commit at a steady rate, by the service's own histogram: from the program's first
            message on, and without the first seconds,
  restart   from starting the program, after a SIGKILL, to its first commit, with many sessions in the store,
  soak      (--soak-events) memory while so many events go through queue and store; the restart before and after.
The servers work with fsync=off (PostgreSQL) and as installed (RabbitMQ).
"""
import argparse
import gzip
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import time

import live_servers
from live_servers import (Oversleep, Service, begun, event_line, lags, last_commit, median, parts_of, published, quantile, say,
                          section, settled, sh, spread)
from postgres import BIN, copy

HERE = os.path.dirname(os.path.abspath(__file__))
# Of the phase store: as many engines, each with its queue and its connection, in one process.
PARTITIONS, MARKETS = 2, 16
PARTS = ["drain", "store", "latency", "restart"]
WARM_UP = 5


class Bench(live_servers.Bench):
    def serve(self, queue, store, *options):
        self.service = Service(self.broker, queue, self.database.url(store), *options)
        return self.service

    def new_store(self, name):
        self.database.sql(f"CREATE DATABASE {name}")
        sh(f"{BIN}/sessionizer", "migrate", "--store", self.database.url(name))

    def archive(self, events):
        path = os.path.join(self.scratch, f"archive-{events}")
        if not os.path.exists(path):
            say(f"simulating {events} events")
            # So early that the longest ends before now: what lies in the future is no event to the service.
            start = time.strftime("%Y-%m-%d", time.gmtime(time.time() - (4 + events // 150_000) * 86_400))
            sh(f"{BIN}/sessionizer", "simulate", "--out", path, "--events", str(events), "--seed", "7",
               "--start-day", start, stderr=subprocess.DEVNULL)
        return path

    # Draining into nothing

    def drain(self):
        options = self.options
        loop = os.path.join(self.scratch, "drain")
        flags = sh("pkg-config", "--cflags", "--libs", "librabbitmq").split()
        sh("cc", "-O2", "-o", loop, f"{HERE}/drain.c", *flags)
        archive = self.archive(options.events)
        prefetch = str(options.prefetch)
        ways = {
            "librabbitmq alone": lambda n: [loop, self.broker.host, self.broker.port, "drain", n, prefetch],
            "consumer, counting": lambda n: [f"{BIN}/sessionizer-bench", "drain", self.broker.amqp, "drain", n, prefetch],
            "consumer, decoding and counting":
                lambda n: [f"{BIN}/sessionizer-bench", "drain", self.broker.amqp, "drain", n, prefetch, "decode"],
        }
        found = {way: [] for way in ways}
        for turn in range(options.runs):
            for way, words in ways.items():
                # Whole batches, so that none waits for its age at the end.
                count = self.broker.publish(archive, "drain") // (options.prefetch // 2) * (options.prefetch // 2)
                say(f"drain, run {turn + 1} of {options.runs}: {way}")
                before = self.broker.cpu()
                process = subprocess.Popen(words(str(count)), stdout=subprocess.PIPE)
                out = process.stdout.read()
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                if process.returncode != 0 or json.loads(out)["messages"] < count:
                    sys.exit(f"{way}: exit {process.returncode}, {out}")
                found[way].append({"n": count, "seconds": json.loads(out)["seconds"],
                                   "client": usage.ru_utime + usage.ru_stime, "broker": self.broker.cpu() - before})
                self.broker.delete("drain")
        print("| drain | messages | seconds (least-most) | messages/s | client processor s | broker processor s |")
        print("|---|---|---|---|---|---|")
        for way, runs in found.items():
            print(f"| {way} | {runs[0]['n']:,} | {spread(runs, 'seconds')} | "
                  f"{runs[0]['n'] / median(runs, 'seconds'):,.0f} | {median(runs, 'client'):.2f} | "
                  f"{median(runs, 'broker'):.2f} |")
        alone, *others = found
        print()
        for way in others:
            print(f"- {way}: {median(found[alone], 'seconds') / median(found[way], 'seconds'):.2f} of {alone}")

    # Draining into PostgreSQL

    def publish_markets(self, name, have_own_pilots, *options):
        """Puts as many events into the partitions' queues, which a service makes that is ended then; how many."""
        self.serve(name, name, *options)
        self.service.wait("it consumes from the partitions", lambda m: m["sessionizer_partitions_held"] == PARTITIONS
                          and self.service.is_ready(), 60)
        self.stop()
        # The store is as it was, but for who has the partitions.
        return sum(self.broker.publish(path, f"{name}.0", "--exchange", name, "--routing-key", f"market {market}", declare=False)
                   for market, path in enumerate(self.market_archives(have_own_pilots)))

    def market_archives(self, have_own_pilots):
        """An archive for each market: a simulated one, each time with ids of its own, but for pilots, where they are a pool."""
        folder = os.path.join(self.scratch, "markets" if have_own_pilots else "pool")
        ids = r'("[a-z]+_ids?":\s*\[?")' if have_own_pilots else r'("(?!pilot)[a-z]+_ids?":\s*\[?")'
        paths = [os.path.join(folder, f"{market}.jsonl") for market in range(MARKETS)]
        if not os.path.exists(folder):
            os.mkdir(folder)
            source = self.archive(self.options.events // MARKETS)
            days = sorted(os.path.join(at, file) for at, _, files in os.walk(source) for file in files if "dt=" in at)
            lines = [line for day in days for line in gzip.open(day, "rt")]
            for market, path in enumerate(paths):
                with open(path, "w") as file:
                    for line in lines:
                        file.write(re.sub(ids, rf"\g<1>m{market}-", line))
        return paths

    def store(self):
        options = self.options
        archive = self.archive(options.events)
        rows = os.path.join(self.scratch, "events.bin")
        found = {(kind, prefetch): [] for kind in options.store_queues.split(",")
                 for prefetch in options.store_prefetch.split(",")}
        copies, as_jsonb = [], []
        for turn in range(options.runs):
            for (kind, prefetch), runs in found.items():
                say(f"store, run {turn + 1} of {options.runs}: {kind} queue, prefetch {prefetch}")
                name = f"store{turn}_{kind}_{prefetch}"
                self.new_store(name)
                more = ["--queue-type", kind, "--prefetch", prefetch]
                is_split = kind in ("partitions", "pool")
                if is_split:
                    more = ["--partitions", str(PARTITIONS), "--prefetch", prefetch]
                    count = self.publish_markets(name, kind == "partitions", *more)
                else:
                    count = self.broker.publish(archive, name, "--queue-type", kind)
                self.database.sql("CHECKPOINT")
                broker, database = self.broker.cpu(), self.database.cpu()
                service = self.serve(name, name, *more)
                metrics = service.wait("the queue is drained", lambda m: settled(m) >= count, 1200)
                accepted = metrics['sessionizer_messages_total{transport="amqp",outcome="accepted"}']
                runs.append({"n": accepted, "seconds": last_commit(metrics) - service.started,
                             "broker": self.broker.cpu() - broker, "database": self.database.cpu() - database,
                             "service": service.cpu(), "peak": service.memory()})
                self.stop()
                for queue in [f"{name}.{n}" for n in range(PARTITIONS)] if is_split else [name]:
                    self.broker.delete(queue)
                if (kind, prefetch) == list(found)[-1]:
                    for found_of, binary in [(copies, True), (as_jsonb, False)]:
                        form = "binary" if binary else "text"
                        self.database.sql(f"\\copy (SELECT * FROM events) TO '{rows}' (FORMAT {form})\n", name)
                        self.database.sql("CHECKPOINT")
                        found_of.append(copy(self.database, name, rows, f"copy{turn}", binary))
                        self.database.sql(f"DROP DATABASE copy{turn}")
                self.database.sql(f"DROP DATABASE {name} WITH (FORCE)")
        print("| store | event rows | seconds (least-most) | rows/s | broker processor s | database processor s | "
              "service (or client) processor s | resident MB at the end |")
        print("|---|---|---|---|---|---|---|---|")
        for way, runs in found.items():
            print(f"| {way[0]} queue to PostgreSQL, prefetch {way[1]} | {runs[0]['n']:,.0f} | {spread(runs, 'seconds')} | "
                  f"{runs[0]['n'] / median(runs, 'seconds'):,.0f} | {median(runs, 'broker'):.2f} | "
                  f"{median(runs, 'database'):.2f} | {median(runs, 'service'):.2f} | {median(runs, 'peak'):.0f} |")
        yardsticks = {"COPY alone": copies, "COPY alone, as text, the payload as jsonb": as_jsonb}
        for name, runs in yardsticks.items():
            print(f"| {name} | {runs[0]['rows']:,} | {spread(runs, 'seconds')} | {runs[0]['rows'] / median(runs, 'seconds'):,.0f} | | "
                  f"{median(runs, 'server'):.2f} | {median(runs, 'client'):.2f} | |")
        print()
        for way, runs in found.items():
            work = statistics.median(r["broker"] + r["database"] + r["service"] for r in runs)
            for name, yard in yardsticks.items():
                alone = statistics.median(c["server"] + c["client"] for c in yard)
                print(f"- {way[0]} queue, prefetch {way[1]}: {median(yard, 'seconds') / median(runs, 'seconds'):.2f} of {name} by the clock, "
                      f"{alone / work:.2f} by processor time of all parts together")

    # From publishing to the commit

    def latency(self):
        options = self.options
        archive = self.archive(options.rate * (WARM_UP + options.seconds))
        shares = {"from the beginning": [], f"after {WARM_UP} s": []}
        for turn in range(options.runs):
            say(f"latency, run {turn + 1} of {options.runs}")
            name = f"latency{turn}"
            self.new_store(name)
            service = self.serve(name, name)
            service.wait("it consumes", lambda m: m.get("sessionizer_amqp_consuming") == 1, 60)
            started, oversleep = time.monotonic(), Oversleep()
            publisher = self.broker.publish(archive, name, rate=options.rate, wait=False)
            warm = service.wait("it is warm", lambda m: settled(m) >= WARM_UP * options.rate, 10 * WARM_UP)
            count = published(publisher)
            took = time.monotonic() - started
            late = oversleep.end()
            metrics = service.wait("all is committed", lambda m: settled(m) >= count, 120)
            for (way, runs), before in zip(shares.items(), [{}, warm]):
                bins = lags(metrics, before)
                runs.append({"n": bins[-1][1], "rate": count / took, "p50": quantile(bins, 0.5),
                             "p99": quantile(bins, 0.99), "service": service.cpu(), "late": late,
                             "below": next(v for bound, v in bins if bound == 0.25) / bins[-1][1]})
            self.stop()
            self.broker.delete(name)
            self.database.sql(f"DROP DATABASE {name} WITH (FORCE)")
        print("| latency | messages | messages/s | p50 ms | p99 ms (least-most) | within 250 ms | service processor s | "
              "a sleep of 10 ms, p99: late by ms |")
        print("|---|---|---|---|---|---|---|---|")
        for way, runs in shares.items():
            print(f"| publish to commit, {way} | {runs[0]['n']:,.0f} | {median(runs, 'rate'):,.0f} | "
                  f"{1000 * median(runs, 'p50'):.0f} | {1000 * median(runs, 'p99'):.0f} "
                  f"({1000 * min(r['p99'] for r in runs):.0f}-{1000 * max(r['p99'] for r in runs):.0f}) | "
                  f"{100 * median(runs, 'below'):.2f} % | {median(runs, 'service'):.1f} | "
                  f"{1000 * median(runs, 'late'):.0f} |")
        print("\nQuantiles are interpolated within the histogram's bins (50, 100, 250, 500 ms, …), as Prometheus does; "
              "the share within 250 ms is exact.")

    # Restart

    def thin_archive(self, closed, still_open):
        """Deliveries of two events each, then open ones of one event: the fewest events for so many sessions."""
        path = os.path.join(self.scratch, f"thin-{closed}-{still_open}.jsonl")
        # All of it in the past: to the service what lies in the future is no event.
        begin = int(time.time()) // 86_400 * 86_400 - closed // 2 - 2 * 86_400
        with open(path, "w") as file:
            def line(event, seconds, key, fields):
                file.write(event_line(event, begin + seconds, key, fields))
            # Two a second, each for half an hour, on 4000 robots, so that no robot has two at once.
            ending = 3600
            for i in range(closed):
                line("demand.assigned", i // 2, f"a{i}",
                     f'"delivery_id":"D{i}","demand_id":"N{i}","robot_id":"R{i % 4000}"')
                if i >= ending:
                    line("delivery.dropoff_completed", i // 2, f"c{i - ending}", f'"delivery_id":"D{i - ending}"')
            for i in range(max(closed - ending, 0), closed):
                line("delivery.dropoff_completed", (closed + ending) // 2, f"c{i}", f'"delivery_id":"D{i}"')
            for i in range(still_open):
                line("demand.assigned", (closed + ending) // 2 + i * 1800 // still_open, f"o{i}",
                     f'"delivery_id":"O{i}","demand_id":"M{i}","robot_id":"S{i}"')
        return path, begin

    def restart_time(self, store, deliveries, turn):
        """Seconds from starting the program to its first commit, of a hundred events; it is killed before."""
        queue = f"restart_{store}"
        path = os.path.join(self.scratch, f"late-{store}-{turn}.jsonl")
        with open(path, "w") as file:
            for i, (delivery, seconds) in enumerate(deliveries):
                file.write(event_line("delivery.pickup_completed", seconds, f"late-{store}-{turn}-{i}",
                                      f'"delivery_id":"{delivery}"'))
        self.stop(signal.SIGKILL)
        self.broker.publish(path, queue)
        service = self.serve(queue, store)
        metrics = service.wait("the first commit", lambda m: settled(m) > 0, 120, every=0.02)
        return last_commit(metrics) - service.started

    def restart(self):
        options = self.options
        lines = []
        for closed in map(int, options.restart_closed.split(",")):
            store = f"restart{closed}"
            path, begin = self.thin_archive(closed, options.restart_open)
            self.new_store(store)
            say(f"replaying {closed} closed and {options.restart_open} open sessions")
            sh(f"{BIN}/sessionizer", "replay", path, "--store", self.database.url(store))
            os.remove(path)
            sessions = self.database.sql(
                "SELECT count(*) FILTER (WHERE outcome = 'in_progress'), count(*) FILTER (WHERE outcome <> 'in_progress')"
                " FROM sessions", store).split("|")
            choose = random.Random(7)

            def still_open(count):
                return [(f"O{i}", begin + closed // 2 + 3700) for i in choose.sample(range(options.restart_open), count)]

            def long_closed(count):
                return [(f"D{i}", begin + i // 2 + 60) for i in choose.sample(range(closed), count)]
            # The first start makes the queue and is not a restart.
            self.restart_time(store, still_open(100), "first")
            times = {"open": [], "late": []}
            for turn in range(options.runs):
                say(f"restart, {closed} closed, {turn + 1} of {options.runs}")
                times["open"].append(self.restart_time(store, still_open(100), f"open-{turn}"))
                times["late"].append(self.restart_time(store, still_open(50) + long_closed(50), f"late-{turn}"))
            self.stop()
            self.database.sql(f"DROP DATABASE {store} WITH (FORCE)")
            figures = " | ".join(f"{statistics.median(some):.2f} ({min(some):.2f}-{max(some):.2f})"
                                 for some in times.values())
            lines.append(f"| {int(sessions[0]):,} | {int(sessions[1]):,} | {figures} |")
        print("| sessions open | sessions closed | seconds to the first commit (least-most), of events of open deliveries "
              "| of which half are of deliveries closed long ago, chosen at random |")
        print("|---|---|---|---|")
        print("\n".join(lines))

    # A long run

    def soak(self):
        archive = self.archive(self.options.soak_events)
        store = "soak"
        self.new_store(store)
        service = self.serve(store, store)
        publisher = self.broker.publish(archive, store, wait=False)
        started = time.monotonic()
        samples = []
        while True:
            metrics = service.wait("it answers", lambda m: True, 60)
            done, backlog = settled(metrics), metrics.get("sessionizer_queue_messages_ready", 0)
            samples.append((done, service.memory(), backlog, metrics["sessionizer_resident_entities"]))
            if publisher.poll() is not None and done >= metrics["sessionizer_messages_received_total{transport=\"amqp\"}"] \
                    and metrics["sessionizer_amqp_unacknowledged_messages"] == 0 and backlog == 0:
                break
            if time.monotonic() - started > 7200:
                publisher.kill()
                sys.exit("the soak takes more than two hours: given up")
            time.sleep(1)
        seconds = time.monotonic() - started
        count = published(publisher)
        service.wait("all is committed", lambda m: settled(m) >= count, 60)
        ids = [line.split("|") for line in self.database.sql(
            "SELECT delivery_id, extract(epoch FROM min(occurred_at))::bigint FROM events WHERE delivery_id IS NOT NULL"
            " GROUP BY 1 ORDER BY md5(delivery_id) LIMIT 100", store).split("\n")]
        late = [(delivery, int(at) + 1) for delivery, at in ids]
        self.stop()
        after = [self.restart_time(store, late, turn) for turn in range(4)][1:]
        self.stop()
        self.new_store("empty")
        before = [self.restart_time("empty", late, turn) for turn in range(4)][1:]
        self.stop()
        print("| events done | resident MB | entities in memory | queue |")
        print("|---|---|---|---|")
        for tenth in range(1, 11):
            done, memory, backlog, entities = min(samples, key=lambda s: abs(s[0] - count * tenth / 10))
            print(f"| {done:,.0f} | {memory:.0f} | {entities:,.0f} | {backlog:,.0f} |")
        print(f"\n{count:,} messages in {seconds:.0f} s ({count / seconds:,.0f} a second, publisher included); resident "
              f"set at most {max(s[1] for s in samples):.0f} MB; restart to first commit "
              f"{statistics.median(before):.2f} s with an empty store, {statistics.median(after):.2f} s after it")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--events", type=int, default=200_000, help="how many for drain and store")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--prefetch", type=int, default=4000, help="of the phase drain; half of it is one acknowledgement")
    parser.add_argument("--store-prefetch", default="4000,40000", help="of the phase store; half of it is a batch")
    parser.add_argument("--store-queues", default="quorum", help="of the phase store: quorum, classic, stream, partitions, "
                        "pool (partitions whose markets share their pilots)")
    parser.add_argument("--rate", type=int, default=2000, help="messages a second of the phase latency")
    parser.add_argument("--seconds", type=int, default=30, help="how long that is")
    parser.add_argument("--restart-closed", default="100000,1000000", help="closed sessions, one store for each")
    parser.add_argument("--restart-open", type=int, default=100_000)
    parser.add_argument("--soak-events", type=int, default=0, help="with the soak, over so many events")
    parser.add_argument("--durable", action="store_true", help="PostgreSQL with fsync, as in production")
    options = parser.parse_args()
    parts = parts_of(parser, options, PARTS)
    with begun(Bench, options, durable=options.durable) as bench:
        for part in parts + (["soak"] if options.soak_events else []):
            with section(part):
                getattr(bench, part)()


if __name__ == "__main__":
    main()
