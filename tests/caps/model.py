"""The reader log by its definition: a list of impressions, counted one by one, with no bytes and no cleverness."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from adengine.caps.claims import RESERVED, UNDONE, Pick, WireCap
from adengine.caps.windows import LIFETIME, PAGE
from tests.caps.checker import US, Shown


@dataclass
class Record:
    ids: tuple[int, int, int, int]
    """Creative, flight, campaign, advertiser."""
    view: int
    at_s: int
    """When it was shown; of a hold, its deadline."""
    is_held: bool = True


@dataclass
class Model:
    hold_s: int
    retention_s: int
    records: list[Record] = field(default_factory=list)
    totals: dict[tuple[int, int, int], int] = field(default_factory=lambda: defaultdict(int))
    """Owner flight, level, id -> impressions."""
    shown: list[Shown] = field(default_factory=list)

    def count(self, cap: WireCap, ids: tuple[int, ...], now_s: int, view: int) -> int:
        id_ = ids[cap.level - 1]
        mine = [one for one in self.records if one.ids[cap.level - 1] == id_ and self._counts_at(now_s, one)]
        if cap.window == PAGE:
            return sum(one.view == view for one in mine)
        held = [one for one in mine if one.is_held]
        if cap.window == LIFETIME:
            return len(held) + self.totals[cap.owner, cap.level, id_]
        since_s = now_s - cap.window if cap.window > 0 else -cap.window
        if since_s > now_s:
            return len(mine)
        return len(held) + sum(one.at_s >= since_s for one in mine if not one.is_held)

    def reserve(self, picks: list[Pick], now_s: int, view: int, *, all_or_nothing: bool) -> list[int]:
        before, verdicts = len(self.records), []
        for pick in picks:
            ids = _ids(pick)
            full = [k for k, cap in enumerate(pick.caps, 1) if self.count(cap, ids, now_s, view) >= cap.limit]
            verdicts.append(-full[0] if full else RESERVED)
            if not full:
                self.records.append(Record(ids=ids, view=view, at_s=now_s + self.hold_s))
        if all_or_nothing and verdicts != [RESERVED] * len(picks):
            del self.records[before:]
            return [UNDONE if verdict == RESERVED else verdict for verdict in verdicts]
        return verdicts

    def confirm(self, pick: Pick, view: int, now_s: int) -> bool:
        """Whether there was a hold. How the scripts name its absence depends on what the log still remembers."""
        held = self._held(pick, view, now_s)
        if held is None:
            return False
        held.is_held, held.at_s = False, now_s
        for cap in pick.caps:
            if cap.window == LIFETIME:
                self.totals[cap.owner, cap.level, held.ids[cap.level - 1]] += 1
        self.shown.append(Shown(at_us=now_s * US, ids=held.ids, view=view))
        return True

    def release(self, pick: Pick, view: int, now_s: int) -> bool:
        held = self._held(pick, view, now_s)
        if held is not None:
            self.records.remove(held)
        return held is not None

    def _held(self, pick: Pick, view: int, now_s: int) -> Record | None:
        """The newest living hold."""
        same = [one for one in self.records if (*one.ids[:2], one.view) == (pick.creative, pick.flight, view)]
        held = [one for one in same if one.is_held and one.at_s >= now_s]
        return held[-1] if held else None

    def _counts_at(self, now_s: int, one: Record) -> bool:
        return one.at_s >= (now_s if one.is_held else now_s - self.retention_s)


def _ids(pick: Pick) -> tuple[int, int, int, int]:
    return pick.creative, pick.flight, pick.campaign, pick.advertiser
