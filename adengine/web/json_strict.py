"""JSON as we accept it: UTF-8, one meaning per document, shallow. Pure; `web.body` reads the bytes.

RFC 8259 leaves open what a repeated key means and how deep a document may be; two programs that disagree are how a
reviewer approves one text and a page shows another. So: a repeated key, NaN, an infinity, half a surrogate pair and
nesting beyond `DEPTH_MAX` are refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import orjson

from adengine.errors import Malformed
from adengine.native import reading

DEPTH_MAX = 20
BOM = b"\xef\xbb\xbf"
EXACT = 2.0**53
"""Beyond it a whole number may not be what it was."""
_SPACED_COLONS = (b" :", b"\t:", b"\n:", b"\r:")


class _Repeated(ValueError):
    """A key stands twice in one object."""


def parse(body: bytes) -> Any:
    """The document in `body`; raises `Malformed` with the place of the first fault.

    orjson reads it (in C, and it stops at 1024 levels) and drops all but the last of a repeated key; where there might
    be one, or a number that it rounds, the standard decoder builds the value, because it alone shows every pair.
    """
    body = body.removeprefix(BOM)
    try:
        value = orjson.loads(body)
        if not says_each_once(body, value):
            value = _DECODER.decode(body.decode("utf-8"))
    except _Repeated as error:
        raise Malformed(f"the body is ambiguous: the key {error.args[0]!r} stands twice in one object") from error
    except RecursionError as error:
        raise Malformed(_TOO_DEEP) from error
    except orjson.JSONDecodeError as error:
        raise Malformed(f"the body is not JSON in UTF-8: {error}") from error
    if body.count(b"{") + body.count(b"[") > DEPTH_MAX:
        _refuse_depth(value)
    return value


def _says_each_once(body: bytes, value: Any) -> bool:
    """Whether `value` surely has every pair and number of `body`; False also where it is only not that simple.

    A key is followed by its colon at once, or the document is left to the other decoder. So `":` stands once behind
    every key, dropped ones too, and else only within texts, behind an escaped quote: there are as many as there are
    keys only if none was dropped.
    """
    for spaced in _SPACED_COLONS:
        if spaced in body:
            return False
    found, left = 0, [value]
    while left:
        one = left.pop()
        kind = type(one)
        if kind is dict:
            found += len(one)
            left += one.values()
        elif kind is list:
            left += one
        elif kind is float and not -EXACT < one < EXACT:
            return False
    return found == body.count(b'":')


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        seen: set[str] = set()
        raise _Repeated(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return built


def _refuse_depth(value: Any) -> None:
    level = _containers([value])
    for _ in range(DEPTH_MAX):
        level = _containers(
            inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)
        )
    if level:
        raise Malformed(_TOO_DEEP)


def _containers(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, dict | list)]


_TOO_DEEP = f"the body is nested deeper than {DEPTH_MAX} levels"
says_each_once = reading.says_each_once if reading is not None else _says_each_once
_DECODER = json.JSONDecoder(object_pairs_hook=_pairs)
