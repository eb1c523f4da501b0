"""The delivery report: from what is asked to what is read, and from the sums read to rows and totals. Pure.

Totals are the sums of all that was read, ratios computed anew, so they equal their parts in every grouping.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from adengine.errors import Invalid, Mistake
from adengine.reporting import calendar, dimensions
from adengine.reporting.dimensions import Dimension, Shown, World
from adengine.reporting.metrics import Metric, Sums
from adengine.reporting.paging import Mark, cursor_of
from adengine.reporting.query import ROWS_MAX, Asked
from adengine.reporting.question import CURRENCY, SPEND, Question, Read, too_many

READ_FACTOR = 10
"""So many times as many groups may be there before small places are put together."""
FLAT_PRICES = "flat_prices"
"""Under which the definitions say that flat prices are left out."""
PLACED = ("rollup.place",)
Key = tuple[Shown, ...]
"""The values of the dimensions, which tell a row from all others."""
FEW = "few"
"""Stands for the places, or for what is told of places, that are too small to be told."""


class TooFew(Invalid):
    """There is less in all than may be told of the places asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    columns: tuple[str, ...]
    """Names of a row's values, in order."""
    rows: list[dict[str, Any]]
    totals: dict[str, Any]
    definitions: Mapping[str, str]
    next: str | None = None
    """The cursor of the page behind this one; None: there is none."""


def report_of(asked: Asked, question: Question, read: Sequence[Read], world: World, small_cells: int = 0) -> Report:
    """Rows in the order of their dimensions, time ascending. Raises `Invalid` when there are too many.

    small_cells: places with fewer of everything are added up under `FEW`; totals stay what they are.
    """
    table = Table(asked, question)
    table.take(read, world)
    return table.report(small_cells)


