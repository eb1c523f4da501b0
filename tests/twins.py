"""What has a compiled twin is tested with it and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest


def both(where: ModuleType, name: str, plain: Any = None) -> Callable[..., Iterator[None]]:
    """A fixture that runs all tests of its module twice: as `where` was imported, and with `plain` as its `name`."""

    @pytest.fixture(scope="module", params=["compiled", "plain"], autouse=True)
    def twin(request: pytest.FixtureRequest) -> Iterator[None]:
        assert getattr(where, name) is not plain, "make .venv/native"
        with pytest.MonkeyPatch.context() as patch:
            if request.param == "plain":
                patch.setattr(where, name, plain)
            yield

    return twin
