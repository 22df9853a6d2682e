"""A round of the torture: an archive, one service or several on a queue, faults, and the question whether the tables are right."""
import contextlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import time
import urllib.error
import zlib
from collections import Counter

import faults
from servers import Service, sh

KEYS = ["delivery_id", "demand_id", "trip_id", "quote_id", "offer_id", "robot_id", "pilot_id", "event_id"]
MARKETS = 8
# What a service reads from, and how often beside the others.
KINDS = {"quorum queue": 2, "classic queue": 1, "eight partitions": 2, "stream": 2}


class Round:
    def __init__(self, number, seed, servers, program, folder, kind=None, only=None):
        """kind: where not a random one. only: the one fault."""
        self.random = random.Random(seed)
        self.number, self.seed, self.servers, self.program = number, seed, servers, program
        self.folder = f"{folder}/round{number}"
        os.mkdir(self.folder)
        self.only = only
        kinds = {kind: KINDS[kind]} if kind else faults.kinds_with(only, KINDS) if only else KINDS
        self.kind = self.random.choices(list(kinds), weights=kinds.values())[0]
        self.queue, self.database = f"torture{number}", f"round{number}"
        self.faults = Counter()
        self.services, self.publishers = [], []
        self.events, self.rejected = 0, 0
        self.peak = 0
        self.resident = None
        self.end_of_faults = 0

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
        # Poison between good ones, and sometimes thousands in a row. Each is another, so that none can be lost unseen.
        for number in range(10):
            lines.insert(self.random.randrange(len(lines)), self.poison(number))
        if self.random.random() < 1 / 3:
            place = self.random.randrange(len(lines))
            lines[place:place] = [self.poison(10 + number) for number in range(3000)]
        os.mkdir(f"{self.folder}/archive")
        if self.kind == "eight partitions":
            for market in range(MARKETS):
                with open(f"{self.folder}/archive/market{market}.jsonl", "wb") as file:
                    for line in lines:
                        file.write(self.in_market(line, market) + b"\n")
            self.events = MARKETS * len(lines)
        else:
            with open(f"{self.folder}/archive/all.jsonl", "wb") as file:
                file.write(b"\n".join(lines) + b"\n")
            self.events = len(lines)

    def poison(self, number):
        return self.random.choice(
            [b"poison %d", b"[%d]", b'{"event":%d', b"\xff\xfe\x00%d", b'{"event":"x","number":%d}', b"%d",
             b'{"event":"x","timestamp":"soon","number":%d}']) % number

    @staticmethod
    def in_market(line, market):
        """The same with ids of another market, but for the merchants: they trade in all of them. Robots, pilots and deliveries keep
        to their market, but for one in fifty whom the next one knows too, and one event in five hundred that is mistaken."""
        def prefix(value, stray):
            at = market + stray + (zlib.crc32(f"{market} {value}".encode()) % 50 == 0)
            return f"m{at % MARKETS}-"
        def walk(value, stray):
            if isinstance(value, dict):
                return {k: (f"m{market}-" if k == "event_id" else prefix(v, stray)) + v
                        if k in KEYS and isinstance(v, str) else walk(v, stray) for k, v in value.items()}
            return [walk(v, stray) for v in value] if isinstance(value, list) else value
        try:
            event = json.loads(line)
        except ValueError:
            return line
        # Repetitions of an event are mistaken in the same way.
        known = event.get("event_id") if isinstance(event, dict) else None
        stray = zlib.crc32(known.encode() if isinstance(known, str) else line)
        return json.dumps(walk(event, stray // 500 % MARKETS if stray % 500 == 0 else 0), separators=(",", ":")).encode()

    def publish(self, rate):
        """Begins to publish the archive at so many messages a second; one publisher for each market."""
        parts, queue, more = [("all", [])], self.queue, []
        if self.kind == "eight partitions":
            parts = [(f"market{m}", ["--exchange", self.queue, "--routing-key", f"market-{m}"]) for m in range(MARKETS)]
            queue = f"{self.queue}.0"
        else:
            more = ["--queue-type", self.queue_type]
        self.publishers = [subprocess.Popen(
            [self.program, "publish", f"{self.folder}/archive/{name}.jsonl", "--amqp", self.servers.amqp, "--queue", queue,
             *more, *route, "--rate", str(rate / len(parts))],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for name, route in parts]

    def publish_anew(self):
        """The whole archive from its beginning, in what is left of the faults' time: repetitions change nothing."""
        self.end_publishers()
        self.publish(self.events / max(self.end_of_faults - time.monotonic(), 5))

    def end_publishers(self):
        for publisher in self.publishers:
            if publisher.poll() is None:
                publisher.kill()
                publisher.wait()

    # What the faults ask for

    def any_service(self):
        return self.random.choice(self.services)

    def any_queue(self):
        return f"{self.queue}.{self.random.randrange(MARKETS)}" if self.kind == "eight partitions" else self.queue

    def pause(self):
        return self.random.uniform(0.5, 8)

    def sql(self, text):
        return self.servers.sql(text, self.database)

    def stop(self, service):
        """In order, where it has not killed itself at a marked point before."""
        code = service.stop()
        if code not in (0, -9):
            self.fail(f"a service asked to stop ended with {code}")

    # A round

    @property
    def queue_type(self):
        return self.kind.split()[0] if self.kind in ("classic queue", "stream") else "quorum"

    def start_services(self):
        options = ["--queue", self.queue, "--declare", "--store", self.servers.database(self.database, proxied=True), "--prefetch",
                   str(self.random.choice([50, 500, 4000])), "--batch-max-events", str(self.random.choice([20, 300, 2000])),
                   "--queue-type", self.queue_type]
        if self.kind == "eight partitions":
            options += ["--partitions", str(MARKETS)]
        # So few in memory that most is brought back from the database all the time, or some, or as many as by default.
        self.resident = self.random.choice([50, 2000, None])
        for number in range(3 if self.kind == "eight partitions" else 1):
            broker = self.servers.proxied_amqp(self.random)
            self.services.append(Service(number, self.program, ["--amqp", broker, *options], self.folder, self.resident))
        self.wait(60, "the queue is there", lambda: any(s.metric("sessionizer_amqp_consuming") == 1 for s in self.services))

    def run(self, fault_seconds):
        self.make_archive()
        self.servers.make_database(self.database)
        sh(self.program, "migrate", "--store", self.servers.database(self.database))
        self.start_services()
        self.end_of_faults = time.monotonic() + fault_seconds
        self.publish(self.events / fault_seconds)
        while time.monotonic() < self.end_of_faults:
            time.sleep(self.random.uniform(0, 3))
            faults.inject(self, self.only)
            self.look_after_services()
        self.servers.heal()
        if any([publisher.wait() for publisher in self.publishers]):
            # It gave up while the broker was away: all of it once more.
            self.faults["published once more"] += 1
            self.publish(20000)
            if any([publisher.wait() for publisher in self.publishers]):
                self.fail("publishing failed with the broker up")
        self.look_after_services()
        if self.kind == "stream":
            self.wait_calm("the stream is read to its end", self.is_stream_read)
        else:
            self.wait_calm("the queues are drained", self.are_queues_drained)
        self.look_after_services()
        for service in self.services:
            code = service.stop()
            if code != 0:
                self.fail(f"the service ended with {code}")
        self.verify()
        self.servers.sql(f"DROP DATABASE {self.database} WITH (FORCE)")
        shutil.rmtree(self.folder)

    def verify(self):
        done = subprocess.run(
            [self.program, "verify", f"{self.folder}/archive", "--store", self.servers.database(self.database)],
            stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            print(done.stdout)
            self.fail("the tables differ")
        self.compare_rejected()

    def compare_rejected(self):
        """What is no event must be kept, with the same reason as in a plain replay. How it came is another by right."""
        plain = f"{self.folder}/plain.db"
        sh(self.program, "replay", f"{self.folder}/archive", "--store", f"sqlite:{plain}", stderr=subprocess.DEVNULL)
        with contextlib.closing(sqlite3.connect(plain)) as store:
            expected = {f"{reason}|{body.lower()}" for reason, body in store.execute(
                f"SELECT reason, hex(body) FROM rejected_events WHERE {self.BY_ITSELF}")}
        found = set(self.sql(
            f"SELECT reason, encode(body, 'hex') FROM sessionizer.rejected_events WHERE {self.BY_ITSELF}").splitlines())
        self.rejected = len(expected)
        if found != expected:
            for what, some in [("lost", expected - found), ("too many", found - expected)]:
                for one in sorted(some)[:10]:
                    print(f"{what}: {one}")
            self.fail("the rejected messages differ")

    # Not for what was known when it came: the time, and the months that are kept.
    BY_ITSELF = "reason NOT IN ('timestamp_in_future', 'before_retention')"

    def are_queues_drained(self):
        # A broker that has just come back says 0 of a queue that it has not counted yet: as long as batches come, or fewer
        # messages came than were sent, it is not believed.
        batches, received = self.sql("SELECT count(*), coalesce(sum(received), 0) FROM sessionizer.ingestion_batches").split("|")
        is_empty = self.servers.queues(self.queue) == 0 and int(received) >= self.events
        return int(batches) if is_empty else None

    def is_stream_read(self):
        # What was published at least; what the publisher could not be sure of it sent twice.
        there = self.servers.queues(self.queue)
        read = int(self.sql("SELECT coalesce(max(last_offset), -1) + 1 FROM sessionizer.source_offsets"))
        return there if read == there >= self.events else None

    def look_after_services(self):
        """Starts those that have died; notes their memory."""
        for service in self.services:
            service.ensure()
            self.peak = max(self.peak, service.metric("process_resident_memory_bytes") or 0)

    def wait(self, seconds, what, condition):
        """What the condition gave when it was fulfilled."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for service in self.services:
                service.ensure()
            try:
                if found := condition():
                    return found
            except (OSError, urllib.error.URLError):
                pass
            time.sleep(0.5)
        self.fail(f"not within {seconds} s: {what}")

    def wait_calm(self, what, condition):
        """The broker's own counts are some seconds old, after a restart more: they have to say the same for a while."""
        said = []

        def is_calm():
            said.append(condition())
            return len(said) >= 12 and said[-1] and len(set(said[-12:])) == 1
        self.wait(180, what, is_calm)

    def fail(self, why):
        raise SystemExit(f"round {self.number}, seed {self.seed}: {why}; everything is in {self.folder}")

    def end(self):
        """Ends what a round that did not come to its end has left."""
        self.end_publishers()
        for service in self.services:
            if service.process.poll() is None:
                service.kill()
