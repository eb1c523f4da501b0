"""Interleaved rounds over HTTP: the CPU time of a worker per request, requests per second, medians, noise.

All subjects run all the time, each in one worker of a granian of its own with the same threads, all workers on one
core; the store, wrk and the rest have the others. One subject is asked at a time, in an order that turns each round.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import orjson

from adengine.bench.served import process, wrk
from adengine.bench.served.figures import AGAIN, BEACON, FAST, STOCK, Catalogue, Row, document, fill_of
from adengine.bench.served.limits import STORE
from adengine.bench.served.probe import Move, edited
from adengine.bench.served.server import HOST, Server, environ, free_port, python
from adengine.bench.served.stage import BODIES, Progress, Stage, staged
from adengine.bench.served.wrk import Found, Requests
from adengine.errors import Unsafe
from adengine.wiring import shelf_of

CONNECTIONS = 16
ALONE_S = 1.0
"""How long each subject is asked over one connection, a round."""
WARM_ROUNDS = 3.0
"""How much longer than a round each subject is asked beforehand."""
EDITS = 5
WORKERS = 2
"""That an edit must reach."""
LOOK_S = 0.005
US = 1e6


class Subject:
    """One thing that is measured: a server, and what is sent to it."""

    def __init__(self, name: str, server: Server, requests: Requests, store_pid: int) -> None:
        self.name = name
        self.row = Row()
        self._server = server
        self._requests = requests
        self._store_pid = store_pid
        self._sent = 0

    def warm(self, seconds: float) -> None:
        self._run(self._requests, CONNECTIONS, seconds)

    def measure(self, seconds: float, alone_s: float) -> None:
        """One round; with `alone_s` seconds over one connection, unless that is 0."""
        self._measure(self._requests, seconds)
        if alone_s:
            self.row.p50_c1_us.append(self._run(self._requests, 1, alone_s).p50_us)

    def _measure(self, requests: Requests, seconds: float) -> None:
        worker = self._server.worker
        before_s, store_before_s = process.cpu_s(worker), process.cpu_s(self._store_pid)
        found = self._run(requests, CONNECTIONS, seconds)
        self.row.cpu_us.append((process.cpu_s(worker) - before_s) / found.requests * US)
        self.row.store_us.append((process.cpu_s(self._store_pid) - store_before_s) / found.requests * US)
        self.row.per_s.append(found.requests / found.seconds)
        self.row.p50_us.append(found.p50_us)

    def _run(self, requests: Requests, connections: int, seconds: float) -> Found:
        begin = 0 if requests.once else self._sent
        found = wrk.run(self._server.port, requests, connections=connections, seconds=seconds, begin=begin)
        self._sent += found.requests
        return found


class Beacons(Subject):
    """Impressions of real fills, each used once; prepared before every round."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(BEACON, stage.server, stage.pages, stage.store_pid)
        self._stage = stage
        self._per_s = 4_000.0

    def measure(self, seconds: float, alone_s: float) -> None:
        del alone_s
        self._measure(self._stage.beacons(int(self._per_s * seconds * 1.1)), seconds)
        self._per_s = self.row.per_s[-1]


def run(rounds: int, seconds: float, sizes: Sequence[int], progress: Progress) -> dict[str, object]:
    """The document that `bench --json` writes.  sizes: numbers of creatives, ascending; the first is the one that
    beacons are measured at. Raises `Unsafe` without wrk."""
    wrk.require()
    _, beside = process.cores()
    with ExitStack() as stack:
        stack.enter_context(process.on(beside))
        stages = [stack.enter_context(staged(size, progress)) for size in sizes]
        subjects = [*_limits(stack, stages[0]), *_ours(stages)]
        _measure(subjects, rounds, seconds, progress)
        rows = {subject.name: subject.row for subject in subjects}
        catalogue = _catalogue(stages[-1], WARM_ROUNDS * seconds, progress)
    return document(rows, sizes, catalogue, _machine(rounds, seconds))


