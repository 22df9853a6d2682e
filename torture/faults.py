"""What goes wrong in a round: a function for each, found by its name.

A fault takes the round, injects itself, and ends when what it did is over, but for what the service has to recover from.
It may return words that say which form it took; the table counts each form by itself. Where it hit nobody, it is not counted.
"""
import collections
import functools
import signal
import time

Fault = collections.namedtuple("Fault", "action weight kinds disk needs")
FAULTS = {}
# What a fault returns that found nobody whom it could have hit.
NOBODY = object()


def fault(name, weight=1, kinds=None, disk=None, needs=None):
    """weight: how often, beside the others. kinds: of the rounds that can have it, where not all can. disk: the small
    one it takes. needs: the option that brings what it fails."""
    def register(action):
        FAULTS[name] = Fault(action, weight, kinds, disk, needs)
        return action
    return register


def kinds_with(name, kinds):
    """Those of the kinds of rounds that can have a fault."""
    return {kind: weight for kind, weight in kinds.items() if FAULTS[name].kinds is None or kind in FAULTS[name].kinds}


def inject(one, only=None):
    """Chooses one and lets it happen; counts it."""
    fit = {name: f.weight for name, f in FAULTS.items()
           if only in (None, name) and (f.kinds is None or one.kind in f.kinds) and f.disk in (None, *one.servers.disks)
           and f.needs in one.servers.offers}
    name = one.random.choices(list(fit), weights=fit.values())[0]
    form = FAULTS[name].action(one)
    if form is NOBODY:
        print(f"{name}: nobody there", flush=True)
        return
    one.faults[f"{name}: {form}" if form else name] += 1


# Services

@fault("service killed", weight=2)
def service_killed(one):
    service = one.any_service()
    service.kill()
    service.start()


@fault("service killed at a marked point", weight=2)
def service_killed_at_a_mark(one):
    service, point = one.any_service(), one.random.choice(["taken", "applied", "committed", "acknowledged"])
    service.kill()
    service.start(kill_at=f"{point}:{one.random.randint(0, 5)}")
    time.sleep(one.pause())
    service.ensure()
    return point


@fault("service frozen")
def service_frozen(one):
    service = one.any_service()
    service.process.send_signal(signal.SIGSTOP)
    time.sleep(one.random.uniform(1, 15))
    service.process.send_signal(signal.SIGCONT)


@fault("service stopped in order")
def service_stopped(one):
    service = one.any_service()
    one.stop(service)
    service.start()


@fault("stream rewound to its start", weight=2, kinds=["stream"])
def stream_rewound(one):
    def first_batches():
        return int(one.sql("SELECT count(*) FROM sessionizer.ingestion_batches WHERE first_offset = 0"))
    service = one.any_service()
    one.wait(60, "the stream's first message is committed", lambda: first_batches() > 0)
    one.stop(service)
    before = first_batches()
    service.start("--from-offset", "first")
    one.wait(60, "the stream's first message is committed once more", lambda: first_batches() > before)


# The broker

@fault("broker restarted")
def broker_restarted(one, how="stop"):
    one.servers.stop_broker(how)
    time.sleep(one.pause() / 4)
    one.servers.start_broker()


@fault("broker killed")
def broker_killed(one):
    broker_restarted(one, "kill")


@fault("exchange numbered anew", weight=2, kinds=["eight partitions"])
def exchange_numbered_anew(one):
    one.servers.bind_anew(one.any_queue(), one.queue)


@fault("queue deleted")
def queue_deleted(one):
    """The service, cancelled, declares it anew; what was lost with it is published once more. A stream's offsets begin anew."""
    queue, exchange = one.any_queue(), one.queue if one.kind == "eight partitions" else None
    one.servers.delete_queue(queue)
    one.wait(60, "the queue is declared anew", lambda: one.servers.has_queue(queue, exchange))
    # RabbitMQ 3.10.8 may forget to elect a leader for a quorum queue whose node is killed within its first second.
    time.sleep(2)
    one.publish_anew()


# One node of the broker's cluster; the others go on

def any_node(one):
    return one.random.randrange(len(one.servers.broker_addresses))


