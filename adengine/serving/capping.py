"""What a reader has seen against the caps: hurdles for the candidates, and the caps of a pick for `reserve`. Pure.

All candidates that show a thing are guarded by the same caps on it (`catalog.guards`), so it is enough to look at the
things in the reader's log, a few dozen, however many candidates there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias
from zoneinfo import ZoneInfo

from adengine.caps import windows
from adengine.caps.claims import Pick, WireCap
from adengine.caps.records import Seen
from adengine.catalog.guards import Guard
from adengine.catalog.nouns import Level
from adengine.catalog.snapshot import Snapshot
from adengine.serving.hurdles import ByThing, Hurdle

CAPPED = "all_capped"
KEPT_MAX = 65_536
Reservation: TypeAlias = tuple[Pick, tuple[Guard, ...]]
Guarding: TypeAlias = dict[int, Sequence[Guard]]
"""By thing (its id << 3 | level), the guards that count it."""


class Clockface:
    """What windows mean at one instant on one site; each is worked out once."""

    def __init__(self, now_s: int, timezone: str) -> None:
        self._now_s = now_s
        self._timezone = timezone
        self._wires: dict[str, int] = {}

    def wire(self, window: str) -> int:
        if window not in self._wires:
            self._wires[window] = windows.wire(window, self._now_s, ZoneInfo(self._timezone))
        return self._wires[window]


def capped_hurdles(snapshot: Snapshot, seen: Seen, clockface: Clockface, kept: Guarding) -> list[Hurdle]:
    """One hurdle for each kind of cap ("flight/1d") that has no room left for something this reader has seen.

    kept: of things that were asked for before; added to.
    """
    refused: dict[tuple[Level, str], set[int]] = {}
    for level in Level:
        for id_ in seen.things(level):
            thing = id_ << 3 | level
            guards = kept.get(thing)
            if guards is None:
                if len(kept) >= KEPT_MAX:
                    kept.clear()
                guards = kept[thing] = snapshot.guarding(level, id_)
            for guard in guards:
                if seen.count(level, id_, clockface.wire(guard.window), guard.owner) >= guard.limit:
                    refused.setdefault((level, spelled(guard)), set()).add(id_)
    return [ByThing(snapshot.candidates, CAPPED, level, ids, cap) for (level, cap), ids in refused.items()]


def kept_pick_of(snapshot: Snapshot, row: int, clockface: Clockface, kept: dict[int, Reservation]) -> Reservation:
    """The same as `pick_of`.  kept: of candidates whose caps do not go by the clock; added to."""
    found = kept.get(row)
    if found is None:
        found = pick_of(snapshot, row, clockface)
        if not any(windows.parse(guard.window).by_the_clock for guard in found[1]):
            if len(kept) >= KEPT_MAX:
                kept.clear()
            kept[row] = found
    return found


def pick_of(snapshot: Snapshot, row: int, clockface: Clockface) -> Reservation:
    """A candidate as `reserve` takes it, and its guards in the order of the pick's caps."""
    flight_row = int(snapshot.candidates.flight_row[row])
    flight, guards = snapshot.flights[flight_row], snapshot.guards_of(flight_row)
    caps = tuple(WireCap(int(guard.level), clockface.wire(guard.window), guard.limit, guard.owner) for guard in guards)
    creative = int(snapshot.candidates.creative[row])
    return Pick(creative, flight.id, flight.campaign, flight.advertiser, caps), guards


def refused_hurdle(snapshot: Snapshot, row: int, guard: Guard) -> Hurdle:
    """A reservation was refused by `guard`: nothing that shows the same thing has room either."""
    flight = snapshot.flights[snapshot.candidates.flight_row[row]]
    ids = {
        Level.CREATIVE: int(snapshot.candidates.creative[row]),
        Level.FLIGHT: flight.id,
        Level.CAMPAIGN: flight.campaign,
        Level.ADVERTISER: flight.advertiser,
    }
    return ByThing(snapshot.candidates, CAPPED, guard.level, (ids[guard.level],), spelled(guard))


def spelled(guard: Guard) -> str:
    """Level and window, as counts and explanations name a cap."""
    return f"{guard.level.name.lower()}/{guard.window}"
