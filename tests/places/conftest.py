"""The full gazetteer, expanded once per session."""

from __future__ import annotations

from pathlib import Path

import pytest

from adengine import places
from adengine.places import Gazetteer


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("places")


@pytest.fixture(scope="session")
def gazetteer(cache_dir: Path) -> Gazetteer:
    return places.load(cache_dir)