class Table:
    """The groups of a report while what was read is added up."""

    def __init__(self, asked: Asked, question: Question, rows_max: int = ROWS_MAX) -> None:
        self._asked = asked
        self._world: World
        self._rows_max = rows_max
        self._spans, self._unsplit = question.spans, question.unsplit
        self._stored = tuple(map(int, question.stored))  # plain numbers find their place in a list sooner
        self._place = {column: index for index, column in enumerate(question.columns)}
        self._places: dict[str, tuple[int, ...]] = {}
        filters = [(dimensions.BY_NAME[name], wanted) for name, wanted in asked.filters.items()]
        self._filters = [(row, wanted) for row, wanted in filters if not row.is_plain]
        units = count()
        self._units = [next(units) if row.name in calendar.BY_NAME else None for row in asked.group_by]
        """Which label of a span each dimension is; None: of none."""
        self._keyed = tuple(zip(asked.group_by, self._units, strict=True))
        self._values: dict[tuple[str, tuple[Any, ...]], tuple[Shown, str | None]] = {}
        """What has been said of raw values already, with its name: many groups of sums share a place or a topic."""
        self._admitted: dict[tuple[str, tuple[Any, ...]], bool] = {}
        self.totals = Sums()
        self.groups: dict[Key, tuple[dict[str, Shown], Sums]] = {}
        if not asked.group_by:
            self.groups[()] = ({}, self.totals)

    def take(self, read: Iterable[Read], world: World) -> None:
        """Adds what was read up.  world: has the names of all that is in it.  Raises `Invalid` with too many rows."""
        self._world = world
        admitted = [part for part in read if self.admits(part)] if self._filters else list(read)
        for part in admitted:
            self.add(part)
        if admitted:
            self.totals.add(
                self._stored, [sum(counts) for counts in zip(*(part.counts for part in admitted), strict=True)]
            )
        if len(self.groups) > READ_FACTOR * self._rows_max:
            raise too_many(self._rows_max)

    def report(self, small_cells: int = 0) -> Report:
        """As `report_of` says."""
        if small_cells:
            self.hide_small(small_cells)
        if len(self.groups) > self._rows_max:
            raise too_many(self._rows_max)
        rows, last = self.page()
        return Report(
            columns=_column_names(self._asked),
            rows=rows,
            next=self._behind(last),
            totals=_values(self.totals, self._asked.metrics),
            definitions=self.definitions(),
        )

    def definitions(self) -> dict[str, str]:
        found = {row.name: row.definition for row in self._asked.group_by}
        found |= {row.name: row.definition for row in self._asked.metrics}
        if SPEND in found and self._unsplit:
            found[FLAT_PRICES] = f"Left out of {SPEND}: a flat price cannot be split by {', '.join(self._unsplit)}."
        return found

    def admits(self, part: Read) -> bool:
        """Whether it passes the filters that SQL cannot apply."""
        return all(self._passes(row, wanted, self._raw(row, part)) for row, wanted in self._filters)

    def _passes(self, row: Dimension, wanted: Sequence[Any], raw: tuple[Any, ...]) -> bool:
        known = (row.name, raw)
        if known not in self._admitted:
            self._admitted[known] = any(row.admits(raw, one, self._world) for one in wanted)
        return self._admitted[known]

    def add(self, part: Read) -> None:
        """To its group; what was counted is in the totals only behind `take`."""
        key = self._key(part)
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = (self._shown(key, part), Sums())
        sums = group[1]
        if sums is not self.totals:
            sums.add(self._stored, part.counts)
        if not part.micros or (currency := part.raw[self._place[CURRENCY]]) is None:
            return
        self.totals.charge(part.micros, currency)
        if sums is not self.totals:
            sums.charge(part.micros, currency)

    def hide_small(self, least: int) -> None:
        """Puts the groups of places that have less than `least` of each metric together.

        Under a filter by places every group tells of them; raises `TooFew` where all of it is less than `least`.
        """
        group_by = self._asked.group_by
        is_narrowed = any(row.columns == PLACED for row, _ in self._filters)
        if is_narrowed and self.totals.most < least:
            sentence = f"fewer than {least} of each were counted in these places, which is too few to be told"
            raise TooFew([Mistake("?filter", sentence)])
        hidden = [at for at, row in enumerate(group_by) if is_narrowed or row.columns == PLACED]
        small = [key for key, (_, sums) in self.groups.items() if sums.most < least] if hidden else []
        for key in small:
            shown, sums = self.groups.pop(key)
            joined = tuple(FEW if at in hidden else value for at, value in enumerate(key))
            also: dict[str, Shown] = {}
            for row in (group_by[at] for at in hidden):
                also[row.name] = FEW
                if row.named is not None:
                    also[_name_of(row)] = f"fewer than {least} each"
            self.groups.setdefault(joined, (shown | also, Sums()))[1].merge(sums)

    def page(self) -> tuple[list[dict[str, Any]], Key | None]:
        """(the rows that are asked for, in order; the last one's key, if others follow)."""
        columns = [self._ranks(index) for index in range(len(self._asked.group_by))]

        def place(key: Key) -> list[int]:
            return [rank[value] for rank, value in zip(columns, key, strict=True)]

        found = list(self.groups)
        if self._asked.after is not None:
            behind = place(self._asked.after)
            found = [key for key in found if place(key) > behind]
        found.sort(key=place)
        shown = found[: self._asked.limit]
        rows = [self.groups[key][0] | _values(self.groups[key][1], self._asked.metrics) for key in shown]
        return rows, shown[-1] if len(shown) < len(found) else None

    def _behind(self, last: Key | None) -> str | None:
        """The cursor for what follows the row `last`."""
        if last is None:
            return None
        asked = self._asked
        return cursor_of(Mark(of=asked.asked_as, from_s=asked.from_s, to_s=asked.to_s, row=last))

    def _key(self, part: Read) -> Key:
        labels = self._spans[part.span].labels if self._spans else ()
        return tuple([self._value(row, part)[0] if unit is None else labels[unit] for row, unit in self._keyed])

    def _value(self, row: Dimension, part: Read) -> tuple[Shown, str | None]:
        """(what is shown of the part, its name)."""
        raw = self._raw(row, part)
        known = (row.name, raw)
        if known not in self._values:
            name = row.named(raw, self._world) if row.named is not None else None
            self._values[known] = row.shown(raw, self._world), name
        return self._values[known]

    def _shown(self, key: Key, part: Read) -> dict[str, Shown]:
        shown: dict[str, Shown] = {}
        for row, value in zip(self._asked.group_by, key, strict=True):
            shown[row.name] = value
            if row.named is not None:
                shown[_name_of(row)] = self._value(row, part)[1]
        return shown

    def _ranks(self, index: int) -> dict[Shown, int]:
        """Which place each value of a column has in its order: time as it passes, else `_order`."""
        row, unit, after = self._asked.group_by[index], self._units[index], self._asked.after
        if unit is not None:
            values: Iterable[Shown] = dict.fromkeys([*(span.labels[unit] for span in self._spans), FEW])
            if after is not None and after[index] not in values:
                raise Invalid([Mistake("?cursor", f"there is no {row.name} {after[index]!r} in this report")])
        else:
            seen = () if after is None else (after[index],)
            values = sorted({*(key[index] for key in self.groups), *seen}, key=_order)
        return {value: rank for rank, value in enumerate(values)}

    def _raw(self, row: Dimension, part: Read) -> tuple[Any, ...]:
        """The columns' values of a dimension; asked four times for each group, so where they stand is remembered."""
        places = self._places.get(row.name)
        if places is None:
            places = self._places[row.name] = tuple(self._place[column] for column in row.columns)
        raw = part.raw
        return (raw[places[0]],) if len(places) == 1 else tuple([raw[at] for at in places])


def _order(value: Shown) -> tuple[bool, int, str]:
    """No value first, numbers by size, flt_10 behind flt_9, words by their letters."""
    if not isinstance(value, str):
        return value is not None, value or 0, ""
    digits = value.rpartition("_")[2]
    return True, int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 20 else 0, value


def _values(sums: Sums, chosen: Sequence[Metric]) -> dict[str, Any]:
    return {metric.name: metric.of(sums) for metric in chosen}


def _column_names(asked: Asked) -> tuple[str, ...]:
    names: list[str] = []
    for row in asked.group_by:
        names += (row.name, _name_of(row)) if row.named is not None else (row.name,)
    return (*names, *(metric.name for metric in asked.metrics))


def _name_of(row: Dimension) -> str:
    return f"{row.name}_name"
