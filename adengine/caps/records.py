"""What a reader has seen, counted as the scripts count it: the peek before a page is chosen. Pure numpy.

The layout is that of `log.lua`. A peek decides nothing: between it and `reserve` the same reader may have been shown
more, and `reserve` is the judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from adengine.caps.windows import LIFETIME, PAGE

RECORD_BYTES = 24
LEVELS = ("creative", "flight", "campaign", "advertiser")
"""The fields of a record that a cap's level 1..4 means."""
FIELDS = ("ts", *LEVELS, "mark")
RECORD = np.dtype([(name, np.int64) for name in FIELDS])
_TS, _MARK = 0, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A reader's log at one instant, without what means nothing any more."""

    columns: NDArray[np.int64]
    """Shape (6, n), the FIELDS of pending holds and confirmed impressions; a cap's level is its things' row."""
    totals: Mapping[str, int]
    """Lifetime counts, "<owner flight>:<level>:<id>"."""
    now_s: int
    view: int
    _tallies: dict[tuple[int, int], Counter[int]] = field(default_factory=dict, repr=False, compare=False)
    """By level and window, the number of counted records of each thing: made when first asked for."""

    @classmethod
    def read(cls, log: bytes, totals: Mapping[str, int], *, now_s: int, view: int) -> Seen:
        """log: whole records.  view: the page view at hand, for caps per page."""
        columns = np.frombuffer(log, ">u4").astype(np.int64).reshape(-1, len(FIELDS)).T
        is_pending = columns[_MARK] % 2 == 0
        means = (columns[_TS] > 0) & ~(is_pending & (columns[_TS] < now_s))
        return cls(columns=columns[:, means], totals=totals, now_s=now_s, view=view)

    @property
    def records(self) -> NDArray[np.void]:
        """dtype RECORD, shape (n,): the same, a record at a time."""
        records = np.empty(self.columns.shape[1], RECORD)
        for name, column in zip(FIELDS, self.columns, strict=True):
            records[name] = column
        return records

    def things(self, level: int) -> set[int]:
        """The ids at `level` (1..4) that this reader has seen, or has been reserved, at all."""
        listed = set(self.columns[level].tolist())
        return listed | {int(id_) for _, lv, id_ in (field.split(":") for field in self.totals) if int(lv) == level}

    def count(self, level: int, id_: int, window: int, owner: int) -> int:
        """What a cap on (level, id) in `window` (as `windows.wire` spells it) of flight `owner` counts now."""
        tally = self._tallies.get((level, window))
        if tally is None:
            tally = self._tallies[level, window] = Counter(self.columns[level][self._counted(window)].tolist())
        return tally[id_] + (self.totals.get(f"{owner}:{level}:{id_}", 0) if window == LIFETIME else 0)

    def _counted(self, window: int) -> NDArray[np.bool_]:
        """Which records count in a window; of a lifetime those that `totals` does not hold yet."""
        ts, mark = self.columns[_TS], self.columns[_MARK]
        is_pending: NDArray[np.bool_] = mark % 2 == 0
        if window == LIFETIME:
            return is_pending
        since_s = self.now_s - window if window > 0 else -window
        is_within: NDArray[np.bool_] = ts >= (since_s if since_s <= self.now_s else 0)
        is_of_view: NDArray[np.bool_] = mark >> 1 == self.view
        return is_of_view if window == PAGE else is_pending | is_within
