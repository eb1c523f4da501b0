"""From a catalogue on the shelf to the snapshot that reads it; nouns are made when they are asked for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from adengine.catalog.compile import Nouns, snapshot_of
from adengine.catalog.dimensions import DIMENSIONS, Dimension
from adengine.catalog.nouns import Creative, Flight
from adengine.catalog.rows import creative_of, flight_of, key_of, site_of, slot_of
from adengine.catalog.snapshot import Snapshot
from adengine.catalog.sparse import Blobs, Decoded

VERSIONS = 2**16
"""Of a creative: a landing's number is creative * VERSIONS + version."""


class Landings(Mapping[tuple[int, int], str]):
    """(creative, version) -> URL."""

    def __init__(self, numbers: NDArray[np.int64], urls: Sequence[bytes]) -> None:
        """numbers: ascending."""
        self._numbers, self._urls = numbers, urls

    def __getitem__(self, key: tuple[int, int]) -> str:
        creative, version = key
        number = creative * VERSIONS + version
        at = int(np.searchsorted(self._numbers, number))
        if at == self._numbers.size or self._numbers[at] != number:
            raise KeyError(key)
        return self._urls[at].decode()

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return ((number // VERSIONS, number % VERSIONS) for number in self._numbers.tolist())

    def __len__(self) -> int:
        return int(self._numbers.size)


def snapshot_in(
    version: int,
    told: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    texts: NDArray[np.uint8],
    now_s: int,
    dimensions: Sequence[Dimension] = DIMENSIONS,
) -> Snapshot:
    """As `press` has made them."""

    def blobs(name: str) -> Blobs:
        return Blobs(arrays[f"{name}.begins"], arrays[f"{name}.sizes"], texts)

    ids, names = told["advertisers"]
    nouns = Nouns(
        version=version,
        sites=[site_of(row) for row in told["sites"]],
        slots=[slot_of(row) for row in told["slots"]],
        keys=[(bytes.fromhex(row["sha256"]), key_of(row)) for row in told["keys"]],
        advertisers=dict(zip(ids, names, strict=True)),
        flights=Decoded(blobs("flights"), _flight),
        creatives=Decoded(blobs("creatives"), _creative),
        landings=Landings(arrays["landings.id"], blobs("landings")),
        last_flight=told["last_flight"],
    )
    return snapshot_of(arrays, told, nouns, now_s, dimensions)


def _flight(text: bytes) -> Flight:
    told = orjson.loads(text)
    return flight_of(told["row"], told["campaign"])


def _creative(text: bytes) -> Creative:
    told = orjson.loads(text)
    return creative_of(told["row"], told["advertiser"])
