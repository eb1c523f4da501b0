"""Walking through a list: `limit` rows, then the cursor that `next` gave. Pure.

A cursor names the last row seen, so rows that are added or archived meanwhile neither repeat nor hide others.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

from marshmallow import Schema, ValidationError, fields

from adengine.catalog import ids
from adengine.catalog.collections import Collection
from adengine.catalog.fields import Bounded, Strict

LIMIT_DEFAULT, LIMIT_MAX = 50, 200


class Limit(Bounded):
    def __init__(self, most: int = LIMIT_MAX, **kwargs: Any) -> None:
        """most: at most 9999."""
        self.described = {"type": "integer", "minimum": 1, "maximum": most, "default": LIMIT_DEFAULT}
        super().__init__(**kwargs)
        self._most = most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:  # noqa: ARG002
        if not (value.isascii() and value.isdigit() and len(value) <= 4 and 1 <= int(value) <= self._most):
            raise ValidationError(f"must be a whole number from 1 to {self._most}")
        return int(value)


class Cursor(Bounded):
    described = {"type": "string", "description": "What `next` of the page before said."}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:  # noqa: ARG002
        after = _after(value)
        if after is None:
            raise ValidationError("must be what `next` of the page before said")
        return after


class Flag(Bounded):
    """A query parameter that is `true` or `false`."""

    described = {"type": "boolean"}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:  # noqa: ARG002
        if value not in ("true", "false"):
            raise ValidationError("must be true or false")
        return bool(value == "true")


class ParentId(Bounded):
    """Narrows a list to what hangs on one object; on one that is absent or foreign hangs nothing."""

    def __init__(self, noun: str, **kwargs: Any) -> None:
        self.described = {"type": "string", "pattern": ids.pattern(noun), "description": f"Only those of this {noun}."}
        super().__init__(**kwargs)
        self._noun = noun

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:  # noqa: ARG002
        id_ = ids.parse(self._noun, value)
        if id_ is None:
            raise ValidationError(f"must be the id of a {self._noun}, such as {ids.public(self._noun, 1)}")
        return id_


class PageQuery(Strict):
    limit = Limit(load_default=LIMIT_DEFAULT)
    cursor = Cursor()


def list_query(collection: Collection) -> type[Schema]:
    """The query parameters of a collection's list."""
    archived = Flag(load_default=False, metadata={"description": "List what is archived instead of what lives."})
    own: dict[str, fields.Field[Any]] = {"archived": archived}
    if collection.parent is not None:
        own[collection.parent] = ParentId(collection.parent)
    return PageQuery.from_dict(own, name=f"{collection.noun.title()}Query")


def page_of(answer: type[Schema], name: str) -> type[Schema]:
    """The schema of one page of a list."""
    items: dict[str, fields.Field[Any]] = {
        "items": fields.List(fields.Nested(answer), required=True),
        "next": fields.String(
            required=True, allow_none=True, metadata={"description": "The cursor of the next page; null: none."}
        ),
    }
    return Schema.from_dict(items, name=name)


def cursor_behind(rows: Sequence[Any], limit: int) -> str | None:
    """The cursor for what follows `limit` of the rows, of which one more was asked for; None when none does."""
    return None if len(rows) <= limit else urlsafe_b64encode(str(rows[limit - 1]["id"]).encode()).decode().rstrip("=")


def _after(cursor: str) -> int | None:
    try:
        digits = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        return None
    return int(digits) if digits.isdigit() and 0 < len(digits) <= 10 and int(digits) <= ids.ID_MAX else None
