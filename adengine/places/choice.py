"""Of several places that bear a name, those that are meant: one, several, never a guess. Pure; a place is its row.

- A town's own name goes before another town's other name. Where only a country is given, or nothing, this holds
  unless the other town is the more populous: "Roma" alone is not Roma, Texas. Areas likewise among themselves.
- Of a town and the area around it that bears its name, or another area with fewer inhabitants, the town is meant; but
  not a hamlet that merely is called like the state around it, too.
- "X, US" is the state X if no town of 100 000 shares its name.
- "X, country" is the one X with a hundred times the inhabitants of every other there ("Houston, US"). X alone is not.
- A name alone: a country; else a US state or a region if no town of 100 000 shares its name; else the only place of
  that name.
- A code alone: a country's or a US state's. Where it is both ("MN", "DE"), the state's if it has a quarter more
  inhabitants, the country's if that has ten times as many, else neither ("CA").
"""

from __future__ import annotations

from collections.abc import Iterable

from adengine.places.columns import CONTEXT_ONLY, OWN
from adengine.places.table import CITY, COUNTRY, COUNTY, REGION, Found, Table

BIG_CITY = 100_000
"""A region of this name alone stands back before a town of so many inhabitants: "New York", "Washington"."""
STATE_LEAD, COUNTRY_LEAD = 1.25, 10
"""So many times more inhabitants than the other must the state or the country have that a code of both means, alone."""
PREVAILS = 100
OVERSHADOWS = 20
"""Minneota is called Minnesota too, but in Minnesota, with three thousand times its people, nobody means it."""
SEAT_KM = 50


class Choice:
    def __init__(self, table: Table) -> None:
        self._table = table

    def by_code(self, states: list[int], countries: list[int]) -> list[int]:
        """What a code alone means, that of US states, of countries, or of both."""
        if not (states and countries) or states == countries:
            return states or countries
        ours, theirs = (self._table.population[rows[0]] for rows in (states, countries))
        if ours >= STATE_LEAD * theirs:
            return states
        return countries if theirs >= COUNTRY_LEAD * ours else states + countries

    def by_name(self, found: Found) -> list[int]:
        """What a name alone means."""
        own = [row for row, class_ in found if class_ == OWN]
        countries = [row for row in own if self._table.kind[row] == COUNTRY]
        states = self._states(own)
        if len(countries) == 1 and not states:
            return countries
        if len(states) == 1 and not countries and not self._has_big_city(own):
            return states
        rows = self.strongest(found)
        if states:
            return rows
        rows = self._innermost(rows)
        regions = [row for row in rows if self._table.kind[row] == REGION]
        return rows if len(regions) != 1 or self._has_big_city(rows) else regions

    def inside(self, found: Found, areas: list[int]) -> list[int]:
        """What a name means that was found inside given areas."""
        found = [(row, class_) for row, class_ in found if class_ != CONTEXT_ONLY]
        own = [row for row, class_ in found if class_ == OWN]
        if all(self._table.kind[row] != COUNTRY for row in areas):
            return self._innermost(own or [row for row, _ in found])
        states = self._states(own)
        if states and not self._has_big_city(own):
            return states
        return self._prevailing(self._innermost(self.strongest(found)))

    def strongest(self, found: Found) -> list[int]:
        """Those whose own name it is, and those with another name that are more populous; towns and areas apart."""
        kind, population = self._table.kind, self._table.population
        own = [row for row, class_ in found if class_ == OWN]
        areas = [row for row in own if kind[row] != CITY]
        largest_town = max((population[row] for row in own if kind[row] == CITY), default=-1)
        largest_area = max((population[row] for row in areas), default=-1)
        return own + [
            row
            for row, class_ in found
            if class_ != OWN
            and population[row] > (largest_town if kind[row] == CITY else largest_area)
            and not self._is_overshadowed(row, areas)
        ]

    def _is_overshadowed(self, town: int, areas: list[int]) -> bool:
        """Whether one of `areas` lies around a town that only another name led to, and is far larger."""
        far = OVERSHADOWS * self._table.population[town]
        return any(row in areas and self._table.population[row] >= far for row in self._table.above(town))

    def _innermost(self, rows: list[int]) -> list[int]:
        """`rows` without the areas that lie around another or stand back before a town among them."""
        areas = [row for row in rows if self._table.kind[row] != CITY]
        if not areas or len(rows) < 2:
            return rows
        towns = [row for row in rows if self._table.kind[row] == CITY]
        outer = {above for row in rows for above in self._table.above(row)}
        largest = max((self._table.population[town] for town in towns), default=0)
        behind = {row for row in areas if row in outer or self._table.population[row] < largest}
        behind |= self._beside_their_seats(areas, towns)
        return [row for row in rows if row not in behind]

    def _beside_their_seats(self, areas: list[int], towns: list[int]) -> set[int]:
        """The counties in whose middle stands a town that hangs, in the table, beside them below their region."""
        below: dict[int, list[int]] = {}
        for town in towns:
            below.setdefault(next(self._table.above(town)), []).append(town)
        return {
            county
            for county in areas
            if self._table.kind[county] == COUNTY
            and any(
                self._table.are_within(SEAT_KM, town, county) for town in below.get(next(self._table.above(county)), ())
            )
        }

    def _prevailing(self, rows: list[int]) -> list[int]:
        """The one place beside which the others are nothing, or all."""
        first, *rest = sorted((self._table.population[row] for row in rows), reverse=True) or [0]
        if first < BIG_CITY or first < PREVAILS * max(rest, default=0):
            return rows
        return [row for row in rows if self._table.population[row] == first]

    def _states(self, rows: list[int]) -> list[int]:
        return [row for row in rows if self._table.kind[row] == REGION and self._table.code(row).startswith("US-")]

    def _has_big_city(self, rows: Iterable[int]) -> bool:
        return any(self._table.kind[row] == CITY and self._table.population[row] >= BIG_CITY for row in rows)
