"""The flights that the catalogue lets stand in a slot, worked out once for all pages that are alike. Pure.

Most pages of a site are like pages before them: the same slot, towns of the same states, topics below the same targets,
a moment between the same bounds. What the catalogue alone says of them is kept, until the catalogue changes; what
depends on the reader, the pacer or the rest of the page is not in here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from itertools import count

from adengine.catalog.nouns import Facts, Site, Slot
from adengine.catalog.snapshot import Snapshot
from adengine.serving.bitsets import Bits, Sets
from adengine.serving.capping import Guarding, Reservation
from adengine.serving.cards import Cards
from adengine.serving.classes import Classes, Eligible
from adengine.serving.closeness import closeness
from adengine.serving.crowd import Levels
from adengine.serving.eligibility import TOO_LONG, Room, rules
from adengine.serving.request import SlotAsked
from adengine.serving.rivals import Rivals
from adengine.serving.slates import Turns

BYTES_MAX = 48 * 2**20
"""Of what is kept, twice: the kept and those before (`Kept`)."""
PLANS_MAX = 4096
SETTLED_MAX = 65_536
LEVELS_KEPT = 64
"""A quarter of a megabyte each at a million creatives."""


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
        self.has_whole_pages = any(place.eligible.has_whole_pages for place in there)
        self.looks_at_all = len(there) > 1 and self.has_whole_pages
        """Whether somebody may want all slots."""
        self.needs_reader = bool(self.shares) or self.looks_at_all or any(p.eligible.is_sequential for p in there)
        """Whether more than the caps of those who are drawn depends on what the reader has seen."""


class Kept:
    """The last `Eligible` of one snapshot, by what pages have in common. Shared by all threads, without a lock: the
    worst of a race is that something is worked out twice."""

    def __init__(self, snapshot: Snapshot, bytes_max: int = BYTES_MAX) -> None:
        self.snapshot = snapshot
        self._classes = Classes(snapshot)
        self._sets = Sets()
        self._levels: dict[Hashable, Levels | None] = {}
        asked = [(row, admission) for row, admission in snapshot.admissions if not admission.idle]
        self._settled = [admission for row, admission in asked if row.settled]
        self._varying = [admission for row, admission in asked if not row.settled]
        self._numbers: dict[Hashable, int] = {}
        self._number = count()
        """For what pages have in common, a number each: what is looked up for every page is soon compared then."""
        self._span = (0.0, 0.0, 0)
        """(from, before, its number) of the span between two of `bounds_s` that was asked for last, epoch s."""
        self._steps = {unit: lengths.steps() for unit, lengths in snapshot.shortest.items()}
        self._bytes_max = bytes_max
        self._bytes = 0
        self.generation = 0
        """Grows whenever what was kept longest is let go."""
        self._found: dict[Hashable, Eligible] = {}
        self._before: Mapping[Hashable, Eligible] = {}
        self._plans: dict[Hashable, Plan] = {}
        self._rivals: dict[tuple[str, ...], Rivals] = {}
        self.turns: Turns = {}
        self.cards = Cards(snapshot)
        self.picks: dict[int, Reservation] = {}
        """Of candidates whose caps do not go by the clock."""
        self.guarding: Guarding = {}

    def __len__(self) -> int:
        return len(self._found) + len(self._before)

    @property
    def varies(self) -> bool:
        """Whether `varying` depends on anything."""
        return bool(self._varying)

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
        named = tuple([admission.named(facts) for admission in self._settled])
        if len(self._numbers) >= SETTLED_MAX:
            self._numbers.clear()
        return self._numbers.setdefault(named, next(self._number))

    def varying(self, facts: Callable[[], Facts]) -> Hashable:
        """The part that the rest of the request and the time of day decide."""
        if not self._varying:
            return ()
        here = facts()
        return tuple([admission.named(here) for admission in self._varying])

    def span(self, now_s: int) -> int:
        """The part that is told by which flights run: the number of the span between two of `bounds_s`."""
        return self.spanned(now_s)[2]

    def spanned(self, now_s: int) -> tuple[float, float, int]:
        """(from, before, number) of that span, epoch s."""
        found = self._span
        if not found[0] <= now_s < found[1]:
            bounds_s = self.snapshot.bounds_s
            number = int(bounds_s.searchsorted(now_s, "right"))
            begin_s = float(bounds_s[number - 1]) if number else -math.inf
            end_s = float(bounds_s[number]) if number < bounds_s.size else math.inf
            self._span = found = begin_s, end_s, number
        return found

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
            self.generation += 1
            self._plans.clear()
        self._found[alike] = eligible
        self._bytes += eligible.nbytes

    def _worked_out(self, facts: Facts, room: Room, nearness: float) -> Eligible:
        classes, before = self._classes, self._sets.made_bytes
        has_lines = classes.has_lines
        hurdles = [
            (rule.reason, self._sets.of(rule.name, lambda rule=rule: rule.flights() & has_lines))  # type: ignore[misc]
            for rule in rules(self.snapshot, facts)
        ]
        if room.limits:
            fits = self._sets.of(("room", self._step(room)), lambda: room.flights(self.snapshot) & has_lines)
            hurdles.append((TOO_LONG, fits))
        levels, levels_bytes = self._levels_of(facts, nearness)
        return Eligible(
            classes,
            [bits for _, bits in hurdles],
            levels,
            _furthest(hurdles, classes.with_lines),
            _furthest(hurdles, classes.sponsors),
            self._sets.made_bytes - before + levels_bytes,
        )

    def _levels_of(self, facts: Facts, nearness: float) -> tuple[Levels | None, int]:
        """(how close flights are aimed, bytes that are new for it); kept for pages to which they are as close."""
        asked = [admission.named(facts) for _, admission in self.snapshot.admissions if not admission.idle]
        graded = tuple([named for named in asked if named.nearness or min(named.relatedness, default=1.0) < 1])
        name = (nearness, graded)
        if name in self._levels:
            return self._levels[name], 0
        close = closeness(self.snapshot, facts) if graded else None
        found = Levels.of_factors(close.factor(nearness)) if close is not None else None
        if len(self._levels) >= LEVELS_KEPT:
            self._levels = {}
        self._levels[name] = found
        return found, found.which.nbytes if found is not None else 0


def _furthest(hurdles: Sequence[tuple[str, Bits]], among: Bits) -> str | None:
    """As `hurdles.furthest_reason`, of flights."""
    for reason, passes in hurdles:
        among = among & passes
        if not among.any():
            return reason
    return None
