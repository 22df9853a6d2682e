"""A cluster of RabbitMQ nodes of one's own, of which each can fail while the others go on."""
import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.error

from servers import SCRIPTS, Servers, sh

# Nodes that lose sight of most others pause, so that no two halves of the cluster go on by themselves; and they miss one
# another after seconds, not after the minute that is the default, so that a frozen node comes back into a cluster without it.
SETTINGS = "cluster_partition_handling = pause_minority\nnet_ticktime = 8\n"


class Cluster(Servers):
    """Instead of one broker several nodes, each behind a proxy; the database as before."""

    offers = {None, "proxy", "nodes"}

    def __init__(self, folder, nodes, small_disks=False):
        self.node_folders = [f"{folder}/broker{number}" for number in range(nodes)]
        extra = f"{folder}/cluster.conf"
        with open(extra, "w", encoding="ascii") as file:
            file.write(SETTINGS)
        self.environment = dict(os.environ, RABBITMQ_CONF_EXTRA=extra)
        self.down = set(range(nodes))
        self.addresses, self.managements = {}, {}
        super().__init__(folder, small_disks)

    @property
    def nodes_folders(self):
        return self.node_folders

    def start_broker(self):
        """All nodes that are down: the first time one after the other, for the later ones join the first; then at once, for
        a node that was not the last to end waits for those that ended after it."""
        if self.addresses:
            self.start_nodes(sorted(self.down))
        else:
            for node in range(len(self.node_folders)):
                self.start_node(node)

    def start_node(self, node):
        self.start_nodes([node])

    def start_nodes(self, nodes):
        """At once. Where that is interrupted, no start goes on by itself: nobody would end what it starts."""
        starting = {}
        try:
            for node in nodes:
                starting[node] = self.begin_start(node)
            for node, one in starting.items():
                self.has_started(node, one)
        finally:
            for one in starting.values():
                if one.poll() is None:
                    one.terminate()
            for one in starting.values():
                one.wait()
                one.stdout.close()

    def begin_start(self, node):
        joined = {"PRIVATE_RABBITMQ_JOIN": self.node_folders[0]} if node > 0 else {}
        return subprocess.Popen([f"{SCRIPTS}/private-rabbitmq.sh", "start", self.node_folders[node]],
                                stdout=subprocess.PIPE, text=True, env=self.environment | joined)

    def has_started(self, node, starting):
        out = starting.stdout.read()
        if starting.wait() != 0:
            raise SystemExit(f"node {node} did not start; see {self.node_folders[node]}/log")
        self.addresses[node], self.managements[node] = out.split()[-2:]
        self.down.discard(node)

    def stop_broker(self, how):
        ending = [subprocess.Popen([f"{SCRIPTS}/private-rabbitmq.sh", how, folder])
                  for folder in self.node_folders if os.path.exists(folder)]
        if any([one.wait() for one in ending]):
            raise SystemExit(f"{how}: a node of the cluster did not end")
        self.down = set(range(len(self.node_folders)))

    def remove_broker(self):
        self.stop_broker("stop")

    def stop_node(self, node, how):
        sh(f"{SCRIPTS}/private-rabbitmq.sh", how, self.node_folders[node])
        self.down.add(node)

    def freeze_node(self, node, seconds):
        """Whether it was cut off meanwhile, and had to be restarted.

        RabbitMQ does not mend that by itself: a process that was stopped sees the others go and come back in one moment, and
        does not pause. Its share of the cluster's own tables then is another than theirs, until someone restarts it."""
        with open(f"{self.node_folders[node]}/pids/beam", encoding="ascii") as file:
            pid = int(file.read())
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)
        if not self.is_parted():
            return False
        self.stop_node(node, "stop")
        self.start_node(node)
        if self.is_parted():
            raise SystemExit("the cluster is parted, though its frozen node was restarted")
        return True

    def is_parted(self):
        """Whether some node says that it has lost others, once all have had time to notice."""
        end = time.monotonic() + 20
        while True:
            time.sleep(3)
            with contextlib.suppress(OSError):
                nodes = json.loads(self.ask("GET", "/api/nodes"))
                if any(node.get("partitions") for node in nodes):
                    return True
                if all(node.get("running") for node in nodes):
                    return False
            if time.monotonic() > end:
                return True

    @property
    def amqp(self):
        """All nodes, as `publish` is told of them."""
        return ",".join(self.addresses.values())

    @property
    def broker_addresses(self):
        return list(self.addresses.values())

    def ask(self, method, path, body=None):
        """Of the first node that answers."""
        for node, self.management in self.managements.items():
            try:
                return super().ask(method, path, body)
            except urllib.error.HTTPError:
                raise
            except OSError:
                if node == max(self.managements):
                    raise
        raise AssertionError("a cluster without nodes")
