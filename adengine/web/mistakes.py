"""marshmallow's nested messages as the flat list of a problem document. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from adengine.errors import Mistake


def mistakes_of(messages: Mapping[Any, Any], *, location: str | None = None) -> list[Mistake]:
    """Every sentence of `messages` with its pointer.

    messages: nested by field name and index, as `ValidationError.messages`.
    location: where all of it stood ("json", "query", "headers"); None if the outermost keys say so, as webargs' do.
    """
    by_location = messages.items() if location is None else [(location, messages)]
    return [
        Mistake(_spelled(steps, where), sentence)
        for where, inner in by_location
        for steps, sentence in _flat(inner, ())
    ]


def pointer_to(*steps: str | int) -> str:
    """A JSON pointer (RFC 6901): pointer_to("variants", 0) is "/variants/0"."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def _flat(node: Any, steps: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(node, Mapping):
        for step, inner in node.items():
            yield from _flat(inner, steps if step == "_schema" else (*steps, step))
    elif isinstance(node, list | tuple):
        for inner in node:
            yield from _flat(inner, steps)
    else:
        yield steps, str(node)


def _spelled(steps: tuple[Any, ...], location: str) -> str:
    if location in ("query", "querystring"):
        return "?" + ".".join(map(str, steps))
    if location == "headers":
        return "header:" + ".".join(map(str, steps))
    return pointer_to(*steps)
