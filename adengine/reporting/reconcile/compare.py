"""Where the gap between their counts and ours comes from, each part under a name. Pure.

The gap of a row is theirs − ours. Causes are taken off it in the order of `CAUSES`, each no larger than what is left of
the gap on its side, but for those that are known for sure; what no cause explains is `unexplained`. So the causes of a
row always add up to its gap.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from adengine.reporting.calendar import DAY_S, HOUR_S, QUARTER_S
from adengine.reporting.periods import midnight_s
from adengine.reporting.reconcile.uploads import Theirs, Upload

OFFSETS_S = tuple(s for s in range(-12 * HOUR_S, 14 * HOUR_S + 1, QUARTER_S) if s % HOUR_S != QUARTER_S)
"""Every offset of UTC that a day of theirs may begin by, Nepal's of 5:45 too; none in use ends in a first quarter."""
LOOKED_AT = 20
"""Things with the most counts, by which the begin of their days is looked for."""
BETTER = 0.5
"""Another day's begin is named if it leaves at most so much of the gap."""


@dataclass(frozen=True, slots=True)
class Cause:
    name: str
    definition: str


CAUSES = (
    Cause("unknown", "They name something that is not here, or is not yours."),
    Cause("no_row", "We counted on a day that their file has no row for."),
    Cause("day_begins", "Their days begin at another hour than yours: what falls into another day."),
    Cause("invalid", "We received it and do not count it, by reason; they seem to count it."),
    Cause("late", "It came behind the seal of its hour, or was corrected by hand: ours has it, theirs not yet."),
    Cause("not_viewable", "We count it from when it began to render; they may count only what was in view."),
    Cause("unexplained", "Nothing that we know explains it."),
)


@dataclass(slots=True)
class Tally:
    """What we have of one thing and count, in one stretch of time."""

    valid: int = 0
    late: int = 0
    """Of `valid`."""
    viewable: int = 0
    invalid: dict[str, int] = field(default_factory=dict)
    """By reason."""

    def add(self, other: Tally) -> None:
        self.valid += other.valid
        self.late += other.late
        self.viewable += other.viewable
        for reason, n in other.invalid.items():
            self.invalid[reason] = self.invalid.get(reason, 0) + n


