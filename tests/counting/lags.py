"""How long it takes until what was acknowledged is counted: behind an outage, and while all is well.

    python -m tests.counting.lags --spooled 100000 --live 60

Spooled: so many beacons are recorded while the store is away, by the recorder and onto the disk as a worker does it.
Then the store is there, and what the keeper does is timed; then what the consumer does into SQLite. Live: on a whole
engine, from the acknowledgement of an impression until the delivery report has it, one after another.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import Engine as Database

from adengine.counting import spool
from adengine.counting.claims import RECORD, SPOOLED, Recorder, Sighting
from adengine.counting.metrics import COUNTED, Kind
from adengine.counting.spool import Spool
from adengine.counting.tokens import TokenReader
from adengine.store import schema, sql
from adengine.store.client import Store, connect
from tests import stores
from tests.counting.books import MINTER, a_consumer, counted, drain
from tests.counting.builders import NOW_S, a_ring, a_served
from tests.eventually import eventually
from tests.live.engine import Engine
from tests.live.pages import acknowledge, delivered, shown, warmed

ROOM = 2**30
LIVE_WITHIN_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Spooled:
    beacons: int
    drained: int
    """Calls that the keeper made."""
    counted: int
    """Beacons that are in the sums."""
    left: int
    """Files in the spool behind it."""
    drain_s: float
    count_s: float

    @property
    def is_exact(self) -> bool:
        return (self.drained, self.counted, self.left) == (self.beacons, self.beacons, 0)

    @property
    def drain_s_per_100_000(self) -> float:
        return self.drain_s * 100_000 / self.beacons


def spooled(folder: Path, store: Store, database: Database, beacons: int) -> Spooled:
    """beacons: about that many; each request has one of each kind."""
    requests = -(-beacons // len(Kind))
    _wait(folder, requests)
    begin_s = time.perf_counter()
    drained = spool.drain(folder, store, RECORD)
    drained_s = time.perf_counter()
    drain(a_consumer(store, database))
    in_sums = sum(counted(database, metric) for metric in COUNTED.values())
    return Spooled(
        beacons=requests * len(Kind), drained=drained, counted=in_sums,
        left=len(list(folder.iterdir())), drain_s=drained_s - begin_s, count_s=time.perf_counter() - drained_s,
    )  # fmt: skip


def _wait(folder: Path, requests: int) -> None:
    """Records beacons of so many requests while no store answers."""
    away = connect(f"redis://127.0.0.1:{stores.free_port()}", timeout_ms=50)
    waiting = Spool(folder, ROOM)
    recorder = Recorder(away, TokenReader(a_ring()), lambda: None, hold_s=60, spool=waiting, clock=lambda: NOW_S)
    for number in range(requests):
        tokens = MINTER.mint(a_served(number))
        for kind in Kind:
            assert recorder.record(recorder.open(tokens[kind], kind), kind, Sighting()) == SPOOLED
    waiting.close()
    away.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    impressions: int
    median_s: float
    longest_s: float


def live(engine: Engine, impressions: int) -> Live:
    """Raises where one is not counted, or more than one."""
    lags_s = []
    before = delivered(engine, "impressions")["impressions"]
    for number in range(before, before + impressions):
        assert acknowledge(engine, shown(engine, f"lag-{number}")["impression_url"])
        begin_s = time.perf_counter()
        found = eventually(lambda number=number: _beyond(engine, number), within_s=LIVE_WITHIN_S)
        lags_s.append(time.perf_counter() - begin_s)
        assert found == number + 1
    return Live(impressions=impressions, median_s=statistics.median(lags_s), longest_s=max(lags_s))


def _beyond(engine: Engine, before: int) -> int:
    """The impressions of the report, once there are more; 0 till then."""
    found = delivered(engine, "impressions")["impressions"]
    return found if found > before else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spooled", type=int, default=100_000)
    parser.add_argument("--live", type=int, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, stores.server(stores.VALKEY, Path(name) / "store") as (url, _):
        database = sql.engine(f"sqlite:///{name}/counts.sqlite3", create=True)
        schema.upgrade(database)
        found = spooled(Path(name) / "spool", connect(url, timeout_ms=stores.PATIENT_MS), database, asked.spooled)
        print(json.dumps(asdict(found) | {"is_exact": found.is_exact, "load": os.getloadavg()}))  # noqa: T201
        engine = Engine(Path(name) / "engine")
        engine.start()
        try:
            print(json.dumps(asdict(live(warmed(engine), asked.live)) | {"load": os.getloadavg()}))  # noqa: T201
        finally:
            engine.stop()


if __name__ == "__main__":
    main()
