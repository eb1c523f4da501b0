"""When a flight's pages come: from our own counts to one weekly profile per flight. Pure.

Where pages ask is known by spot (site, slot, place, topic): a flight's traffic is that of the spots which its places,
topics, slots and positions admit. What else it targets (devices, languages, keys) is taken to be the same part of
every hour. Hours that its weekdays and dayparts shut are judged on the clock of the settings' time zone, as it goes in
the seven days to come: a change of clocks within them counts from its hour on.

Until an hour of the week has been seen often enough, it is taken to be like the same hour elsewhere (`PRIOR`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from adengine.catalog.admission import Admission, admission
from adengine.catalog.dimensions import DIMENSIONS
from adengine.catalog.nouns import Facts, Flight

HOURS = 168
HOUR_S = 3600
QUARTER_S = 900
MONDAY_S = 4 * 86_400
"""The epoch began on a Thursday; the first Monday after it."""
A_MONDAY_S = 1_756_684_800
"""1 September 2025, 00:00 UTC: any week without a change of clocks will do."""
BY_SPOT = tuple(row for row in DIMENSIONS if row.name in ("places", "topics", "slots", "positions"))
BY_HOUR = tuple(row for row in DIMENSIONS if row.name in ("weekdays", "dayparts"))
PARTS = range(0, HOUR_S, QUARTER_S)
SPOTS_MAX = 4000
"""The busiest spots are matched with flights, the others are taken to be like them."""


PRIOR = (
    0.53, 0.36, 0.26, 0.22, 0.23, 0.34, 0.60, 0.88, 1.08, 1.20, 1.25, 1.29,
    1.32, 1.29, 1.25, 1.24, 1.26, 1.30, 1.33, 1.38, 1.44, 1.42, 1.20, 0.84,
)  # fmt: skip
"""What an hour of the day brings of the mean hour, on local clocks: asleep till five, most in the evening."""
PRIOR_COUNTS = 20.0
"""So many requests of one hour weigh as much as the prior (a Gamma prior of this shape on a Poisson rate)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What pages asked for."""

    spots: Sequence[tuple[Facts, Mapping[int, int]]]
    """(a spot, its requests by hour of the week in UTC)."""
    since_s: int
    """When they began to be counted, epoch s."""
    until_s: int


def profiles_of(flights: Sequence[Flight], traffic: Traffic, timezone: str) -> NDArray[np.float64]:
    """Requests an hour that each flight's targeting admits, by hour of the week in UTC; shape (flights, 168), ≥ 0.

    Only their shape counts where nothing has been seen of a flight yet. No row is all 0.  timezone: of the settings.
    """
    seen = seen_hours(traffic.since_s, traffic.until_s)
    usual = prior(timezone, traffic.until_s)
    counts = requests_of(flights, traffic.spots)
    exposure = float(seen @ usual)
    level = counts.sum(axis=1, keepdims=True) / exposure if exposure else np.zeros((len(flights), 1))
    level = np.where(level > 0, level, 1.0)
    learnt = (counts + PRIOR_COUNTS) / (seen + PRIOR_COUNTS / (level * usual))
    profiles: NDArray[np.float64] = learnt * open_hours(flights, timezone, traffic.until_s)
    never = ~profiles.any(axis=1)
    profiles[never] = learnt[never]
    return profiles


def seen_hours(since_s: int, until_s: int) -> NDArray[np.float64]:
    """How often each hour of the week passed between two moments; shape (168,)."""
    edges = np.arange(HOURS) * HOUR_S
    return _passed(until_s - MONDAY_S, edges) - _passed(min(since_s, until_s) - MONDAY_S, edges)


def prior(timezone: str, now_s: int = A_MONDAY_S) -> NDArray[np.float64]:
    """`PRIOR` by hour of the week in UTC, of the seven days from now on; shape (168,), mean 1."""
    zone = ZoneInfo(timezone)
    clocks = [datetime.fromtimestamp(at_s, UTC).astimezone(zone) for at_s in coming_hours(now_s)]
    usual: NDArray[np.float64] = np.array([PRIOR[clock.hour] for clock in clocks]) / np.mean(PRIOR)
    return usual


def coming_hours(now_s: int) -> list[int]:
    """When each hour of the week begins next, epoch s; the one that is now has begun already."""
    hour_s = now_s - now_s % HOUR_S
    of_week = (hour_s - MONDAY_S) // HOUR_S % HOURS
    return [hour_s + (hour - of_week) % HOURS * HOUR_S for hour in range(HOURS)]


def requests_of(flights: Sequence[Flight], traffic: Sequence[tuple[Facts, Mapping[int, int]]]) -> NDArray[np.float64]:
    """Slots asked for that each flight's targeting admits, by hour of the week; shape (flights, 168).

    traffic: (a spot, its requests by hour of the week).
    """
    admitted = _admitting(flights)
    found = np.zeros((len(flights), HOURS))
    for facts, counts in sorted(traffic, key=lambda spot: -sum(spot[1].values()))[:SPOTS_MAX]:
        rows = np.flatnonzero(admitted(facts))
        for hour, n in counts.items():
            found[rows, hour] += n
    return found


def open_hours(flights: Sequence[Flight], timezone: str, now_s: int) -> NDArray[np.float64]:
    """The part in which its weekdays and dayparts let a flight be shown, by hour of the week; shape (flights, 168).

    Of the seven days from now on.
    """
    rows = [admission(row, [row.wanted(flight.targeting) for flight in flights]) for row in BY_HOUR]
    found = np.ones((len(flights), HOURS))
    busy = [row for row in rows if not row.idle]
    for hour, at_s in enumerate(coming_hours(now_s) if busy else ()):
        found[:, hour] = np.mean([_open_at(busy, at_s + part, timezone) for part in PARTS], axis=0)
    return found


def _open_at(rows: Sequence[Admission], at_s: int, timezone: str) -> NDArray[np.bool_]:
    facts = Facts(slot="", position="", now_s=at_s, timezone=timezone)
    found: NDArray[np.bool_] = np.logical_and.reduce([row.admits(row.values(facts)) for row in rows])
    return found


def _passed(since_monday_s: int, edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often each hour of the week has passed since the first Monday."""
    weeks, rest = divmod(since_monday_s, HOURS * HOUR_S)
    found: NDArray[np.float64] = weeks + np.clip((rest - edges) / HOUR_S, 0.0, 1.0)
    return found


def _admitting(flights: Sequence[Flight]) -> Callable[[Facts], NDArray[np.bool_]]:
    """From a spot to which of `flights` it could show."""
    rows = [admission(row, [row.wanted(flight.targeting) for flight in flights]) for row in BY_SPOT]
    busy = [row for row in rows if not row.idle]

    def admitted(facts: Facts) -> NDArray[np.bool_]:
        found = np.ones(len(flights), bool)
        for row in busy:
            found &= row.admits(row.values(facts))
        return found

    return admitted
