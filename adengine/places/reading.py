"""Which places a text or a set of fields can mean. Pure; a place is its row of the table.

Exact or nothing: names meet by `names.plain`, and nothing similar is ever taken. "X, Y, Z" is X inside Y inside Z. A
code behind a comma is a US state's first; if no X lies there, a country's; then that of a region of any country
("Toronto, ON"). So "München, DE" ends in Germany though DE is Delaware. Which of several namesakes is meant, `choice`
tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from adengine.places import query
from adengine.places.choice import Choice
from adengine.places.columns import CONTEXT_ONLY, OWN
from adengine.places.names import iso_key, name_key, state_key, suffix_key
from adengine.places.table import CITY, COUNTRY, COUNTY, REGION, Found, Table

ZIP_KM = 50
"""A name and a ZIP agree when the ZIP's town is the place, lies inside it, or is this near."""
_ISO = re.compile(r"[A-Za-z]{2}-[A-Za-z0-9]{1,3}")
_ID = re.compile(r"p([1-9][0-9]{0,9})")
_TAIL_WORDS_MAX = 3
_CODE_CHARS_MAX = 10
Tiers = list[list[int]]
"""Sets of areas that stand equal; the first that holds the name wins."""


class Reading:
    def __init__(self, table: Table) -> None:
        self._table = table
        self._choice = Choice(table)

    def text(self, text: str) -> list[int]:
        """Rows of the places that free text can mean; one: exact."""
        text = text.strip()
        if len(text) > query.CHARS_MAX:
            return []
        if named := _ID.fullmatch(text):
            row = self._table.row_of(int(named[1]))
            return [] if row is None else [row]
        words = query.words(text)
        if len(words.parts) > query.PARTS_MAX:
            return []
        rows = self._parts(words.parts) if words.parts else []
        if words.zip is None:
            return rows
        return self._agreeing(rows, words.zip) if words.parts else self._zip_town(words.zip)

    def fields(self, fields: Mapping[str, str]) -> list[int]:
        """Rows of the places that named fields can mean. A country is a country here: DE is never Delaware."""
        country, region, county, city, postal = (fields.get(name, "").strip() for name in query.NAMES)
        if any(len(value) > query.CHARS_MAX for value in fields.values()):
            return []
        tiers = [self._countries(country)] if country else None
        if region:
            tiers = [list(filter(self._is_region, tier)) for tier in self._narrowed(region, tiers)]
        if county:
            tiers = [[row for row in tier if self._table.kind[row] == COUNTY] for tier in self._narrowed(county, tiers)]
        rows = self._town(city, tiers) if city else next(filter(None, tiers or []), [])
        if not postal or (country and not self._has_zips(tiers or [])):
            return rows
        code = query.zip_code(postal)
        if code is None:
            return []
        return self._agreeing(rows, code) if country or region or county or city else self._zip_town(code)

    # A text.

    def _parts(self, parts: tuple[str, ...]) -> list[int]:
        rows = self._placed(parts) if len(parts) > 1 else self._alone(parts[0])
        return rows or self._without_commas(parts, 2)

    def _placed(self, parts: tuple[str, ...]) -> list[int]:
        """What "X, Y, …" can mean, more than one part: the first Y with an X of its own, else with another X."""
        others: list[int] = []
        named = self._named(parts[0])
        for tier in self._around(parts[1:]):
            found = self._inside(parts[0], named, tier)
            if any(class_ == OWN for _, class_ in found):
                return self._choice.inside(found, tier)
            others = others or self._choice.inside(found, tier)
        return others

    def _without_commas(self, parts: tuple[str, ...], splits: int) -> list[int]:
        """ "Remer MN", "Remer MN, US": the last words of the first part read as a region or country."""
        words = parts[0].split()
        for count in range(1, min(_TAIL_WORDS_MAX, len(words) - 1) + 1):
            split = (" ".join(words[:-count]), " ".join(words[-count:]), *parts[1:])
            if not any(self._table.kind[row] <= REGION for tier in self._around(split[1:]) for row in tier):
                continue
            rows = self._placed(split) or (self._without_commas(split, splits - 1) if splits > 1 else [])
            if rows:
                return rows
        return []

    def _alone(self, word: str) -> list[int]:
        """What a single name or code can mean."""
        if "-" in word and (coded := next(self._coded(word), [])):
            return coded
        found = [(row, class_) for row, class_ in self._named(word) if class_ != CONTEXT_ONLY]
        if letters := _letters(word):
            states, countries = (_rows(self._table.meanings(key(letters))) for key in (state_key, iso_key))
            if (states or countries) and not _is_written_as_name(word, found):
                return self._choice.by_code(states, countries)
        return self._choice.by_name(found)

    # Areas that other names lie in.

    def _around(self, parts: tuple[str, ...]) -> Iterator[list[int]]:
        """Tiers of what "Y, Z" can mean behind a comma."""
        if len(parts) == 1:
            yield from self._areas(parts[0])
            return
        named = self._named(parts[0])
        for tier in self._around(parts[1:]):
            if inner := [row for row, _ in self._inside(parts[0], named, tier) if self._table.kind[row] != CITY]:
                yield inner

    def _areas(self, word: str) -> Iterator[list[int]]:
        """Tiers of what `word` can mean behind the last comma."""
        yield from filter(None, self._coded(word))
        if named := [row for row, _ in self._named(word) if self._table.kind[row] != CITY]:
            yield named

    def _coded(self, word: str) -> Iterator[list[int]]:
        """What a code means, in order: ISO 3166-2, US state, country, the region of any country."""
        if "-" in word:
            if _ISO.fullmatch(word):
                yield _rows(self._table.meanings(iso_key(word)))
        elif letters := _letters(word):
            for key in (state_key, iso_key, suffix_key):
                yield _rows(self._table.meanings(key(letters)))

    def _named(self, word: str) -> Found:
        return self._table.meanings(name_key(word))

    def _inside(self, word: str, named: Found, areas: list[int]) -> Found:
        """What bears the name or code inside any of the areas; a short code before a name.

        named: `_named(word)`, which callers ask once for several areas.
        """
        named = [it for it in named if self._table.lies_in(it[0], areas)]
        if named and (len(_letters(word)) not in (2, 3) or _is_written_as_name(word, named)):
            return named
        coded = [(row, OWN) for rows in self._coded(word) for row in rows if self._table.lies_in(row, areas)]
        return coded or named

    # Fields.

    def _countries(self, word: str) -> list[int]:
        coded = self._table.meanings(iso_key(word)) or self._named(word)
        return [row for row, _ in coded if self._table.kind[row] == COUNTRY]

    def _narrowed(self, word: str, tiers: Tiers | None) -> Tiers:
        if tiers is None:
            return list(self._areas(word))
        named = self._named(word)
        return [[row for row, _ in self._inside(word, named, tier)] for tier in tiers]

    def _is_region(self, row: int) -> bool:
        """A region, or a country that its sovereign counts as one (Puerto Rico)."""
        kind = self._table.kind[row]
        return kind == REGION or (kind == COUNTRY and any(self._table.above(row)))

    def _town(self, word: str, tiers: Tiers | None) -> list[int]:
        named = self._named(word)
        if tiers is None:
            return self._choice.strongest([it for it in named if self._table.kind[it[0]] == CITY])
        for tier in tiers:
            if found := [it for it in self._inside(word, named, tier) if self._table.kind[it[0]] == CITY]:
                return self._choice.inside(found, tier)
        return []

    # ZIPs.

    def _zip_town(self, code: str) -> list[int]:
        row = self._table.zip_town(code)
        return [] if row is None else [row]

    def _has_zips(self, tiers: Tiers) -> bool:
        """Whether the US postal service delivers there; other countries' postal codes are not read."""
        united_states = set(_rows(self._table.meanings(iso_key("US"))))
        return any(not united_states.isdisjoint([row, *self._table.above(row)]) for tier in tiers for row in tier)

    def _agreeing(self, rows: list[int], code: str) -> list[int]:
        """Those of `rows` that a ZIP behind them can belong to; a contradiction is nothing."""
        town = self._table.zip_town(code)
        if rows and not self._has_zips([rows]):
            return rows
        if town is None:
            return []
        if not {town, *self._table.above(town)}.isdisjoint(rows):
            return [town]
        return [row for row in rows if self._table.kind[row] == CITY and self._table.are_within(ZIP_KM, row, town)]


def _letters(word: str) -> str:
    """The 2 to 5 letters of what may be a code, "D.C." -> "DC"; empty for what cannot be one."""
    if len(word) > _CODE_CHARS_MAX or not word.isascii():
        return ""
    letters = word.replace(".", "").replace(" ", "")
    return letters if 2 <= len(letters) <= 5 and letters.isalpha() else ""


def _is_written_as_name(word: str, found: Found) -> bool:
    """ "Bo" is a town in Sierra Leone, "BO" Bolivia."""
    return word.istitle() and any(class_ == OWN for _, class_ in found)


def _rows(found: Found) -> list[int]:
    return [row for row, _ in found]
