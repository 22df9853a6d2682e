"""A RabbitMQ and a PostgreSQL of one's own, what fails about them, and the service between them."""
import base64
import contextlib
import glob
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from proxy import Proxy

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
SCRIPTS = os.path.join(ROOT, "deploy", "scripts")


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


class Disk:
    """A small file system in memory that can be filled up."""

    def __init__(self, folder, megabytes):
        """Mounts it, which takes root and is not allowed everywhere: OSError then."""
        self.folder = folder
        os.mkdir(folder)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", folder],
                              stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            os.rmdir(folder)
            raise OSError((done.stderr.strip() or f"mount: exit {done.returncode}").splitlines()[0])

    def fill(self):
        """Takes all room there is now; called again, what has become free since."""
        with open(f"{self.folder}/filling", "ab", buffering=0) as file:
            for block in (bytes(1 << 20), bytes(4096)):
                with contextlib.suppress(OSError):
                    while file.write(block) == len(block):
                        pass

    def empty(self):
        with contextlib.suppress(FileNotFoundError):
            os.remove(f"{self.folder}/filling")

    def remove(self):
        sh("umount", self.folder)
        os.rmdir(self.folder)


class Servers:
    """A broker and a database of the run's own, each behind a proxy."""

    # What faults may need of them.
    offers = {None, "proxy"}

    def __init__(self, folder, small_disks=False):
        """small_disks: the tables of each round, and the database's log, on file systems of their own that can be filled;
        where they may not be mounted, `disks` is empty and `why_no_disks` says why."""
        self.broker_folder, self.database_folder = f"{folder}/broker", f"{folder}/database"
        self.disks, self.why_no_disks = {}, None
        self.broker_proxies, self.database_proxies = [], []
        self.database_options = "-c synchronous_commit=off"
        try:
            self.start(folder, small_disks)
        except BaseException:
            self.remove()
            raise

    def start(self, folder, small_disks):
        self.start_broker()
        self.have_streams_written_down()
        self.start_database()
        if small_disks:
            self.use_small_disks(folder)
        for url in self.broker_addresses:
            host, port = url.rsplit("@", 1)[1].split(":")
            self.broker_proxies.append(Proxy((host, int(port))))
        self.start_database_proxy(folder)

    def start_database_proxy(self, folder):
        self.socket_folder = f"{folder}/socket"
        os.mkdir(self.socket_folder)
        name = next(n for n in os.listdir(self.database_folder) if n.startswith(".s.PGSQL.") and not n.endswith(".lock"))
        self.database_proxies = [Proxy(f"{self.database_folder}/{name}", f"{self.socket_folder}/{name}")]

    # The broker

    @property
    def broker_addresses(self):
        return [self.amqp]

    def proxied_amqp(self, by_chance):
        """Each of its addresses, behind its proxy; which is tried first is left to chance."""
        urls = [f"amqp://guest:guest@127.0.0.1:{proxy.port}?heartbeat=5" for proxy in self.broker_proxies]
        return ",".join(by_chance.sample(urls, len(urls)))

    def start_broker(self):
        out = sh(f"{SCRIPTS}/private-rabbitmq.sh", "start", self.broker_folder)
        self.amqp, self.management = out.split()[-2:]

    def stop_broker(self, how):
        sh(f"{SCRIPTS}/private-rabbitmq.sh", how, self.broker_folder)

    @property
    def nodes_folders(self):
        return [self.broker_folder]

    def have_streams_written_down(self):
        """A node writes down up to a second after its first stream that it has any. Killed before that, it has lost that
        stream for ever, and it is not the service that could help: so the first one is none of the rounds'."""
        path = "/api/queues/%2f/before-the-rounds"
        self.ask("PUT", path, b'{"durable":true,"arguments":{"x-queue-type":"stream"}}')
        end = time.monotonic() + 60
        while not all(map(self.knows_its_streams, self.nodes_folders)):
            if time.monotonic() > end:
                raise SystemExit("not within 60 s: each node of the broker has written down that it has streams")
            time.sleep(0.1)
        self.ask("DELETE", path)

    @staticmethod
    def knows_its_streams(folder):
        files = glob.glob(f"{folder}/mnesia/*/coordination/*/names.dets")
        return any(b"rabbit_stream_coordinator" in pathlib.Path(name).read_bytes() for name in files)

    def remove_broker(self):
        if os.path.exists(self.broker_folder):
            self.stop_broker("stop")

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

    def delete_queue(self, queue):
        self.ask("DELETE", f"/api/queues/%2f/{queue}")

    def has_queue(self, queue, exchange=None):
        """Whether the queue is there, and bound to the exchange."""
        try:
            self.ask("GET", f"/api/queues/%2f/{queue}")
            return not exchange or json.loads(self.ask("GET", f"/api/bindings/%2f/e/{exchange}/q/{queue}")) != []
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return False
            raise

    def queues(self, stem):
        """Messages ready and unacknowledged in the queues whose names begin so."""
        return sum(q.get("messages", 0) for q in json.loads(self.ask("GET", "/api/queues"))
                   if q["name"].startswith(stem) and not q["name"].endswith(".dead"))

    def dead(self, queue):
        """Messages that the broker has put aside for having been given out too often."""
        return sum(q.get("messages", 0) for q in json.loads(self.ask("GET", "/api/queues")) if q["name"] == f"{queue}.dead")

    # The database

    def start_database(self):
        environment = dict(os.environ, PRIVATE_POSTGRES_OPTIONS=self.database_options)
        self.url = sh(f"{SCRIPTS}/private-postgres.sh", "start", self.database_folder, env=environment).split()[-1]

    def stop_database(self, how):
        sh(f"{SCRIPTS}/private-postgres.sh", how, self.database_folder)

    def revive_database(self):
        """Starts it where it has ended, or is about to."""
        end = time.monotonic() + 60
        while subprocess.run(["psql", "-q", "-X", self.database("postgres"), "-c", "SELECT 1"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, timeout=60).returncode != 0:
            if time.monotonic() > end:
                raise SystemExit(f"the database does not come back; see {self.database_folder}/server.log")
            subprocess.run([f"{SCRIPTS}/private-postgres.sh", "start", self.database_folder], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, env=dict(os.environ, PRIVATE_POSTGRES_OPTIONS=self.database_options))
            time.sleep(0.2)

    def use_small_disks(self, folder):
        """A tablespace on one, the log on another: a full one refuses rows, a full other one ends the server."""
        try:
            for name, megabytes in [("tables", 400), ("log", 300)]:
                self.disks[name] = Disk(f"{folder}/{name}", megabytes)
        except OSError as error:
            self.why_no_disks = str(error)
            for disk in self.disks.values():
                disk.remove()
            self.disks = {}
            return
        for disk in self.disks.values():
            shutil.chown(disk.folder, "postgres", "postgres")
        self.sql(f"CREATE TABLESPACE small LOCATION '{self.disks['tables'].folder}'")
        self.stop_database("stop")
        log, place = f"{self.database_folder}/data/pg_wal", f"{self.disks['log'].folder}/pg_wal"
        sh("cp", "-a", log, place)
        shutil.rmtree(log)
        os.symlink(place, log)
        # Small steps of the log, so that it fits on the disk.
        self.database_options += " -c max_wal_size=64MB -c min_wal_size=32MB"
        self.start_database()

    def complaints(self):
        """How often the database has said so far that a disk is full, and that it ends for it."""
        with open(f"{self.database_folder}/server.log", encoding="utf-8", errors="replace") as file:
            lines = [line for line in file if "No space left on device" in line]
        return len(lines), sum("PANIC" in line for line in lines)

    def sql(self, text, database="postgres"):
        return sh("psql", "-q", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.database(database), "-c", text)

    def lengthen_log(self):
        """By four megabytes, where it can."""
        subprocess.run(["psql", "-q", "-X", self.database("postgres"), "-c",
                        "SELECT pg_logical_emit_message(false, 'torture', repeat('x', 4000000))"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)

    def make_database(self, name):
        self.sql(f"CREATE DATABASE {name}" + (" TABLESPACE small" if self.disks else ""))

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

    @contextlib.contextmanager
    def database_frozen(self):
        frozen = []
        try:
            for pid in self.database_processes():
                # One that ends connections may be gone by now.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
                    frozen.append(pid)
            yield
        finally:
            for pid in frozen:
                # One that had ended when it was stopped is gone as soon as the first goes on and looks after it.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    # Both

    def heal(self):
        for proxy in self.broker_proxies + self.database_proxies:
            proxy.heal()
        for disk in self.disks.values():
            disk.empty()

    def remove(self):
        """Each goes, also where one before it does not end."""
        with contextlib.ExitStack() as rest:
            for disk in self.disks.values():
                rest.callback(disk.remove)
            rest.callback(self.remove_database)
            self.remove_broker()

    def remove_database(self):
        if os.path.exists(self.database_folder):
            sh(f"{SCRIPTS}/private-postgres.sh", "remove", self.database_folder)


class Service:
    """One replica, started again whenever it has ended."""

    def __init__(self, number, program, options, folder, resident=None):
        """resident: of how many entities its memory may know; None: as by default."""
        self.number, self.program, self.options, self.folder = number, program, options, folder
        self.environment = {"SESSIONIZER_MAX_RESIDENT_ENTITIES": str(resident)} if resident else {}
        self.port = free_port()
        self.process = None
        self.start()

    def start(self, *more, kill_at=None):
        """more: options of this one start."""
        environment = dict(os.environ, SESSIONIZER_LEASE_SECONDS="4", **self.environment)
        if kill_at:
            environment["SESSIONIZER_TEST_KILL_AT"] = kill_at
        with open(f"{self.folder}/service{self.number}.log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [self.program, "serve", "--http", f"127.0.0.1:{self.port}", *self.options, *more], stderr=log,
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
