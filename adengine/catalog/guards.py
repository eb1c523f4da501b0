"""Which caps guard what: a cap holds for the thing it names, whichever flight shows that thing.

A flight's cap per campaign counts what every flight of the campaign shows, so it must also stop every one of them; else
the last one booked would break the promise made by the first. Pure; part of compiling a snapshot. Spelling out a
window (a calendar day's start) is left to `caps.windows`, because it needs now and the site's zone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from adengine.catalog.nouns import Flight, Level

LIFETIME = "flight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """At most `limit` impressions of the thing at `level` in `window`, for one reader."""

    level: Level
    limit: int
    window: str
    owner: int
    """The flight it was booked with; its lifetime is the window `flight`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """The guards of live flights, by whom they stop."""

    by_flight: Mapping[int, tuple[Guard, ...]]
    by_campaign: Mapping[int, tuple[Guard, ...]]
    """At level campaign, and at level creative for each creative of the campaign."""
    by_advertiser: Mapping[int, tuple[Guard, ...]]

    def of(self, flight: int, campaign: int, advertiser: int) -> tuple[Guard, ...]:
        """All that guard what this flight shows."""
        return (
            *self.by_flight.get(flight, ()),
            *self.by_campaign.get(campaign, ()),
            *self.by_advertiser.get(advertiser, ()),
        )


def guards_of(flights: Iterable[Flight]) -> Guards:
    """flights: the live ones; a cap stops guarding with the end of the flight that brought it."""
    found: dict[str, dict[int, list[Guard]]] = {
        name: defaultdict(list) for name in ("flight", "campaign", "advertiser")
    }
    for flight in flights:
        for cap in flight.caps:
            guard = Guard(level=cap.per, limit=cap.limit, window=cap.window, owner=flight.id)
            match cap.per:
                case Level.FLIGHT:
                    found["flight"][flight.id].append(guard)
                case Level.CREATIVE | Level.CAMPAIGN:
                    found["campaign"][flight.campaign].append(guard)
                case Level.ADVERTISER:
                    found["advertiser"][flight.advertiser].append(guard)
    tight = {name: {id_: _tightest(guards) for id_, guards in by_id.items()} for name, by_id in found.items()}
    return Guards(by_flight=tight["flight"], by_campaign=tight["campaign"], by_advertiser=tight["advertiser"])


def _tightest(guards: Iterable[Guard]) -> tuple[Guard, ...]:
    """Of guards that count the same, the lowest limit says all; lifetimes count apart, by their owner."""
    kept: dict[tuple[Level, str, int], Guard] = {}
    for guard in guards:
        same = (guard.level, guard.window, guard.owner if guard.window == LIFETIME else 0)
        if same not in kept or guard.limit < kept[same].limit:
            kept[same] = guard
    return tuple(kept.values())
