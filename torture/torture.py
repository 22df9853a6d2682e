#!/usr/bin/env python3
"""Lets the live service suffer for as long as it is told, and asks after each round whether the tables are right.

    make torture SECONDS=3600 SEED=1

Each round simulates an archive (late, repeated, broken lines), publishes it to a real RabbitMQ while one service, or
three that share eight partitions, or one that reads a stream, consumes it into a real PostgreSQL; meanwhile services,
broker, database and the connections between them fail at random. Then everything is healed, the queues are drained, and
`sessionizer verify` compares every table with a plain replay of the same archive, row by row. The first difference ends
the run with exit 1, and leaves all that is needed to look into it.
"""
import argparse
import base64
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter

from proxy import Proxy

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
SCRIPTS = os.path.join(ROOT, "deploy", "scripts")
KEYS = ["delivery_id", "demand_id", "trip_id", "quote_id", "offer_id", "robot_id", "pilot_id", "merchant_id", "event_id"]
MARKETS = 8


def sh(*words, check=True, **extra):
    """Runs a command to its end; its standard output."""
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, **extra)
    if check and done.returncode != 0:
        raise SystemExit(f"{' '.join(words)}: exit {done.returncode}")
    return done.stdout


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Servers:
    """A broker and a database of the run's own, each behind a proxy."""

    def __init__(self, folder):
        self.broker_folder, self.database_folder = f"{folder}/broker", f"{folder}/database"
        self.start_broker()
        self.start_database()
        host, port = self.amqp.rsplit("@", 1)[1].split(":")
        self.broker_proxy = Proxy((host, int(port)))
        socket_folder = f"{folder}/socket"
        os.mkdir(socket_folder)
        name = next(n for n in os.listdir(self.database_folder) if n.startswith(".s.PGSQL.") and not n.endswith(".lock"))
        self.database_proxy = Proxy(f"{self.database_folder}/{name}", f"{socket_folder}/{name}")
        self.proxied_amqp = f"amqp://guest:guest@127.0.0.1:{self.broker_proxy.port}?heartbeat=5"
        self.socket_folder = socket_folder

    def start_broker(self):
        out = sh(f"{SCRIPTS}/private-rabbitmq.sh", "start", self.broker_folder)
        self.amqp, self.management = out.split()[-2:]

    def stop_broker(self, how):
        sh(f"{SCRIPTS}/private-rabbitmq.sh", how, self.broker_folder)

    def start_database(self):
        self.url = sh(f"{SCRIPTS}/private-postgres.sh", "start", self.database_folder,
                      env=dict(os.environ, PRIVATE_POSTGRES_OPTIONS="-c synchronous_commit=off")).split()[-1]

    def stop_database(self, how):
        sh(f"{SCRIPTS}/private-postgres.sh", how, self.database_folder)

    def database(self, name, proxied=False):
        """The URL of a database."""
        folder = self.socket_folder if proxied else self.database_folder
        user = self.url.split("user=")[1].split("&")[0]
        return f"postgres:///{name}?host={folder}&user={user}"

    def database_processes(self):
        with open(f"{self.database_folder}/data/postmaster.pid", encoding="ascii") as file:
            first = int(file.readline())
        children = sh("ps", "-o", "pid=", "--ppid", str(first), check=False).split()
        return [first] + [int(pid) for pid in children]

    def heal(self):
        self.broker_proxy.heal()
        self.database_proxy.heal()

    def ask(self, method, path, body=None):
        """RabbitMQ's management API; its answer's text."""
        user = base64.b64encode(b"guest:guest").decode()
        request = urllib.request.Request(
            "http://" + self.management.rsplit("@", 1)[1] + path, data=body, method=method,
            headers={"Authorization": f"Basic {user}", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def bind_anew(self, queue, exchange):
        """The queue becomes the last of an exchange that hashes, and those behind it move up: as after some restarts."""
        path = f"/api/bindings/%2f/e/{exchange}/q/{queue}"
        self.ask("DELETE", path + "/1")
        self.ask("POST", path, b'{"routing_key":"1"}')

    def queues(self, stem):
        """Messages ready and unacknowledged in the queues whose names begin so."""
        return sum(q.get("messages", 0) for q in json.loads(self.ask("GET", "/api/queues"))
                   if q["name"].startswith(stem) and not q["name"].endswith(".dead"))

    def remove(self):
        self.stop_broker("stop")
        sh(f"{SCRIPTS}/private-postgres.sh", "remove", self.database_folder)


class Service:
    """One replica, started again whenever it has ended."""

    def __init__(self, number, program, options, folder):
        self.number, self.program, self.options, self.folder = number, program, options, folder
        self.port = free_port()
        self.process = None
        self.start()

    def start(self, kill_at=None):
        environment = dict(os.environ, SESSIONIZER_LEASE_SECONDS="4")
        if kill_at:
            environment["SESSIONIZER_TEST_KILL_AT"] = kill_at
        with open(f"{self.folder}/service{self.number}.log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [self.program, "serve", "--http", f"127.0.0.1:{self.port}", *self.options], stderr=log,
                env=environment)

    def ensure(self):
        """Starts it where it has died."""
        if self.process.poll() is not None:
            self.start()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """In order: exit 0 within the grace time."""
        self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            return "still there after 30 s"

    def metric(self, name):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
                for line in answer.read().decode().splitlines():
                    if line.startswith(name + " ") or line.startswith(name + "{"):
                        return float(line.rsplit(" ", 1)[1])
        except OSError:
            pass
        return None


class Round:
    def __init__(self, number, seed, servers, program, folder):
        self.random = random.Random(seed)
        self.number, self.seed, self.servers, self.program = number, seed, servers, program
        self.folder = f"{folder}/round{number}"
        os.mkdir(self.folder)
        self.kind = self.random.choice(["one queue", "one queue", "eight partitions", "eight partitions", "stream"])
        self.faults = Counter()
        self.events = 0
        self.peak = 0
        self.republish = False

    # What is published

    def make_archive(self):
        whole = f"{self.folder}/whole"
        sh(self.program, "simulate", "--out", whole, "--events",
           str(self.random.randint(2000, 6000) if self.kind == "eight partitions" else self.random.randint(10000, 40000)),
           "--seed", str(self.seed), "--disorder", "0.1", "--duplicates", "0.05", "--broken", "0.003",
           "--missing-ids", "0.05", stderr=subprocess.DEVNULL)
        lines = []
        for day in sorted(d for d in os.listdir(whole) if d.startswith("dt=")):
            for name in sorted(os.listdir(f"{whole}/{day}")):
                tool = "zstdcat" if name.endswith("zst") else "zcat" if name.endswith("gz") else "cat"
                lines += subprocess.run([tool, f"{whole}/{day}/{name}"], stdout=subprocess.PIPE, check=True).stdout.split(b"\n")
        shutil.rmtree(whole)
        lines = [line for line in lines if line.strip()]
        # A tenth of the first half comes at the very end: for sessions closed long ago.
        late = [i for i in range(len(lines) // 2) if self.random.random() < 0.1]
        held = set(late)
        lines = [line for i, line in enumerate(lines) if i not in held] + [lines[i] for i in late]
        # Poison between good ones, and sometimes thousands in a row.
        for _ in range(self.random.choice([10, 10, 3000])):
            lines.insert(self.random.randrange(len(lines)), self.random.choice(
                [b"poison", b"[]", b'{"event":', b"\xff\xfe\x00", b'{"event":"x"}', b"null", b'{"event":"x","timestamp":"soon"}']))
        os.mkdir(f"{self.folder}/archive")
        if self.kind == "eight partitions":
            for market in range(MARKETS):
                with open(f"{self.folder}/archive/market{market}.jsonl", "wb") as file:
                    for line in lines:
                        file.write(self.in_market(line, f"m{market}-") + b"\n")
            self.events = MARKETS * len(lines)
        else:
            with open(f"{self.folder}/archive/all.jsonl", "wb") as file:
                file.write(b"\n".join(lines) + b"\n")
            self.events = len(lines)

    @staticmethod
    def in_market(line, prefix):
        """The same with ids of another market: what shares an id shares a partition."""
        def walk(value):
            if isinstance(value, dict):
                return {k: prefix + v if k in KEYS and isinstance(v, str) else walk(v) for k, v in value.items()}
            return [walk(v) for v in value] if isinstance(value, list) else value
        try:
            return json.dumps(walk(json.loads(line)), separators=(",", ":")).encode()
        except ValueError:
            return line

    def publish(self, rate):
        words = [self.program, "publish", "--amqp", self.servers.amqp, "--queue", self.queue]
        if self.kind == "eight partitions":
            return [subprocess.Popen(
                [*words[:2], f"{self.folder}/archive/market{m}.jsonl", *words[2:4], "--queue", f"{self.queue}.0",
                 "--exchange", self.queue, "--routing-key", f"market-{m}", "--rate", str(rate / MARKETS)],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for m in range(MARKETS)]
        return [subprocess.Popen(
            [*words[:2], f"{self.folder}/archive/all.jsonl", *words[2:], "--queue-type",
             "stream" if self.kind == "stream" else "quorum", "--rate", str(rate)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)]

    # What goes wrong

    def fault(self):
        service = self.random.choice(self.services)
        servers, pause = self.servers, self.random.uniform(0.5, 8)
        more = ["exchange numbered anew"] * 2 if self.kind == "eight partitions" else []
        name = self.random.choice(more + [
            "service killed", "service killed", "service killed at a marked point", "service killed at a marked point",
            "service frozen", "service stopped in order", "broker restarted", "broker killed", "database restarted",
            "database killed", "database frozen", "broker connection cut", "broker connection cut in a frame",
            "broker connection stalled", "database connection cut", "database connection cut in a frame",
            "database connection stalled"])
        if name == "service killed":
            service.kill()
            service.start()
        elif name == "service killed at a marked point":
            point = self.random.choice(["taken", "applied", "committed", "acknowledged"])
            name += f": {point}"
            service.kill()
            service.start(kill_at=f"{point}:{self.random.randint(0, 5)}")
            time.sleep(pause)
            service.ensure()
        elif name == "service frozen":
            service.process.send_signal(signal.SIGSTOP)
            time.sleep(self.random.uniform(1, 15))
            service.process.send_signal(signal.SIGCONT)
        elif name == "service stopped in order":
            code = service.stop()
            if code not in (0, -9):
                raise SystemExit(f"round {self.number}: a service asked to stop ended with {code}; {self.folder}")
            service.start()
        elif name in ("broker restarted", "broker killed"):
            servers.stop_broker("stop" if name.endswith("restarted") else "kill")
            time.sleep(pause / 4)
            servers.start_broker()
        elif name in ("database restarted", "database killed"):
            servers.stop_database("stop" if name.endswith("restarted") else "kill")
            time.sleep(pause)
            servers.start_database()
        elif name == "exchange numbered anew":
            servers.bind_anew(f"{self.queue}.{self.random.randrange(MARKETS)}", self.queue)
        elif name == "database frozen":
            frozen = servers.database_processes()
            for pid in frozen:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(60 if self.random.random() < 0.1 else pause)
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
        else:
            proxy = servers.broker_proxy if name.startswith("broker") else servers.database_proxy
            if name.endswith("stalled"):
                proxy.stall()
                time.sleep(self.random.uniform(1, 20))
                proxy.heal()
            elif name.endswith("frame"):
                proxy.cut_in_frame = True
            else:
                proxy.cut()
        self.faults[name] += 1

    # A round

    def run(self, fault_seconds):
        self.make_archive()
        self.queue = f"torture{self.number}"
        database = f"round{self.number}"
        sh("psql", "-q", self.servers.database("postgres"), "-c", f"CREATE DATABASE {database}")
        sh(self.program, "migrate", "--store", self.servers.database(database))
        options = ["--amqp", self.servers.proxied_amqp, "--queue", self.queue, "--declare", "--store",
                   self.servers.database(database, proxied=True), "--prefetch", str(self.random.choice([50, 500, 4000])),
                   "--batch-max-events", str(self.random.choice([20, 300, 2000]))]
        count = 1
        if self.kind == "eight partitions":
            options += ["--partitions", str(MARKETS)]
            count = 3
        elif self.kind == "stream":
            options += ["--queue-type", "stream"]
        self.services = [Service(i, self.program, options, self.folder) for i in range(count)]
        self.wait(60, "the queue is there", lambda: any(s.metric("sessionizer_amqp_consuming") == 1 for s in self.services))
        publishers = self.publish(self.events / fault_seconds)
        end = time.monotonic() + fault_seconds
        while time.monotonic() < end:
            time.sleep(self.random.uniform(0, 3))
            self.fault()
            for service in self.services:
                service.ensure()
                self.peak = max(self.peak, service.metric("process_resident_memory_bytes") or 0)
        self.servers.heal()
        codes = [p.wait() for p in publishers]
        # What was published at least; what the publisher could not be sure of it sent twice.
        self.sent = self.events
        if any(codes):
            # It gave up while the broker was away: all of it once more, repetitions change nothing.
            self.faults["published once more"] += 1
            for publisher in self.publish(20000):
                if publisher.wait() != 0:
                    raise SystemExit(f"round {self.number}: publishing failed with the broker up; {self.folder}")
        for service in self.services:
            service.ensure()
        if self.kind == "stream":
            store = self.servers.database(database)
            calm = Counter()

            def is_read():
                # The broker's own count is some seconds old, after a restart more: it has to stay as it is.
                there = self.servers.queues(self.queue)
                read = int(sh("psql", "-At", store, "-c",
                              "SELECT coalesce(max(last_offset), -1) + 1 FROM sessionizer.source_offsets") or 0)
                calm["n"] = calm["n"] + 1 if there == calm["there"] and read >= there >= self.sent else 0
                calm["there"] = there
                return calm["n"] >= 12
            self.wait(180, "the stream is read to its end", is_read)
        else:
            # The broker's own count is some seconds old: it has to say so for a while.
            calm = Counter()

            def is_drained():
                calm["n"] = calm["n"] + 1 if self.servers.queues(self.queue) == 0 else 0
                return calm["n"] >= 12
            self.wait(180, "the queues are drained", is_drained)
        for service in self.services:
            self.peak = max(self.peak, service.metric("process_resident_memory_bytes") or 0)
            code = service.stop()
            if code != 0:
                raise SystemExit(f"round {self.number}: the service ended with {code}; {self.folder}")
        done = subprocess.run(
            [self.program, "verify", f"{self.folder}/archive", "--store", self.servers.database(database)],
            stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            print(done.stdout)
            raise SystemExit(f"round {self.number}, seed {self.seed}: the tables differ; everything is in {self.folder}")
        sh("psql", "-q", self.servers.database("postgres"), "-c", f"DROP DATABASE {database} WITH (FORCE)")
        shutil.rmtree(self.folder)

    def wait(self, seconds, what, condition):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for service in self.services:
                service.ensure()
            try:
                if condition():
                    return
            except (OSError, urllib.error.URLError):
                pass
            time.sleep(0.5)
        raise SystemExit(f"round {self.number}, seed {self.seed}: not within {seconds} s: {what}; see {self.folder}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--round-seconds", type=int, default=60, help="how long faults are injected in each round")
    parser.add_argument("--program", default=f"{ROOT}/.build/release/sessionizer")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="sessionizer-torture-")
    os.chmod(folder, 0o755)
    print(f"seed {options.seed}, in {folder}", flush=True)
    servers = Servers(folder)
    started = time.monotonic()
    faults, kinds, events, rounds, peak = Counter(), Counter(), 0, 0, 0
    services = []
    is_whole = False
    try:
        while time.monotonic() - started < options.seconds:
            one = Round(rounds, options.seed + rounds, servers, options.program, folder)
            services = []
            try:
                one.run(options.round_seconds)
            finally:
                services = getattr(one, "services", [])
            rounds += 1
            faults += one.faults
            kinds[one.kind] += 1
            events += one.events
            peak = max(peak, one.peak)
            print(f"{time.monotonic() - started:6.0f} s  round {rounds}: {one.kind}, {one.events} messages, "
                  f"{sum(one.faults.values())} faults, no difference", flush=True)
        is_whole = True
    finally:
        for service in services:
            if service.process.poll() is None:
                service.kill()
        servers.heal()
        if is_whole:
            servers.remove()
            shutil.rmtree(folder)
        else:
            print(f"left running for a look: {servers.broker_folder}, {servers.database_folder}", file=sys.stderr)
    print(f"\nseed {options.seed}: {rounds} rounds in {time.monotonic() - started:.0f} s, {events} messages, "
          f"{sum(faults.values())} faults, differences: none; peak memory of a service {peak / 1e6:.0f} MB")
    print("\n| what | times |\n|---|---|")
    for name, count in sorted(kinds.items()):
        print(f"| round: {name} | {count} |")
    for name, count in sorted(faults.items()):
        print(f"| {name} | {count} |")


if __name__ == "__main__":
    main()
