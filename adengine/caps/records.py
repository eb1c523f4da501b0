"""What a reader has seen, counted as the scripts count it: the peek before a page is chosen. Pure.

The layout is that of `log.lua`. A peek decides nothing: between it and `reserve` the same reader may have been shown
more, and `reserve` is the judge. A log is short (a person's, a few dozen records), so it is read without numpy, whose
calls would cost ten times as much.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from struct import Struct
from typing import NamedTuple

from adengine.caps.windows import LIFETIME, PAGE

LEVELS = ("creative", "flight", "campaign", "advertiser")
"""The fields of a record that a cap's level 1..4 means."""
_RECORD = Struct(">6I")
RECORD_BYTES = _RECORD.size


class Record(NamedTuple):
    """A pending hold or a confirmed impression; a cap's level is its thing's place."""

    ts: int
    """Of a hold its deadline, of an impression when it was shown, epoch s."""
    creative: int
    flight: int
    campaign: int
    advertiser: int
    mark: int
    """view << 1 | confirmed"""

    @property
    def is_pending(self) -> bool:
        return not self.mark & 1


@dataclass(frozen=True, slots=True)
class Seen:
    """A reader's log at one instant, without what means nothing any more."""

    records: tuple[Record, ...]
    totals: Mapping[str, int]
    """Lifetime counts, "<owner flight>:<level>:<id>"."""
    now_s: int
    view: int
    _tallies: dict[tuple[int, int], Counter[int]] = field(default_factory=dict, repr=False, compare=False)
    """By level and window, the number of counted records of each thing: made when first asked for."""

    @classmethod
    def read(cls, log: bytes, totals: Mapping[str, int], *, now_s: int, view: int) -> Seen:
        """log: whole records.  view: the page view at hand, for caps per page."""
        read = map(Record._make, _RECORD.iter_unpack(log))
        return cls(tuple([r for r in read if r.ts and (r.mark & 1 or r.ts >= now_s)]), totals, now_s, view)

    def things(self, level: int) -> set[int]:
        """The ids at `level` (1..4) that this reader has seen, or has been reserved, at all."""
        listed = {record[level] for record in self.records}
        if self.totals:
            named = (text.split(":") for text in self.totals)
            listed.update(int(id_) for _, at, id_ in named if int(at) == level)
        return listed

    def count(self, level: int, id_: int, window: int, owner: int) -> int:
        """What a cap on (level, id) in `window` (as `windows.wire` spells it) of flight `owner` counts now."""
        tally = self._tallies.get((level, window))
        if tally is None:
            tally = self._tallies[level, window] = Counter([record[level] for record in self._counted(window)])
        return tally[id_] + (self.totals.get(f"{owner}:{level}:{id_}", 0) if window == LIFETIME else 0)

    def _counted(self, window: int) -> list[Record]:
        """Which records count in a window; of a lifetime those that `totals` does not hold yet."""
        if window == LIFETIME:
            return [record for record in self.records if record.is_pending]
        if window == PAGE:
            return [record for record in self.records if record.mark >> 1 == self.view]
        since_s = self.now_s - window if window > 0 else -window
        since_s = since_s if since_s <= self.now_s else 0
        return [record for record in self.records if record.is_pending or record.ts >= since_s]