Running = tuple[Sequence[int], Sequence[int]]
"""(moments, epoch s, ascending; how much was valid before each of them, and at last in all)."""
NOTHING: Running = ((), (0,))
EPOCH = date(1970, 1, 1)
Ours = Mapping[tuple[int, str], Mapping[int, Tally]]
"""(thing, count) -> begin of a quarter of an hour, epoch s -> what we have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    day: date
    thing: int
    count: str
    theirs: int | None
    """None: their file has no such row."""
    ours: int
    causes: Mapping[str, int]
    """By name, `invalid` by `invalid:<reason>`; none is 0."""

    @property
    def gap(self) -> int:
        return (self.theirs or 0) - self.ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    lines: tuple[Line, ...]
    begins_s: int | None
    """The offset of UTC by which their days seem to begin; None: by the zone that was asked for."""


def period_of(upload: Upload, zone: ZoneInfo) -> tuple[int, int]:
    """From the first to behind the last moment that may matter, epoch s."""
    first, last = min(row.day for row in upload.rows), max(row.day for row in upload.rows)
    return midnight_s(first, zone) - 2 * DAY_S, midnight_s(last, zone) + 3 * DAY_S


def compared(upload: Upload, ours: Ours, there: Iterable[int], zone: ZoneInfo) -> Comparison:
    """there: the things that exist and that the asker may see."""
    known = frozenset(there)
    days = _days(upload.rows)
    here = _by_day(ours, days, zone)
    begins_s = _better_begin(upload, ours, days, here, known)
    shifted = _by_day(ours, days, begins_s) if begins_s is not None else here
    theirs = {(row.day, row.thing): row for row in upload.rows}
    lines = [
        _line(day, thing, count, theirs.get((day, thing)), here, shifted, thing in known)
        for day in days
        for thing in sorted({row.thing for row in upload.rows})
        for count in upload.counts
    ]
    return Comparison(
        lines=tuple(line for line in lines if line.theirs is not None or line.ours), begins_s=begins_s
    )  # fmt: skip


Cells = Mapping[tuple[date, int, str], Tally]


def _line(day: date, thing: int, count: str, row: Theirs | None, here: Cells, shifted: Cells, is_known: bool) -> Line:
    ours, best = here.get((day, thing, count), Tally()), shifted.get((day, thing, count), Tally())
    theirs = row.counts[count] if row is not None else None
    left = (theirs or 0) - ours.valid
    causes: dict[str, int] = {}

    def take(name: str, most: int) -> None:
        nonlocal left
        n = max(0, min(left, most)) if most > 0 else min(0, max(left, most))
        if n:
            causes[name] = n
            left -= n

    if not is_known:
        take("unknown", left)
    elif theirs is None:
        take("no_row", left)
    else:
        moved = best.valid - ours.valid
        if moved:
            causes["day_begins"] = moved
            left -= moved
        for reason, n in sorted(best.invalid.items(), key=lambda pair: (-pair[1], pair[0])):
            take(f"invalid:{reason}", n)
        take("late", -best.late)
        if count == "impressions" and best.viewable:
            take("not_viewable", best.viewable - best.valid)
    if left:
        causes["unexplained"] = left
    return Line(day=day, thing=thing, count=count, theirs=theirs, ours=ours.valid, causes=causes)


def _days(rows: Sequence[Theirs]) -> list[date]:
    first, last = min(row.day for row in rows), max(row.day for row in rows)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _by_day(ours: Ours, days: Sequence[date], begin: ZoneInfo | int) -> Cells:
    """Our counts by day.  begin: the zone whose midnight days begin at, or an offset of UTC in s."""
    found: dict[tuple[date, int, str], Tally] = {}
    wanted = frozenset(days)
    for (thing, count), tallies in ours.items():
        for at_s, tally in tallies.items():
            if isinstance(begin, int):
                day = datetime.fromtimestamp(at_s + begin, UTC).date()
            else:
                day = datetime.fromtimestamp(at_s, begin).date()
            if day in wanted:
                found.setdefault((day, thing, count), Tally()).add(tally)
    return found


def _better_begin(upload: Upload, ours: Ours, days: Sequence[date], here: Cells, known: frozenset[int]) -> int | None:
    """The offset that leaves the least of the gap, if that is far less than the asked zone's; over two days or more."""
    shown = Counter[int]()
    for row in upload.rows:
        if row.thing in known:
            shown[row.thing] += sum(row.counts.values())
    most = frozenset(thing for thing, _ in shown.most_common(LOOKED_AT))
    rows = [row for row in upload.rows if row.thing in most]
    if len(days) < 2 or not rows:
        return None
    now = _gap(rows, here)
    running = {key: _running(tallies) for key, tallies in ours.items() if key[0] in most}
    gaps = {offset_s: _gap_from(rows, running, offset_s) for offset_s in OFFSETS_S}
    best_s = min(gaps, key=lambda offset_s: (gaps[offset_s], offset_s % HOUR_S, abs(offset_s)))
    return best_s if gaps[best_s] < BETTER * now else None


def _gap(rows: Iterable[Theirs], cells: Cells) -> int:
    return sum(
        abs(n - cells.get((row.day, row.thing, count), Tally()).valid)
        for row in rows
        for count, n in row.counts.items()
    )


def _running(tallies: Mapping[int, Tally]) -> Running:
    moments = sorted(tallies)
    return moments, list(accumulate((tallies[at_s].valid for at_s in moments), initial=0))


def _gap_from(rows: Iterable[Theirs], running: Mapping[tuple[int, str], Running], offset_s: int) -> int:
    """As `_gap`, with days that begin by an offset of UTC; sums that run on tell each day without a walk through it."""
    gap = 0
    for row in rows:
        begin_s = (row.day - EPOCH).days * DAY_S - offset_s
        for count, n in row.counts.items():
            moments, before = running.get((row.thing, count), NOTHING)
            ours = before[bisect_left(moments, begin_s + DAY_S)] - before[bisect_left(moments, begin_s)]
            gap += abs(n - ours)
    return gap
