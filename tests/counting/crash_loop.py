"""The crash loop: real fills and beacons over HTTP while workers, the consumer and Valkey are killed with SIGKILL.

    python -m tests.counting.crash_loop --beacons 100000 --kills 5

Every beacon is repeated until it is acknowledged, and some again after that. Then many copies of a few more impressions
are sent at once. At the end each must be counted exactly once and the audit be clean. Two things are not acknowledged,
and so may differ: a click is sent on to its landing even while the store is away, and then not counted, so all clicks
are sent once more at the end, when nothing is killed any more; and a fill whose answer was lost with its worker was
made though the page never saw it, so there may be more fills than pages saw, never fewer.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.eventually import eventually
from tests.live.engine import Engine
from tests.live.parts import write_first

SLOTS = 8
"""Of one fill; each has an advertiser of its own, so each fill has as many lines."""
KINDS = (("impression_url", "POST"), ("viewable_url", "POST"), ("click_url", "GET"))
BEACONS_PER_FILL = SLOTS * len(KINDS)
THREADS = 6
ACKNOWLEDGED = (204, 302)
AGAIN_S = 0.05
COUNTED_WITHIN_S = 60
FLOOD_FILLS = 25
"""Their lines, 200, are the impressions of which many copies are sent at once."""
VICTIMS = ("worker", "consumer", "valkey")
METRICS = ("fills", "impressions", "viewable", "clicks")
HOLD_S = 7200
"""Longer than any run: no impression is late however often it is repeated."""


@dataclass(slots=True)
class Outcome:
    beacons: int
    """Different ones, each acknowledged."""
    copies: int = 0
    """Sent again after they were acknowledged."""
    repeated: int = 0
    """Sent again because no acknowledgement came."""
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


def run(folder: Path, *, beacons: int, duplicates: float, kills: int, copies: int, seed: int = 1) -> Outcome:
    """One run in `folder`; beacons: about that many, whole fills; kills: of each of `VICTIMS`; copies: of the flood."""
    engine = Engine(folder, ADENGINE_HOLD_S=str(HOLD_S), ADENGINE_WORKERS="2", ADENGINE_LOG_LEVEL="warning")
    engine.start()
    try:
        fills = -(-beacons // BEACONS_PER_FILL)
        return _Run(engine, fills, duplicates, kills, random.Random(seed)).outcome(copies)
    finally:
        engine.stop()


class _Run:
    def __init__(self, engine: Engine, fills: int, duplicates: float, kills: int, chance: random.Random) -> None:
        self._engine = engine
        self._fills = fills
        self._duplicates = duplicates
        self._chance = chance
        self._outcome = Outcome(beacons=fills * BEACONS_PER_FILL)
        self._lock = threading.Lock()
        self._due = [n * fills // (kills * len(VICTIMS) + 1) for n in range(1, kills * len(VICTIMS) + 1)]
        self._victims = list(VICTIMS) * kills
        self._sent_fills = 0
        self._clicks: list[str] = []
        self._due_counts: Counter[tuple[str, str]] = Counter()
        """By flight and metric."""

    def outcome(self, copies: int) -> Outcome:
        site = _booked(self._engine)
        outcome, began_s = self._outcome, time.monotonic()
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda number: self._page(site, number), range(self._fills)))
            list(pool.map(lambda url: self._acknowledged("GET", url), self._clicks))
            self._flood(pool, site, copies)
        acknowledged_s = time.monotonic()
        outcome.send_s = round(acknowledged_s - began_s, 1)
        self._compare()
        outcome.drain_s = round(time.monotonic() - acknowledged_s, 1)
        outcome.audit = _audit(self._engine)
        return outcome

    def _page(self, site: str, number: int) -> None:
        """One fill and all its beacons, some of them twice."""
        self._kill_if_due()
        lines = self._filled(site, number)
        for line in lines:
            for part, method in KINDS:
                self._acknowledged(method, line[part])
                if self._chance.random() < self._duplicates:
                    self._acknowledged(method, line[part])
                    with self._lock:
                        self._outcome.copies += 1
        with self._lock:
            self._clicks += [line["click_url"] for line in lines]
            self._due_counts.update((line["creative"]["flight"], metric) for line in lines for metric in METRICS)

    def _flood(self, pool: ThreadPoolExecutor, site: str, copies: int) -> None:
        """All copies of all impressions of a few pages, in any order, from all threads."""
        lines = [line for number in range(FLOOD_FILLS) for line in self._filled(site, -1 - number)]
        urls = [line["impression_url"] for line in lines] * copies
        self._chance.shuffle(urls)
        list(pool.map(lambda url: self._acknowledged("POST", url), urls))
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
        while True:
            answer = _call(self._engine, "POST", "/v1/fill", json.dumps(fill).encode())
            fills = json.loads(answer[1])["fills"] if answer is not None and answer[0] == 200 else []
            if len(fills) == SLOTS and all(one["status"] == "filled" and one["reason"] is None for one in fills):
                return list(fills)
            _pause()

    def _acknowledged(self, method: str, url: str) -> None:
        while True:
            answer = _call(self._engine, method, urlsplit(url).path, None)
            if answer is not None and answer[0] in ACKNOWLEDGED:
                return
            with self._lock:
                self._outcome.repeated += 1
            _pause()

    def _kill_if_due(self) -> None:
        with self._lock:
            self._sent_fills += 1
            victim = self._victims.pop(0) if self._due and self._sent_fills >= self._due[0] else None
            if victim is not None:
                self._due.pop(0)
        if victim is not None:
            if victim == "valkey":
                write_first(self._engine)
            pid = eventually(lambda: self._chance.choice(_living(self._engine, victim) or [0]), within_s=20)
            os.kill(pid, signal.SIGKILL)
            with self._lock:
                self._outcome.kills[victim] = self._outcome.kills.get(victim, 0) + 1

    def _compare(self) -> None:
        """Waits for the report to say what was sent, and notes by how much it differs in the end."""
        try:
            eventually(lambda: self._differences() == (0, 0), within_s=COUNTED_WITHIN_S)
        except AssertionError:
            print("not all was counted in time", file=sys.stderr)  # noqa: T201
        self._outcome.lost, self._outcome.double = self._differences()

    def _differences(self) -> tuple[int, int]:
        """(missing, too many), over flights and metrics, against the report."""
        path = f"/v1/reports/delivery?group_by=flight&metrics={','.join(METRICS)}"
        rows = json.loads(self._engine.get(path, "report")[1])["rows"]
        counted = {(row["flight"], metric): row[metric] for row in rows for metric in METRICS}
        off = {key: counted.get(key, 0) - due for key, due in self._due_counts.items()}
        double = {key: n for key, n in off.items() if n > 0 and key[1] != "fills"}
        return -sum(n for n in off.values() if n < 0), sum(double.values())


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


def _call(engine: Engine, method: str, path: str, body: bytes | None) -> tuple[int, bytes] | None:
    """(status, body) over the thread's connection; None when whoever should answer was killed."""
    connection = getattr(_own, "connection", None)
    if connection is None:
        connection = _own.connection = http.client.HTTPConnection("127.0.0.1", engine.port, timeout=10)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {_fill_key(engine)}"} if body else {}
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return None


