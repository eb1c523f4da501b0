"""Which caps guard what: a cap holds for the thing it names, whichever flight shows that thing.

A flight's cap per campaign counts what every flight of the campaign shows, so it must also stop every one of them; else
the last one booked would break the promise made by the first. Pure; part of compiling a snapshot. Spelling out a
window (a calendar day's start) is left to `caps.windows`, because it needs now and the site's zone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adengine.catalog.nouns import Level

LIFETIME = "flight"
KNOWN_MAX = 65_536
Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """At most `limit` impressions of the thing at `level` in `window`, for one reader."""

    level: Level
    limit: int
    window: str
    owner: int
    """The flight it was booked with; its lifetime is the window `flight`."""


@dataclass(frozen=True, slots=True)
class Guards:
    """The guards of live flights, by whom they stop."""

    by_flight: GuardsBy
    by_campaign: GuardsBy
    """At level campaign, and at level creative for each creative of the campaign."""
    by_advertiser: GuardsBy

    def of(self, flight: int, campaign: int, advertiser: int) -> tuple[Guard, ...]:
        """All that guard what this flight shows."""
        return (
            *self.by_flight.get(flight),
            *self.by_campaign.get(campaign),
            *self.by_advertiser.get(advertiser),
        )


class GuardArrays:
    """The guards of live flights as arrays, one row each, by kind of owner and by thing."""

    OWNERS = ("flight", "campaign", "advertiser")
    """`kind`: whose id `thing` is, by its place here."""
    NAMES = ("kind", "thing", "level", "limit", "window", "owner")


def guard_arrays(caps: Mapping[str, Array], flights: Mapping[str, Array]) -> dict[str, Array]:
    """caps: of live flights (owner, level, limit, window: a number).  flights: among them id, campaign, advertiser.

    Of guards that count the same, the lowest limit says all; lifetimes count apart, by their owner.
    """
    at = np.searchsorted(flights["id"], caps["owner"])
    kind = np.select([caps["level"] == Level.FLIGHT, caps["level"] == Level.ADVERTISER], [0, 2], 1)
    thing = np.choose(kind, [caps["owner"], flights["campaign"][at], flights["advertiser"][at]])
    apart = np.where(caps["lifetime"], caps["owner"], 0)
    order = np.lexsort((caps["owner"], caps["limit"], apart, caps["window"], caps["level"], thing, kind))
    same = np.stack([column[order] for column in (kind, thing, caps["level"], caps["window"], apart)])
    first = np.ones(order.size, bool)
    first[1:] = (same[:, 1:] != same[:, :-1]).any(axis=0)
    kept = order[first]
    columns = {"kind": kind, "thing": thing, **caps}
    return {name: columns[name][kept].astype(np.int64) for name in GuardArrays.NAMES}


def guards_in(arrays: Mapping[str, Array], windows: Sequence[str]) -> Guards:
    """windows: by number."""
    return Guards(*(GuardsBy(arrays, kind, windows) for kind in range(len(GuardArrays.OWNERS))))


class GuardsBy:
    """Id -> the guards of a thing; made when they are asked for."""

    def __init__(self, arrays: Mapping[str, Array], kind: int, windows: Sequence[str]) -> None:
        begin, end = np.searchsorted(arrays["kind"], [kind, kind + 1]).tolist()
        self._columns = {name: column[begin:end] for name, column in arrays.items()}
        self._windows = windows
        self._known: dict[int, tuple[Guard, ...]] = {}

    def get(self, id_: int) -> tuple[Guard, ...]:
        found = self._known.get(id_)
        if found is None:
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            found = self._known[id_] = self._made(id_)
        return found

    def _made(self, id_: int) -> tuple[Guard, ...]:
        begin, end = np.searchsorted(self._columns["thing"], [id_, id_ + 1]).tolist()
        rows = zip(
            *(self._columns[name][begin:end].tolist() for name in ("level", "limit", "window", "owner")), strict=True
        )
        return tuple(
            Guard(level=Level(level), limit=limit, window=self._windows[window], owner=owner)
            for level, limit, window, owner in rows
        )
