"""Strict marshmallow fields: what stands in the document is what is stored, or a mistake.

marshmallow's own numbers turn 1.9 into 1 and true into 1 and take 2**70; these do not. Each field tells the OpenAPI
document its bounds, so that whatever the document allows is taken and the rest refused. Pure.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields
from marshmallow.experimental.context import Context

from adengine.catalog import ids
from adengine.catalog.known import Known
from adengine.web import instants

SECONDS_MAX = 2**32 - 1
"""Times are u32 seconds in the reader log and in tokens: until February 2106."""
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.0+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class Strict(Schema):
    """A document in which an unknown name is a mistake."""

    class Meta:
        unknown = RAISE

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """Of a document its members alone: marshmallow takes `keys` of one that has none for the method of a dict."""
        return obj.get(attr, default) if isinstance(obj, Mapping) else super().get_attribute(obj, attr, default)


def known() -> Known:
    """What the document being loaded is judged against; `documents.read` sets it."""
    return Context[Known].get()


class Bounded(fields.Field[Any]):
    """A field that describes itself to the OpenAPI document."""

    described: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metadata = {**self.described, **self.metadata}


class Whole(Bounded):
    """A whole number, as JSON Schema's "integer" means it: 5 and 5.0 are the same; 1.9, true and "1" are none."""

    def __init__(self, low: int, high: int, **kwargs: Any) -> None:
        self.described = {"type": "integer", "minimum": low, "maximum": high}
        super().__init__(**kwargs)
        self._low, self._high = low, high

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:  # noqa: ARG002
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int or not self._low <= value <= self._high:
            raise ValidationError(f"must be a whole number from {self._low} to {self._high}")
        return value


class Number(Bounded):
    """A finite number within bounds, both inclusive."""

    def __init__(self, low: float, high: float, **kwargs: Any) -> None:
        self.described = {"type": "number", "minimum": low, "maximum": high}
        super().__init__(**kwargs)
        self._low, self._high = low, high

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> float:  # noqa: ARG002
        if type(value) not in (int, float) or not math.isfinite(value) or not self._low <= value <= self._high:
            raise ValidationError(f"must be a number from {self._low:g} to {self._high:g}")
        return float(value)


class Choice(Bounded):
    """One of a few words."""

    def __init__(self, choices: Sequence[str], **kwargs: Any) -> None:
        self.described = {"type": "string", "enum": list(choices)}
        super().__init__(**kwargs)
        self._choices = tuple(choices)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ARG002
        if isinstance(value, str) and value in self._choices:
            return value
        raise ValidationError(f"must be one of {', '.join(self._choices)}")


class Line(Bounded):
    """One line of plain text, without letters that cannot be seen (controls, formats, lone surrogates, unassigned)."""

    def __init__(self, chars_max: int, **kwargs: Any) -> None:
        self.described = {"type": "string", "minLength": 1, "maxLength": chars_max}
        super().__init__(**kwargs)
        self._chars_max = chars_max

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ARG002
        if not isinstance(value, str) or not value.strip():
            raise ValidationError("must be text")
        if len(value) > self._chars_max:
            raise ValidationError(f"may have at most {self._chars_max} characters")
        unseen = next((c for c in value if unicodedata.category(c)[0] == "C" or c in "\u2028\u2029"), None)
        if unseen is not None:
            raise ValidationError(f"must not hold the invisible character U+{ord(unseen):04X}")
        return unicodedata.normalize("NFC", value)


class Patterned(Bounded):
    """Text of one form."""

    def __init__(self, pattern: str, what: str, **kwargs: Any) -> None:
        """pattern: anchored, for Python and ECMA 262 alike.  what: after "must be"."""
        self.described = {"type": "string", "pattern": pattern}
        super().__init__(**kwargs)
        self._pattern, self._what = re.compile(pattern, re.ASCII), what

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ARG002
        if not isinstance(value, str) or not self._pattern.fullmatch(value):
            raise ValidationError(f"must be {self._what}")
        return value


class Instant(Bounded):
    """RFC 3339 outside, epoch seconds inside; whole seconds with a zone."""

    described = {"type": "string", "format": "date-time"}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:  # noqa: ARG002
        if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
            raise ValidationError("must be a time in whole seconds with its zone, such as 2026-01-01T00:00:00Z")
        try:
            at_s = int(datetime.fromisoformat(value.upper()).timestamp())
        except (ValueError, OverflowError) as error:
            raise ValidationError("there is no such time") from error
        if not 0 <= at_s <= SECONDS_MAX:
            raise ValidationError("must lie between 1970 and 2105")
        return at_s

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:  # noqa: ARG002
        return None if value is None else instants.spelled(value)


class Ref(Bounded):
    """The id of another object, one that lives and that the sender may use; `flt_7` outside, 7 inside."""

    def __init__(self, noun: str, **kwargs: Any) -> None:
        self.described = {"type": "string", "pattern": ids.pattern(noun), "example": ids.public(noun, 1)}
        super().__init__(**kwargs)
        self._noun = noun

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:  # noqa: ARG002
        id_ = ids.parse(self._noun, value) if isinstance(value, str) else None
        if id_ is None or id_ not in known().rows.get(self._noun, ()):
            raise ValidationError(f"there is no {self._noun} {str(value)[:40]!r}")
        return id_

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:  # noqa: ARG002
        return None if value is None else ids.public(self._noun, value)
