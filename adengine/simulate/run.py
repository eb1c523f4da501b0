"""The simulation's loop: pages come, lines are seen and clicked, and everything is counted by the engine itself."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import orjson

from adengine.catalog.nouns import Flight, Level
from adengine.pacing.forecast import HOUR_S
from adengine.simulate.clicks import Clicks
from adengine.simulate.drive import Drive
from adengine.simulate.world import DAY_S, SITE, SLOTS, World

SEEN_PART = 0.8
SEEN_WITHIN_S = 30
EMPTY = "empty"

Progress: TypeAlias = Callable[[float], None]


def no_progress(_part: float) -> None:
    """Nobody looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    seed: int
    """Of what readers see and click."""
    starts_s: int
    ends_s: int
    step_s: int
    """How often the other processes have their turn; in a real engine it is every second."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A page that comes: the body of its request."""

    at_s: int
    body: bytes


@dataclass(kw_only=True)
class Tally:
    """What the simulation saw with its own eyes, beside what the engine counted."""

    pages: int = 0
    slots: int = 0
    filled: Counter[str] = field(default_factory=Counter)
    """Slots by the tier that filled them."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Empty slots and house lines by their reason."""
    impressions: Counter[int] = field(default_factory=Counter)
    """By flight."""
    clicks: Counter[int] = field(default_factory=Counter)
    expected_clicks: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    """Without the luck of the draw."""
    hours: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """By the hour's begin, epoch s: its slots by the tier that filled them, and `EMPTY`."""
    frequencies: dict[int, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    """By flight with a cap of so many in a day: readers by the most that they saw of it in any 24 hours."""
    caps_broken: int = 0
    """Impressions beyond a flight's cap of so many in a day for one reader."""
    degraded: int = 0


def arrivals(world: World) -> Iterator[Arrival]:
    """The world's pages as requests."""
    for page in world.pages():
        body = {
            "page": {"url": f"{SITE}/{page.topic}", "topics": [page.topic]},
            "reader": {"key": page.reader, "place": page.place},
            "slots": [{"slot": slot} for slot in SLOTS],
        }
        yield Arrival(page.at_s, orjson.dumps(body))


def run(drive: Drive, pages: Iterable[Arrival], plan: Plan, progress: Progress = no_progress) -> Tally:
    """drive: at the plan's start.  pages: in order of time.  progress: called every step with the part done, 0 to 1."""
    simulation = _Simulation(drive, plan, progress)
    for page in pages:
        simulation.come(page)
    simulation.until(plan.ends_s)
    drive.step()
    return simulation.tally


def day_limits(flight: Flight) -> list[int]:
    """Of its caps of so many in a day for each reader."""
    return [cap.limit for cap in flight.caps if cap.per is Level.FLIGHT and cap.window == "1d"]


class _Simulation:
    def __init__(self, drive: Drive, plan: Plan, progress: Progress) -> None:
        self._drive = drive
        self._plan = plan
        self._chance = np.random.default_rng([plan.seed, 3])
        self._clicks = Clicks(plan.seed)
        self._progress = progress
        self._due: list[tuple[int, int, str, str, dict[str, Any]]] = []
        """(when, number, reader, topic, fill) of the lines that will be seen."""
        self._shown: dict[tuple[str, int], list[int]] = defaultdict(list)
        """(reader, capped flight) -> when he saw it."""
        self._most: Counter[tuple[str, int]] = Counter()
        """(reader, capped flight) -> the most he saw of it in any 24 hours."""
        self._number = 0
        self._next_step_s = drive.clock.whole()
        self.tally = Tally()

    def come(self, page: Arrival) -> None:
        self.until(page.at_s)
        answer = self._drive.fill(page.body)
        asked = orjson.loads(page.body)
        reader = str(asked.get("reader", {}).get("key"))
        topic = str(next(iter(asked.get("page", {}).get("topics", ())), ""))
        self.tally.pages += 1
        self.tally.degraded += answer["degraded"] is not None
        for fill in answer["fills"]:
            self._take(page, reader, topic, fill)

    def until(self, at_s: int) -> None:
        """Lets time pass: steps of the other processes and lines that are seen, in their order."""
        while True:
            seen_s = self._due[0][0] if self._due else at_s + 1
            now_s = min(self._next_step_s, seen_s)
            if now_s > at_s:
                break
            self._drive.clock.now_s = now_s
            if now_s == self._next_step_s:
                self._drive.step()
                self._next_step_s += self._plan.step_s
                self._progress((now_s - self._plan.starts_s) / (self._plan.ends_s - self._plan.starts_s))
            else:
                self._see(*heapq.heappop(self._due))
        self._drive.clock.now_s = at_s

    def _take(self, page: Arrival, reader: str, topic: str, fill: dict[str, Any]) -> None:
        is_filled = fill["status"] == "filled"
        tier = fill["creative"]["tier"] if is_filled else EMPTY
        self.tally.slots += 1
        self.tally.hours[page.at_s - page.at_s % HOUR_S][tier] += 1
        if fill["reason"] is not None:
            self.tally.reasons[fill["reason"]] += 1
        if not is_filled:
            return
        self.tally.filled[tier] += 1
        if self._chance.random() < SEEN_PART:
            self._number += 1
            seen_s = page.at_s + int(self._chance.integers(0, SEEN_WITHIN_S))
            heapq.heappush(self._due, (seen_s, self._number, reader, topic, fill))

    def _see(self, at_s: int, _number: int, reader: str, topic: str, fill: dict[str, Any]) -> None:
        flight = int(fill["creative"]["flight"].rsplit("_", 1)[1])
        if not self._drive.see(fill):
            return
        self.tally.impressions[flight] += 1
        self._watch_caps(at_s, reader, flight)
        rate = self._clicks.rate(flight, topic)
        self.tally.expected_clicks[flight] += rate
        if self._chance.random() < rate and self._drive.click(fill):
            self.tally.clicks[flight] += 1

    def _watch_caps(self, at_s: int, reader: str, flight: int) -> None:
        """Judges caps of so many in 1d for a flight by what was seen, without the engine's log."""
        snapshot = self._drive.current()
        row = next((row for row in snapshot.flights if row.id == flight), None)
        limits = day_limits(row) if row is not None else []
        if limits:
            shown = self._shown[reader, flight]
            shown.append(at_s)
            shown[:] = [moment for moment in shown if moment > at_s - DAY_S]
            self.tally.caps_broken += len(shown) > min(limits)
            if len(shown) > self._most[reader, flight]:
                self.tally.frequencies[flight][self._most[reader, flight]] -= 1
                self._most[reader, flight] = len(shown)
                self.tally.frequencies[flight][len(shown)] += 1
