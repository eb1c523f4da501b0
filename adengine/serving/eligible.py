"""The flights that the catalogue lets stand in a slot, worked out once for all pages that are alike. Pure.

Most pages of a site are like pages before them: the same slot, towns of the same states, topics below the same targets,
a moment between the same bounds. What the catalogue alone says of them is kept, until the catalogue changes; what
depends on the reader, the pacer or the rest of the page is not in here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence

import numpy as np

from adengine.catalog.nouns import Facts, Site, Slot
from adengine.catalog.snapshot import Rows, Snapshot
from adengine.serving.closeness import Factors, FlightRows, closeness
from adengine.serving.draw import Floats, raised
from adengine.serving.eligibility import TOO_LONG, Room, targeting
from adengine.serving.hurdles import Mask
from adengine.serving.lots import Entrants
from adengine.serving.pace import Paced
from adengine.serving.request import SlotAsked
from adengine.serving.rivals import Rivals

BYTES_MAX = 48 * 2**20
"""Of what is kept, twice: the kept and those before (`Kept`)."""
OVERHEAD_BYTES = 1500
PLANS_MAX = 4096
PACED_KEPT = 8


class Eligible:
    """One slot's flights, ascending by row, so best class first; immutable but for what it works out later."""

    def __init__(
        self,
        snapshot: Snapshot,
        flights: FlightRows,
        factors: Floats | None,
        reason: str | None,
        reason_of_sponsors: str | None,
    ) -> None:
        """factors: of the chance of each of `flights`, by how close it is aimed; None: no difference.
        reason: why there are none.  reason_of_sponsors: why there are none but house lines; None if there are."""
        self.flights = flights
        self._factors = factors
        self.reason = reason
        self.reason_of_sponsors = reason_of_sponsors
        self._candidates = candidates = snapshot.candidates
        self.is_logged = bool(snapshot.logged[flights].any())
        self.has_whole_pages = bool(candidates.whole_page[candidates.first[flights]].any())
        shared = np.array([snapshot.flight_row[flight] for flight, _ in snapshot.shares], np.int32)
        self.shares = tuple(snapshot.shares[at] for at in np.flatnonzero(self.holds(shared)).tolist())
        """(flight, the share of the pages that it was promised)."""
        self._entrants: dict[int, tuple[Paced | None, tuple[Entrants, ...] | None]] = {}

    @property
    def nbytes(self) -> int:
        """With its entrants."""
        return OVERHEAD_BYTES + 4 * self.flights.nbytes + (self._factors.nbytes if self._factors is not None else 0)

    def rows(self) -> Rows:
        """All candidates of these flights, ascending."""
        return self._candidates.of(self.flights)

    @property
    def factors(self) -> Factors | None:
        """Of candidates of these flights."""
        if self._factors is None:
            return None
        factors = self._factors
        return lambda rows: factors[np.searchsorted(self.flights, self._candidates.flight_row[rows])]

    def holds(self, flights: FlightRows) -> Mask:
        """Which of `flights` are among these."""
        if not self.flights.size:
            return np.zeros(flights.shape, bool)
        at = np.minimum(np.searchsorted(self.flights, flights), self.flights.size - 1)
        found: Mask = self.flights[at] == flights
        return found

    def entrants(self, paced: Paced | None) -> tuple[Entrants, ...] | None:
        """Those of each class that the pacer lets ask, best class first; None where one is drawn both ways at once.

        Worked out once for each `Paced`.
        """
        known = self._entrants.get(id(paced))
        if known is None or known[0] is not paced:
            known = (paced, self._classes(paced))
            if len(self._entrants) >= PACED_KEPT:
                self._entrants.clear()
            self._entrants[id(paced)] = known
        return known[1]

    def _classes(self, paced: Paced | None) -> tuple[Entrants, ...] | None:
        asks = slice(None) if paced is None else paced.asks[self.flights]
        flights = self.flights[asks]
        factors = self._factors[asks] if self._factors is not None else np.ones(flights.size)
        first = self._candidates.first[flights]
        ranks, weights = self._candidates.rank[first], self._candidates.flight_weight[first] * factors
        found = []
        begin = 0
        while begin < flights.size:
            end = int(np.searchsorted(ranks, ranks[begin], side="right"))
            these = slice(begin, end)
            scores = None if paced is None else paced.score[flights[these]]
            by_weight = scores is None or np.isnan(scores)
            if scores is None or np.all(by_weight):
                found.append(Entrants.by_weight(int(ranks[begin]), flights[these], weights[these]))
            elif not np.any(by_weight):
                found.append(Entrants.by_score(int(ranks[begin]), flights[these], raised(scores, factors[these])))
            else:
                return None
            begin = end
        return tuple(found)


class Place:
    """A slot of a page, and who may stand in it as far as the catalogue says."""

    __slots__ = ("eligible", "room", "slot")

    def __init__(self, slot: Slot, room: Room, eligible: Eligible) -> None:
        self.slot = slot
        self.room = room
        self.eligible = eligible


class Plan:
    """The slots of pages that are alike, in the order of the request."""

    def __init__(self, places: Sequence[Place | None]) -> None:
        """None: the site has no slot of that name."""
        self.places = tuple(places)
        there = [place for place in self.places if place is not None]
        self.weights = [place.slot.position_weight if place is not None else 1.0 for place in self.places]
        self.is_logged = any(place.eligible.is_logged for place in there)
        """Whether any flight that may stand here goes by the reader's log."""
        self.shares = sorted({share for place in there for share in place.eligible.shares})
        """(flight, the share of the pages that it was promised) of each that may stand here."""
        self.looks_at_all = len(there) > 1 and any(place.eligible.has_whole_pages for place in there)
        """Whether somebody may want all slots."""


