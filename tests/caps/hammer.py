"""Many processes, two readers, one promise: no window ever holds more confirmed impressions than its cap.

Pages of one to four slots, some loaded later; beacons that come late, twice or never; holds given back. Every
confirmation is written down inside the script that made it, with the store's own clock, and judged afterwards by
`tests.caps.checker`. At a speed above 1 the scripts see a clock that runs so much faster: more windows pass.

    python -m tests.caps.hammer redis://127.0.0.1:6379 --seconds 60      (empties that store first)
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import struct
import sys
import time
from collections import Counter
from dataclasses import dataclass

from adengine.caps.claims import RESERVED, Pick, ReaderLog, Scripts, confirm_args
from adengine.caps.windows import LIFETIME
from adengine.store import keys
from adengine.store.client import Script, Store, connect
from tests.caps.checker import US, Promise, Shown, broken, calendar, lifetime, page, rolling

PROCESSES = 8
READERS = (b"hammer-1", b"hammer-2")
TIMEOUT_MS = 5_000
HOLD_S = 3
VIEWS_PER_S = 4
"""Of both readers together, so that many slots load later, in other processes."""
DAY_S = 86_400
ADS = 27
CLOSING_S = 20
DAY_CAP = 60
ROLLING = (page(4, 1), rolling(1, 4, 2), rolling(3, 7, 5), rolling(4, 10, 15), calendar(2, 8, 3))
"""Windows so short that many of them pass during a run."""
LIFETIME_PROMISE = lifetime(2, 6)
"""Only every third flight has it, so that the others never come to rest."""
SATURATING = (page(4, 1), rolling(4, DAY_S, DAY_CAP))
LATENESS_S = (0.0, 0.3, 2.0, 2.5, 4.0, 7.0)
WITNESSED = """
-- confirm.lua that also writes the confirmation down.  KEYS[3] the witness, a list; ARGV as confirm.lua's
local clock = redis.call('TIME')
local now = tonumber(clock[1])
local log = redis.call('GET', KEYS[1]) or ''
local at = find_hold(log, tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), now)
if not confirm_hold(KEYS[1], KEYS[2], now, ARGV, 2) then return 0 end
redis.call('RPUSH', KEYS[3], struct.pack('>I4I4', now, tonumber(clock[2])) .. string.sub(log, at + 5, at + 24))
return 1
"""
SCRIPTS = Scripts(confirm=Script(Script.load("caps/log.lua").text + WITNESSED))
TIME = "redis.call('TIME')"
FAST_TIME = """
local function fast_time()
  local clock = redis.call('TIME')
  local us = ((tonumber(clock[1]) - %(began_s)d) * 1000000 + tonumber(clock[2])) * %(speed)d
  return { %(began_s)d + math.floor(us / 1000000), us %% 1000000 }