def _fill_key(engine: Engine) -> str:
    key = getattr(_own, "key", None)
    if key is None:
        key = _own.key = engine.keys["manage"]
    return str(key)


def _living(engine: Engine, victim: str) -> list[int]:
    """The processes that may be killed; a worker is a child of the web process."""
    commands = {pid: words for pid in engine.processes() if (words := _words(pid))}
    if victim == "valkey":
        return [pid for pid, words in commands.items() if "valkey-server" in words[0]]
    if victim == "consumer":
        return [pid for pid, words in commands.items() if words[-1] == "consume"]
    web = [pid for pid, words in commands.items() if words[-1] == "web"]
    return [pid for pid in web if _parent(pid) in web]


def _words(pid: int) -> list[str]:
    try:
        return [word.decode() for word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") if word]
    except OSError:
        return []


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def _audit(engine: Engine) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "adengine", "audit"],
        cwd=engine.folder,
        env=engine.environ,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        print(done.stdout, done.stderr, file=sys.stderr)  # noqa: T201
    return done.returncode


def _pause() -> None:
    threading.Event().wait(AGAIN_S)


def main(arguments: Sequence[str] | None = None) -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--beacons", type=int, default=5_000)
    asked.add_argument("--duplicates", type=float, default=0.2, help="share that is sent again (default 0.2)")
    asked.add_argument("--kills", type=int, default=1, help="of each: a worker, the consumer, Valkey (default 1)")
    asked.add_argument("--copies", type=int, default=8, help="of each of 200 impressions, sent at once (default 8)")
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(Path(folder), **vars(given))
    print(json.dumps(asdict(outcome)))  # noqa: T201
    return 0 if outcome.is_exact else 1


if __name__ == "__main__":
    sys.exit(main())
