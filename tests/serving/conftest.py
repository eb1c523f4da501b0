"""A kiosk on each kind of store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adengine import places
from adengine.catalog.nouns import Flight
from adengine.places import Gazetteer
from adengine.store.client import Store
from tests.serving.kiosk import Kiosk

Open = Callable[..., Kiosk]


@pytest.fixture(scope="session")
def gazetteer(tmp_path_factory: pytest.TempPathFactory) -> Gazetteer:
    return places.load(Path(tmp_path_factory.getbasetemp().parent / "places"))


both_lines = pytest.fixture(params=[False, True], ids=["ordinary", "compiled"])
"""Whether the compiled line answers ordinary pages."""


@both_lines
def kiosk_at(store: Store, gazetteer: Gazetteer, request: pytest.FixtureRequest) -> Open:
    """A kiosk with those flights booked, on every kind of store."""

    def opened(*flights: Flight, **catalogue: Any) -> Kiosk:
        return Kiosk(store, gazetteer, *flights, express=request.param, **catalogue)

    return opened


@both_lines
def kiosk(valkey: Store, gazetteer: Gazetteer, request: pytest.FixtureRequest) -> Open:
    """The same on one Valkey, for what does not depend on the kind of store."""

    def opened(*flights: Flight, **catalogue: Any) -> Kiosk:
        return Kiosk(valkey, gazetteer, *flights, express=request.param, **catalogue)

    return opened
