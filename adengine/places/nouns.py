"""The nouns of places: frozen, as the rest of the engine reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a place is. The order is the order down the tree and the number in the gazetteer; only ever append."""

    COUNTRY = "country"
    REGION = "region"
    COUNTY = "county"
    CITY = "city"


class Status(StrEnum):
    EXACT = "exact"
    """Exactly one place bears this name; it is in `place`."""
    AMBIGUOUS = "ambiguous"
    """Several do; they are in `candidates` and none is chosen."""
    UNKNOWN = "unknown"
    """None does. A name that is merely similar is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    id: int
    """u32, the same in every rebuild: the GeoNames id; of a US town without one a hash, with the top bit set."""
    name: str
    kind: Kind
    path: tuple[str, ...]
    """From the country down, ISO 3166 codes where there are some: ("US", "US-MN", "Cass County", "Remer")."""
    lat: float | None
    """Degrees; of a county, region or country the middle of its inhabitants, None where we know no town of it."""
    lon: float | None
    country: str
    """ISO 3166-1 alpha-2."""
    timezone: str | None
    """IANA name; None for an area that has several or an unknown one."""
    population: int
    """Inhabitants; of a county or region the sum of its towns; 0: unknown."""

    @property
    def spelling(self) -> str:
        """The id as text in JSON, "p5041926"; `Gazetteer.resolve` reads it back."""
        return f"p{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    status: Status
    place: Place | None = None
    """Set exactly when `status` is exact."""
    candidates: Sequence[Place] = ()
    """When ambiguous: all of them, the most populous first; some names are borne by hundreds."""
