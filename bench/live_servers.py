"""What bench/live.py and bench/readers.py share: broker, database and service, what is read off them, and how the parts of
a benchmark are chosen and run."""
import base64
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from postgres import BIN, ROOT, Server

RABBIT = os.path.join(ROOT, "deploy", "scripts", "private-rabbitmq.sh")
TICK = os.sysconf("SC_CLK_TCK")


def sh(*words, **extra):
    """Runs a command to its end; its standard output."""
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, timeout=3600, **extra)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}: exit {done.returncode}")
    return done.stdout


def say(text):
    print(text, file=sys.stderr, flush=True)


def cpu_of(pid):
    """Seconds of processor of a process so far."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


class Broker:
    """A RabbitMQ in a folder of its own."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="sessionizer-bench-mq-", dir="/tmp")
        self.amqp, self.management = "", ""
        self.publisher = None
        try:
            self.amqp, self.management = sh(RABBIT, "start", self.folder).split()[-2:]
        except BaseException:
            self.remove()
            raise
        self.host, self.port = self.amqp.rsplit("@", 1)[1].split(":")

    def remove(self):
        if self.publisher and self.publisher.poll() is None:
            self.publisher.kill()
            self.publisher.wait()
        subprocess.run([RABBIT, "stop", self.folder], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def cpu(self):
        with open(f"{self.folder}/pids/beam") as file:
            return cpu_of(int(file.read()))

    def delete(self, queue):
        user = base64.b64encode(b"guest:guest").decode()
        request = urllib.request.Request(
            f"http://{self.host}:{self.management.rsplit(':', 1)[1]}/api/queues/%2f/{queue}", method="DELETE",
            headers={"Authorization": f"Basic {user}"})
        urllib.request.urlopen(request, timeout=30).close()

    def publish(self, path, queue, *more, rate=None, wait=True, declare=True):
        """Publishes an archive; how many messages, where it is waited for. more: options of `publish`."""
        words = [f"{BIN}/sessionizer", "publish", path, "--amqp", self.amqp, "--queue", queue, "--format", "json", *more]
        words += (["--declare"] if declare else []) + (["--rate", str(rate)] if rate else [])
        self.publisher = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return published(self.publisher) if wait else self.publisher


def published(process):
    out, _ = process.communicate(timeout=7200)
    if process.returncode != 0:
        sys.exit(f"publish: exit {process.returncode}")
    return json.loads(out)["published"]


class Service:
    """`sessionizer serve` from a queue into a store."""

    def __init__(self, broker, queue, store, *options):
        self.log = tempfile.TemporaryFile()
        # Port 0 would have to be found out again: one that is free now.
        self.port = int(sh(sys.executable, "-c",
                           "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])"))
        self.started = time.time()
        self.process = subprocess.Popen(
            [f"{BIN}/sessionizer", "serve", "--amqp", broker.amqp, "--queue", queue, "--declare", "--store", store,
             "--http", f"127.0.0.1:{self.port}", *options], stderr=self.log)

    def metrics(self):
        """Each series and its value; none while it does not answer yet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return {}
        return {name: float(value) for name, value in
                (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))}

    def is_ready(self):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5).close()
        except OSError:
            return False
        return True

    def wait(self, what, condition, seconds, every=0.05):
        """Waits until its metrics fulfil a condition; the metrics."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                sys.exit(f"the service ended with {self.process.returncode} while waited for {what}:\n{self.tail()}")
            found = self.metrics()
            if found and condition(found):
                return found
            time.sleep(every)
        sys.exit(f"not within {seconds} s: {what}\n{self.tail()}")

    def tail(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-2000:]

    def cpu(self):
        return cpu_of(self.process.pid)

    def memory(self):
        """The resident set in MB."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024

    def end(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


def event_line(name, at, key, fields):
    """An event as JSON. at: seconds since 1970. fields: as they stand in it."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    return f'{{"event":"{name}","timestamp":"{stamp}","event_id":"{key}",{fields}}}\n'


class Bench:
    """What measures with them: one service at a time, and a folder for files."""

    def __init__(self, options, scratch, broker, database):
        self.options, self.scratch, self.broker, self.database = options, scratch, broker, database
        self.service = None

    def stop(self, how=signal.SIGTERM):
        if self.service:
            self.service.end(how)
        self.service = None


def parts_of(parser, options, known):
    """What --parts names."""
    parts = [part for part in options.parts.split(",") if part]
    if unknown := [part for part in parts if part not in known]:
        parser.error(f"--parts {','.join(unknown)}: expected some of {','.join(known)}")
    return parts


@contextlib.contextmanager
def begun(bench, options, with_servers=True, durable=False):
    """A bench with a broker and a database of its own, or with neither; all that was started ends with it."""
    # So that it ends with us when we are told to.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with contextlib.ExitStack() as ends:
        scratch = tempfile.mkdtemp(prefix="sessionizer-bench-")
        ends.callback(shutil.rmtree, scratch, ignore_errors=True)
        os.chmod(scratch, 0o755)
        broker = database = None
        if with_servers:
            broker = Broker()
            ends.callback(broker.remove)
            database = Server(durable)
            ends.callback(database.remove)
        one = bench(options, scratch, broker, database)
        ends.callback(one.stop)
        yield one


@contextlib.contextmanager
def section(title):
    """Around the figures of one part."""
    print(f"\n## {title}\n", flush=True)
    yield
    print(f"\nload average of the machine at the end: {os.getloadavg()[0]:.1f}", flush=True)


class Oversleep:
    """How much longer than 10 ms the machine lets a thread sleep that asks for so much: the part of a delay that is
    other work's on the same cores."""

    def __init__(self):
        self.found, self.ends = [], threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ends.is_set():
            start = time.monotonic()
            time.sleep(0.01)
            self.found.append(time.monotonic() - start - 0.01)

    def end(self):
        """Seconds that 99 of a hundred sleeps were not over."""
        self.ends.set()
        self.thread.join()
        return statistics.quantiles(self.found, n=100)[98]


def settled(metrics):
    """Messages that have an outcome, that is: were committed."""
    return sum(v for k, v in metrics.items() if k.startswith("sessionizer_messages_total{"))


def lags(metrics, before):
    """The histogram of the lag behind publishing since an earlier scrape: (bound, how many up to it), ascending."""
    prefix = 'sessionizer_publish_lag_seconds_bucket{transport="amqp",le="'
    return sorted((float(k[len(prefix):-2]), v - before.get(k, 0)) for k, v in metrics.items() if k.startswith(prefix))


def last_commit(metrics):
    return metrics['sessionizer_last_commit_timestamp_seconds{transport="amqp"}']


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def spread(runs, key):
    values = [run[key] for run in runs]
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def quantile(bins, share):
    """By linear interpolation within a bin, like `histogram_quantile` of Prometheus."""
    rank, lower, before = share * bins[-1][1], 0.0, 0.0
    for bound, count in bins:
        if count >= rank:
            if bound == float("inf"):
                return lower
            return lower + (bound - lower) * (rank - before) / max(count - before, 1)
        lower, before = bound, count
    return lower