end
"""


@dataclass(frozen=True, slots=True)
class Clock:
    """Runs `speed` times as fast since `began_s`."""

    began_s: int
    speed: int = 1

    def now_s(self) -> int:
        return self.began_s + int((time.time() - self.began_s) * self.speed)

    def scripts(self, scripts: Scripts) -> Scripts:
        """The scripts under this clock."""
        if self.speed == 1:
            return scripts
        prelude = FAST_TIME % {"began_s": self.began_s, "speed": self.speed}
        return scripts.edited(lambda text: prelude + text.replace(TIME, "fast_time()"))


@dataclass(frozen=True, slots=True)
class Result:
    pages: int
    shown: dict[bytes, list[Shown]]
    """By reader, in the order of confirmation."""
    totals: dict[bytes, dict[int, int]]
    """By reader and flight, what the store says of its lifetime."""
    saturated: bool

    def violations(self) -> list[str]:
        return [f"{reader.decode()}: {line}" for reader in READERS for line in self._violations(reader)]

    def _violations(self, reader: bytes) -> list[str]:
        shown = self.shown[reader]
        if self.saturated:
            return broken(SATURATING, shown)
        for_life = [one for one in shown if _has_lifetime(one.ids[1])]
        found = [*broken(ROLLING, shown), *broken([LIFETIME_PROMISE], for_life)]
        counted = Counter(one.ids[1] for one in for_life)
        if counted != self.totals[reader]:
            found.append(f"lifetime counts {self.totals[reader]}, shown {dict(counted)}")
        return found

    def per_advertiser(self) -> list[int]:
        """Confirmed impressions of each advertiser and reader."""
        return [n for shown in self.shown.values() for n in Counter(one.ids[3] for one in shown).values()]


def hammer(
    url: str, *, seconds: float, seed: int, speed: int = 1, saturate: bool = False, scripts: Scripts = SCRIPTS
) -> Result:
    """Runs for `seconds` on an empty store; a saturating run has long windows, and then goes on until they are full."""
    clock = Clock(int(time.time()), speed)
    work = [(url, seconds, seed * 100 + n, saturate, clock.scripts(scripts), clock) for n in range(PROCESSES)]
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        pages = pool.starmap(_work, work)
    store = connect(url, timeout_ms=TIMEOUT_MS)
    return Result(
        pages=sum(pages),
        shown={reader: _witnessed(store, reader) for reader in READERS},
        totals={reader: _totals(store, reader) for reader in READERS},
        saturated=saturate,
    )


def _work(url: str, seconds: float, seed: int, saturate: bool, scripts: Scripts, clock: Clock) -> int:
    worker = _Worker(connect(url, timeout_ms=TIMEOUT_MS), random.Random(seed), scripts, clock, saturate)
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        worker.turn(is_closing=False)
    while saturate and not worker.is_full() and time.monotonic() < ends + CLOSING_S:
        worker.turn(is_closing=True)
    return worker.pages


class _Worker:
    def __init__(self, store: Store, chance: random.Random, scripts: Scripts, clock: Clock, saturate: bool) -> None:
        self.pages = 0
        self._store = store
        self._chance = chance
        self._scripts = scripts
        self._clock = clock
        self._log = ReaderLog(store, scripts)
        self._promises = SATURATING if saturate else ROLLING
        self._waiting: list[tuple[float, bytes, Pick, int]] = []

    def turn(self, *, is_closing: bool) -> None:
        """One page and the beacons that are due.  is_closing: every beacon comes, at once and alone."""
        reader = self._chance.choice(READERS)
        now_s = self._clock.now_s()
        view = (now_s * VIEWS_PER_S + self._chance.randrange(VIEWS_PER_S)) % 2**31
        ads = self._chance.sample(range(ADS), self._chance.randint(1, 4))
        picks = [_pick(ad, self._promises, now_s) for ad in ads]
        verdicts = self._log.reserve(
            reader, picks, bucket=reader[0], view=view, hold_s=HOLD_S, retention_s=DAY_S,
            all_or_nothing=self._chance.random() < 0.2,
        )  # fmt: skip
        self.pages += 1
        for pick, verdict in zip(picks, verdicts, strict=True):
            if verdict == RESERVED:
                self._follow(reader, pick, view, is_closing=is_closing)
        self._send_due()

    def is_full(self) -> bool:
        advertisers = len({_ids(ad)[3] for ad in range(ADS)})
        return all(self._store.read(("LLEN", _witness(reader)))[0] >= advertisers * DAY_CAP for reader in READERS)

    def _follow(self, reader: bytes, pick: Pick, view: int, *, is_closing: bool) -> None:
        """What becomes of a hold: a beacon, two, none, or it is given back."""
        lot = 0.0 if is_closing else self._chance.random()
        if lot < 0.8:
            late_s = 0.0 if is_closing else self._chance.choice(LATENESS_S) / self._clock.speed
            copies = 2 if lot > 0.6 else 1
            self._waiting += [(time.monotonic() + late_s, reader, pick, view)] * copies
        elif lot < 0.85:
            self._log.release(reader, pick.creative, pick.flight, view)

    def _send_due(self) -> None:
        due = [one for one in self._waiting if one[0] <= time.monotonic()]
        self._waiting = [one for one in self._waiting if one not in due]
        for _, reader, pick, view in due:
            places = [keys.reader_log(reader), keys.reader_totals(reader), _witness(reader)]
            lifetimes = [(cap.owner, cap.level, pick.flight) for cap in pick.caps if cap.window == LIFETIME]
            args = confirm_args(pick.creative, pick.flight, view, lifetimes)
            self._store.run(self._scripts.confirm, places, [0, *args])


def _ids(ad: int) -> tuple[int, int, int, int]:
    """Creative, flight, campaign, advertiser; a flight shows two creatives, an advertiser nine."""
    return ad + 1, ad // 2 + 1, ad // 4 + 1, ad // 9 + 1


def _has_lifetime(flight: int) -> bool:
    return flight % 3 == 0


def _pick(ad: int, promises: tuple[Promise, ...], now_s: int) -> Pick:
    creative, flight, campaign, advertiser = _ids(ad)
    if _has_lifetime(flight) and promises is ROLLING:
        promises = (*promises, LIFETIME_PROMISE)
    caps = tuple(promise.cap(flight, now_s) for promise in promises)
    return Pick(creative=creative, flight=flight, campaign=campaign, advertiser=advertiser, caps=caps)


def _witness(reader: bytes) -> str:
    return f"witness:{keys.tag(reader[0])}:{reader.decode()}"


def _witnessed(store: Store, reader: bytes) -> list[Shown]:
    raws = store.read(("LRANGE", _witness(reader), 0, -1))[0]
    words = [struct.unpack(">7I", raw) for raw in raws]
    return [Shown(at_us=s * US + us, ids=ids, view=mark // 2) for s, us, *ids, mark in words]  # type: ignore[arg-type]


def _totals(store: Store, reader: bytes) -> dict[int, int]:
    flat = store.read(("HGETALL", keys.reader_totals(reader)))[0]
    return {int(name.split(b":")[2]): int(n) for name, n in zip(flat[::2], flat[1::2], strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=int, default=1)
    asked = parser.parse_args()
    connect(asked.url, timeout_ms=TIMEOUT_MS).everywhere("FLUSHALL")
    result = hammer(asked.url, seconds=asked.seconds, seed=asked.seed, speed=asked.speed)
    over = result.violations()
    shown = sum(map(len, result.shown.values()))
    sys.stdout.write(f"{result.pages} pages, {shown} impressions, {len(over)} windows over their cap\n")
    sys.stdout.write("".join(f"{line}\n" for line in over))
    sys.exit(bool(over))


if __name__ == "__main__":
    main()