class Kept:
    """The last `Eligible` of one snapshot, by what pages have in common. Shared by all threads, without a lock: the
    worst of a race is that something is worked out twice."""

    def __init__(self, snapshot: Snapshot, bytes_max: int = BYTES_MAX) -> None:
        self.snapshot = snapshot
        asked = [(row, admission) for row, admission in snapshot.admissions if not admission.idle]
        self._settled = [admission for row, admission in asked if row.settled]
        self._varying = [admission for row, admission in asked if not row.settled]
        self._span = (0.0, 0.0, 0)
        """(from, before, its number) of the span between two of `bounds_s` that was asked for last, epoch s."""
        self._steps = {unit: np.unique(lengths) for unit, lengths in snapshot.shortest.items()}
        self._bytes_max = bytes_max
        self._bytes = 0
        self._found: dict[Hashable, Eligible] = {}
        self._before: Mapping[Hashable, Eligible] = {}
        self._plans: dict[Hashable, Plan] = {}
        self._rivals: dict[tuple[str, ...], Rivals] = {}

    def __len__(self) -> int:
        return len(self._found) + len(self._before)

    def rivals(self, exclusive: Collection[str]) -> Rivals:
        """The rules of a site."""
        names = tuple(exclusive)
        return self._rivals.get(names) or self._rivals.setdefault(names, Rivals(self.snapshot.candidates, names))

    def alike(self, facts: Facts) -> Hashable:
        """The same for two pages only if each slot has the same flights on both.

        facts: of the page in a slot of no name and position; what its slots add is the same wherever they stand.
        """
        return self.settled(facts), self.varying(lambda: facts), self.span(facts.now_s)

    def settled(self, facts: Facts) -> Hashable:
        """The part of `alike` that the page's place and topics decide alone."""
        return tuple([admission.named(facts) for admission in self._settled])

    def varying(self, facts: Callable[[], Facts]) -> Hashable:
        """The part that the rest of the request and the time of day decide."""
        return tuple([admission.named(here) for here in (facts(),) for admission in self._varying]) if self._varying else ()

    def span(self, now_s: int) -> int:
        """The part that is told by which flights run: the number of the span between two of `bounds_s`."""
        begin_s, end_s, number = self._span
        if not begin_s <= now_s < end_s:
            bounds_s = self.snapshot.bounds_s
            number = int(bounds_s.searchsorted(now_s, "right"))
            begin_s = float(bounds_s[number - 1]) if number else -math.inf
            end_s = float(bounds_s[number]) if number < bounds_s.size else math.inf
            self._span = begin_s, end_s, number
        return number

    def plan(self, site: Site, slots: tuple[SlotAsked, ...], alike: Hashable, facts: Callable[[Slot], Facts]) -> Plan:
        """alike: of the page.  facts: of the page in a slot; asked only for what is not known yet."""
        named = (site.id, slots, alike)
        plan = self._plans.get(named)
        if plan is None:
            if len(self._plans) >= PLANS_MAX:
                self._plans.clear()
            plan = self._plans[named] = Plan([self._place(site, slot, facts) for slot in slots])
        return plan

    def _place(self, site: Site, asked: SlotAsked, facts: Callable[[Slot], Facts]) -> Place | None:
        slot = self.snapshot.slots.get((site.id, asked.slot))
        if slot is None:
            return None
        room, here = Room(asked, slot), facts(slot)
        named = (self.alike(here), self._step(room), site.nearness)
        found = self._found.get(named)
        if found is None:
            found = self._before.get(named) or self._worked_out(here, room, site.nearness)
            self._keep(named, found)
        return Place(slot, room, found)

    def _step(self, room: Room) -> Hashable:
        """The same for two rooms only if they hold lines of the same flights."""
        if not room.limits:
            return None
        if len(room.limits) == 1:
            ((unit, most),) = room.limits
            return unit, int(self._steps[unit].searchsorted(most, "right"))
        return room.limits

    def _keep(self, alike: Hashable, eligible: Eligible) -> None:
        if self._bytes > self._bytes_max:
            self._before, self._found, self._bytes = self._found, {}, 0
            self._plans.clear()
        self._found[alike] = eligible
        self._bytes += eligible.nbytes

    def _worked_out(self, facts: Facts, room: Room, nearness: float) -> Eligible:
        snapshot = self.snapshot
        has_lines = np.diff(snapshot.candidates.first) > 0
        hurdles = [(hurdle.reason, hurdle.flights) for hurdle in targeting(snapshot, facts)]
        if room.limits:
            hurdles.append((TOO_LONG, room.flights(snapshot)))
        sponsors = has_lines & ~snapshot.house
        left = has_lines
        for _, passes in hurdles:
            left = left & passes
        flights = np.flatnonzero(left).astype(np.int32)
        close = closeness(snapshot, facts)
        factors = close.factor(nearness)[flights] if close is not None else None
        if factors is not None and np.all(factors == 1):
            factors = None
        return Eligible(snapshot, flights, factors, _furthest(hurdles, has_lines), _furthest(hurdles, sponsors))


def _furthest(hurdles: list[tuple[str, Mask]], among: Mask) -> str | None:
    """As `hurdles.furthest_reason`, of flights."""
    for reason, passes in hurdles:
        among = among & passes
        if not among.any():
            return reason
    return None
