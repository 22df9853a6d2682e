#!/usr/bin/env python3
"""Freezes the database under the live service for minutes, with a deep queue before it, and looks at the memory.

    torture/hold.py --minutes 4 --messages 1000000 --consumer-timeout 60

The private broker closes a channel whose deliveries are not acknowledged within the consumer timeout (30 minutes by
default; here as many seconds as are asked for), so that the run crosses it without lasting an hour. While the database
is frozen (SIGSTOP) the queue grows on. Then the database goes on, the queue is drained, the service ends in order, and
`sessionizer verify` compares every table with a plain replay of the same archive. Exit 1 where anything is not as it
should be: a difference, more memory than `--limit-mb`, a lost connection, messages that were dead-lettered.
"""
import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from servers import ROOT, Servers, Service, sh


def resident(pid):
    """Resident bytes now, and the most there ever were."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        text = file.read()
    return tuple(int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M).group(1)) * 1024 for name in ("VmRSS", "VmHWM"))


class Hold:
    def __init__(self, options, folder):
        self.options, self.folder, self.program = options, folder, options.program
        extra = f"{folder}/extra.conf"
        with open(extra, "w", encoding="ascii") as file:
            file.write(f"consumer_timeout = {options.consumer_timeout * 1000}\n")
        os.environ["RABBITMQ_CONF_EXTRA"] = extra
        self.servers = Servers(folder)
        self.service = None
        self.frozen = []
        self.publishers = []

    def simulate(self, name, events, seed):
        # So early that it ends before now (a small fleet has 77,000 events a day, a large one more): what lies in the
        # future is no event, and is one when the tables are compared.
        start = time.strftime("%Y-%m-%d", time.gmtime(time.time() - (4 + events // 50_000) * 86_400))
        sh(self.program, "simulate", "--out", f"{self.folder}/archive/{name}", "--events", str(events), "--seed", str(seed),
           "--start-day", start, "--disorder", "0.05", "--duplicates", "0.02", stderr=subprocess.DEVNULL)

    def publish(self, name, *more):
        return subprocess.Popen(
            [self.program, "publish", f"{self.folder}/archive/{name}", "--amqp", self.servers.amqp, "--queue", "hold",
             "--queue-type", self.options.queue_type, *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait(self, seconds, what, condition):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise SystemExit(f"not within {seconds} s: {what}; everything is in {self.folder}")
            if self.service and self.service.process.poll() is not None:
                raise SystemExit(f"the service has ended with {self.service.process.returncode}; see {self.folder}")
            time.sleep(0.5)

    def figure(self, name):
        return int(self.service.metric(f"sessionizer_{name}") or 0)

    def run(self):
        options = self.options
        self.simulate("deep", options.messages, 1)
        self.simulate("later", options.messages // 10, 2)
        database = self.servers.database("hold")
        sh("psql", "-q", self.servers.database("postgres"), "-c", "CREATE DATABASE hold")
        sh(self.program, "migrate", "--store", database)
        if self.publish("deep", "--declare").wait() != 0:
            raise SystemExit("publishing failed")
        # Heartbeats every 5 s: the broker ends a connection that misses two.
        self.service = Service(
            0, self.program, ["--amqp", f"{self.servers.amqp}?heartbeat=5", "--queue", "hold", "--queue-type",
                              options.queue_type, "--store", database], self.folder)
        self.wait(120, "something is committed", lambda: self.figure("amqp_acknowledged_total") > 20_000)
        pid = self.service.process.pid
        before = resident(pid)[0]
        self.frozen = self.servers.database_processes()
        for one in self.frozen:
            os.kill(one, signal.SIGSTOP)
        # Those before it are the start's, which may take more than one on a busy machine.
        connected = self.figure("amqp_connections_total") - 1
        started = time.monotonic()
        self.publishers = [self.publish("later", "--rate", str(options.messages / 10 / (options.minutes * 30)))]
        held, ready, most, told = 0, 0, 0, started
        while time.monotonic() - started < options.minutes * 60:
            time.sleep(1)
            if self.service.process.poll() is not None:
                raise SystemExit(f"the service has ended with {self.service.process.returncode}; see {self.folder}")
            most = max(most, resident(pid)[0])
            held = max(held, self.figure("amqp_unacknowledged_messages"))
            ready = max(ready, self.figure("queue_messages_ready"))
            if time.monotonic() - told > 300:
                told = time.monotonic()
                print(f"frozen for {told - started:.0f} s: {resident(pid)[0] / 1e6:.0f} MB, {held} messages held, {ready} ready",
                      flush=True)
        closed = self.closed()
        connections = self.figure("amqp_connections_total") - connected
        acknowledged = self.figure("amqp_acknowledged_total")
        for one in self.frozen:
            os.kill(one, signal.SIGCONT)
        self.frozen = []
        seconds = time.monotonic() - started
        self.wait(120, "it commits again", lambda: self.figure("amqp_acknowledged_total") > acknowledged)
        if any(p.wait() != 0 for p in self.publishers):
            raise SystemExit("publishing failed")
        # What the management API says is up to 5 s old, and after a restart more: it has to say so for a while.
        calm = [0]

        def drained():
            calm[0] = calm[0] + 1 if self.servers.queues("hold") == 0 else 0
            return calm[0] >= 40
        self.wait(3600, "the queue is drained", drained)
        dead = self.servers.dead("hold")
        redelivered, peak = self.figure("amqp_redeliveries_total"), resident(pid)[1]
        channels = self.figure("amqp_channels_total")
        code = self.service.stop()
        if code != 0:
            raise SystemExit(f"the service ended with {code}; see {self.folder}")
        verdict = subprocess.run(
            [self.program, "verify", f"{self.folder}/archive/deep", f"{self.folder}/archive/later", "--store", database],
            stdout=subprocess.PIPE, text=True)
        print(f"{options.queue_type} queue, {ready} messages ready at most, database frozen for {seconds:.0f} s, "
              f"consumer timeout {options.consumer_timeout} s\n"
              f"held {held} messages at most; channel closed by the broker (406) {closed} times, {channels} channels, "
              f"{connections} connection(s) to the broker until the database went on, {redelivered} redeliveries\n"
              f"memory of the service: {before / 1e6:.0f} MB before, {most / 1e6:.0f} MB at most while frozen, "
              f"{peak / 1e6:.0f} MB at most in all")
        print(verdict.stdout.strip().splitlines()[-1] if verdict.returncode == 0 else verdict.stdout)
        problems = []
        if verdict.returncode != 0:
            problems.append("the tables differ")
        if most > options.limit_mb * 1e6:
            problems.append(f"more than {options.limit_mb} MB")
        if dead:
            problems.append(f"{dead} messages were dead-lettered")
        if connections != 1:
            problems.append("the connection to the broker was lost")
        if options.minutes * 60 > options.consumer_timeout + 120 and closed == 0:
            problems.append("the broker never closed the channel: the timeout was not crossed")
        return problems

    def closed(self):
        """How often the broker closed the channel for what was not acknowledged in time."""
        return self.figure('amqp_notices_total{code="precondition_failed"}')

    def end(self):
        for one in self.frozen:
            os.kill(one, signal.SIGCONT)
        for publisher in self.publishers:
            if publisher.poll() is None:
                publisher.kill()
        if self.service and self.service.process.poll() is None:
            self.service.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=4, help="how long the database is frozen")
    parser.add_argument("--messages", type=int, default=1_000_000, help="how deep the queue is, about")
    parser.add_argument("--consumer-timeout", type=int, default=60, help="seconds; RabbitMQ's default is 1800")
    parser.add_argument("--queue-type", choices=["quorum", "classic"], default="quorum")
    parser.add_argument("--limit-mb", type=int, default=400, help="more resident memory than this is a failure")
    parser.add_argument("--program", default=f"{ROOT}/.build/release/sessionizer")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="sessionizer-hold-")
    os.chmod(folder, 0o755)
    hold = Hold(options, folder)
    problems = ["it did not come to its end"]
    try:
        problems = hold.run()
    finally:
        hold.end()
        hold.servers.remove()
        if problems:
            print(f"what is left is in {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
