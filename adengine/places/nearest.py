"""The town nearest to a point, on the sphere.

Pure. Towns stand in the table from south to north, so that a band of latitude is one slice; the band widens until what
was found inside it is nearer than its edge. Ordinary points look at 0.3 to 3 thousand towns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from adengine.places.columns import Array

REACH_KM = 100
"""Farther from every town we know, a point is nowhere (open sea, ice): refused rather than guessed."""
EARTH_KM = 6371.0
_BAND_FIRST_DEGREES = 0.1


class Towns:
    """columns: as `columns.opened` gives them."""

    def __init__(self, columns: Mapping[str, Array]) -> None:
        self._rows = columns["northward"]
        self._x, self._y, self._z = (columns[axis] for axis in "xyz")

    def nearest(self, lat: float, lon: float) -> int | None:
        """Row of the town nearest to a point in degrees; None with none within `REACH_KM`."""
        band = _BAND_FIRST_DEGREES
        while True:
            row, km = self._nearest_between(lat - band, lat + band, _point(lat, lon))
            edge_km = math.radians(band) * EARTH_KM
            if km <= edge_km or edge_km > REACH_KM:
                return row if km <= REACH_KM else None
            band *= 4

    def _nearest_between(self, south: float, north: float, point: tuple[np.float32, ...]) -> tuple[int | None, float]:
        """(row, km) of the nearest town between two latitudes, (None, infinite) if there is none."""
        heights = np.array([_point(max(-90.0, south), 0)[2], _point(min(90.0, north), 0)[2]])
        first, last = self._z.searchsorted(heights)
        if first == last:
            return None, math.inf
        # Chords, not cosines: in 32 bits a cosine near 1 cannot tell towns within 3 km apart.
        x, y, z = (axis[first:last] - here for axis, here in zip((self._x, self._y, self._z), point, strict=True))
        squares = x * x + y * y + z * z
        best = int(squares.argmin())
        chord = math.sqrt(float(squares[best]))
        return int(self._rows[first + best]), 2 * EARTH_KM * math.asin(min(1.0, chord / 2))


def _point(lat: float, lon: float) -> tuple[np.float32, ...]:
    """A place in degrees on the unit sphere."""
    phi, lam = math.radians(lat), math.radians(lon)
    return (
        np.float32(math.cos(phi) * math.cos(lam)),
        np.float32(math.cos(phi) * math.sin(lam)),
        np.float32(math.sin(phi)),
    )
