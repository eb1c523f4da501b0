"""Circles on the globe: a point, or a town's, and kilometres around it. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from adengine.catalog.known import Known
from adengine.catalog.nouns import Facts
from adengine.catalog.targets.places import STEPS, resolved
from adengine.catalog.targets.refused import Refused, quoted
from adengine.places.query import is_degree

EARTH_KM = 6371.0088
"""Mean radius; the sphere is up to 0.5 % wrong."""
KM_MIN, KM_MAX = 0.1, 5000.0
_POINT = ("lat", "lon")
_STEPS_KM = ((25.0, STEPS), (100.0, STEPS - 1), (500.0, STEPS - 2))
"""(radius, how many steps nearer than anywhere): as a town, a county, a region; larger ones are as a country."""


def accepted(value: Any, known: Known) -> str:
    """ "46.9427,-93.9169,50" (degrees, km) for a point or a place with `km`; raises `Refused`."""
    if not isinstance(value, Mapping) or {*value} not in ({"lat", "lon", "km"}, {"place", "km"}):
        raise Refused(f'must be {{"lat", "lon", "km"}} or {{"place", "km"}}, not {quoted(value)}')
    km = value["km"]
    is_length = type(km) in (int, float) and math.isfinite(km) and KM_MIN <= km <= KM_MAX
    said = [] if is_length else [f"km must be a number from {KM_MIN:g} to {KM_MAX:g}"]
    if "place" not in value:
        said += [f"{name} is no degree" for name in _POINT if not is_degree(name, value[name])]
    lat, lon = _middle(value["place"], known) if "place" in value else (value["lat"], value["lon"])
    if said:
        raise Refused("; ".join(said))
    return ",".join(repr(round(float(number), 6)) for number in (lat, lon, km))


def shown(stored: str) -> dict[str, float]:
    return dict(zip((*_POINT, "km"), map(float, stored.split(",")), strict=True))


def steps_nearer(_: Facts, stored: str) -> float:
    """Of a circle that holds the reader, by its size: one step less for each kind of place that it is larger than."""
    km = shown(stored)["km"]
    return float(next((steps for most_km, steps in _STEPS_KM if km <= most_km), 1))


def holding(spellings: Sequence[str]) -> Callable[[Facts], tuple[str, ...]]:
    """From a request to those of `spellings` in which its point lies; the rim belongs to the circle."""
    numbers = np.array([spelling.split(",") for spelling in spellings], np.float64).reshape(-1, 3)
    lats, lons, kms = np.radians(numbers[:, 0]), np.radians(numbers[:, 1]), numbers[:, 2]

    def holding_of(facts: Facts) -> tuple[str, ...]:
        if facts.point is None:
            return ()
        lat, lon = map(math.radians, facts.point)
        within = np.flatnonzero(_distance_km(lat, lon, lats, lons) <= kms)
        return tuple(spellings[at] for at in within.tolist())

    return holding_of


def _distance_km(lat: float, lon: float, lats: Any, lons: Any) -> Any:
    """Great-circle distances from one point to many, in radians in, by the haversine formula."""
    half = np.sin((lats - lat) / 2) ** 2 + math.cos(lat) * np.cos(lats) * np.sin((lons - lon) / 2) ** 2
    return 2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0)))


def _middle(value: Any, known: Known) -> tuple[float, float]:
    place = resolved(value, known)
    if place.lat is None or place.lon is None:
        raise Refused(f"nobody knows where the middle of {quoted(value)} is; give lat and lon")
    return place.lat, place.lon