def _limits(stack: ExitStack, stage: Stage) -> list[Subject]:
    """LIMIT-STOCK, LIMIT-FAST, and the first once more, on the store of `stage`."""
    worker, _ = process.cores()
    bodies = _decisions(stage.given.data_dir)
    found = {}
    for name, app in ((STOCK, "stock"), (FAST, "fast")):
        port = free_port()
        arguments = ("adengine.bench.served.limits", app, HOST, str(port), str(stage.given.threads))
        server = Server(python(name, arguments, environ(**{STORE: stage.given.redis_url})), port)
        stack.callback(server.stop)
        server.start(worker, "/" if app == "stock" else None)
        found[name] = (server, bodies, stage.store_pid)
    return [Subject(STOCK, *found[STOCK]), Subject(FAST, *found[FAST]), Subject(AGAIN, *found[STOCK])]


def _ours(stages: Sequence[Stage]) -> list[Subject]:
    fills = [Subject(fill_of(stage.size), stage.server, stage.pages, stage.store_pid) for stage in stages]
    return [*fills, Beacons(stages[0])]


def _decisions(folder: Path) -> Requests:
    """What the limits are asked: a reader and three slots."""
    path = folder / "decisions.jsonl"
    slots = [{"slot": name} for name in ("a", "b", "c")]
    bodies = (orjson.dumps({"reader": {"key": f"r{number}"}, "slots": slots}) for number in range(BODIES))
    path.write_bytes(b"\n".join(bodies) + b"\n")
    return Requests(path="/v1/decide", file=path)


def _measure(subjects: Sequence[Subject], rounds: int, seconds: float, progress: Progress) -> None:
    whole = (rounds + 1) * len(subjects)
    done = count(1)
    for subject in subjects:
        progress(f"warming {subject.name}", next(done), whole)
        subject.warm(WARM_ROUNDS * seconds)
    for number in range(rounds):
        for subject in subjects if number % 2 == 0 else reversed(subjects):
            progress(f"round {number + 1}: {subject.name}", next(done), whole)
            subject.measure(seconds, ALONE_S)


def _catalogue(stage: Stage, warm_s: float, progress: Progress) -> Catalogue:
    """Edits of the largest book, seen through two workers."""
    shelf = shelf_of(stage.given)
    server = stage.web(WORKERS)
    server.start(process.cores()[0] | process.cores()[1], "/readyz")
    try:
        wrk.run(server.port, stage.pages, connections=CONNECTIONS, seconds=warm_s)
        worker_mb = max(process.own_mb(pid, stage.given.data_dir) for pid in server.workers())
        took = []
        for done in range(EDITS):
            progress("editing", done, EDITS)
            took.append(edited(server, shelf, stage.probe, stage.keys))
        restart_s = _restart(stage, server)
    finally:
        server.stop()
    current = shelf.current()
    assert current is not None
    return Catalogue(
        rebuild_s=statistics.median(edit.compiled_s for edit in took),
        edit_visible_s=statistics.median(edit.seen_s for edit in took),
        restart_s=restart_s,
        first_s=stage.first_s,
        index_mb=shelf.size(current) / 2**20,
        worker_mb=worker_mb,
    )


def _restart(stage: Stage, server: Server) -> float:
    """From a compiler's start, behind an edit that was made while none ran, until that edit is on the shelf."""
    shelf = shelf_of(stage.given)
    stage.compiler.stop()
    desk = server.connect()
    Move(desk, stage.probe, stage.keys["manage"])()
    desk.close()
    stamp = shelf.stamp()
    began_s = time.monotonic()
    stage.compiler.start()
    while shelf.stamp() == stamp:
        if not stage.compiler.alive():
            raise Unsafe("the compiler does not start again; what it said stands above")
        time.sleep(LOOK_S)
    return time.monotonic() - began_s


def _machine(rounds: int, seconds: float) -> str:
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, over HTTP, "
        f"{rounds} rounds of {seconds:g} s, {CONNECTIONS} connections"
    )