@fault("node restarted", weight=3, needs="nodes")
def node_restarted(one, how="stop"):
    node = any_node(one)
    one.servers.stop_node(node, how)
    time.sleep(one.pause())
    one.servers.start_node(node)


@fault("node killed", weight=3, needs="nodes")
def node_killed(one):
    node_restarted(one, "kill")


@fault("node frozen", weight=3, needs="nodes")
def node_frozen(one):
    """At times so long that the others take it for gone."""
    seconds = one.random.choice([3, 30])
    was_parted = one.servers.freeze_node(any_node(one), seconds)
    return f"{seconds} s, and restarted" if was_parted else f"{seconds} s"


@fault("each node restarted in turn", needs="nodes")
def nodes_restarted(one):
    for node in range(len(one.servers.broker_addresses)):
        one.servers.stop_node(node, "stop")
        one.servers.start_node(node)


# The database

@fault("database restarted")
def database_restarted(one, how="stop"):
    one.servers.stop_database(how)
    time.sleep(one.pause())
    one.servers.start_database()


@fault("database killed")
def database_killed(one):
    database_restarted(one, "kill")


@fault("database failed over", weight=4, needs="standby")
def database_failed_over(one):
    one.servers.fail_over()


@fault("database frozen")
def database_frozen(one):
    with one.servers.database_frozen():
        time.sleep(60 if one.random.random() < 0.1 else one.pause())


def disk_full(one, name, while_full=lambda: None):
    """Full until the database has complained of it, and for some seconds more; whether it has, and whether it ended."""
    disk, servers = one.servers.disks[name], one.servers
    before, ended_before = servers.complaints()
    give_up, until = time.monotonic() + 20, None
    while time.monotonic() < (until or give_up):
        disk.fill()
        while_full()
        if until is None and servers.complaints()[0] > before:
            until = time.monotonic() + one.pause()
        time.sleep(0.1)
    complaints, ended = servers.complaints()
    disk.empty()
    servers.revive_database()
    return complaints > before, ended > ended_before


@fault("database disk full", disk="tables")
def tables_full(one):
    refused, _ = disk_full(one, "tables")
    return "rows refused" if refused else "not noticed"


@fault("disk of the database's log full", disk="log")
def log_full(one):
    # What is there already is used again: something has to make it longer.
    refused, ended = disk_full(one, "log", one.servers.lengthen_log)
    return "the server ended (PANIC)" if ended else "refused" if refused else "not noticed"


# The connections

def connection_fault(what):
    """One for the broker's and one for the database's; the action gets the round and the proxy."""
    def register(action):
        for place in ("broker", "database"):
            @fault(f"{place} connection {what}", needs="proxy" if place == "database" else None)
            @functools.wraps(action)
            def on_connection(one, place=place):
                proxies = {"broker": one.servers.broker_proxies, "database": one.servers.database_proxies}
                # Of several nodes not each is connected to: a fault of a connection that is not there would hit nobody.
                used = [proxy for proxy in proxies[place] if proxy.is_used]
                return action(one, one.random.choice(used)) if used else NOBODY
        return action
    return register


@connection_fault("cut")
def connection_cut(one, proxy):
    proxy.cut()


@connection_fault("cut in a frame")
def connection_cut_in_a_frame(one, proxy):
    proxy.cut_in_frame = True


@connection_fault("stalled")
def connection_stalled(one, proxy):
    proxy.stall("requests", "answers")
    time.sleep(one.random.uniform(1, 20))
    proxy.heal()


@connection_fault("half open")
def connection_half_open(one, proxy):
    way = one.random.choice(["requests", "answers"])
    proxy.stall(way)
    time.sleep(one.random.uniform(1, 20))
    proxy.heal()
    return f"no {way} pass"


@connection_fault("slow")
def connection_slow(one, proxy):
    if narrow := one.random.random() < 0.5:
        proxy.slow(bytes_per_second=one.random.uniform(20_000, 100_000))
    else:
        proxy.slow(delay=one.random.uniform(0.05, 0.2))
    time.sleep(one.random.uniform(3, 15))
    proxy.heal()
    return "20 to 100 kB/s" if narrow else "50 to 200 ms each way"
