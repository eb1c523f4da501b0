"""The guide names everything that can be sent; what is not in it fails here."""

from __future__ import annotations

from pathlib import Path

import pytest

from adengine.catalog.collections import COLLECTIONS
from adengine.catalog.creatives.imports import FIELDS, FORMATS, NEEDED
from adengine.catalog.creatives.states import STEPS
from adengine.catalog.dimensions import DIMENSIONS
from adengine.catalog.nouns import Scope, Tier
from adengine.catalog.schemas import standing
from adengine.catalog.targets.devices import KINDS
from adengine.catalog.targets.hours import WEEKDAYS

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "catalogue.md").read_text("utf-8")


@pytest.mark.parametrize("row", COLLECTIONS, ids=lambda row: row.plural)
def test_every_field_is_in_the_guide(row: object) -> None:
    fields = {*row.form._declared_fields, *standing(row.noun)}  # type: ignore[attr-defined]
    assert [name for name in fields if f"`{name}`" not in GUIDE and f'"{name}"' not in GUIDE] == []


def test_every_step_scope_tier_dimension_column_and_format_is_in_the_guide() -> None:
    words = [
        *(step.verb for step in STEPS),
        *(scope.value for scope in Scope),
        *(tier.name.lower() for tier in Tier),
        *(row.name for row in DIMENSIONS),
        *(choice for row in DIMENSIONS for choices in row.options.values() for choice in choices),
        *KINDS,
        *WEEKDAYS,
        *FORMATS,
        *FIELDS,
        *NEEDED,
    ]
    assert [word for word in words if f"`{word}`" not in GUIDE] == []
