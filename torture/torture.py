#!/usr/bin/env python3
"""Lets the live service suffer for as long as it is told, and asks after each round whether the tables are right.

    make torture SECONDS=3600 SEED=1
    make torture SECONDS=3600 SEED=1 NODES=3
    torture/torture.py --seconds 600 --standby

Each round simulates an archive (late, repeated, broken lines), publishes it to a real RabbitMQ while one service, or
three that share eight partitions, or one that reads a stream, consumes it into a real PostgreSQL; meanwhile services,
broker, database and the connections between them fail at random. Then everything is healed, the queues are drained, and
`sessionizer verify` compares every table with a plain replay of the same archive, row by row; what was no event is compared,
too. The first difference ends the run with exit 1, and leaves all that is needed to look into it.
"""
import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter

from cluster import Cluster
from faults import FAULTS, kinds_with
from pair import Pair
from rounds import KINDS, Round
from servers import ROOT, Servers


class Tally:
    """What came of all rounds."""

    def __init__(self):
        self.started = time.monotonic()
        self.rounds, self.events, self.rejected, self.peak = 0, 0, 0, 0
        self.kinds, self.faults = Counter(), Counter()

    def seconds(self):
        return time.monotonic() - self.started

    def add(self, one):
        self.rounds += 1
        self.events += one.events
        self.rejected += one.rejected
        self.peak = max(self.peak, one.peak)
        self.kinds[f"round: {one.kind}"] += 1
        self.faults += one.faults
        print(f"{self.seconds():6.0f} s  round {self.rounds}: {one.kind}, {one.events} messages, "
              f"{one.faults.total()} faults, no difference; {one.peak / 1e6:.0f} MB, {one.resident or 'as many as by default'} entities",
              flush=True)

    def tell(self, seed):
        print(f"\nseed {seed}: {self.rounds} rounds in {self.seconds():.0f} s, {self.events} messages, {self.rejected} of them "
              f"no events, {self.faults.total()} faults, differences: none; peak memory of a service {self.peak / 1e6:.0f} MB")
        print("\n| what | times |\n|---|---|")
        for name, count in sorted(self.kinds.items()) + sorted(self.faults.items()):
            print(f"| {name} | {count} |")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="faults: " + "; ".join(FAULTS) + ".\nkinds: " + "; ".join(KINDS) + ".")
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--round-seconds", type=int, default=60, help="how long faults are injected in each round")
    parser.add_argument("--only", choices=FAULTS, metavar="FAULT", help="no other fault than this one")
    parser.add_argument("--kind", choices=KINDS, metavar="KIND", help="no other rounds than such")
    parser.add_argument("--nodes", type=int, default=1, choices=range(1, 8), metavar="N",
                        help="of how many nodes the broker is; of several each one fails by itself, too")
    parser.add_argument("--standby", action="store_true",
                        help="the database has a standby, which takes its place when it dies; its disks are not filled")
    parser.add_argument("--program", default=f"{ROOT}/.build/release/sessionizer")
    options = parser.parse_args()
    if options.standby and options.nodes > 1:
        parser.error("--standby and --nodes are for different runs")
    kind = Pair if options.standby else Cluster if options.nodes > 1 else Servers
    if options.only and FAULTS[options.only].needs not in kind.offers:
        parser.error(f"--only '{options.only}': that takes --standby, or --nodes 2 or more, or neither")
    if options.only and FAULTS[options.only].disk and kind is Pair:
        parser.error(f"--only '{options.only}' is not for --standby")
    if options.only and options.kind and options.kind not in kinds_with(options.only, KINDS):
        parser.error(f"--kind {options.kind} cannot have the fault {options.only}")
    # Both end what was started; a failure leaves it for a look.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = tempfile.mkdtemp(prefix="sessionizer-torture-")
    os.chmod(folder, 0o755)
    print(f"seed {options.seed}, in {folder}", flush=True)
    try:
        if kind is Pair:
            servers = Pair(folder)
        elif kind is Cluster:
            servers = Cluster(folder, options.nodes, small_disks=True)
        else:
            servers = Servers(folder, small_disks=True)
    except KeyboardInterrupt:
        shutil.rmtree(folder)
        sys.exit("interrupted")
    if servers.why_no_disks:
        print(f"no disk will be full, a small one cannot be mounted here: {servers.why_no_disks}", flush=True)
        if options.only and FAULTS[options.only].disk:
            servers.remove()
            shutil.rmtree(folder)
            sys.exit(f"--only '{options.only}' is not possible here")
    tally, is_for_a_look, one = Tally(), True, None
    try:
        while tally.seconds() < options.seconds:
            one = Round(tally.rounds, options.seed + tally.rounds, servers, options.program, folder, options.kind,
                        options.only)
            one.run(options.round_seconds)
            tally.add(one)
        is_for_a_look = False
    except KeyboardInterrupt:
        is_for_a_look = False
        sys.exit("interrupted")
    finally:
        if one:
            one.end()
        servers.heal()
        if not is_for_a_look:
            servers.remove()
            shutil.rmtree(folder)
        else:
            print(f"left running for a look: the servers in {folder}", file=sys.stderr)
            for disk in servers.disks.values():
                print(f"left mounted: {disk.folder}", file=sys.stderr)
    tally.tell(options.seed)


if __name__ == "__main__":
    main()
