"""The crash loop: real fills and beacons over HTTP while workers, the consumer, Valkey and PostgreSQL are killed -9.

    python -m tests.counting.crash_loop --beacons 1000000 --kills 20 --database postgres

Every beacon is repeated until it is acknowledged, and some again after that. Then many copies of a few more impressions
are sent at once. At the end each must be counted exactly once and the audit be clean. One thing may differ: a fill
whose answer was lost with its worker was made though the page never saw it, so there may be more fills than pages saw,
never fewer. The engine's own supervisor starts again what was killed; PostgreSQL, which is not of the engine, is
started again by `tests.stores.Postgres`, as an init system would.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.counting.wire import Wire, request
from tests.eventually import eventually
from tests.live.engine import Engine
from tests.live.parts import PARTS, write_first
from tests.stores import Postgres

SLOTS = 8
"""Of one fill; each has an advertiser of its own, so each fill has as many lines."""
KINDS = (("impression_url", "POST"), ("viewable_url", "POST"), ("click_url", "GET"))
BEACONS_PER_FILL = SLOTS * len(KINDS)
THREADS = 6
ACKNOWLEDGED = (204, 302)
AGAIN_S = 0.05
STILL_S = 60
"""So long nothing must have been counted for us to believe that nothing more will be."""
LOOK_EVERY_S = 1
TOLD_EVERY_S = 30
FLOOD_FILLS = 25
"""Their lines, 200, are the impressions of which many copies are sent at once."""
VICTIMS = {
    "sqlite": ("a worker", "the consumer", "Valkey"),
    "postgres": ("a worker", "the consumer", "Valkey", "PostgreSQL"),
}
"""What is killed, by which database counts."""
METRICS = ("fills", "impressions", "viewable", "clicks")
HOLD_S = 7200
"""Longer than any run: no impression is late however often it is repeated."""
SECRET = "a secret of the crash loop, long enough 0123456789"
_DRAINED = re.compile(rb'adengine_spool_total\{outcome="drained"\} ([0-9.]+)')


@dataclass(slots=True)
class Outcome:
    database: str
    beacons: int
    """Different ones, each acknowledged."""
    copies: int = 0
    """Sent again after they were acknowledged."""
    flood: int = 0
    """Copies of a few impressions, sent at once."""
    repeated: int = 0
    """Sent again because no acknowledgement came."""
    spooled: int = 0
    """Waited on the disk and were drained."""
    kills: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    double: int = 0
    """Beacons, and for `lost` fills too, that were counted less, or more, than once."""
    audit: int = -1
    """The exit status of `python -m adengine audit`."""
    send_s: float = 0.0
    drain_s: float = 0.0
    """From the last acknowledgement until all was in the report."""

    @property
    def is_exact(self) -> bool:
        return (self.lost, self.double, self.audit) == (0, 0, 0)


def run(
    folder: Path, *, beacons: int, duplicates: float, kills: int, copies: int, database: str = "sqlite", seed: int = 1
) -> Outcome:
    """One run in `folder`; beacons: about that many, whole fills; kills: of each of `VICTIMS`; copies: of the flood."""
    with Postgres() if database == "postgres" else nullcontext() as postgres, _engine(folder, postgres) as engine:
        fills = -(-beacons // BEACONS_PER_FILL)
        outcome = Outcome(database, fills * BEACONS_PER_FILL)
        return _Run(engine, postgres, outcome, duplicates, kills, random.Random(seed)).outcome(fills, copies)


@contextmanager
def _engine(folder: Path, postgres: Postgres | None) -> Iterator[Engine]:
    environ = {"ADENGINE_HOLD_S": str(HOLD_S), "ADENGINE_WORKERS": "2", "ADENGINE_LOG_LEVEL": "warning"}
    if postgres is not None:
        environ |= {"ADENGINE_DATABASE_URL": postgres.url, "ADENGINE_SECRET_KEY": SECRET}
    engine = Engine(folder, **environ)
    if postgres is not None:
        folder.mkdir(parents=True, exist_ok=True)
        _command(engine, "db", "upgrade", check=True)
    try:
        engine.start(within_s=180)
        yield engine
    finally:
        engine.stop()


class _Run:
    def __init__(
        self, engine: Engine, postgres: Postgres | None, outcome: Outcome, duplicates: float, kills: int,
        chance: random.Random,
    ) -> None:  # fmt: skip
        self._engine = engine
        self._postgres = postgres
        self._duplicates = duplicates
        self._chance = chance
        self._outcome = outcome
        self._lock, self._turn = threading.Lock(), threading.Lock()
        self._victims = list(VICTIMS[outcome.database]) * kills
        fills = outcome.beacons // BEACONS_PER_FILL
        self._due = [n * fills // (len(self._victims) + 1) for n in range(1, len(self._victims) + 1)]
        self._sent_fills = 0
        self._began_s = self._told_s = time.monotonic()
        self._due_counts: Counter[tuple[str, str]] = Counter()
        """By flight and metric."""

    def outcome(self, fills: int, copies: int) -> Outcome:
        site = _booked(self._engine)
        outcome = self._outcome
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda number: self._page(site, number), range(fills)))
            self._flood(pool, site, copies)
        acknowledged_s = time.monotonic()
        outcome.send_s = round(acknowledged_s - self._began_s, 1)
        self._compare()
        outcome.drain_s = round(time.monotonic() - acknowledged_s, 1)
        outcome.audit = _audit(self._engine)
        outcome.spooled = _spooled(self._engine)
        return outcome

    def _page(self, site: str, number: int) -> None:
        """One fill and all its beacons, then some of them once more, in any order."""
        self._kill_if_due()
        lines = self._filled(site, number)
        beacons = [_beacon(line, part, method) for part, method in KINDS for line in lines]
        again = [beacon for beacon in beacons if self._chance.random() < self._duplicates]
        self._chance.shuffle(again)
        self._acknowledged(beacons)
        self._acknowledged(again)
        with self._lock:
            self._outcome.copies += len(again)
            self._due_counts.update((line["creative"]["flight"], metric) for line in lines for metric in METRICS)

    def _flood(self, pool: ThreadPoolExecutor, site: str, copies: int) -> None:
        """All copies of all impressions of a few pages, in any order, from all threads."""
        lines = [line for number in range(FLOOD_FILLS) for line in self._filled(site, -1 - number)]
        beacons = [_beacon(line, *KINDS[0]) for line in lines] * copies
        self._chance.shuffle(beacons)
        list(pool.map(lambda begin: self._acknowledged(beacons[begin : begin + 50]), range(0, len(beacons), 50)))
        self._outcome.flood = len(beacons)
        for line in lines:
            self._due_counts[line["creative"]["flight"], "fills"] += 1
            self._due_counts[line["creative"]["flight"], "impressions"] += bool(copies)

    def _filled(self, site: str, number: int) -> list[dict[str, Any]]:
        """All lines of a page. A degraded answer shows none of ours and bills nothing; the page asks again."""
        fill = {
            "page": {"url": f"https://{site}/{number}"},
            "reader": {"key": f"reader-{number}"},
            "slots": [{"slot": f"slot-{n}"} for n in range(SLOTS)],
        }
        asked = request(
            "POST", "/v1/fill", json.dumps(fill).encode(), Authorization=f"Bearer {self._key()}",
            **{"Content-Type": "application/json"},
        )  # fmt: skip
        while True:
            answers = self._wire().answers([asked])
            fills = json.loads(answers[0].body)["fills"] if answers and answers[0].status == 200 else []
            if len(fills) == SLOTS and all(one["status"] == "filled" and one["reason"] is None for one in fills):
                return list(fills)
            _pause()

    def _acknowledged(self, beacons: Sequence[bytes]) -> None:
        """Sends all until each is acknowledged; what was not, in the same order again."""
        while beacons:
            answers = self._wire().answers(beacons)
            refused = [
                beacon for beacon, answer in zip(beacons, answers, strict=False) if answer.status not in ACKNOWLEDGED
            ]
            beacons = [*refused, *beacons[len(answers) :]]
            if beacons:
                with self._lock:
                    self._outcome.repeated += len(beacons)
                _pause()

    def _wire(self) -> Wire:
        wire = getattr(_own, "wire", None)
        if wire is None or _own.of is not self:
            wire, _own.of = Wire(self._engine.port), self
            _own.wire = wire
        return wire

    def _key(self) -> str:
        """Of the thread; the file of keys is read once only."""
        if getattr(_own, "keys_of", None) is not self:
            _own.key, _own.keys_of = self._engine.keys["manage"], self
        return str(_own.key)

    def _kill_if_due(self) -> None:
        with self._lock:
            self._sent_fills += 1
            victim = self._victims.pop(0) if self._due and self._sent_fills >= self._due[0] else None
            if victim is not None:
                self._due.pop(0)
            self._tell()
        if victim is not None:
            self._kill(victim)
            with self._lock:
                self._outcome.kills[victim] = self._outcome.kills.get(victim, 0) + 1

    def _kill(self, victim: str) -> None:
        if victim == "PostgreSQL":
            assert self._postgres is not None
            with self._turn:  # what is down cannot be killed again
                self._postgres.kill()
                self._postgres.start()
            return
        if victim == "Valkey":
            write_first(self._engine)
        part: Callable[[Engine], set[int]] = PARTS[victim]
        pid = eventually(lambda: self._chance.choice(sorted(part(self._engine)) or [0]), within_s=20)
        os.kill(pid, signal.SIGKILL)

    def _tell(self) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s > TOLD_EVERY_S:
            self._told_s = now_s
            sent, kills = self._sent_fills * BEACONS_PER_FILL, sum(self._outcome.kills.values())
            _say(f"{now_s - self._began_s:.0f} s: {sent} of {self._outcome.beacons} beacons, {kills} kills")

    def _compare(self) -> None:
        """Waits as long as the report comes nearer to what was sent, and notes by how much it differs in the end."""
        pause = threading.Event()
        found, changed_s = self._differences(), time.monotonic()
        while found != (0, 0) and time.monotonic() < changed_s + STILL_S:
            pause.wait(LOOK_EVERY_S)
            before, found = found, self._differences()
            changed_s = time.monotonic() if found != before else changed_s
        self._outcome.lost, self._outcome.double = found

    def _differences(self) -> tuple[int, int]:
        """(missing, too many), over flights and metrics, against the report."""
        path = f"/v1/reports/delivery?group_by=flight&metrics={','.join(METRICS)}"
        rows = json.loads(self._engine.get(path, "report")[1])["rows"]
        counted = {(row["flight"], metric): row[metric] for row in rows for metric in METRICS}
        off = {key: counted.get(key, 0) - due for key, due in self._due_counts.items()}
        double = {key: n for key, n in off.items() if n > 0 and key[1] != "fills"}
        return -sum(n for n in off.values() if n < 0), sum(double.values())


def _beacon(line: dict[str, Any], part: str, method: str) -> bytes:
    return request(method, urlsplit(line[part]).path)


def _booked(engine: Engine) -> str:
    """The domain of a new site with `SLOTS` slots and as many advertisers, each with a capped flight of his own."""
    domain = "crash-loop.example"
    site = engine.post("/v1/sites", {"name": "crash loop", "domains": [domain], "timezone": "UTC"}, "manage")
    for number in range(SLOTS):
        slot = {"site": site["id"], "name": f"slot-{number}", "position": "body", "label": "Sponsor"}
        engine.post("/v1/slots", slot, "manage")
        advertiser = engine.post("/v1/advertisers", {"name": f"Sponsor {number}"}, "manage")
        campaign = {"advertiser": advertiser["id"], "name": "crash loop", "currency": "USD"}
        campaign = engine.post("/v1/campaigns", campaign, "manage")
        flight = {
            "campaign": campaign["id"], "tier": "standard", "priority": 1, "starts_at": "2020-01-01T00:00:00Z",
            "targeting": {"slots": {"include": [f"slot-{number}"]}},
            "caps": [{"per": "flight", "limit": 1000, "window": "1d"}],
            "price": {"model": "cpm", "micros": 1_000_000},
        }  # fmt: skip
        engine.post("/v1/flights", flight, "manage")
        creative = {
            "campaign": campaign["id"], "landing_url": f"https://sponsor-{number}.example/", "lang": "en",
            "variants": [{"role": "brand", "text": f"Sponsor {number}"}],
        }  # fmt: skip
        made = engine.post("/v1/creatives", creative, "manage")
        engine.post(f"/v1/creatives/{made['id']}:submit", None, "manage")
        engine.post(f"/v1/creatives/{made['id']}:approve", None, "review")
    return domain


_own = threading.local()


def _audit(engine: Engine) -> int:
    done = _command(engine, "audit")
    if done.returncode:
        _say(done.stdout + done.stderr)
    return done.returncode


def _command(engine: Engine, *words: str, check: bool = False) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "adengine", *words],
        cwd=engine.folder, env=engine.environ, capture_output=True, text=True, check=check,
    )  # fmt: skip


def _spooled(engine: Engine) -> int:
    """What the keeper says that it drained."""
    found = _DRAINED.search(engine.get("/metrics")[1])
    return int(float(found[1])) if found else 0


def _pause() -> None:
    threading.Event().wait(AGAIN_S)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201


def main(arguments: Sequence[str] | None = None) -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--beacons", type=int, default=20_000)
    asked.add_argument("--duplicates", type=float, default=0.2, help="share that is sent again (default 0.2)")
    asked.add_argument("--kills", type=int, default=3, help="of each of what is killed (default 3)")
    asked.add_argument("--copies", type=int, default=8, help="of each of 200 impressions, sent at once (default 8)")
    asked.add_argument("--database", choices=sorted(VICTIMS), default="sqlite")
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(Path(folder), **vars(given))
    print(json.dumps(asdict(outcome)))  # noqa: T201
    return 0 if outcome.is_exact else 1


if __name__ == "__main__":
    sys.exit(main())
