"""Judges confirmed impressions by the definition of their caps, knowing nothing of the reader log.

The times are those of the confirmations, in µs, so that a window that is one second short is seen.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from adengine.caps.claims import WireCap
from adengine.caps.records import LEVELS
from adengine.caps.windows import LIFETIME, PAGE

US = 1_000_000


@dataclass(frozen=True, slots=True)
class Shown:
    """One confirmed impression of one reader."""

    at_us: int
    ids: tuple[int, int, int, int]
    """Creative, flight, campaign, advertiser."""
    view: int


@dataclass(frozen=True, slots=True)
class Promise:
    """No window of each thing at `level` ever holds more than `limit` impressions."""

    level: int
    limit: int
    name: str
    wire: Callable[[int], int]
    """now_s -> the window as reserve takes it."""
    fullest: Callable[[Sequence[Shown]], int]
    """How many of the impressions of one thing the fullest window holds."""

    def cap(self, owner: int, now_s: int) -> WireCap:
        return WireCap(level=self.level, window=self.wire(now_s), limit=self.limit, owner=owner)


def broken(promises: Iterable[Promise], shown: Iterable[Shown]) -> list[str]:
    """A line for each thing with a window over its cap.  shown: of one reader, in any order."""
    shown = sorted(shown, key=lambda one: one.at_us)
    return [line for promise in promises for line in _broken(promise, shown)]


def rolling(level: int, seconds: int, limit: int) -> Promise:
    def fullest(shown: Sequence[Shown]) -> int:
        times = [one.at_us for one in shown]
        return max(n - bisect_right(times, at_us - seconds * US) for n, at_us in enumerate(times, 1))

    return Promise(level, limit, f"{seconds} s", lambda _: seconds, fullest)


def calendar(level: int, seconds: int, limit: int) -> Promise:
    """Days of so many seconds."""

    def fullest(shown: Sequence[Shown]) -> int:
        return max(Counter(one.at_us // US // seconds for one in shown).values())

    return Promise(level, limit, f"a day of {seconds} s", lambda now_s: -(now_s - now_s % seconds), fullest)


def since(level: int, epoch_s: int, limit: int) -> Promise:
    def fullest(shown: Sequence[Shown]) -> int:
        return sum(one.at_us >= epoch_s * US for one in shown)

    return Promise(level, limit, f"the time since {epoch_s}", lambda _: -epoch_s, fullest)


def page(level: int, limit: int) -> Promise:
    def fullest(shown: Sequence[Shown]) -> int:
        return max(Counter(one.view for one in shown).values())

    return Promise(level, limit, "a page view", lambda _: PAGE, fullest)


def lifetime(level: int, limit: int) -> Promise:
    return Promise(level, limit, "a lifetime", lambda _: LIFETIME, len)


def _broken(promise: Promise, shown: Sequence[Shown]) -> Iterable[str]:
    of_thing: dict[int, list[Shown]] = defaultdict(list)
    for one in shown:
        of_thing[one.ids[promise.level - 1]].append(one)
    for id_, its in of_thing.items():
        found = promise.fullest(its)
        if found > promise.limit:
            yield f"{found} > {promise.limit} of {LEVELS[promise.level - 1]} {id_} in {promise.name}"
