"""The key-values that a page sends, checked whole, every mistake named. Pure."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError

from adengine.catalog.fields import Bounded
from adengine.catalog.targets import keyvalues

_WORD = {"type": "string", "maxLength": keyvalues.VALUE_CHARS_MAX}


class KeyValues(Bounded):
    """{"section": "sports", "tags": ["a", "b"]} -> each key with its values, a single one also as a tuple.

    Outer spaces do not count; null and an empty text are no value.
    """

    described = {  # noqa: RUF012
        "description": "The publisher's key-values, for flights that target them.",
        "type": ["object", "null"],
        "maxProperties": keyvalues.KEYS_MAX,
        "propertyNames": {"pattern": f"^{keyvalues.KEY_PATTERN}$"},
        "additionalProperties": {
            "oneOf": [_WORD, {"type": "array", "maxItems": keyvalues.VALUES_MAX, "items": _WORD}, {"type": "null"}]
        },
        "example": {"section": "sports", "tags": ["football", "transfers"]},
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        if not isinstance(value, dict):
            raise ValidationError("must be an object of keys, each with a text or a list of texts")
        said: dict[str, Any] = {name: found for name, sent in value.items() if (found := _mistakes(name, sent))}
        if len(value) > keyvalues.KEYS_MAX:
            said["_schema"] = [f"may hold at most {keyvalues.KEYS_MAX} keys"]
        if said:
            raise ValidationError(said)
        return {name: tuple(filter(None, map(_trimmed, _listed(sent)))) for name, sent in value.items()}


def _mistakes(name: str, sent: Any) -> dict[Any, list[str]]:
    """By "_schema" or index, as marshmallow nests them; empty for none."""
    words = _listed(sent)
    own = keyvalues.key_mistakes(name)
    if len(words) > keyvalues.VALUES_MAX:
        own.append(f"may have at most {keyvalues.VALUES_MAX} values")
    wrong: dict[Any, list[str]] = {}
    for index, word in enumerate(words[: keyvalues.VALUES_MAX]):
        found = keyvalues.value_mistakes(_trimmed(word)) if _trimmed(word) != "" else []
        if found and isinstance(sent, list):
            wrong[index] = found
        else:
            own += found
    return wrong | ({"_schema": own} if own else {})


def _listed(sent: Any) -> list[Any]:
    return sent if isinstance(sent, list) else [] if sent is None else [sent]


def _trimmed(word: Any) -> Any:
    return word.strip() if isinstance(word, str) else word
